"""Weights from the Hub on the page: what can be chosen, the download as it goes, and what is known of them.

The Classify tab itself never downloads: a view that names weights which are not here is drawn as a
note, and that note's appearance starts the download, in a lane of its own.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import closing

import gradio as gr

from resnet.config import variant_title
from resnet.hub.downloads import Progress
from resnet.hub.load import LoadedModel, bundled, is_at_hand, obtain
from resnet.hub.remote import parse_reference
from resnet.papers.curated import CURATED, Curated
from resnet.ui.page.language import language, word
from resnet.ui.page.sharing import parse
from resnet.ui.wall.guard import guarded_view, message_html
from resnet.ui.wall.limits import work
from resnet.util.errors import InputError
from resnet.util.html import escape
from resnet.util.text import text

OFFERED = {entry.reference: entry for entry in CURATED}
BUNDLED_DEFAULT = "resnet20_fashion_mnist"
log = logging.getLogger("resnet")


def check_model(name: str) -> None:
    """Raises InputError when a visitor may not name this model: any bundled one, any on the Hub, but no folder."""
    if name in bundled():
        return
    if "/" not in name:
        raise InputError("unknown_model", name=name[:80], known=", ".join(bundled()))
    parse_reference(name)


def own_models() -> tuple[str, ...]:
    """What whoever runs this instance wants to be offered first: RESNET_MODELS, references with commas between."""
    named = (name.strip() for name in os.environ.get("RESNET_MODELS", "").split(","))
    return tuple(name for name in named if name and _may_be_named(name))


def default_model() -> str:
    """The model of a link that names none: RESNET_DEFAULT_MODEL, else a bundled one."""
    name = os.environ.get("RESNET_DEFAULT_MODEL", "").strip()
    return name if name and _may_be_named(name) else BUNDLED_DEFAULT


def _may_be_named(name: str) -> bool:
    """Whether a visitor could have named it; what could not be is left out, and the log says why."""
    try:
        check_model(name)
    except InputError as error:
        log.warning("left out of the models offered: %s", error)
        return False
    return True


def choices(title) -> list[tuple[str, str]]:
    """(title, reference): this instance's own, then the bundled models, which need no network, then the curated."""
    own = [*dict.fromkeys((*own_models(), default_model()))]
    mine = [(title(name), name) for name in own if name not in bundled()]
    return [*mine, *((title(name), name) for name in bundled()),
            *((curated_title(entry), entry.reference) for entry in CURATED if entry.reference not in own)]


def curated_title(entry: Curated) -> str:
    """ "ResNet-50 V2 · 102 MB · 80.858 %" """
    accuracy = f" · {entry.accuracy:.3f} %" if entry.accuracy else ""
    return f"{_net(entry)} · {entry.megabytes:.0f} MB{accuracy}"


def _net(entry: Curated) -> str:
    maker = "Microsoft" if entry.reference.startswith("microsoft/") else entry.recipe
    return f"{variant_title(entry.variant)} {maker}".strip()


def hub_title(reference: str) -> str:
    """What a model of the Hub is called on the page."""
    return f"{_net(OFFERED[reference])}, ImageNet" if reference in OFFERED else reference


def away_html(names: tuple[str, ...], lang: str) -> str:
    """A note for weights that are not here yet; "" where all are."""
    away = [name for name in names if name and not is_at_hand(name)]
    return "".join(f'<p class="note away">{escape(text("weights.away", lang, model=name))}</p>' for name in away)


def check_here(name: str) -> None:
    """Raises InputError for weights that would have to be downloaded first."""
    if not is_at_hand(name):
        raise InputError("weights_away", model=name[:120])


def known_html(loaded: LoadedModel, lang: str) -> str:
    """What is known of weights from the Hub: whence, how pictures are made for them, what is published."""
    if loaded.steps is None:
        return ""
    entry = OFFERED.get(loaded.reference)
    parts = [text("weights.from_hub", lang, model=loaded.reference, params=f"{_params(loaded):,}")]
    if entry and entry.accuracy:
        parts.append(text("weights.published", lang, accuracy=f"{entry.accuracy:.3f}", pixels=entry.pixels,
                          source=entry.source))
    parts += [note.sentence(lang) for note in loaded.notes]
    return f'<p class="source">{escape(" ".join(parts))}</p>'


def _params(loaded: LoadedModel) -> int:
    return sum(parameter.numel() for parameter in loaded.model.parameters())


@guarded_view(outputs=4)
def fetch_weights(model: str, beside: str, request: gr.Request = None) -> Iterator[tuple]:
    """(the download as it goes or why it failed, its buttons, and at the end a word that draws the tab anew)."""
    lang = language(request)
    try:
        names = dict.fromkeys((parse("model", str, model), parse("beside", str, beside)))
        away = [name for name in names if name and not is_at_hand(name)]
        for name in away:
            check_model(name)
            yield _progress_html(name, None, lang), *_buttons(cancel=True), gr.skip()
            yield from _fetched(name, lang)
    except InputError as error:  # told here, since the buttons must change with it
        yield message_html(error.sentence(lang)), *_buttons(again=True), gr.skip()
        return
    yield "", *_buttons(), " ".join(away) if away else gr.skip()


def _fetched(name: str, lang: str) -> Iterator[tuple]:
    with closing(obtain(name)) as steps:
        for progress in steps:
            yield _progress_html(name, progress, lang), *_buttons(cancel=True), gr.skip()


def cancelled() -> tuple:
    """After the download was stopped: nothing runs, and it can be taken up again."""
    return "", *_buttons(again=True)


def _buttons(cancel: bool = False, again: bool = False) -> tuple:
    return gr.update(visible=cancel), gr.update(visible=again)


def _progress_html(name: str, progress: Progress | None, lang: str) -> str:
    """A bar, and megabytes where they are known."""
    bar = "<progress></progress>"
    if progress is None:
        said = text("weights.asking", lang, model=name)
    elif progress.waiting:
        said = text("weights.waiting", lang, model=name)
    else:
        bar = f'<progress value="{progress.done}" max="{progress.total}"></progress>'
        said = text("weights.fetching", lang, model=name, done=f"{progress.done / 1e6:,.1f}",
                    total=f"{progress.total / 1e6:,.1f}")
    return f'<div class="fetching" role="status">{bar}<span>{escape(said)}</span></div>'


class Weights:
    """The components below the Weights field, and the events between them and the tab.

    arrived   changes when weights came, so that the tab is drawn anew
    """

    def __init__(self):
        self.message = gr.HTML(elem_classes="message-line")
        self.panel = gr.HTML(elem_id="fetching")
        with gr.Row(elem_classes="fetching-buttons"):
            self.cancel = gr.Button(word("weights.cancel"), size="sm", visible=False, elem_id="cancel-download")
            self.again = gr.Button(word("weights.again"), size="sm", visible=False)
        self.arrived = gr.Textbox("", visible=False)

    def wire(self, answer: gr.HTML, model: gr.Dropdown, beside: gr.Dropdown) -> None:
        quiet = {"api_visibility": "private", "show_progress": "hidden", **work("weights")}
        fetching = gr.on([answer.change, self.again.click], fetch_weights, [model, beside],
                         [self.message, self.panel, self.cancel, self.again, self.arrived], preprocess=False,
                         trigger_mode="multiple", **quiet)
        stopped = self.cancel.click(None, cancels=[fetching], api_visibility="private")
        stopped.then(cancelled, None, [self.panel, self.cancel, self.again], preprocess=False, **quiet)
