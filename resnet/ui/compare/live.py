"""Experiments that run while a visitor watches: Start, Stop, and the place in the queue."""

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio.components import Component

from resnet.ui.compare.layout import ComparePanel, Drawing, Place
from resnet.ui.page.figure import Figure
from resnet.ui.page.language import language, word
from resnet.ui.page.sharing import parse_controls
from resnet.ui.wall.guard import guarded_stream, guarded_view
from resnet.ui.wall.limits import work
from resnet.util.fields import hints

PRIVATE: dict[str, Any] = {"api_visibility": "private"}


class Live:
    """A part of a panel: an experiment by the panel's controls, in the panel's figures or in one of its own.

    run      (view, language) -> a Drawing at a time, as it goes; it is closed when the visitor stops it or leaves
    finish   (what the panel kept, language) -> the Drawing after a stop
    own      whether it has a sentence, a figure and a piece of HTML of its own, under its buttons
    """

    def __init__(self, name: str, run: Callable, finish: Callable | None = None, own: bool = False):
        self.name, self.run, self.finish, self.own = name, run, finish, own

    def place(self, at: Place) -> None:
        with gr.Row(elem_classes="race-buttons"):
            start = gr.Button(word(f"compare.{self.name}.start"), variant="primary", elem_id=f"{self.name}-start",
                              scale=0)
            stop = gr.Button(word("compare.race.stop"), elem_id=f"{self.name}-stop", scale=0)
            queue = gr.HTML(elem_classes="queue-place")  # where Gradio tells the place in the queue
        own = self._own() if self.own else []
        at.later.append(lambda at: self._wire(at, start, stop, queue, own or at.outputs))

    def _own(self) -> list[Component]:
        return [gr.HTML(elem_classes="message-line"), gr.HTML(),
                Figure(elem_id=f"{self.name}-chart", elem_classes="chart", visible=False), gr.HTML()]

    def _wire(self, at: Place, start: gr.Button, stop: gr.Button, queue: gr.HTML, outputs: list[Component]) -> None:
        controls = [at.controls[name] for name in hints(at.panel.view)]
        running = start.click(self.runs(at.panel), controls, outputs, show_progress_on=queue, preprocess=False,
                              **PRIVATE, **work("race"))
        stopped = stop.click(None, cancels=[running], **PRIVATE)
        if self.finish:
            stopped.then(self.finishes(at.panel), outputs[-1], outputs[:-1], show_progress="hidden", **PRIVATE,
                         **work("race-stop"))

    def runs(self, panel: ComparePanel) -> Callable:
        """The handler of Start: values of the panel's controls -> the message, then what is drawn."""

        def steps(request: gr.Request, *values: Any) -> Iterator[tuple]:
            lang = language(request)
            for drawing in self.run(parse_controls(panel.view, *values), lang):
                yield _placed(drawing) if self.own else panel.placed(drawing, lang)

        steps.__name__ = f"run_{self.name}"
        return guarded_stream(3 if self.own else panel.outputs)(steps)

    def finishes(self, panel: ComparePanel) -> Callable:
        """The handler after a stop: what the panel kept, its last output -> the message, then what is drawn."""

        def finished(request: gr.Request, kept: Any) -> tuple:
            if kept is None or self.finish is None:
                return (gr.skip(),) * (panel.outputs - 1)
            lang = language(request)
            return panel.placed(self.finish(kept, lang), lang)[:-1]

        finished.__name__ = f"finish_{self.name}"
        return guarded_view(panel.outputs - 1)(finished)


def _placed(drawing: Drawing) -> tuple:
    """What is said, the figure, the HTML of an experiment of its own."""
    figures = (gr.update(value=figure, visible=True) for figure in drawing.figures or ())
    return drawing.said, *figures, *(drawing.html or ())
