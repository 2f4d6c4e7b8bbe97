"""The residual stream: a net and its plain twin that run in the visitor's browser and can be cut there.

The page gets one empty element and a script; the script (web/stream.js) fetches everything else from `WEB`, whose
files are served as they are: `gr.set_static_paths([WEB])`, under shipped/stream/ (resnet.ui.wall.rules). It stands in
Start, among Classify's evidence for the twins that it runs, and alone at /stream.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from torch import Tensor

from resnet.data import DATA, PEN
from resnet.util.html import escape
from resnet.util.text import LANGUAGES, sentences, text

WEB = Path(__file__).parent / "web"
STYLE = Path(__file__).parent.parent / "page" / "style.css"
FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Noto Sans CJK SC", "sans-serif")
ALONE = "/stream"
MOUNT = """import(new URL("shipped/stream/stream.js", document.baseURI))
    .then((stream) => stream.mount(element.querySelector(".stream")));"""
MOVE = """const root = element.querySelector(".stream"), column = element.closest(".result");
new MutationObserver(() => {
  if (column.querySelector(".stream-here:not(.last *, :has(.stream))"))
    import(new URL("shipped/stream/here.js", document.baseURI)).then((stream) => stream.here(root, column));
}).observe(column, { childList: true, subtree: true });"""


@dataclass(frozen=True)
class Twins:
    """Nets that can be cut: their data set, their bundled names, and the test items that a visitor may choose."""

    data: str
    nets: tuple[str, str]
    items: tuple[int, ...]

    @property
    def file(self) -> Path:
        """Of the items."""
        return WEB / ("items.safetensors" if self.data == CLOTHES.data else f"items_{self.data}.safetensors")


CLOTHES = Twins("fashion_mnist", ("resnet20_fashion_mnist", "plain20_fashion_mnist"),
                (0, 123, 9, 82, 8, 30, 13, 19, 2, 1, 6, 7))  # every class, two of boots and of sandals
DIGITS = Twins(PEN.name, ("resnet20_pen_digits", "plain20_pen_digits"),
               (3, 0, 1, 2, 4, 5, 6, 7, 8, 9, 2_000, 2_001))  # each digit as drawn, and two that were scanned
SETS = (CLOTHES, DIGITS)
NETS, ITEMS, ITEMS_FILE = CLOTHES.nets, CLOTHES.items, CLOTHES.file


def net_file(name: str) -> Path:
    """Where a net's web file lies; `python -m resnet.ui.stream` makes them."""
    return WEB / "nets" / f"{name}.safetensors"


def stream_html() -> str:
    """The element that stream.js fills, and all it has to be told."""
    sets = [{"name": twins.data, "digits": twins is DIGITS, "numbers": twins.items,
             "nets": [net_file(name).relative_to(WEB).as_posix() for name in twins.nets],
             "items": twins.file.relative_to(WEB).as_posix()} for twins in SETS]
    settings = {"sets": sets, "words": {code: words(lang) for lang, code in LANGUAGES.items()}}
    return f'<div class="stream" data-settings="{escape(json.dumps(settings, ensure_ascii=False))}"></div>'


def words(lang: str) -> dict[str, "str | dict[str, str]"]:
    """Every sentence under "stream", its placeholders open, and the classes' names."""
    told = {key.removeprefix("stream."): sentence for key, sentence in sentences(lang).items()
            if key.startswith("stream.")}
    return told | {"labels": {label: text(f"labels.{label}", lang) for label in DATA[CLOTHES.data].classes}}


def stream() -> gr.HTML:
    """The stream as a part of a page that serves `WEB`; nothing is fetched before it is shown."""
    return gr.HTML(stream_html(), apply_default_css=False, js_on_load=MOUNT)


# As evidence ---------------------------------------------------------------------------------------


def place_html(model: str, pixels: Tensor) -> str:
    """Where the stream goes that runs what a net was shown, uint8 [1, 28, 28]; "" for a net that it has not."""
    twins = next((twins for twins in SETS if model in twins.nets), None)
    if twins is None:
        return ""
    return (f'<section class="stream-here" data-set="{twins.data}" '
            f'data-pixels="{base64.b64encode(pixels.numpy().tobytes()).decode()}"></section>')


def waiting() -> gr.HTML:
    """The stream before an answer has a place for it: wherever one appears in its column, MOVE takes it there."""
    return gr.HTML(f"<div hidden>{stream_html()}</div>", apply_default_css=False, js_on_load=MOVE)


# Alone ---------------------------------------------------------------------------------------------


def stream_page(lang: str = "en", folder: str = ".") -> str:
    """The stream alone, as a document; `folder` is the way from its address to the files of `WEB`."""
    colours = STYLE.read_text("utf-8").partition("body,")[0]
    return f"""<!doctype html>
<html lang="{LANGUAGES[lang]}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(text("stream.title", lang))}</title>
<style>{colours}
body {{ margin: 0 auto; padding: 20px clamp(16px, 3.4vw, 48px) 32px; max-width: 1760px; background: var(--paper);
       font-family: {", ".join(FONTS)}; }}</style>
<body>{stream_html()}
<script type="module">
  import {{ mount }} from "{folder}/stream.js";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const dress = () => document.body.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", dress);
  dress();
  window.stream = mount(document.querySelector(".stream"));
</script>
"""


class Alone:
    """ASGI: answers GET /stream, in the link's language; everything else passes.

    language   (scope, query) -> "en", "zh"
    """

    def __init__(self, app: ASGIApp, language: Callable[[Scope, str], str]):
        self.app, self.language = app, language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].removeprefix(scope.get("root_path", "").rstrip("/")) != ALONE:
            return await self.app(scope, receive, send)
        lang = self.language(scope, scope.get("query_string", b"").decode("latin-1"))
        page = HTMLResponse(stream_page(lang, "./shipped/stream"), headers={"cache-control": "private, no-cache"})
        return await page(scope, receive, send)
