"""The residual stream: a net and its plain twin that run in the visitor's browser and can be cut there.

The page gets one empty element and a script; the script (web/stream.js) fetches everything else from `WEB`, whose
files are served as they are: `gr.set_static_paths([WEB])`, under shipped/stream/ (resnet.ui.wall.rules).
"""

import json
from pathlib import Path

import gradio as gr

from resnet.data import DATA
from resnet.util.html import escape
from resnet.util.text import LANGUAGES, sentences, text

WEB = Path(__file__).parent / "web"
NETS = ("resnet20_fashion_mnist", "plain20_fashion_mnist")
ITEMS = (0, 123, 9, 82, 8, 30, 13, 19, 2, 1, 6, 7)  # of the test set: every class, two of boots and of sandals
ITEMS_FILE = WEB / "items.safetensors"
STYLE = Path(__file__).parent.parent / "page" / "style.css"
FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Noto Sans CJK SC", "sans-serif")
MOUNT = """import(new URL("shipped/stream/stream.js", document.baseURI))
    .then((stream) => stream.mount(element.querySelector(".stream")));"""


def net_file(name: str) -> Path:
    """Where a net's web file lies; `python -m resnet.ui.stream` makes them."""
    return WEB / "nets" / f"{name}.safetensors"


def stream_html() -> str:
    """The element that stream.js fills, and all it has to be told."""
    settings = {"nets": [net_file(name).relative_to(WEB).as_posix() for name in NETS],
                "items": ITEMS_FILE.relative_to(WEB).as_posix(), "numbers": ITEMS,
                "words": {code: words(lang) for lang, code in LANGUAGES.items()}}
    return f'<div class="stream" data-settings="{escape(json.dumps(settings, ensure_ascii=False))}"></div>'


def words(lang: str) -> dict[str, "str | dict[str, str]"]:
    """Every sentence under "stream", its placeholders open, and the classes' names."""
    told = {key.removeprefix("stream."): sentence for key, sentence in sentences(lang).items()
            if key.startswith("stream.")}
    return told | {"labels": {label: text(f"labels.{label}", lang) for label in DATA["fashion_mnist"].classes}}


def stream() -> gr.HTML:
    """The stream as a part of a page that serves `WEB`; nothing is fetched before it is shown."""
    return gr.HTML(stream_html(), apply_default_css=False, js_on_load=MOUNT)


def stream_page(lang: str = "en") -> str:
    """The stream alone, as a document whose address stands beside the files of `WEB`."""
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
  import {{ mount }} from "./stream.js";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const dress = () => document.body.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", dress);
  dress();
  window.stream = mount(document.querySelector(".stream"));
</script>
"""
