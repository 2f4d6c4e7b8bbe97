"""Takes the README's pictures of the running page: docs/trace.png, docs/compare.png, docs/classify.png.

    pip install -r tests/requirements.txt
    python -m docs.screenshots

Starts app.py on a free port and opens each tab in a headless Chromium ($CHROMIUM, or the one on the path).
"""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from tests.running import FLAGS, chromium, running

HERE = Path(__file__).parent
DRAWN = {"trace": "#trace .map svg", "compare": "#curves .js-line", "classify": "#answer .bars"}
SIZE = {"width": 1440, "height": 900}
LIMIT = 250_000  # bytes a picture
PATIENCE = 120_000  # ms


def picture(browser: Browser, url: str, tab: str) -> bytes:
    """A tab as a visitor first sees it, as PNG."""
    page = browser.new_page(viewport=SIZE, color_scheme="light", locale="en-US")
    page.goto(f"{url}?tab={tab}")
    expect(page.locator(DRAWN[tab]).first).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".progress-text:visible, .generating:visible, .pending:visible")).to_have_count(0)
    page.wait_for_function("document.getAnimations().every(animation => animation.playState !== 'running')")
    page.evaluate("Promise.all([...document.images].map(image => image.decode().catch(() => null)))")
    return page.screenshot()


def save(png: bytes, file: Path) -> None:
    """Losslessly small, or in 256 colours where that is not enough."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.save(file, optimize=True)
    if file.stat().st_size > LIMIT:
        image.quantize(256).save(file, optimize=True)
    print(f"{file.relative_to(HERE.parent)}  {file.stat().st_size / 1000:.0f} kB")


def main() -> None:
    with running() as app, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        for tab in DRAWN:
            save(picture(browser, app.url, tab), HERE / f"{tab}.png")
        browser.close()


if __name__ == "__main__":
    main()
