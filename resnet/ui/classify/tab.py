"""The Classify tab: a picture through trained weights, and the evidence for the answer."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.components import Component

from resnet.hub.ref import ModelRef
from resnet.hub.store import current
from resnet.inference.picture import decode
from resnet.ui.classify.api import classify_api
from resnet.ui.classify.batch import SEND, ask_about, batch_html, chooser_html, sent_files
from resnet.ui.classify.drawing import page_html
from resnet.ui.classify.inline_controls import PICK
from resnet.ui.classify.menu import ModelMenu
from resnet.ui.classify.photographs import STANDING_IN
from resnet.ui.classify.sections import Look, sections_html
from resnet.ui.classify.view import (
    ANY,
    DEFAULT_MODEL,
    OF_A_MODEL,
    OWN,
    ClassifyView,
    model_title,
    suited_model,
)
from resnet.ui.classify.weights import Weights, away_html, check_here, choices
from resnet.ui.classify.who import is_in_colour
from resnet.ui.gradio_compat import sent
from resnet.ui.page import device
from resnet.ui.page.controls import control, updates
from resnet.ui.page.examples import thumbnails_html
from resnet.ui.page.language import both, language, word
from resnet.ui.page.panel import Panel, Tab, adjust, end_point
from resnet.ui.page.sharing import parse_controls
from resnet.ui.stream.part import waiting
from resnet.ui.teach.part import teach
from resnet.ui.wall.guard import guarded_view, uploaded_file
from resnet.ui.wall.limits import work
from resnet.util.errors import InputError
from resnet.util.fields import hints, parse, settings

# Inside the figures.
CHOSEN = ("stage", "target", "channels", "off", "open", "truth", "given", "kind", "page", "reading")
SET = ("example", "model", *CHOSEN)  # what a click in a figure may set


def draw(view: ClassifyView, lang: str, picture: "dict | None") -> tuple[str]:
    """Everything but the test items."""
    return (page_html(view, picture, lang),)


PANEL = Panel("classify", "", ClassifyView, draw, outputs=1)


@guarded_view(outputs=3 + len(SET))
def show_chosen(request: gr.Request, event: gr.EventData, *controls: Any) -> tuple:
    """A click inside a figure or on a thumbnail: one field of the view changes."""
    lang, field, (*values, picture) = language(request), sent(event, "field"), controls
    view = chosen(parse_controls(ClassifyView, *values), field, sent(event, "value"))
    picture = None if field == "example" else picture
    return (page_html(view, picture, lang), PANEL.link(view), *updates(view, SET, lang),
            gr.skip() if picture else None)


@guarded_view(outputs=2 + len(SET))
def show_own(request: gr.Request, *controls: Any) -> tuple:
    """A picture of the visitor's own; one in colour goes to a net for photographs unless another model was chosen."""
    lang, (*values, picture) = language(request), controls
    view = replace(parse_controls(ClassifyView, *values), example=OWN, target=ANY)
    if picture and view.model == DEFAULT_MODEL and is_in_colour(decode(uploaded_file(picture))):
        view = replace(view, model=suited_model(STANDING_IN, view.model), **OF_A_MODEL)
    return page_html(view, picture, lang), PANEL.link(view), *updates(view, SET, lang)


@guarded_view(outputs=1)
def show_more(request: gr.Request, *controls: Any) -> Iterator[tuple]:
    """The evidence below the answer; it stays as it is while weights come."""
    lang = language(request)
    view, picture = parse_controls(ClassifyView, *controls[:-1]), controls[-1]
    if away_html((view.ref,), lang):
        yield (gr.skip(),)
        return
    loaded = current().load(view.ref).read_as(settings(view.reading))
    for html in sections_html(Look(view, loaded, picture, lang)):
        yield (html,)


@guarded_view(outputs=1)
def show_batch(request: gr.Request, event: gr.EventData, *controls: Any) -> tuple[str]:
    """Uploaded pictures -> a line for each."""
    lang, view = language(request), parse_controls(ClassifyView, *controls)
    check_here(view.ref)
    lines, found = ask_about(sent_files(event), view.ref, view.temperature, lang, view.reading)
    return (batch_html(lines, found, current().load(view.ref), lang),)


