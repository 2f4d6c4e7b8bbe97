"""The Trace tab: a network's shapes, parameters and cost, layer by layer."""

import time
from dataclasses import dataclass

import gradio as gr

from resnet.config import VARIANTS, config_of
from resnet.shapes import trace
from resnet.ui.guard import guarded_api, guarded_view
from resnet.ui.language import language, word
from resnet.ui.layers import title, trace_html
from resnet.ui.sharing import parse_controls, to_query
from resnet.ui.tab import Tab


@dataclass(frozen=True)
class TraceView:
    """A size or class count of None is the variant's own."""

    variant: str = "resnet50"
    height: int = None
    width: int = None
    classes: int = None

    def __post_init__(self):
        config = config_of(self.variant)
        own = {"height": config.input_size[0], "width": config.input_size[1], "classes": config.classes}
        for name, value in own.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)

    def defaults(self) -> dict:
        own = TraceView(self.variant)
        return {"variant": "resnet50", "height": own.height, "width": own.width, "classes": own.classes}


@guarded_view(outputs=2)
def show_trace(variant: str, height: float, width: float, classes: float, request: gr.Request = None) -> tuple:
    """The controls -> the drawing and the view's query string."""
    view = parse_controls(TraceView, variant, height, width, classes)
    started = time.perf_counter()
    result = trace(view.variant, size=(view.height, view.width), classes=view.classes)
    milliseconds = 1e3 * (time.perf_counter() - started)
    return trace_html(result, milliseconds, language(request)), to_query("trace", view)


def choose_variant(variant: str) -> tuple[int, int, int]:
    """A newly chosen variant brings its own input size and classes."""
    own = TraceView(variant)
    return own.height, own.width, own.classes


@guarded_api
def trace_api(variant: str = "resnet50", height: int = 224, width: int = 224, classes: int = 1000) -> dict:
    """Shapes, parameters and multiply-adds of a ResNet, layer by layer.

    Parameters:
        variant: a name such as resnet50, plain34, resnext50_32x4d, resnet20_cifar, d2l_resnet18.
        height: of the input, in pixels.
        width: of the input, in pixels.
        classes: outputs of the last layer.
    Returns:
        name, input, params, macs and layers, as `python -m resnet trace --json` prints them.
    """
    view = parse_controls(TraceView, variant, height, width, classes)
    return trace(view.variant, size=(view.height, view.width), classes=view.classes).to_dict()


def fill(view: TraceView, lang: str) -> list:
    return [view.variant, view.height, view.width, view.classes]


def build() -> Tab:
    """The components, inside a gr.Tab."""
    with gr.Row(elem_classes="work"):
        with gr.Column(elem_classes="controls", scale=0, min_width=240):
            variant = gr.Dropdown([(title(name), name) for name in VARIANTS], value="resnet50",
                                  label=word("trace.network"), filterable=True)
            with gr.Row(elem_classes="pair"):
                height = gr.Number(224, label=word("trace.height"), precision=None, min_width=80)
                width = gr.Number(224, label=word("trace.width"), precision=None, min_width=80)
            classes = gr.Number(1000, label=word("trace.classes"), precision=None)
        with gr.Column(elem_classes="result"):
            message = gr.HTML(elem_classes="message-line")
            drawing = gr.HTML(elem_id="trace")
    gr.api(trace_api, api_name="trace")
    controls = [variant, height, width, classes]
    tab = Tab("trace", TraceView, controls, [message, drawing], show_trace, fill)
    chosen = variant.input(choose_variant, variant, controls[1:], api_visibility="private", show_progress="hidden")
    tab.triggers.extend([chosen.success, *(event for number in controls[1:] for event in (number.submit, number.blur))])
    return tab
