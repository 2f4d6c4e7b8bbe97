"""Teaching on the page, by the handlers that its buttons call."""

import base64
import re
import time

import gradio as gr
import pytest
import torch

from resnet.data import load_samples, photo_file
from resnet.explain.heads import Paired, fit
from resnet.explain.vectors import feature_vectors
from resnet.hub.load import load
from resnet.hub.ref import WEIGHTS
from resnet.inference.picture import decode
from resnet.inference.predict import see
from resnet.ui.page.images import packed
from resnet.ui.teach import handlers, limits
from resnet.ui.teach import lesson as lesson_module
from resnet.ui.teach.handlers import change_lesson, look, show_lesson
from resnet.ui.teach.lessons import Lessons
from resnet.ui.teach.result import verdict_words
from resnet.ui.teach.view import TeachView
from tests.hub import StandInHub, pointed_at
from tests.pictures import encode, noise
from tests.ui.asking import asked, held, words

NET = "resnet20_fashion_mnist"
VIEW = TeachView(NET)


@pytest.fixture(autouse=True)
def kept(monkeypatch) -> Lessons:
    """Lessons of their own for each test."""
    found = Lessons()
    monkeypatch.setattr(handlers, "lessons", found)
    return found


def visitor(session: str = "me", query: str = "") -> gr.Request:
    request = asked(query)
    request.session_hash = session
    return request


def event(**data) -> gr.EventData:
    return gr.EventData(None, data)


def open_lesson(request: gr.Request, *controls) -> tuple:
    """The last step, which draws the lesson."""
    return list(show_lesson(request, *controls))[-1]


def click(field: str, value: object = "", name: str | None = None, view: TeachView = VIEW, session: str = "me") -> list:
    return list(change_lesson(visitor(session), event(field=field, value=value, name=name), *held(view)))


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def items(label: int, n: int = 4) -> list[dict]:
    """Fashion-MNIST's training items of a class, as the page's script sends them."""
    split = load_samples("fashion_mnist", "train")
    rows = (split.labels == label).nonzero().flatten()[:n].tolist()
    return [{"name": f"{row}.png", "data": encoded(packed(split.images[row]))} for row in rows]


def send(group: int, pictures: list, view: TeachView = VIEW, session: str = "me", query: str = "") -> list:
    return list(change_lesson(visitor(session, query), event(group=group, pictures=pictures), *held(view)))


def taught_by_two(session: str = "me") -> tuple[list, list[int]]:
    """(what is drawn at last, the classes' numbers): trousers and bags."""
    open_lesson(visitor(session), *held(VIEW))
    groups = list(handlers.lessons.of(session).classes)
    for group, label in zip(groups, (1, 8), strict=True):
        drawn = send(group, items(label), session=session)
    return drawn, groups


def test_a_lesson_begins_with_two_classes_and_says_what_it_needs():
    message, lesson, result = open_lesson(visitor(query="lang=zh"), *held(VIEW))
    assert message == "" and lesson.count("data-rename") == 2 and "类别 2" in lesson
    assert "各 3 张" in words(result)


def test_three_pictures_of_two_classes_are_enough_and_leave_one_out_is_told_with_its_n(kept):
    open_lesson(visitor(), *held(VIEW))
    first, second = kept.of("me").classes
    send(first, items(1, 3))
    _, lesson, result = send(second, items(8, 2))
    assert "Pictures still needed: 1." in words(lesson) and "enough" in words(result) and "data-ready" not in lesson
    message, lesson, result = send(second, items(8, 3)[2:])
    assert message == "" and "data-ready" in lesson
    assert "6 of 6 are correct, 100.0\u00a0%" in result and "would give 50.0\u00a0%" in result


def test_what_is_told_is_what_the_heads_say(kept):
    (_, _, result), _ = taught_by_two()
    loaded = load(NET)
    pictures = [decode(base64.b64decode(one["data"])) for label in (1, 8) for one in items(label)]
    vectors = feature_vectors(torch.stack([see(one, loaded).pixels for one in pictures]), loaded).features
    found = fit(vectors, torch.tensor([0] * 4 + [1] * 4), 2)
    assert f"{found.correct} of {found.n} are correct" in words(result)
    hardest = [kept.of("me").pictures[number].thumbnail for number in
               [list(kept.of("me").pictures)[row] for row in found.hardest(3)]]
    assert re.findall(r'<figure><img src="([^"]+)"', result) == hardest
    view = TeachView(NET, "means")
    _, _, result = open_lesson(visitor(), *held(view))
    assert f"{fit(vectors, found.labels, 2, 'means').correct} of 8" in words(result) and "nearest class mean" in result


