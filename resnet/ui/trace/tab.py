"""The Trace tab: a network's shapes, parameters and cost, layer by layer."""

import json
import re
import time
from dataclasses import replace
from functools import lru_cache

import gradio as gr

from resnet.config import CHOICES, VARIANTS, ResNetConfig, variant_title
from resnet.hub.recognise import recognise_header
from resnet.tracing.codegen import code
from resnet.tracing.cost import SCOPES, UNITS, cost
from resnet.tracing.diagram import FOLDS, network_map
from resnet.tracing.trace import trace
from resnet.ui.gradio_compat import sent
from resnet.ui.page.download import download
from resnet.ui.page.language import language, word
from resnet.ui.page.panel import Tab, more_settings
from resnet.ui.page.sharing import parse, parse_controls, to_query
from resnet.ui.trace.beside import beside_html
from resnet.ui.trace.inside import inside_html, nearest_focus
from resnet.ui.trace.layers import figures_html, layers_csv, listing_html, source_html, table_html
from resnet.ui.trace.panels import (
    breaks_html,
    field_html,
    memory_html,
    recognised_html,
    reconciled_html,
    stages_html,
)
from resnet.ui.trace.upload import SEND, button_html, uploaded_header
from resnet.ui.trace.view import BUILT, Reading, TraceView, base, own_values, spelled
from resnet.ui.wall.guard import guarded_api, guarded_view
from resnet.ui.wall.limits import work
from resnet.util.html import escape
from resnet.util.numbers import by
from resnet.util.text import text

OWN = ("height", "width", "classes", *BUILT)  # what every net brings along
KEPT = ("count", "scope", "beside", "fold")  # what a change of net leaves alone

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
    return draw(read(view, language(request))), to_query("trace", view)


@guarded_view(outputs=2 + len(OWN))
def show_net(request: gr.Request, *controls) -> tuple:
    """Another net: it brings its own input size, classes and settings, and is shown."""
    view = parse_controls(TraceView, *controls)
    view = TraceView(view.variant, batch=view.batch, **{name: getattr(view, name) for name in KEPT})
    return draw(read(view, language(request))), to_query("trace", view), *(getattr(view, name) for name in OWN)


@guarded_view(outputs=3 + len(OWN))
def show_file(request: gr.Request, chosen: gr.EventData, *controls) -> tuple:
    """The header of the visitor's own .safetensors tells the net, which is shown as a variant with changes."""
    header = uploaded_header(chosen)
    found = recognise_header(header)
    variant = found.variant if found.variant in VARIANTS else "resnet50"
    view = TraceView(variant, **spelled(found.config))
    reading = replace(read(view, language(request)), recognised=found)
    return draw(reading), to_query("trace", view), variant, *(getattr(view, name) for name in OWN)


def read(view: TraceView, lang: str) -> Reading:
    """Trace and count what the view describes."""
    started = time.perf_counter()
    config, found = view.config, base(view.variant)[1]
    result = trace(config, size=view.size, batch=view.batch)
    counted = cost(result, view.count, view.scope)
    return Reading(view, result, counted, found, 1e3 * (time.perf_counter() - started), lang)


def draw(reading: Reading) -> str:
    """Everything that stands beside the controls."""
    result, lang = reading.trace, reading.lang
    view, focus = reading.view, nearest_focus(result, reading.view.focus)
    return "".join((
        figures_html(reading),
        reconciled_html(reading),
        recognised_html(reading),
        f'<div class="scroll map" tabindex="0">{network_map(result, lang, focus, view.fold)}</div>',
        beside_html(reading),
        f"<section>{inside_html(reading)}</section>",
        f'<section class="halves">{stages_html(reading)}{field_html(reading)}</section>',
        f'<section class="halves">{breaks_html(reading)}{memory_html(reading)}</section>',
        f"<section>{table_html(reading)}{_take_along(result.config, view.size, view.batch, lang)}</section>",
        listing_html(reading),
        source_html(reading),
    ))


def choose_block(picked: gr.EventData) -> str:
    """A block that was clicked in the map, or chosen by keyboard."""
    return str(sent(picked, "block") or "")[:80]


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
    numbers = {"height": height, "width": width, "classes": classes}
    view = TraceView(parse("variant", str, variant), **{key: parse(key, int, n) for key, n in numbers.items()})
    return trace(view.config, size=view.size).to_dict()


def fill(view: TraceView, lang: str) -> list:
    return [getattr(view, name) for name in TraceView.__dataclass_fields__]


