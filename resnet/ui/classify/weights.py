"""Weights from the Hub on the page: what can be chosen, the download as it goes, and what is known of them.

The Classify tab itself never downloads: a view that names weights which are not here is drawn as a
note, and that note's appearance starts the download, in a lane of its own.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import gradio as gr
from gradio.components import Component

from resnet.config import variant_title
from resnet.hub.downloads import Progress
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef, bundled_names, default_name, offered_names
from resnet.hub.store import current
from resnet.papers.curated import CURATED, Curated
from resnet.ui.page.language import language, word
from resnet.ui.wall.guard import guarded_view, message_html
from resnet.ui.wall.limits import work
from resnet.util.errors import InputError
from resnet.util.fields import parse
from resnet.util.html import escape
from resnet.util.text import text

OFFERED = {entry.reference: entry for entry in CURATED}
BUNDLED_DEFAULT = "resnet20_fashion_mnist"
log = logging.getLogger("resnet")


def own_models() -> tuple[str, ...]:
    """What whoever runs this instance wants to be offered first."""
    return tuple(filter(_may_be_named, offered_names()))


def default_model() -> str:
    """The model of a link that names none: the owner's, else a bundled one."""
    name = default_name()
    return name if name and _may_be_named(name) else BUNDLED_DEFAULT


def _may_be_named(name: str) -> bool:
    """Whether a visitor could have named it; what could not be is left out, and the log says why."""
    try:
        ModelRef.parse(name)
    except InputError as error:
        log.warning("left out of the models offered: %s", error)
        return False
    return True


def choices(title: Callable[[str], str]) -> dict[str, list[tuple[str, str]]]:
    """(title, reference) by group: what this instance offers, if anything; the bundled models, which need no network;
    the curated ones of the Hub."""
    own = [*dict.fromkeys((*own_models(), default_model()))]
    shipped = bundled_names()
    groups = {"own": [(title(name), name) for name in own if name not in shipped],
              "here": [(title(name), name) for name in shipped],
              "hub": [(curated_title(entry), entry.reference) for entry in CURATED if entry.reference not in own]}
    return {name: models for name, models in groups.items() if models}


def curated_title(entry: Curated) -> str:
    """ "ResNet-50 V2, ImageNet (102 MB)" """
    return f"{hub_title(entry.reference)} ({entry.megabytes:.0f} MB)"


def _net(entry: Curated) -> str:
    maker = "Microsoft" if entry.reference.startswith("microsoft/") else entry.recipe
    return f"{variant_title(entry.variant)} {maker}".strip()


def hub_title(reference: str) -> str:
    """What a model of the Hub is called on the page."""
    return f"{_net(OFFERED[reference])}, ImageNet" if reference in OFFERED else reference


def _away(refs: Iterable[ModelRef]) -> list[ModelRef]:
    return [ref for ref in refs if not current().is_at_hand(ref)]


def away_html(refs: Iterable[ModelRef], lang: str) -> str:
    """A note for weights that are not here yet; "" where all are."""
    return "".join(f'<p class="note away">{escape(text("weights.away", lang, model=hub_title(str(ref))))}</p>'
                   for ref in _away(refs))


def check_here(ref: ModelRef) -> None:
    """Raises InputError for weights that would have to be downloaded first."""
    if _away([ref]):
        raise InputError("weights_away", model=str(ref)[:120])


def known_html(loaded: LoadedModel, lang: str) -> str:
    """What is known of weights from the Hub: whence, how pictures are made for them, what is published."""
    if loaded.steps is None:
        return ""
    name = str(loaded.ref)
    entry = OFFERED.get(name)
    parts = [text("weights.from_hub", lang, model=name, params=f"{_params(loaded):,}")]
    if entry and entry.accuracy:
        parts.append(text("weights.published", lang, accuracy=f"{entry.accuracy:.3f}", pixels=entry.pixels,
                          source=entry.source))
    parts += [note.sentence(lang) for note in loaded.notes]
    return f'<p class="source">{escape(" ".join(parts))}</p>'


def _params(loaded: LoadedModel) -> int:
    return sum(parameter.numel() for parameter in loaded.model.parameters())


@guarded_view(outputs=4)
def fetch_weights(model: str, beside: str, request: gr.Request) -> Iterator[tuple]:
    """(the download as it goes or why it failed, its buttons, and at the end a word that draws the tab anew)."""
    lang = language(request)
    try:
        names = (str(parse("model", str, model)), str(parse("beside", str, beside)))
        away = _away(dict.fromkeys(ModelRef.parse(name) for name in names if name))
        for ref in away:
            yield progress_html(ref, None, lang), *_buttons(cancel=True), gr.skip()
            yield from _fetched(ref, lang)
    except InputError as error:  # told here, since the buttons must change with it
        yield message_html(error.sentence(lang)), *_buttons(again=True), gr.skip()
        return
    yield "", *_buttons(), " ".join(map(str, away)) if away else gr.skip()


def _fetched(ref: ModelRef, lang: str) -> Iterator[tuple]:
    with closing(current().obtain(ref)) as steps:
        for progress in steps:
            yield progress_html(ref, progress, lang), *_buttons(cancel=True), gr.skip()


def cancelled() -> tuple:
    """After the download was stopped: nothing runs, and it can be taken up again."""
    return "", *_buttons(again=True)


def _buttons(cancel: bool = False, again: bool = False) -> tuple:
    return gr.update(visible=cancel), gr.update(visible=again)


def progress_html(ref: ModelRef, progress: Progress | None, lang: str) -> str:
    """A bar, and megabytes where they are known."""
    name = str(ref)
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

    def wire(self, answer: gr.HTML, model: Component, beside: Component) -> None:
        quiet = {"api_visibility": "private", "show_progress": "hidden", **work("weights")}
        fetching = gr.on([answer.change, self.again.click], fetch_weights, [model, beside],
                         [self.message, self.panel, self.cancel, self.again, self.arrived], preprocess=False,
                         trigger_mode="multiple", **quiet)
        stopped = self.cancel.click(None, cancels=[fetching], api_visibility="private")
        stopped.then(cancelled, None, [self.panel, self.cancel, self.again], preprocess=False, **quiet)
