"""Films the residual stream as it is cut, for the README's first screen: docs/stream.webp.

    pip install -r tests/requirements.txt
    python -m docs.film

Serves the stream's page and drives it in a headless Chromium ($CHROMIUM, or the one on the path): a shortcut is cut,
then a branch, then a digit is drawn. A frame is kept where the picture changed; each stands as long as its scene says.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageChops
from playwright.sync_api import Page, sync_playwright

from resnet.ui.stream.part import WEB, stream_page
from resnet.util.text import text
from tests.running import FLAGS, chromium
from tests.webserver import serving

FILE = Path(__file__).parent / "stream.webp"
LIMIT = 3_000_000  # bytes
WIDTH, HEIGHT, BREADTH = 1280, 640, 960  # pixels of the page, and of the film
QUALITY = 82
SHORT, LONG = 70, 1_700  # ms that a frame stands: of a movement, and of what is to be read
STEPS = 7  # frames of the pointer's way
THREE = ((.3, .2), (.5, .13), (.68, .24), (.6, .42), (.45, .48), (.64, .54), (.72, .7), (.52, .86), (.28, .78))
POINTER = """() => { const dot = Object.assign(document.createElement("div"), { id: "pointer" });
  dot.style.cssText = "position:fixed;width:18px;height:18px;margin:-9px;border-radius:50%;z-index:9;" +
    "pointer-events:none;background:#1a202c55;border:2px solid #1a202c";
  document.body.append(dot);
  for (const kind of ["mousemove", "mousedown", "mouseup"])
    addEventListener(kind, ({ clientX, clientY }) =>
      Object.assign(dot.style, { left: `${clientX}px`, top: `${clientY}px` }), true); }"""
SETTLED = "async () => { const stream = await window.stream; while (stream.running) await stream.running; }"


@dataclass
class Film:
    """The page, where its pointer is, and the frames so far with how long each stands, in ms."""

    page: Page
    at: tuple[float, float] = (640.0, 560.0)
    frames: list[Image.Image] = field(default_factory=list)
    stands: list[int] = field(default_factory=list)

    def take(self, ms: int) -> None:
        """A frame; where nothing changed the last one stands longer."""
        self.page.evaluate(SETTLED)
        shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        frame = shot.resize((BREADTH, round(BREADTH * shot.height / shot.width)), Image.Resampling.LANCZOS)
        if self.frames and not ImageChops.difference(frame, self.frames[-1]).getbbox():
            self.stands[-1] += ms
            return
        self.frames.append(frame)
        self.stands.append(ms)

    def go(self, x: float, y: float, steps: int = STEPS) -> None:
        """The pointer's way, a frame a step."""
        x0, y0 = self.at
        for step in range(1, steps + 1):
            self.page.mouse.move(x0 + (x - x0) * step / steps, y0 + (y - y0) * step / steps)
            self.take(SHORT)
        self.at = x, y

    def click(self, name: str) -> None:
        """The button of that name, and what it does."""
        box = self.page.get_by_role("button", name=name, exact=True).bounding_box()
        assert box, name
        self.go(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.down()
        self.page.mouse.up()
        self.take(LONG)

    def draw(self, points: Sequence[tuple[float, float]]) -> None:
        """A stroke on the picture, through shares of its breadth and height."""
        box = self.page.locator(".drawing").bounding_box()
        assert box
        (x, y), *others = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.go(x, y)
        self.page.mouse.down()
        for point in others:
            self.go(*point, steps=2)
        self.page.mouse.up()
        self.take(LONG)

    def packed(self) -> bytes:
        """An animated WebP that runs for ever."""
        out = io.BytesIO()
        first, *others = self.frames
        first.save(out, "WEBP", save_all=True, append_images=others, duration=self.stands, loop=0, quality=QUALITY,
                   method=4, minimize_size=False)
        return out.getvalue()


def scenes(film: Film) -> None:
    """What the film shows."""
    film.take(LONG)
    film.click(text("stream.cut_shortcut", n=5))
    film.click(text("stream.mend"))
    film.click(text("stream.cut_branch", n=6))
    film.click(text("stream.mend"))
    film.click(text("stream.digits"))
    film.click(text("stream.clear"))
    film.draw(THREE)
    film.click(text("stream.cut_shortcut", n=5))


def main() -> None:
    pages = {"/": stream_page().encode(), "/favicon.ico": b""}
    with serving(WEB, pages) as at, sync_playwright() as driver:
        page = driver.chromium.launch(executable_path=chromium(), args=FLAGS).new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", locale="en-US", reduced_motion="reduce")
        page.goto(at)
        page.evaluate(POINTER)
        film = Film(page)
        scenes(film)
        data = film.packed()
    if len(data) > LIMIT:
        raise SystemExit(f"{len(data):,} bytes are more than {LIMIT:,}")
    FILE.write_bytes(data)
    print(f"{FILE}  {len(data):,} bytes, {len(film.frames)} frames, {sum(film.stands) / 1000:.1f} s")


if __name__ == "__main__":
    main()
