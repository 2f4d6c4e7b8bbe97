"""A menu of weights in two groups, those of this machine and those of the Hub, and a line for any other's name.

A <select> of the browser's own, whose list lies over nothing of the page.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import gradio as gr

from resnet.ui.gradio_compat import no_stubs
from resnet.util.html import escape
from resnet.util.text import LANGUAGES, text

Choices = list[tuple[str, str]]  # (title, reference)

with no_stubs():

    class ModelMenu(gr.HTML):
        """Holds a model's reference, as page text and links have it."""

        def __init__(self, value: Any = None, *, groups: Mapping[str, Choices], label: str, alone: str = "",
                     **look: Any):
            """
            Args:
                groups: the models by the group's name, whose heading is the sentence weights.NAME.
                label: the key of what stands above.
                alone: the key of the choice of none, if that is one.
            """
            template = _template(groups, label, alone)
            super().__init__(value, **{"html_template": template, "apply_default_css": False,
                                       "js_on_load": "window.mountModels(element, props, trigger, watch);"} | look)


def _template(groups: Mapping[str, Choices], label: str, alone: str) -> str:
    """In each language; classify.js takes out those that are not the page's."""
    return '<div class="models">' + "".join(_in_language(groups, label, alone, lang) for lang in LANGUAGES) + "</div>"


def _in_language(groups: Mapping[str, Choices], label: str, alone: str, lang: str) -> str:
    none = [(text(alone, lang), "")] if alone else []
    listed = "".join(f'<optgroup label="{escape(text(f"weights.{name}", lang))}">{_options(models)}</optgroup>'
                     for name, models in groups.items())
    above, name, other = (escape(text(key, lang)) for key in (label, "weights.name", "weights.other"))
    return (f'<div data-in="{lang}"><span class="label" aria-hidden="true">{above}</span><select aria-label="{above}">'
            f'{_options(none)}{listed}<option value="?">{other}</option></select>'
            f'<input type="text" placeholder="owner/name" aria-label="{name}" hidden></div>')


def _options(models: Iterable[tuple[str, str]]) -> str:
    return "".join(f'<option value="{escape(reference)}">{escape(title)}</option>' for title, reference in models)
