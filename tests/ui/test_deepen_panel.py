import csv

import gradio as gr
import pytest

from resnet.hub.load import load
from resnet.lab.images import images_for
from resnet.training.evaluate import evaluate
from resnet.ui.compare import deepen
from resnet.ui.compare.deepen import DeepenView, pairs
from resnet.ui.compare.grow import PANEL
from resnet.util.text import text
from tests.ui import asking
from tests.ui.asking import ask, asked, attached, changed, held, held_with, words

VIEW = DeepenView(after="layer3.2", count=2, items=200)


def steps(values: list, query: str = "") -> list[tuple]:
    return asking.steps(PANEL, values, query)


@pytest.fixture(scope="module")
def drawn() -> tuple:
    return steps(held(VIEW))[-1]


def test_something_is_told_before_anything_is_measured(monkeypatch):
    monkeypatch.setattr(deepen, "measured", lambda *_: pytest.fail("measured first"))
    message, heading, *rest = next(PANEL.show(asked(), *held(VIEW)))
    assert message == "" and text("compare.deepen.arm_zero") in words(heading)
    assert all(part == gr.skip() for part in rest)


@pytest.mark.slow
def test_the_chart_starts_at_the_trained_nets_and_only_fresh_blocks_change_them(drawn):
    _, heading, figure, drawing, below, link = drawn
    residual, fresh, dirac = (list(trace.y) for trace in figure.data)
    for start, name in ((residual, "resnet20_fashion_mnist"), (fresh, "plain20_fashion_mnist")):
        loaded = load(name)
        assert start[0] == pytest.approx(evaluate(loaded.model, images_for(loaded.info, "test", 200)).error)
    assert residual == [residual[0]] * 3 and dirac == [fresh[0]] * 3 and min(fresh[1:]) > 40
    assert link == "tab=compare&panel=deepen&after=layer3.2&count=2&items=200"
    assert f"{fresh[2]:.3g} % after" in words(heading)


@pytest.mark.slow
def test_the_classes_are_drawn_at_the_measured_distances(drawn):
    _, _, _, drawing, below, _ = drawn
    rows = list(csv.DictReader(next(iter(attached(below).values())).splitlines()))
    largest = max(float(row["distance"]) for row in rows)
    residual, plain = drawing.split("<figure")[1:]
    f = (92.0, 112.0)
    assert _reaches(residual, f) == [0, 0, 0] and residual.count('class="class"') == plain.count('class="class"') == 3
    expected = [250 * float(row["distance"]) / largest for row in rows if row["arm"] == "fresh"]
    assert sorted(_reaches(plain, f)) == pytest.approx(sorted(expected), abs=0.2)
    assert 'class="ring" cx="92.0"' in plain and "aria-label" in plain


def _reaches(figure: str, f: tuple[float, float]) -> list[float]:
    """How far a drawing's dots are from f."""
    dots = [part.split('"') for part in figure.split('class="start" ')[1:]]
    return [((float(dot[1]) - f[0]) ** 2 + (float(dot[3]) - f[1]) ** 2) ** 0.5 for dot in dots]


@pytest.mark.slow
def test_the_table_and_the_csv_hold_every_moment(drawn):
    below = drawn[4]
    rows = list(csv.DictReader(next(iter(attached(below).values())).splitlines()))
    assert [(row["arm"], row["inserted"], row["n"]) for row in rows] == [
        (arm, str(count), "200") for arm in ("zero", "fresh", "dirac") for count in range(3)]
    assert all(f"{float(row['loss']):.4g}" in words(below) for row in rows)
    assert "first 200 test images" in words(below) and "250 training images" in words(below)


def test_another_count_measures_nothing_again(drawn, monkeypatch):
    monkeypatch.setattr(deepen, "moments", lambda *_: pytest.fail("measured again"))
    figure = steps(held_with(VIEW, count=1), "lang=zh")[-1][2]
    assert len(figure.data[0].x) == 2 and figure.layout.xaxis.title.text == text("compare.deepen.inserted_axis", "zh")


def test_other_nets_have_other_blocks():
    for key in pairs():
        view, updates = changed(PANEL, VIEW, nets=key)
        update = updates["after"]
        assert view == DeepenView(nets=key, after=update["value"], count=2, items=200)
        assert update["value"] in [name for _, name in update["choices"]]
    for odd in (None, [], 5, "zebra"):
        (message, *rest), = ask(PANEL.follow("nets"), held_with(VIEW, nets=odd))
        assert words(message) and all(value == gr.skip() for value in rest)


@pytest.mark.parametrize("changes, part", [
    ({"nets": "20_cifar10"}, "20_cifar10"), ({"after": "layer9.9"}, "layer9.9"), ({"count": 0}, "0"),
    ({"count": 9}, "9"), ({"count": "many"}, "many"), ({"items": 10_000}, "10000"), ({"after": None}, ""),
    ({"nets": ["x"]}, ""),
])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_bad_controls_fill_the_message_line_only(changes, part, lang, caplog):
    (only,) = steps(held_with(VIEW, **changes), f"lang={lang}")
    message, *rest = only
    assert part in message and message.count("<p") == 1 and not caplog.records
    assert len(rest) == 5 and all(value == gr.skip() for value in rest)