def chosen(view: ClassifyView, field: object, value: object) -> ClassifyView:
    """The view after a click inside a figure: `field` takes `value`; what can be several is toggled.

    Raises:
        InputError: no such field, or a value that it cannot take.
    """
    if field == "cell":  # of the confusion matrix
        truth, _, given = str(value).partition(",")
        return replace(view, truth=parse("truth", int, truth), given=parse("given", int, given), kind="all", page=0)
    if field == "example":
        return view.with_example(parse("example", str, value))
    if field not in CHOSEN:
        raise InputError("link_value", field="field", value=str(field)[:40])
    name = str(field)
    if name in ("off", "open"):
        return replace(view, **{name: _toggled(getattr(view, name), parse(name, str, value))})
    wanted = parse(name, hints(ClassifyView)[name], value)
    if name == "channels" and wanted == view.channels:
        wanted = ""
    return replace(view, **{"page": 0, name: wanted})


def _toggled(held: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(one for one in held if one != name) if name in held else (*held, name)


def build() -> Tab:
    """The components, inside a gr.Tab."""
    device.place_default(ModelRef.parse(DEFAULT_MODEL))
    with gr.Column(elem_classes="result opening"):
        gr.HTML(f'<h2>{both("page.titles.classify")}</h2><p class="lead">{both("classify.lead")}</p>')
    with gr.Row(elem_classes="work"):
        with gr.Column(elem_classes="controls", scale=0, min_width=240):
            controls, picture, thumbnails, files, weights = _controls()
        with gr.Column(elem_classes="result"):
            message = gr.HTML(elem_classes="message-line", elem_id="classify-message")
            batch = [gr.HTML(elem_classes="message-line"), gr.HTML(elem_id="several")]
            answer: Any = gr.HTML(elem_id="answer", js_on_load=f"{PICK} window.keepAnswer(element, watch);")
            waiting()
            more: list[Any] = [gr.HTML(elem_classes="message-line"), gr.HTML(elem_id="more", js_on_load=PICK)]
            teach()
    end_point(classify_api, "classify")
    places = [controls[name] for name in SET]
    figures = [thumbnails.select, answer.select, more[1].select]
    tab = PANEL.built(controls, [message, answer], [picture], arrivals=[([picture.input], show_own, places)],
                      picks=[(figures, show_chosen, [*places, picture])])
    weights.wire(answer, controls["model"], controls["beside"])
    tab.triggers.append(weights.arrived.change)
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last",
                             **work("items")}
    answer.change(show_more, [*tab.controls, picture], more, **quiet)
    files.upload(show_batch, tab.controls, batch, **quiet)
    return tab


def _controls() -> tuple[dict[str, Component], gr.Image, Any, Any, Weights]:
    """A component for each field of ClassifyView; the picture, the thumbnails, the files, the downloads."""
    view, models = ClassifyView(), choices(model_title)
    picture = gr.Image(sources=["upload", "webcam", "clipboard"], type="filepath", format="png", height=220,
                       label=word("classify.picture"), placeholder=word("classify.drop"), buttons=[],
                       elem_id="picture")
    thumbnails = gr.HTML(thumbnails_html(), elem_id="examples", js_on_load=PICK)
    made: dict[str, Component] = {"model": ModelMenu(view.model, groups=models, label="classify.weights")}
    weights = Weights()
    made["beside"] = ModelMenu(view.beside, groups=models, label="classify.beside", alone="classify.alone",
                               elem_classes="with-more")
    files = gr.HTML(chooser_html(), elem_id="files", elem_classes="with-more", js_on_load=SEND)
    with adjust():
        made["top_k"] = control(view, "top_k")
        made["temperature"] = control(view, "temperature", info=word("classify.temperature_info"))
        with gr.Accordion(word("classify.why_unsure"), open=False):
            gr.Markdown(word("classify.why_unsure_says"), elem_classes="note")
    made |= {name: control(view, name) for name in ("example", *CHOSEN)}
    return made, picture, thumbnails, files, weights