def test_the_head_answers_live_and_keeps_nothing_of_it(kept):
    _, groups = taught_by_two()
    click("rename", groups[1], "Tasche <b>")
    before = dict(kept.of("me").pictures)
    new = items(8, 9)[-1]
    message, answer = look(visitor(), event(picture=new["data"]), *held(VIEW))
    assert message == "" and "Tasche &lt;b&gt;" in answer
    assert words(answer).startswith("Tasche") and kept.of("me").pictures == before


def test_live_answers_wait_for_two_classes():
    message, _ = look(visitor(), event(picture=items(8, 1)[0]["data"]), *held(VIEW))
    assert "Nothing has been taught yet" in message


def test_a_bad_picture_costs_its_own_line_only(kept):
    open_lesson(visitor(), *held(VIEW))
    group = next(iter(kept.of("me").classes))
    bad = [{"name": "<b>.txt", "data": encoded(b"no picture")}, {"name": "none", "data": None}, "odd",
           {"name": "cut", "data": "%%%"}, {"name": "long", "data": "A" * (limits.ENCODED + 1)},
           {"name": "wide", "data": encoded(encode(noise(limits.SIDE + 1, 20)))}]
    message, lesson, _ = send(group, [*bad, *items(1, 1)])
    assert message == "" and lesson.count('role="alert"') == len(bad) and "&lt;b&gt;.txt: " in lesson
    assert len(kept.of("me").pictures) == 1 and f"at most {limits.SIDE} pixels" in words(lesson)


def test_limits_of_a_lesson(kept, monkeypatch):
    open_lesson(visitor(), *held(VIEW))
    lesson = kept.of("me")
    group = next(iter(lesson.classes))
    message, *_ = send(group, items(1, 1) * (limits.A_FORM + 1))
    assert "At most 12 pictures" in message and not lesson.pictures
    monkeypatch.setattr(lesson_module, "PICTURES", 2)
    _, html, _ = send(group, items(1, 3))
    assert len(lesson.pictures) == 2 and "at most 2 pictures" in words(html)
    for _ in range(limits.CLASSES - 2):
        click("add")
    message, *_ = click("add")
    assert len(lesson.classes) == limits.CLASSES and "at most 10 classes" in words(message)


@pytest.mark.parametrize(("field", "value", "name", "said"), [
    ("rename", 1, " ", "1 to 40"), ("rename", 1, "x" * 41, "1 to 40"), ("rename", 1, "Class 2", "another name"),
    ("rename", 99, "new", "not there any more"), ("remove", 99, None, "not there any more"),
    ("off", 1, None, "cannot be"),
    ("rename", "x", "new", "whole number"), (None, None, None, "cannot be")])
def test_what_cannot_be_changed_is_told(kept, field, value, name, said):
    open_lesson(visitor(), *held(VIEW))
    before = dict(kept.of("me").classes)
    message, *rest = click(field, value, name)
    assert said in words(message) and kept.of("me").classes == before and all("value" not in one for one in rest)


def test_pictures_and_classes_go_again(kept):
    _, groups = taught_by_two()
    lesson = kept.of("me")
    first = next(iter(lesson.pictures))
    click("forget", first)
    assert first not in lesson.pictures and len(lesson.pictures) == 7
    click("remove", groups[0])
    assert list(lesson.classes) == groups[1:] and len(lesson.pictures) == 4
    click("clear")
    assert len(lesson.classes) == 2 and not lesson.pictures
    click("examples")
    assert list(lesson.classes.values()) == ["Sandal", "Sneaker", "Ankle boot"] and lesson.ready
    assert all(len(net) == 18 for net in lesson._vectors.values())  # of forgotten pictures nothing is left


