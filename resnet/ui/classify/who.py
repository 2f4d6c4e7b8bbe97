"""Which net answers a picture, and why: the first thing that is said of an answer."""

import torch
from torch import Tensor

from resnet.data import DATA
from resnet.hub.store import current
from resnet.papers.curated import PHOTOGRAPHS
from resnet.ui.classify.photographs import STANDING_IN, stand_in_html
from resnet.ui.classify.view import DEFAULT_MODEL, OWN, ClassifyView, model_title, suited_model
from resnet.ui.page.examples import example_of
from resnet.util.html import escape
from resnet.util.text import text


def who_html(view: ClassifyView, in_colour: bool, lang: str) -> str:
    """The net and the reason.

    Args:
        in_colour: of a picture of the visitor's own, whether it is.
    """
    if view.example == OWN:
        return _own(view, in_colour, lang)
    return _item(view, lang) if view.item else _photograph(view, lang)


def _own(view: ClassifyView, in_colour: bool, lang: str) -> str:
    if not in_colour:
        return _said("who_grey", view, lang) if view.model == DEFAULT_MODEL else _chosen(view, DEFAULT_MODEL, lang)
    wanted = suited_model(STANDING_IN, "")
    return _said("in_colour", view, lang) + _standing_in(view, lang) if view.model == wanted else _chosen(
        view, wanted, lang)


def _item(view: ClassifyView, lang: str) -> str:
    data, info = example_of(view.example).data, current().bundled().get(view.model)
    if info is None or info.data != data:
        return _chosen(view, suited_model(data, ""), lang)
    return _said("who_item", view, lang, title=DATA[data].title)


def _photograph(view: ClassifyView, lang: str) -> str:
    if view.model == PHOTOGRAPHS:
        return _said("who_photograph", view, lang)
    return _standing_in(view, lang) or _chosen(view, suited_model(STANDING_IN, ""), lang)


def _standing_in(view: ClassifyView, lang: str) -> str:
    return stand_in_html(view.model, model_title(view.model), lang)


def _chosen(view: ClassifyView, wanted: str, lang: str) -> str:
    return _said("who_chosen", view, lang, wanted=model_title(wanted))


def _said(key: str, view: ClassifyView, lang: str, **values: str) -> str:
    name = model_title(view.model)
    words = escape(text(f"classify.{key}", lang, name=name, **values))
    return f'<p class="note who">{words.replace(escape(name), f"<b>{escape(name)}</b>", 1)}</p>'


def is_in_colour(pixels: Tensor) -> bool:
    """uint8 RGB [3, height, width]: whether the colours of a pixel differ by more than a camera's noise."""
    return bool((pixels.amax(0) - pixels.amin(0)).mean(dtype=torch.float32) > 4)
