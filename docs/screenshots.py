"""Takes pictures of the running page: the README's, and those that stand for a link where it is shared.

    pip install -r tests/requirements.txt
    python -m docs.screenshots [--cards]        --cards makes only the latter, and docs/lecture.md, which quotes them

Starts app.py on a free port and opens each place in a headless Chromium ($CHROMIUM, or the one on the path). A card,
resnet/ui/page/web/cards/PLACE-LANGUAGE.png, shows a tab or a panel as it opens, from recorded figures;
sentences.json beside it holds what the panels say under their questions.
"""

import argparse
import io
import json
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from resnet.ui.compare.story import PANELS
from resnet.ui.page.card import CARDS, SIZE, recorded
from resnet.ui.start.lecture import lecture_text
from resnet.util.text import LANGUAGES, text
from tests.running import FLAGS, chromium, running

HERE = Path(__file__).parent
ROOT = HERE.parent
DRAWN = {"trace": "#trace .map svg", "compare": "#curves .js-line", "classify": "#answer .bars"}
PANEL_DRAWN = "#panel-{} :is(.js-plotly-plot, svg, .corrections):visible"
PLACES = {"start": ("tab=start&scene=4", ".start svg"), "trace": ("tab=trace", DRAWN["trace"]),
          "classify": ("tab=classify", DRAWN["classify"]),
          **{panel: (f"tab=compare&panel={panel}", PANEL_DRAWN.format(panel)) for panel in PANELS}}
DESK = {"width": 1440, "height": 900}
LIMIT, CARD_LIMIT = 250_000, 150_000  # bytes a picture
PATIENCE = 120_000  # ms
CARD_STYLE = """
  ::-webkit-scrollbar, .result .source, .message-line, .start .scene p, .start .further, .start .dots,
  .start .stage .source, .teach, #trace .figures { display: none !important; }
  html[data-embed] .gradio-container { padding: 34px 48px 0 !important; }
  .result h2 { font-size: 38px !important; }
  .result .lead { font-size: 21px !important; max-width: none !important; display: -webkit-box;
    -webkit-line-clamp: 3; -webkit-box-orient: vertical; overflow: hidden; }
  .start .scene { min-height: 70vh !important; } .start .scene h2 { font-size: 46px !important; }
  #back { position: fixed; left: 0; right: 0; bottom: 0; padding: 10px 48px; background: var(--paper); z-index: 40; }
  #back .back { margin: 0 !important; } #back .back a { font-size: 17px !important; text-decoration: none; }"""

ABOUT = {"trace": "page.about.trace", "classify": "page.about.classify"}
ENTITLED = """([site, title, about]) => {
  document.querySelector("#back a").textContent = site;
  const place = [...document.querySelectorAll(".result")].find((one) => one.offsetParent);
  if (about && !place.querySelector("h2")?.offsetParent)
    place.insertAdjacentHTML("afterbegin", `<div class="prose"><h2>${title}</h2><p class="lead">${about}</p></div>`);
}"""


def settle(page: Page, drawn: str) -> None:
    """Until a place has drawn its figure and stands still."""
    expect(page.locator(drawn).first).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".progress-text:visible, .generating:visible, .pending:visible")).to_have_count(0)
    page.wait_for_timeout(1_500)  # a figure's own script comes after its place
    page.wait_for_function("document.getAnimations().every(one => one.playState !== 'running' "
                           "|| one.effect.getTiming().iterations === Infinity)")
    page.evaluate("Promise.all([...document.images].map(image => image.decode().catch(() => null)))")


def picture(browser: Browser, url: str, tab: str) -> bytes:
    """A tab as a visitor first sees it, as PNG."""
    page = browser.new_page(viewport=DESK, color_scheme="light", locale="en-US", reduced_motion="reduce")
    page.goto(f"{url}?tab={tab}")
    settle(page, DRAWN[tab])
    return page.screenshot()


def card(page: Page, url: str, place: str, lang: str) -> tuple[bytes, str]:
    """(PNG, the sentence under the question) of a place as another site's frame shows it."""
    query, drawn = PLACES[place]
    page.add_init_script(f"addEventListener('DOMContentLoaded', () => document.head.append(Object.assign("
                         f"document.createElement('style'), {{textContent: {json.dumps(CARD_STYLE)}}})))")
    page.goto(f"{url}?{query}&embed=1&lang={lang}&__theme=light")
    settle(page, drawn)
    page.evaluate(ENTITLED, [text("page.title", lang), page.title().partition(" · ")[0], text(ABOUT[place], lang)
                             if place in ABOUT else ""])
    return page.screenshot(), page.locator(".lead:visible").first.inner_text().strip() if place in PANELS else ""


def save(png: bytes, file: Path, limit: int = LIMIT) -> None:
    """Losslessly small, or in 256 colours or fewer where that is not enough."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    file.parent.mkdir(exist_ok=True)
    for colours in (None, 256, 128, 64, 32):
        (image.quantize(colours) if colours else image).save(file, optimize=True)
        if file.stat().st_size <= limit:
            break
    print(f"{file.relative_to(ROOT)}  {file.stat().st_size / 1000:.0f} kB")


def cards(browser: Browser, url: str) -> None:
    """All of them, and what they say."""
    sentences: dict[str, dict[str, str]] = {}
    for lang, locale in LANGUAGES.items():
        for place in PLACES:
            page = browser.new_page(viewport=dict(zip(("width", "height"), SIZE, strict=True)), locale=locale,
                                    reduced_motion="reduce")
            png, sentence = card(page, url, place, lang)
            page.close()
            save(png, CARDS / f"{place}-{lang}.png", CARD_LIMIT // 2)
            if sentence:
                sentences.setdefault(place, {})[lang] = sentence
    (CARDS / "sentences.json").write_text(json.dumps(sentences, ensure_ascii=False, indent=1) + "\n", "utf-8")
    recorded.cache_clear()
    (HERE / "lecture.md").write_text(lecture_text(), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--cards", action="store_true")
    args = parser.parse_args()
    with running() as app, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        cards(browser, app.url)
        for tab in () if args.cards else DRAWN:
            save(picture(browser, app.url, tab), HERE / f"{tab}.png")
        browser.close()


if __name__ == "__main__":
    main()