def build() -> Tab:
    """The components, inside a gr.Tab."""
    with gr.Row(elem_classes="work"):
        with gr.Column(elem_classes="controls", scale=0, min_width=240):
            controls, upload = _controls()
        with gr.Column(elem_classes="result"):
            message = gr.HTML(elem_classes="message-line")
            drawing = gr.HTML(elem_id="trace", js_on_load=PICK)
    gr.api(trace_api, api_name="trace", **work("trace"))
    by_name = dict(zip(TraceView.__dataclass_fields__, controls, strict=True))
    brought = [by_name[name] for name in OWN]
    tab = Tab("trace", TraceView, controls, [message, drawing], show_trace, fill)
    tab.arrivals.append(([by_name["variant"].input], show_net, brought))
    tab.arrivals.append(([upload.upload], show_file, [by_name["variant"], *brought]))
    opened = drawing.select(choose_block, None, by_name["focus"], api_visibility="private", show_progress="hidden")
    tab.triggers.append(opened.success)
    for name, control in by_name.items():
        if isinstance(control, (gr.Number, gr.Textbox)):
            tab.triggers.extend([control.submit, control.blur])
        elif name != "variant":
            tab.triggers.append(control.input)
    return tab


def _controls() -> tuple[list, gr.HTML]:
    """One component for each field of TraceView, in order; and the button for a checkpoint of one's own."""
    own = own_values("resnet50")
    nets = [(variant_title(name), name) for name in VARIANTS]
    variant = gr.Dropdown(nets, value="resnet50", label=word("trace.network"), info=word("trace.network_info"),
                          filterable=True, allow_custom_value=True)
    with gr.Row(elem_classes="pair"):
        height = gr.Number(own["height"], label=word("trace.height"), min_width=80)
        width = gr.Number(own["width"], label=word("trace.width"), min_width=80)
    with gr.Row(elem_classes="pair"):
        classes = gr.Number(own["classes"], label=word("trace.classes"), min_width=80)
        batch = gr.Number(1, label=word("trace.batch"), min_width=80)
    with more_settings():
        count = gr.Radio([(word(f"trace.{unit}"), unit) for unit in UNITS], value="macs", label=word("trace.count"))
        scope = gr.Radio([(word(f"trace.scope_{scope}"), scope) for scope in SCOPES], value="conv_fc",
                         show_label=False)
        fold = gr.Radio([(word(f"trace.fold_{fold}"), fold) for fold in FOLDS], value="runs", label=word("trace.fold"))
        beside = gr.Dropdown([(word("trace.alone"), ""), *nets], value="", label=word("trace.beside"), filterable=True)
        with gr.Accordion(word("trace.build"), open=False):
            built = [_builder(name, own[name]) for name in BUILT]
        upload = gr.HTML(button_html(), js_on_load=SEND)
    focus = gr.Textbox("layer1.0", visible=False)
    return [variant, height, width, classes, batch, *built, count, scope, beside, focus, fold], upload


def _builder(name: str, value):
    """The control of one field of the config."""
    label = word(f"build.{name}")
    if name in CHOICES:
        return gr.Radio([(word(f"build.{name}_{choice}"), choice) for choice in CHOICES[name]], value=value,
                        label=label)
    if name in ("conv_bias", "shortcut_norm"):
        return gr.Radio([(word("build.yes"), "true"), (word("build.no"), "false")], value=value, label=label)
    return gr.Textbox(value, label=label) if name in ("depths", "widths") else gr.Number(value, label=label)


@lru_cache(maxsize=16)
def _take_along(config: ResNetConfig, size: tuple[int, int], batch: int, lang: str) -> str:
    """The net as code, its numbers and its map, as files and to look at; kept for the next click on the same net."""
    result = trace(config, size, batch)
    name = f"{re.sub('[^a-z0-9_.]+', '-', result.name)}-{by(result.input, 'x')}"
    source = code(config, size)
    links = (download(f"{name}.py", source, text("trace.code", lang)),
             download(f"{name}.csv", layers_csv(result), text("trace.download", lang)),
             download(f"{name}.json", json.dumps(result.to_dict()), text("trace.json", lang)),
             download(f"{name}.svg", network_map(result, lang), text("trace.svg", lang)))
    return (f'<p class="take"><b>{text("trace.take", lang)}</b> {" · ".join(links)}</p>'
            f"<details><summary>{text('trace.code_title', lang)}</summary><pre>{escape(source)}</pre></details>")
