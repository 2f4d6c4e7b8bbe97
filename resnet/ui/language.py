"""Which language a visitor reads.

Labels are translated in the browser by Gradio (`word`), what the server draws comes in the
request's language (`language`). Both follow `?lang=`, and the browser's language without it:
page.js settles it before Gradio starts.
"""

import gradio as gr

from resnet.text import LANGUAGES, sentences

TRANSLATIONS = gr.I18n(**{lang: sentences(lang) for lang in LANGUAGES})


def word(key: str) -> str:
    """A label that the browser shows in its visitor's language."""
    return TRANSLATIONS(key)


def language(request: "gr.Request | None") -> str:
    """ "en" or "zh": the link's `lang`, else the browser's first language; page.js decides alike."""
    if request is None:
        return "en"
    wanted = request.query_params.get("lang") or request.headers.get("accept-language", "")
    return "zh" if wanted.lower().startswith("zh") else "en"
