"""What stands beside the controls: the answer, and the evidence for it."""

import time
from dataclasses import replace

from torch import Tensor

from resnet.explain.evidence import Questions
from resnet.hub.loaded import LoadedModel
from resnet.hub.store import current
from resnet.inference.decoder import Picture
from resnet.inference.decoding import open_picture
from resnet.ui.classify.answer import answer_html, source_html, take_along_html
from resnet.ui.classify.evidence import stages_html
from resnet.ui.classify.forming import forming_html
from resnet.ui.classify.readings import readings_html
from resnet.ui.classify.view import ANY, OWN, ClassifyReading, ClassifyView, model_title
from resnet.ui.classify.weights import away_html, known_html
from resnet.ui.classify.who import is_in_colour, who_html
from resnet.ui.page import device
from resnet.ui.page.examples import example_of
from resnet.ui.stream.part import place_html
from resnet.ui.wall.guard import uploaded_file
from resnet.util.fields import settings
from resnet.util.html import escape
from resnet.util.text import text


def page_html(view: ClassifyView, picture: "dict | None", lang: str) -> str:
    """Everything but the test items."""
    if view.example == OWN and not picture:
        return f'<p class="note">{text("classify.empty", lang)}</p>'
    start = time.perf_counter()
    pixels = pixels_of(view, picture)
    decode_ms = 1e3 * (time.perf_counter() - start)
    who = who_html(view, view.example == OWN and is_in_colour(_planes(pixels)), lang)
    if away := away_html(view.refs, lang):
        return who + away
    reading = read(view, pixels, decode_ms, lang)
    other = _heading(view.beside) + answer_html(reading.second) if reading.second else ""
    title = _heading(view.model) if other else ""
    return "".join((who, title, answer_html(reading), other, place_html(view.model, reading.evidence.seen.pixels),
                    forming_html(reading), stages_html(reading), source_html(reading),
                    *(known_html(one.loaded, lang) for one in (reading, reading.second) if one),
                    readings_html(reading), take_along_html(reading)))


def _heading(model: str) -> str:
    return f'<h3 class="other">{escape(model_title(model))}</h3>'


def read(view: ClassifyView, pixels: "Tensor | Picture", decode_ms: float, lang: str) -> ClassifyReading:
    """One look by each model; the picture took `decode_ms` to open."""
    loaded = current().load(view.ref).read_as(settings(view.reading))
    found = device.gather(pixels, view.ref, view.questions, view.reading)
    reading = ClassifyReading(view, loaded, found, lang, decode_ms, pixels)
    if not view.beside:
        return reading
    ref = view.refs[1]
    other = current().load(ref)
    alone = replace(view, off=(), channels="", reading=())
    found = device.gather(pixels, ref, _questions_for_second(reading, other))
    second = ClassifyReading(alone, other, found, lang, decode_ms, pixels)
    return replace(reading, second=second)


def _questions_for_second(reading: ClassifyReading, other: LoadedModel) -> Questions:
    """The same stage and class, where the other model has them."""
    evidence, labels = reading.evidence, other.info.labels
    label = reading.loaded.info.labels[evidence.target]
    config = other.info.architecture
    as_many = len(config.depths) == len(reading.loaded.info.architecture.depths)
    return Questions(evidence.stage if as_many else "",
                     labels.index(label) if label in labels and reading.view.target != ANY else ANY)


def pixels_of(view: ClassifyView, picture: "dict | None") -> "Tensor | Picture":
    """Decoded here, never inside a call on the device."""
    return open_picture(uploaded_file(picture)) if view.example == OWN else example_of(view.example).pixels()


def _planes(picture: "Tensor | Picture") -> Tensor:
    return picture.pixels if isinstance(picture, Picture) else picture
