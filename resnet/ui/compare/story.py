"""The order of the panels, the list that opens them, and the place they open in."""

from dataclasses import dataclass

import gradio as gr

from resnet.ui.compare import (
    ablation,
    accuracy,
    degradation,
    evolution,
    gradients,
    grow,
    lesions,
    modules,
    orders,
    race,
    refine,
    responses,
    surface,
    tutorials,
)
from resnet.ui.compare.api import compare_api
from resnet.ui.page.language import both, word
from resnet.ui.page.panel import Tab, end_point

PANELS = {module.PANEL.name: module.PANEL for module in (
    degradation, gradients, responses, lesions, grow, orders, accuracy, race, surface, ablation, modules,
    evolution, tutorials, refine)}
SELECT = "(panel) => { window.showOpened(); return { __type__: 'update', selected: panel }; }"


@dataclass(frozen=True)
class Story:
    """The built tab: `chooser` holds the open panel's name, `strip` the panels, one item each."""

    chooser: gr.Radio
    strip: gr.Tabs
    panels: dict[gr.Tab, Tab]


def build() -> Story:
    """The components, inside a gr.Tab."""
    panels = {}
    with gr.Row(elem_classes="work"):
        with gr.Column(elem_classes="controls", scale=0, min_width=240):
            gr.HTML(f'<label>{both("compare.questions")}<select></select></label>', elem_id="question-menu",
                    js_on_load="window.mountMenu(element);")
            chooser = gr.Radio([(word(f"compare.panels.{name}"), name) for name in PANELS], value=next(iter(PANELS)),
                               label=word("compare.questions"), elem_id="questions")
        with gr.Column(elem_classes="result"), gr.Tabs(elem_id="panels") as strip:
            for name, panel in PANELS.items():
                with gr.Tab(name, id=name) as item:
                    panels[item] = panel.build()
    end_point(compare_api, "compare")
    chooser.input(None, chooser, strip, js=SELECT, api_visibility="private", show_progress="hidden")
    return Story(chooser, strip, panels)