def test_residual_and_plain_features_meet_on_the_same_pictures(kept):
    taught_by_two()
    _, _, result = click("open", "twins")
    told = words(result)
    for name in ("ResNet-20", "plain-20", "ResNet-56", "plain-56"):
        assert f"{name}, Fashion-MNIST" in told
    lesson = kept.of("me")
    nets = [load(f"{kind}56_fashion_mnist") for kind in ("resnet", "plain")]
    both = [lesson.taught(net.ref, net, "ridge").fit.correct for net in nets]
    assert re.search(rf"Depth 56: {both[0]} of your 8 pictures .* {both[1]} with", told)
    assert "one seed each" in told
    _, _, result = click("open", "twins")
    assert "Depth 56" not in result


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("both", "key"), [((30, 28, 18, 11, 1), "residual net's features serve"),
                                           ((30, 18, 28, 1, 11), "plain net's features serve"),
                                           ((30, 28, 27, 2, 1), "does not tell them apart")])
def test_the_verdict_turns_with_the_counts(both, key, lang):
    told = verdict_words(56, Paired(*both), lang)
    assert all(str(number) in told for number in (56, *both)) and (lang == "zh" or key in told)


def test_a_net_of_the_hub_is_fetched_and_then_taught(kept, tmp_path):
    taught_by_two()
    view = TeachView("me/small")
    with StandInHub() as hub, pointed_at(hub, tmp_path):
        hub.add("me/small", {file.name: file for file in (WEIGHTS / NET).glob("*.*") if file.suffix != ".csv"})
        *fetching, (message, lesson, result) = show_lesson(visitor(), *held(view))
    assert fetching and all("me/small" in step[2] for step in fetching)
    assert message == "" and lesson.count("<li>") == 8 and "features of me/small" in result


def test_a_net_that_cannot_be_had_keeps_the_lesson(kept, tmp_path):
    taught_by_two()
    with pointed_at("http://127.0.0.1:9", tmp_path):
        message, *rest = open_lesson(visitor(), *held(TeachView("owner/name")))
        assert "Hub cannot be reached" in message and rest == [gr.skip()] * 2
        _, _, result = click("open", "twins", view=TeachView("owner/name"))
    assert "not here yet" in result and len(kept.of("me").pictures) == 8
    message, *_ = open_lesson(visitor(), "/etc/passwd", "ridge")
    assert 'role="alert"' in message and "/etc/passwd" in message


def test_sessions_do_not_see_each_other(kept):
    taught_by_two("one")
    _, lesson, _ = open_lesson(visitor("other"), *held(VIEW))
    assert lesson.count("<li>") == 0 and len(kept.of("one").pictures) == 8


def test_lessons_are_forgotten_by_age_and_by_size(kept):
    taught_by_two()
    lesson = kept.of("me")
    assert lesson.nbytes > 8 * 64 * 4
    small = Lessons(limit=lesson.nbytes)
    small.keep("me", lesson)
    small.keep("other", lesson)
    assert small.by_key(lesson.key) is lesson and not small.of("me").pictures and small.of("other") is lesson
    short = Lessons(seconds=0.05, sweep=0.1)
    short.keep("me", lesson)
    assert short.of("me") is lesson
    deadline = time.monotonic() + 20
    while short._kept.keys() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert short._kept.keys() == [] and short.by_key(lesson.key) is None


def test_who_has_no_session_is_kept_nowhere(kept):
    open_lesson(visitor(""), *held(VIEW))
    assert not kept._kept.keys()


def test_what_comes_late_of_a_visitor_who_left_is_not_kept(kept):
    taught_by_two()
    lesson = kept.of("me")
    kept.forget("me")
    kept.keep("me", lesson)
    assert kept.by_key(lesson.key) is None and not kept.of("me").pictures


def test_photographs_in_colour_are_taken_too(kept):
    view = TeachView()
    open_lesson(visitor(), *held(view))
    group = next(iter(kept.of("me").classes))
    photo = decode(photo_file("cat"))[:, :240, :240]
    _, lesson, _ = send(group, [{"name": "cat", "data": encoded(packed(photo, "JPEG"))}], view)
    assert lesson.count("data:image/jpeg") == 1
