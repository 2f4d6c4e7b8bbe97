"""Which net colour photographs go to: one that knows ImageNet's thousand classes, and where it cannot be had a CIFAR-10
net, which knows ten and is told to stand in."""

import os
from contextlib import suppress

from resnet.data import DATA
from resnet.hub.ref import ModelRef
from resnet.hub.store import current
from resnet.papers.curated import PHOTOGRAPHS
from resnet.ui.classify.weights import hub_title
from resnet.util.errors import InputError
from resnet.util.html import escape
from resnet.util.text import text

REF = ModelRef.parse(PHOTOGRAPHS)
STANDING_IN = "cifar10"  # the data of the nets that answer in its place


def get_ready() -> None:
    """By app.py, once the page is served. What the Space preloaded is taken; else a Space fetches it, and any other
    machine only asks whether the Hub is there."""
    store = current()
    with suppress(InputError):
        if not store.adopt(REF):
            (store.load if os.environ.get("SPACE_ID") else store.header)(REF)


def can_be_had() -> bool:
    """Whether its weights are here, or the Hub has answered and can be asked for them; nobody is asked now."""
    return current().is_at_hand(REF) or current().hub_answers


def stand_in_html(name: str, title: str, lang: str) -> str:
    """That a bundled net answers in its place, and all that it knows; "" for other nets, and where it need not."""
    info = current().bundled().get(name)
    if info is None or info.data != STANDING_IN or can_be_had():
        return ""
    known = ", ".join(text(f"labels.{label}", lang) for label in DATA[STANDING_IN].classes)
    said = text("classify.stands_in", lang, wanted=hub_title(PHOTOGRAPHS), name=title, classes=known)
    return f'<p class="note who stands-in">{escape(said)}</p>'
