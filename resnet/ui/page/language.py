"""Which language a visitor reads.

Labels are translated in the browser by Gradio (`word`), what the server draws comes in the
request's language (`language`). Both follow `?lang=`, and the browser's language without it:
page.js settles it before Gradio starts.
"""

from typing import Any

import gradio as gr

from resnet.util.html import escape
from resnet.util.text import LANGUAGES, preferred, sentences, text

TRANSLATIONS = gr.I18n(**{lang: sentences(lang) for lang in LANGUAGES})


def word(key: str) -> Any:
    """A label that the browser shows in its visitor's language; components take it wherever they take a str."""
    return TRANSLATIONS(key)


def both(key: str, **values: object) -> str:
    """A sentence in every language; style.css hides those that are not the page's (Gradio translates
    only one sentence in a piece of HTML)."""
    return "".join(f'<span data-in="{lang}">{escape(text(key, lang, **values))}</span>' for lang in LANGUAGES)


def language(request: "gr.Request | None") -> str:
    """The link's `lang`, else the browser's first language."""
    if request is None:
        return preferred("")
    wanted = request.query_params.get("lang") or request.headers.get("accept-language", "")
    return preferred(wanted)
