"""The Classify tab: a picture through trained weights, and the evidence for the answer."""

import time
from collections.abc import Iterator
from dataclasses import fields, replace

import gradio as gr
import torch
from gradio import FileData
from torch import Tensor

from resnet.explain.answers import ranked
from resnet.explain.look import Asks
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef
from resnet.hub.store import current
from resnet.inference.decoder import Picture
from resnet.inference.decoding import open_picture
from resnet.inference.picture import decode
from resnet.inference.predict import see
from resnet.ui.classify.answer import answer_html, source_html, take_along_html
from resnet.ui.classify.evidence import blocks_html, stages_html
from resnet.ui.classify.parts import PICK
from resnet.ui.classify.samples import browse_html, is_measured, neighbours_html
from resnet.ui.classify.several import SEND, ask_about, chooser_html, sent_files, several_html
from resnet.ui.classify.view import (
    ANY,
    COLDEST,
    DEFAULT_MODEL,
    OWN,
    ClassifyView,
    Reading,
    model_title,
    suited_model,
)
from resnet.ui.classify.weights import Weights, away_html, check_here, choices, known_html
from resnet.ui.gradio_compat import sent
from resnet.ui.page import device
from resnet.ui.page.examples import example_of, thumbnails_html
from resnet.ui.page.language import language, word
from resnet.ui.page.panel import Tab, more_settings
from resnet.ui.page.sharing import parse, parse_controls, to_query
from resnet.ui.wall.guard import guarded_api, guarded_view, uploaded_file
from resnet.ui.wall.limits import work
from resnet.util.errors import InputError
from resnet.util.html import escape
from resnet.util.text import text

CHOSEN = ("stage", "target", "channels", "off", "open", "truth", "given", "kind", "page")  # inside the figures
SET = ("example", "model", *CHOSEN)  # what a click in a figure may set
OF_A_MODEL = {"stage": "", "target": ANY, "channels": "", "off": (), "truth": ANY, "given": ANY, "page": 0}


@guarded_view(outputs=2)
def show_classify(request: gr.Request, *controls) -> tuple[str, str]:
    """The controls, in the order of ClassifyView's fields, and the picture -> the answer and the view's query."""
    view, picture = parse_controls(ClassifyView, *controls[:-1]), controls[-1]
    return _drawn(view, picture, language(request)), to_query("classify", view)


@guarded_view(outputs=2 + len(SET) + 1)
def show_chosen(request: gr.Request, event: gr.EventData, *controls) -> tuple:
    """A click inside a figure or on a thumbnail: one field of the view changes."""
    view = parse_controls(ClassifyView, *controls[:-1])
    view = chosen(view, sent(event, "field"), sent(event, "value"))
    picture = None if sent(event, "field") == "example" else controls[-1]
    html = _drawn(view, picture, language(request))
    return html, to_query("classify", view), *_set(view), gr.skip() if picture else None


@guarded_view(outputs=2 + len(SET))
def show_model(request: gr.Request, *controls) -> tuple:
    """Another model: what was chosen of the last one is forgotten."""
    view = replace(parse_controls(ClassifyView, *controls[:-1]), **OF_A_MODEL)
    return _drawn(view, controls[-1], language(request)), to_query("classify", view), *_set(view)


@guarded_view(outputs=2 + len(SET))
def show_own(request: gr.Request, *controls) -> tuple:
    """A picture of the visitor's own; one in colour goes to the CIFAR-10 net unless another model was chosen."""
    view, picture = parse_controls(ClassifyView, *controls[:-1]), controls[-1]
    lang, note = language(request), ""
    view = replace(view, example=OWN, target=ANY)
    if picture and view.model == DEFAULT_MODEL and _in_colour(decode(uploaded_file(picture))):
        view = replace(view, model=suited_model("cifar10", view.model), **OF_A_MODEL)
        note = f'<p class="note">{escape(text("classify.in_colour", lang, name=model_title(view.model)))}</p>'
    return note + _drawn(view, picture, lang), to_query("classify", view), *_set(view)


@guarded_view(outputs=1)
def show_more(request: gr.Request, *controls) -> Iterator[tuple[str]]:
    """The bundled test items, near the picture and all; a first look at them takes seconds, and says so."""
    lang = language(request)
    view, picture = parse_controls(ClassifyView, *controls[:-1]), controls[-1]
    if away_html((view.ref,), lang):
        yield ("",)
        return
    loaded = current().load(view.ref)
    if {"neighbours", "browse"} & {*view.open} and not is_measured(view, loaded):
        yield (f'<p class="note busy">{text("classify.measuring", lang)}</p>',)
    feature = None
    if "neighbours" in view.open and (view.example != OWN or picture):
        feature = device.look(_pixels(view, picture), view.ref, Asks(off=view.off)).feature
    yield (neighbours_html(view, loaded, feature, lang) + browse_html(view, loaded, lang),)


