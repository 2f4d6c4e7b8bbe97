"""The Trace tab: a network's shapes, parameters and cost, layer by layer."""

import json
import re
import time
from dataclasses import replace
from functools import lru_cache
from typing import Any

import gradio as gr
from gradio.components import Component

from resnet.config import VARIANTS, variant_title
from resnet.hub.recognise import Recognised, recognise_header
from resnet.tracing.codegen import code
from resnet.tracing.cost import cost
from resnet.tracing.diagram import network_map
from resnet.tracing.records import Trace
from resnet.ui.gradio_compat import sent
from resnet.ui.page.controls import control, followers, updates
from resnet.ui.page.download import download
from resnet.ui.page.language import language, word
from resnet.ui.page.panel import Panel, Tab, adjust, end_point
from resnet.ui.page.sharing import parse_controls
from resnet.ui.trace.api import trace_api
from resnet.ui.trace.family import FAMILY, family_html
from resnet.ui.trace.heading import heading_html
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
from resnet.ui.trace.second_net import second_net_html
from resnet.ui.trace.upload import SEND, button_html, uploaded_header
from resnet.ui.trace.view import BUILT, LATER, TraceReading, TraceView, spelled, traced
from resnet.ui.wall.guard import guarded_view
from resnet.util.fields import parse
from resnet.util.html import escape
from resnet.util.numbers import by
from resnet.util.text import text

ZOOMS = {"out": "−", "in": "+", "whole": "⤢"}


def read(view: TraceView, lang: str, uploaded: Recognised | None = None) -> TraceReading:
    """Trace and count what the view describes; it was made of `uploaded`, if that is given."""
    started = time.perf_counter()
    result, found = traced(view, uploaded)
    counted = cost(result, view.count, view.scope)
    return TraceReading(view, result, counted, found, 1e3 * (time.perf_counter() - started), lang)


def page_html(reading: TraceReading) -> str:
    """Everything that stands beside the controls."""
    result, lang = reading.trace, reading.lang
    view, focus = reading.view, nearest_focus(result, reading.view.focus)
    return "".join((
        heading_html(reading),
        zoomable(network_map(result, lang, focus, view.fold), lang),
        f"<section>{inside_html(reading)}</section>",
        figures_html(reading),
        reconciled_html(reading),
        family_html(lang) if view.variant in FAMILY else "",
        recognised_html(reading),
        second_net_html(reading),
        f'<section class="halves">{stages_html(reading)}{field_html(reading)}</section>',
        f"<section>{table_html(reading)}{_take_along(result, lang)}</section>",
        f'<section class="halves">{breaks_html(reading)}{memory_html(reading)}</section>',
        listing_html(reading),
        source_html(reading),
    ))


def zoomable(drawing: str, lang: str) -> str:
    """A map in a frame of its own, which trace.js zooms and moves."""
    buttons = "".join(f'<button type="button" data-zoom="{way}" aria-label="{label}" title="{label}">{sign}</button>'
                      for way, sign in ZOOMS.items() for label in [escape(text(f"trace.zoom_{way}", lang))])
    return (f'<div class="zoomable"><p class="zooms">{buttons}</p>'
            f'<div class="scroll map" tabindex="0">{drawing}</div></div>')


def draw(view: TraceView, lang: str) -> tuple[str]:
    """The drawing of a view."""
    return (page_html(read(view, lang)),)


PANEL = Panel("trace", "", TraceView, draw, outputs=1)
OF_A_NET = tuple(followers(TraceView, "variant"))  # what every net brings along


@guarded_view(outputs=3)
def show_block(request: gr.Request, picked: gr.EventData, *controls: Any) -> tuple:
    """A block that was clicked in the map, or chosen by keyboard, is looked into."""
    view = replace(parse_controls(TraceView, *controls), focus=parse("focus", str, sent(picked, "block")))
    return *draw(view, language(request)), PANEL.link(view), view.focus


@guarded_view(outputs=3 + len(OF_A_NET))
def show_file(request: gr.Request, chosen: gr.EventData, *controls: Any) -> tuple:
    """The header of the visitor's own .safetensors tells the net, which is shown as a variant with changes."""
    lang, found = language(request), recognise_header(uploaded_header(chosen))
    view = TraceView(found.variant if found.variant in VARIANTS else "resnet50", **spelled(found.config))
    html = page_html(read(view, lang, found))
    return html, PANEL.link(view), *updates(view, ("variant", *OF_A_NET), lang)


def build() -> Tab:
    """The components, inside a gr.Tab."""
    with gr.Row(elem_classes="work"):
        with gr.Column(elem_classes="controls", scale=0, min_width=240):
            controls, upload = _controls()
        with gr.Column(elem_classes="result"):
            message = gr.HTML(elem_classes="message-line", elem_id="trace-message")
            drawing: Any = gr.HTML(elem_id="trace", js_on_load="window.mountTrace(element, trigger, watch);")
    end_point(trace_api, "trace")
    brought = [controls[name] for name in OF_A_NET]
    return PANEL.built(controls, [message, drawing],
                       arrivals=[([upload.upload], show_file, [controls["variant"], *brought])],
                       picks=[([drawing.select], show_block, [controls["focus"]])])


def _controls() -> tuple[dict[str, Component], Any]:
    """A component for each field of TraceView, and the button for a checkpoint of one's own."""
    view, made = TraceView(), {}

    def place(*names: str, **more: Any) -> None:
        made.update({name: control(view, name, **more) for name in names})

    def pair(*names: str) -> None:
        with gr.Row(elem_classes="pair"):
            place(*names, min_width=80)

    nets = [(variant_title(name), name) for name in VARIANTS]
    place("variant", choices=nets, info=word("trace.network_info"), filterable=True, allow_custom_value=True)
    pair("height", "width")
    place("beside", choices=[(word("trace.alone"), ""), *nets], filterable=True)
    upload = gr.HTML(button_html(), js_on_load=SEND)
    with adjust():
        pair("classes", "batch")
        place("count")
        place("scope", show_label=False)
        place("fold")
        with gr.Accordion(word("trace.build"), open=False):
            place(*BUILT)
            with gr.Accordion(word("trace.build_later"), open=False):
                place(*LATER)
    place("focus")
    return made, upload


@lru_cache(maxsize=16)
def _take_along(result: Trace, lang: str) -> str:
    """The net as code, its numbers and its map, as files and to look at; kept for the next click on the same net."""
    name = f"{re.sub('[^a-z0-9_.]+', '-', result.name)}-{by(result.input, 'x')}"
    source = code(result.config, result.input[2:])
    links = (download(f"{name}.py", source, text("trace.code", lang)),
             download(f"{name}.csv", layers_csv(result), text("trace.download", lang)),
             download(f"{name}.json", json.dumps(result.to_dict()), text("trace.json", lang)),
             download(f"{name}.svg", network_map(result, lang), text("trace.svg", lang)))
    return (f'<p class="take"><b>{text("trace.take", lang)}</b> {" · ".join(links)}</p>'
            f"<details><summary>{text('trace.code_title', lang)}</summary><pre>{escape(source)}</pre></details>")
