"""The Trace tab: a network's shapes, parameters and cost, layer by layer."""

import json
import time

import gradio as gr

from resnet.config import CHOICES, VARIANTS
from resnet.diagram import network_map
from resnet.records import Trace
from resnet.shapes import trace
from resnet.text import text
from resnet.ui.files import download
from resnet.ui.guard import guarded_api, guarded_view
from resnet.ui.inside import inside_html, nearest_focus
from resnet.ui.language import language, word
from resnet.ui.layers import figures_html, layers_csv, listing_html, source_html, table_html, title
from resnet.ui.panels import field_html, stages_html
from resnet.ui.sharing import parse, parse_controls, to_query
from resnet.ui.tab import Tab
from resnet.ui.trace_view import BUILT, TraceView, own_values

PICK = """const pick = (event) => {
  const block = event.target.closest("[data-block]");
  if (block && (event.type === "click" || event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    trigger("select", { block: block.dataset.block });
  }
};
element.addEventListener("click", pick);
element.addEventListener("keydown", pick);"""


@guarded_view(outputs=2)
def show_trace(request: gr.Request, *controls) -> tuple[str, str]:
    """The controls, in the order of TraceView's fields -> the drawing and the view's query string."""
    view = parse_controls(TraceView, *controls)
    started = time.perf_counter()
    result = trace(view.config, size=view.size, batch=view.batch)
    milliseconds = 1e3 * (time.perf_counter() - started)
    return draw(result, view, milliseconds, language(request)), to_query("trace", view)


def draw(result: Trace, view: TraceView, milliseconds: float, lang: str) -> str:
    """Everything that stands beside the controls."""
    focus = nearest_focus(result, view.focus)
    return "".join((
        figures_html(result, lang),
        f'<div class="scroll map">{network_map(result, lang, focus)}</div>',
        f'<section>{inside_html(result, focus, lang)}</section>',
        f'<section class="halves">{stages_html(result, lang)}{field_html(result, lang)}</section>',
        f"<section>{table_html(result, lang)}{_take_along(result, lang)}</section>",
        listing_html(result, lang),
        source_html(result, milliseconds, lang),
    ))


def choose_variant(variant: str) -> list:
    """A newly chosen variant brings its own input size, classes and settings."""
    own = own_values(variant)
    return [own[name] for name in ("height", "width", "classes", *BUILT)]


def choose_block(picked: gr.EventData) -> str:
    """A block that was clicked in the map, or chosen by keyboard."""
    return str(picked.block)


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
    own = own_values(parse("variant", str, variant))
    view = parse_controls(TraceView, variant, height, width, classes, 1, *(own[name] for name in BUILT),
                          "macs", "conv_fc", "fp32", "", "layer1.0")
    return trace(view.config, size=view.size).to_dict()


def fill(view: TraceView, lang: str) -> list:
    return [getattr(view, name) for name in TraceView.__dataclass_fields__]


def build() -> Tab:
    """The components, inside a gr.Tab."""
    with gr.Row(elem_classes="work"):
        with gr.Column(elem_classes="controls", scale=0, min_width=240):
            controls = _controls()
        with gr.Column(elem_classes="result"):
            message = gr.HTML(elem_classes="message-line")
            drawing = gr.HTML(elem_id="trace", js_on_load=PICK)
    gr.api(trace_api, api_name="trace")
    by_name = dict(zip(TraceView.__dataclass_fields__, controls, strict=True))
    tab = Tab("trace", TraceView, controls, [message, drawing], show_trace, fill)
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    brought = [by_name[name] for name in ("height", "width", "classes", *BUILT)]
    chosen = by_name["variant"].input(choose_variant, by_name["variant"], brought, **quiet)
    opened = drawing.select(choose_block, None, by_name["focus"], **quiet)
    tab.triggers.extend([chosen.success, opened.success])
    for name, control in by_name.items():
        if isinstance(control, (gr.Number, gr.Textbox)):
            tab.triggers.extend([control.submit, control.blur])
        elif name != "variant":
            tab.triggers.append(control.input)
    return tab


def _controls() -> list:
    """One component for each field of TraceView, in order."""
    own = own_values("resnet50")
    nets = [(title(name), name) for name in VARIANTS]
    variant = gr.Dropdown(nets, value="resnet50", label=word("trace.network"), filterable=True)
    with gr.Row(elem_classes="pair"):
        height = gr.Number(own["height"], label=word("trace.height"), min_width=80)
        width = gr.Number(own["width"], label=word("trace.width"), min_width=80)
    with gr.Row(elem_classes="pair"):
        classes = gr.Number(own["classes"], label=word("trace.classes"), min_width=80)
        batch = gr.Number(1, label=word("trace.batch"), min_width=80)
    with gr.Accordion(word("trace.build"), open=False):
        built = [_builder(name, own[name]) for name in BUILT]
    count, scope, precision = gr.Textbox("macs", visible=False), gr.Textbox("conv_fc", visible=False), gr.Textbox(
        "fp32", visible=False)
    beside, focus = gr.Textbox("", visible=False), gr.Textbox("layer1.0", visible=False)
    return [variant, height, width, classes, batch, *built, count, scope, precision, beside, focus]


def _builder(name: str, value):
    """The control of one field of the config."""
    label = word(f"build.{name}")
    if name in CHOICES:
        return gr.Radio([(word(f"build.{name}_{choice}"), choice) for choice in CHOICES[name]], value=value,
                        label=label)
    if name in ("conv_bias", "shortcut_norm"):
        return gr.Radio([(word("build.yes"), "true"), (word("build.no"), "false")], value=value, label=label)
    return gr.Textbox(value, label=label) if name in ("depths", "widths") else gr.Number(value, label=label)


def _take_along(result: Trace, lang: str) -> str:
    name = f"{result.name}-{'x'.join(map(str, result.input))}"
    links = (download(f"{name}.csv", layers_csv(result), text("trace.download", lang)),
             download(f"{name}.json", json.dumps(result.to_dict()), text("trace.json", lang)),
             download(f"{name}.svg", network_map(result, lang), text("trace.svg", lang)))
    return f'<p class="take"><b>{text("trace.take", lang)}</b> {" · ".join(links)}</p>'
