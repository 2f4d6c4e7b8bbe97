"""What a tab is to the page: its controls, its outputs, and the functions between them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import gradio as gr
from gradio.components import Component

from resnet.ui.page.language import both


@dataclass(frozen=True)
class Tab:
    """One tab of the page, or one panel of a tab.

    name        in the link: "trace"
    view        its state: a frozen dataclass whose fields are the controls, in order
    controls    the components that hold the state
    outputs     the message line first, then what the tab draws
    show        the handler: control values -> outputs
    fill        (view, language) -> updates of the controls, for a link that is opened
    triggers    the events on which `show` runs
    extra       further inputs of `show` that no link holds, such as a picture
    arrivals    (event, handler, further inputs, controls): what shows and sets these controls as well
    picks       (event, handler, controls): clicks inside a figure, which page.js sends one at a time
    panel       in the link, for a tab that is one of several panels: "gradients"
    """

    name: str
    view: type
    controls: list[Component]
    outputs: list[Component]
    show: Callable
    fill: Callable
    triggers: list[Callable] = field(default_factory=list)
    extra: list[Component] = field(default_factory=list)
    arrivals: list[tuple] = field(default_factory=list)
    picks: list[tuple] = field(default_factory=list)
    panel: str = ""

    @property
    def key(self) -> str:
        """Its name among all tabs and panels: "compare/gradients"."""
        return f"{self.name}/{self.panel}" if self.panel else self.name


def more_settings() -> gr.Column:
    """The place of controls that a phone shows only on request, by a button above them (style.css, page.js)."""
    gr.HTML(f'<button type="button" class="pill" data-more aria-expanded="false">{both("page.more")}</button>',
            elem_classes="more")
    return gr.Column(elem_classes="extra")