@guarded_view(outputs=1)
def show_several(request: gr.Request, event: gr.EventData, *controls) -> tuple[str]:
    """Uploaded pictures -> a line for each."""
    lang, view = language(request), parse_controls(ClassifyView, *controls)
    check_here(view.ref)
    lines, found = ask_about(sent_files(event), view.ref, view.temperature, lang)
    return (several_html(lines, found, current().load(view.ref), lang),)


@guarded_api
def classify_api(image: FileData, model: str = DEFAULT_MODEL, top_k: int = 5) -> dict:
    """What is on a picture, by bundled weights or a ResNet's on the Hub, which are downloaded if need be.

    Parameters:
        image: a JPEG, PNG or WebP file of at most 25 MB and 16 megapixels.
        model: a bundled name such as resnet20_fashion_mnist, or a Hub repository (owner/name[@revision]).
        top_k: how many answers, most probable first.
    Returns:
        image, model and predictions, each with label and probability.
    """
    view = ClassifyView(OWN, parse("model", str, model), parse("top_k", int, top_k))
    loaded = current().load(view.ref)
    seen = see(decode(uploaded_file(image)), loaded)
    logits = device.look_at_many(seen.pixels[None], view.ref).logits[0]
    return {"image": image.get("orig_name"), "model": loaded.info.name,
            "predictions": [{"label": loaded.info.labels[i], "probability": p} for i, p in ranked(logits, view.top_k)]}


def chosen(view: ClassifyView, field: object, value: object) -> ClassifyView:
    """The view after a click inside a figure: `field` takes `value`; what can be several is toggled.

    Raises:
        InputError: no such field, or a value that it cannot take.
    """
    if field == "cell":  # of the confusion matrix
        truth, _, given = str(value).partition(",")
        return replace(view, truth=parse("truth", int, truth), given=parse("given", int, given), kind="all", page=0)
    kinds = {one.name: one.type for one in fields(ClassifyView)}
    if field not in ("example", *CHOSEN):
        raise InputError("link_value", field="field", value=str(field)[:40])
    if field in ("off", "open"):
        name, held = parse(field, str, value), getattr(view, field)
        return replace(view, **{field: tuple(x for x in held if x != name) if name in held else (*held, name)})
    value = parse(field, kinds[field], value)
    if field == "channels" and value == view.channels:
        value = ""
    if field == "example":
        model = suited_model(example_of(value).data, view.model)
        return replace(view, **{"example": value, "model": model, "target": ANY}
                       | ({} if model == view.model else OF_A_MODEL))
    return replace(view, **{field: value, "page": value if field == "page" else 0})


def _drawn(view: ClassifyView, picture: "dict | None", lang: str) -> str:
    """Everything but the test items."""
    if view.example == OWN and not picture:
        return f'<p class="note">{text("classify.empty", lang)}</p>'
    if away := away_html(view.refs, lang):
        return away
    reading = read(view, picture, lang)
    other = _heading(view.beside) + answer_html(reading.beside) if reading.beside else ""
    title = _heading(view.model) if other else ""
    return "".join((title, answer_html(reading), other, stages_html(reading), source_html(reading),
                    *(known_html(one.loaded, lang) for one in (reading, reading.beside) if one),
                    take_along_html(reading), blocks_html(reading)))


def _heading(model: str) -> str:
    return f'<h3 class="other">{escape(model_title(model))}</h3>'


def read(view: ClassifyView, picture: "dict | None", lang: str) -> Reading:
    """One look by each model."""
    start = time.perf_counter()
    pixels = _pixels(view, picture)
    decode_ms = 1e3 * (time.perf_counter() - start)
    loaded = current().load(view.ref)
    reading = Reading(view, loaded, device.look(pixels, view.ref, view.asks), lang, decode_ms)
    if not view.beside:
        return reading
    ref = view.refs[1]
    other = current().load(ref)
    alone = replace(view, off=(), channels="")
    beside = Reading(alone, other, device.look(pixels, ref, _asks_beside(reading, other)), lang, decode_ms)
    return replace(reading, beside=beside)


