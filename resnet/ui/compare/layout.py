"""A panel of Compare from its declaration: question, sentence, numbers, figures, knobs, and what stands under them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.components import Component

from resnet.ui.compare.frame import heading_html, progress_html, said_html
from resnet.ui.page.controls import control
from resnet.ui.page.figure import Figure
from resnet.ui.page.language import both, word
from resnet.ui.page.panel import Panel, Tab

SEEN = 4  # knobs of a row


@dataclass(frozen=True)
class Drawing:
    """What a panel shows: what it says under its question, its figures and its pieces of HTML, in their order.

    lead            the conclusion, one sentence to be repeated
    figures, html   None leaves what is there; of `figures`, one that is None is not shown
    kept            for a panel that keeps something between its drawings
    numbers         what the conclusion rests on, a line of figures
    progress        while the figures still grow
    """

    lead: str
    figures: Sequence | None = None
    html: Sequence[str] | None = None
    kept: Any = None
    numbers: str = ""
    progress: "Progress | None" = None

    @property
    def told(self) -> str:
        """Conclusion and numbers."""
        return " ".join(filter(None, (self.lead, self.numbers)))

    @property
    def said(self) -> str:
        """All of it as HTML."""
        return said_html(self.lead, self.numbers) + (self.progress.html if self.progress else "")


@dataclass(frozen=True)
class Progress:
    """How far a measurement is: in words, and the share of it that is done."""

    told: str
    done: float

    @property
    def html(self) -> str:
        return progress_html(self.told, self.done)


@dataclass
class Place:
    """A panel as its parts are placed: the components so far, and what is wired when all are there."""

    panel: "ComparePanel"
    controls: dict[str, Component] = field(default_factory=dict)
    outputs: list[Component] = field(default_factory=list)
    later: list[Callable[["Place"], None]] = field(default_factory=list)


class Knobs:
    """Controls side by side, by their fields; those beyond the first few wait folded."""

    def __init__(self, *names: str, seen: int = SEEN):
        self.names, self.seen = names, seen

    def place(self, at: Place) -> None:
        if self.seen:
            with gr.Row(elem_classes="knobs"):
                self._place(at, self.names[:self.seen])
        if self.names[self.seen:]:
            with gr.Accordion(word("compare.adjust"), open=False, elem_classes="knobs more-knobs"), gr.Row():
                self._place(at, self.names[self.seen:])

    def _place(self, at: Place, names: Sequence[str]) -> None:
        view = at.panel.view()
        at.controls |= {name: control(view, name) for name in names}


class Charts:
    """Figures by their elem_ids, side by side where there is room; those that are `optional` may be left out."""

    def __init__(self, *names: str, optional: bool = False):
        self.names, self.optional = names, optional

    def place(self, at: Place) -> None:
        if len(self.names) == 1:
            at.outputs.append(Figure(elem_id=self.names[0], elem_classes="chart"))
            return
        with gr.Row():
            at.outputs += [Figure(elem_id=name, elem_classes="chart", min_width=300) for name in self.names]


class Html:
    """A piece of HTML that the panel draws, or a component that makes its own of what the panel says."""

    def __init__(self, kind: Callable[[], Component] = gr.HTML):
        self.kind = kind

    def place(self, at: Place) -> None:
        at.outputs.append(self.kind())


class Title:
    """A heading inside a panel, by its key."""

    def __init__(self, key: str):
        self.key = key

    def place(self, at: Place) -> None:
        gr.HTML(f"<h3>{both(self.key)}</h3>")


class Result:
    """A column of parts; without a name it is the panel's main one."""

    def __init__(self, *parts: Any, name: str = ""):
        self.parts, self.name = parts, name

    def place(self, at: Place) -> None:
        with gr.Column(elem_classes="panel-result", elem_id=self.name or f"panel-{at.panel.name}"):
            for part in self.parts:
                part.place(at)


@dataclass(frozen=True)
class ComparePanel(Panel):
    """A Panel whose `draw` gives a Drawing; where it is a generator, how far the measurement is before it.

    parts   what stands under the heading, top to bottom
    keeps   whether `draw` is given what the last Drawing `kept`, or None
    """

    parts: tuple = ()
    keeps: bool = False

    def build(self) -> Tab:
        """The components, inside the panel's gr.Tab."""
        at = Place(self, outputs=[gr.HTML(elem_classes="message-line"), gr.HTML(elem_classes="panel-heading")])
        for part in self.parts:
            part.place(at)
        kept: list[Component] = [gr.State()] if self.keeps else []
        at.outputs += kept
        for wire in at.later:
            wire(at)
        return self.built(at.controls, at.outputs, kept)

    def drawn(self, view: Any, lang: str, *extra: Any) -> Iterator[tuple]:
        """The outputs and the view's link, which comes with the Drawing."""
        for step in self.steps(view, lang, *extra):
            yield *self.placed(step, lang), gr.skip() if isinstance(step, Progress) else self.link(view)

    def placed(self, step: "Progress | Drawing", lang: str) -> tuple:
        """A step's outputs, in the order of the parts: the heading, then figures and HTML."""
        drawing = Drawing("", progress=step) if isinstance(step, Progress) else step
        figures, html = (None if pieces is None else iter(pieces) for pieces in (drawing.figures, drawing.html))
        placed: list[Any] = [heading_html(self.name, drawing.said, lang)]
        for part in flat(self.parts):
            if isinstance(part, Charts):
                placed += [gr.skip() if figures is None else _figure(next(figures), part) for _ in part.names]
            elif isinstance(part, Html):
                placed.append(gr.skip() if html is None else next(html))
        kept = [gr.skip() if drawing.kept is None else drawing.kept] if self.keeps else []
        return *placed, *kept


def panel(name: str, view: type, draw: Callable, *parts: Any, keeps: bool = False) -> ComparePanel:
    """A panel of Compare by its name, its view, what draws it and its parts."""
    counts = [len(part.names) if isinstance(part, Charts) else isinstance(part, Html) for part in flat(parts)]
    return ComparePanel("compare", name, view, draw, 1 + sum(counts) + keeps, parts, keeps)


def flat(parts: tuple) -> list:
    """The parts, those of columns too."""
    return [one for part in parts for one in (flat(part.parts) if isinstance(part, Result) else [part])]


def _figure(figure: Any, part: Charts) -> Any:
    if not part.optional:
        return figure
    return gr.update(visible=False) if figure is None else gr.update(value=figure, visible=True)
