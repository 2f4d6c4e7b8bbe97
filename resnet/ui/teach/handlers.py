"""What a visitor does with a lesson, under the guard: it is changed, and drawn again."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import gradio as gr

from resnet.data import DATA, load_samples
from resnet.hub.store import current
from resnet.inference.predict import see
from resnet.inference.probabilities import ranked
from resnet.ui.classify.answer import label_text
from resnet.ui.classify.weights import check_here, progress_html
from resnet.ui.gradio_compat import sent
from resnet.ui.page import device
from resnet.ui.page.images import packed
from resnet.ui.page.language import language
from resnet.ui.page.sharing import parse_controls
from resnet.ui.teach.groups import lesson_html
from resnet.ui.teach.lesson import Lesson, decoded, from_page
from resnet.ui.teach.lessons import lessons
from resnet.ui.teach.limits import A_FORM
from resnet.ui.teach.result import result_html
from resnet.ui.teach.view import TeachView
from resnet.ui.wall.guard import guarded_view, message_html
from resnet.util.errors import InputError
from resnet.util.fields import parse
from resnet.util.html import escape
from resnet.util.numbers import probability
from resnet.util.text import text

EXAMPLES, EACH = (5, 7, 9), 6  # of Fashion-MNIST's training items: sandals, sneakers, ankle boots
FIRST = 2  # classes that a new lesson begins with


@guarded_view(outputs=2)
def show_lesson(request: gr.Request, *controls: Any) -> Iterator[tuple]:
    """What the session has, or two classes without pictures, by the net and head chosen; its weights are fetched."""
    view, lang = parse_controls(TeachView, *controls), language(request)
    if not current().is_at_hand(view.ref):
        yield gr.skip(), progress_html(view.ref, None, lang)
        with closing(current().obtain(view.ref)) as steps:
            for progress in steps:
                yield gr.skip(), progress_html(view.ref, progress, lang)
    with _lesson(request) as (lesson, _):
        drawn = _shown(lesson, view, lang)
    yield drawn


@guarded_view(outputs=2)
def change_lesson(request: gr.Request, event: gr.EventData, *controls: Any) -> tuple[str, str]:
    """Pictures of a class, of which one that cannot be taken costs a line and none of the others; else a click on one
    of the lesson's buttons, or a class's new name."""
    view, problems = parse_controls(TeachView, *controls), ()
    with _lesson(request) as (lesson, lang):
        if sent(event, "pictures") is None:
            change(lesson, sent(event, "field"), sent(event, "value"), sent(event, "name"), lang)
        else:
            group = parse("classes", int, sent(event, "group"))
            problems = tuple(filter(None, (_added(lesson, group, one, lang) for one in sent_pictures(event))))
        return _shown(lesson, view, lang, problems)


@guarded_view(outputs=1)
def look(request: gr.Request, event: gr.EventData, *controls: Any) -> tuple[str]:
    """The taught head's answer to one picture, which is kept nowhere."""
    lang, view = language(request), parse_controls(TeachView, *controls)
    lesson, pixels = lessons.of(request.session_hash), decoded(from_page(sent(event, "picture")))
    check_here(view.ref)
    loaded = current().load(view.ref)
    taught = lesson.taught(view.ref, loaded, view.head)
    feature = device.features(see(pixels, loaded).pixels[None], view.ref).features
    return (answers_html(taught.labels, ranked(taught.fit.head(feature)[0], len(taught.labels)), lang),)


@contextmanager
def _lesson(request: gr.Request) -> Iterator[tuple[Lesson, str]]:
    """(a session's lesson, the language): nobody else changes it meanwhile, and it is kept, whatever happens."""
    lang, lesson = language(request), lessons.of(request.session_hash)
    with lesson.lock:
        if not lesson.classes:
            _begin(lesson, lang)
        try:
            yield lesson, lang
        finally:
            lessons.keep(request.session_hash, lesson)


def _begin(lesson: Lesson, lang: str) -> None:
    for _ in range(FIRST):
        _one_more(lesson, lang)


def _one_more(lesson: Lesson, lang: str) -> None:
    """A class of the first name that is free."""
    taken = lesson.classes.values()
    names = (text("teach.nth_class", lang, n=n) for n in range(1, len(lesson.classes) + 2))
    lesson.add_class(next(name for name in names if name not in taken))


def _shown(lesson: Lesson, view: TeachView, lang: str, problems: tuple[str, ...] = ()) -> tuple[str, str]:
    """The lesson, and what it came to; a net that cannot be taught keeps the lesson as it is."""
    lesson.view = view
    try:
        result = result_html(lesson, view, lang)
    except InputError as error:
        result = message_html(error.sentence(lang))
    return lesson_html(lesson, lang, problems), result


def sent_pictures(event: gr.EventData) -> list:
    """What the page's script sent at once.

    Raises:
        InputError: more than are taken at once, or none.
    """
    pictures = sent(event, "pictures")
    if not isinstance(pictures, list) or not pictures:
        raise InputError("picture_empty")
    if len(pictures) > A_FORM:
        raise InputError("several", n=len(pictures), limit=A_FORM)
    return pictures


def _added(lesson: Lesson, group: int, record: object, lang: str) -> str:
    """"", or what is wrong with a picture, after its name."""
    given = record if isinstance(record, dict) else {}
    name = str(given.get("name") or "?")[:80]
    try:
        lesson.add_picture(group, from_page(given.get("data")), name)
    except InputError as error:
        return f"{name}: {error.sentence(lang)}"
    return ""


def change(lesson: Lesson, field: object, value: object, name: object, lang: str) -> None:
    """One change of a lesson.

    Raises:
        InputError: there is no such change, or it cannot be made.
    """
    if field == "add":
        _one_more(lesson, lang)
    elif field == "remove":
        lesson.remove_class(parse("classes", int, value))
    elif field == "rename":
        lesson.rename(parse("classes", int, value), str(parse("classes", str, name)))
    elif field == "forget":
        lesson.forget(parse("example", int, value))
    elif field == "open":
        lesson.compared = not lesson.compared
    elif field in ("examples", "clear"):
        _start_over(lesson, lang, examples=field == "examples")
    else:
        raise InputError("link_value", field="field", value=str(field)[:40])


def _start_over(lesson: Lesson, lang: str, examples: bool) -> None:
    """Two empty classes, or items of Fashion-MNIST that are alike."""
    for group in list(lesson.classes):
        lesson.remove_class(group)
    if not examples:
        _begin(lesson, lang)
        return
    split = load_samples("fashion_mnist", "train")
    for label in EXAMPLES:
        group = lesson.add_class(label_text(DATA["fashion_mnist"].classes[label], lang))
        for item in (split.labels == label).nonzero().flatten()[:EACH].tolist():
            lesson.add_picture(group, packed(split.images[item]), f"fashion_mnist-{item}")


def answers_html(labels: tuple[str, ...], answers: list[tuple[int, float]], lang: str) -> str:
    """The classes from the most probable on, a bar each."""
    rows = "".join(f'<tr{" class=first" if i == 0 else ""}><th scope="row">{escape(labels[index])}</th>'
                   f'<td class="bar"><span style="width:{100 * p:.2f}%"></span></td>'
                   f'<td class="number">{escape(probability(p))}</td></tr>' for i, (index, p) in enumerate(answers))
    alt, knows = (escape(text(key, lang, n=len(labels))) for key in ("classify.answers_alt", "classify.knows"))
    return (f'<table class="bars" aria-label="{alt}" aria-live="polite"><tbody>{rows}</tbody></table>'
            f'<p class="note">{knows}</p>')