def _asks_beside(reading: Reading, other: LoadedModel) -> Asks:
    """The same stage and class, where the other model has them."""
    look, labels = reading.look, other.info.labels
    label = reading.loaded.info.labels[look.target]
    config = other.info.architecture
    return Asks(look.stage if len(config.depths) == len(reading.loaded.info.architecture.depths) else "",
                labels.index(label) if label in labels and reading.view.target != ANY else ANY)


def _pixels(view: ClassifyView, picture: "dict | None") -> "Tensor | Picture":
    """Decoded here, never inside a call on the device."""
    return open_picture(uploaded_file(picture)) if view.example == OWN else example_of(view.example).pixels()


def _in_colour(pixels: Tensor) -> bool:
    return bool((pixels.amax(0) - pixels.amin(0)).mean(dtype=torch.float32) > 4)


def _set(view: ClassifyView) -> tuple:
    """The values for the controls in SET."""
    return tuple(_held(getattr(view, name)) for name in SET)


def _held(value) -> "str | int | float":
    """What a field's control holds: hidden ones are text."""
    return ",".join(value) if isinstance(value, tuple) else value


def fill(view: ClassifyView, lang: str) -> list:
    return [_held(getattr(view, name)) for name in ClassifyView.__dataclass_fields__]


def build() -> Tab:
    """The components, inside a gr.Tab."""
    device.place_default(ModelRef.parse(DEFAULT_MODEL))
    with gr.Row(elem_classes="work"):
        with gr.Column(elem_classes="controls", scale=0, min_width=240):
            picture, thumbnails, files, weights, controls = _controls()
        with gr.Column(elem_classes="result"):
            message = gr.HTML(elem_classes="message-line")
            several_message = gr.HTML(elem_classes="message-line")
            several = gr.HTML(elem_id="several")
            answer = gr.HTML(elem_id="answer", js_on_load=PICK)
            more_message = gr.HTML(elem_classes="message-line")
            more = gr.HTML(elem_id="more", js_on_load=PICK)
    gr.api(classify_api, api_name="classify", **work("classify"))
    named = dict(zip(ClassifyView.__dataclass_fields__, controls, strict=True))
    tab = Tab("classify", ClassifyView, controls, [message, answer], show_classify, fill, [], [picture])
    places = [named[name] for name in SET]
    tab.picks.append(([figure.select for figure in (thumbnails, answer, more)], show_chosen, [*places, picture]))
    tab.arrivals.append(([picture.input], show_own, places))
    tab.arrivals.append(([named["model"].input], show_model, places))
    weights.wire(answer, named["model"], named["beside"])
    tab.triggers.extend([weights.arrived.change, named["beside"].input, named["top_k"].release,
                         named["temperature"].release])
    quiet = {"api_visibility": "private", "show_progress": "hidden", "preprocess": False, **work("items")}
    answer.change(show_more, [*controls, picture], [more_message, more], trigger_mode="always_last", **quiet)
    files.upload(show_several, controls, [several_message, several], trigger_mode="always_last", **quiet)
    return tab


def _controls() -> tuple[gr.Image, gr.HTML, gr.HTML, Weights, list]:
    """The picture, the thumbnails, the files, the downloads, and a component for each field of ClassifyView, in
    order."""
    default = ClassifyView()
    models = choices(model_title)
    picture = gr.Image(sources=["upload", "webcam", "clipboard"], type="filepath", format="png", height=220,
                       label=word("classify.picture"), placeholder=word("classify.drop"), buttons=[],
                       elem_id="picture")
    thumbnails = gr.HTML(thumbnails_html(), elem_id="examples", js_on_load=PICK)
    model = gr.Dropdown(models, value=default.model, label=word("classify.weights"), info=word("weights.info"),
                        allow_custom_value=True, elem_id="weights")
    weights = Weights()
    with more_settings():
        beside = gr.Dropdown([(word("classify.alone"), ""), *models], value="", label=word("classify.beside"),
                             allow_custom_value=True)
        top_k = gr.Slider(1, 10, value=default.top_k, step=1, label=word("classify.top_k"))
        temperature = gr.Slider(COLDEST, 5, value=default.temperature, step=0.1, label=word("classify.temperature"),
                                info=word("classify.temperature_info"))
        with gr.Accordion(word("classify.why_unsure"), open=False):
            gr.Markdown(word("classify.why_unsure_says"), elem_classes="note")
        files = gr.HTML(chooser_html(), elem_id="files", js_on_load=SEND)
    hidden = [gr.Textbox(str(_held(getattr(default, name))), visible=False) for name in CHOSEN]
    example = gr.Textbox(default.example, visible=False)
    return picture, thumbnails, files, weights, [example, model, top_k, beside, temperature, *hidden]
