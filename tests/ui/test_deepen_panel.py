import csv

import gradio as gr
import pytest

from resnet.hub.load import load
from resnet.lab import deepen as lab
from resnet.lab.deepen import Moment
from resnet.lab.images import images_for
from resnet.training.evaluate import evaluate
from resnet.ui.compare import deepen as panel
from resnet.ui.compare.deepen import DeepenView, pairs
from resnet.ui.compare.deepen_summary import lead, numbers, verdict
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
    monkeypatch.setattr(panel, "measured", lambda *_: pytest.fail("measured first"))
    message, heading, *rest = next(PANEL.show(asked(), *held(VIEW)))
    assert message == "" and text("compare.deepen.arm_zero") in words(heading)
    assert all(part == gr.skip() for part in rest)


@pytest.mark.parametrize("key, after", lab.PLACES)
@pytest.mark.parametrize("count", [1, 8])
def test_the_recorded_views_are_drawn_at_once(key, after, count, monkeypatch):
    monkeypatch.setattr(lab, "_measure", lambda _: pytest.fail("measured"))
    (only,) = steps(held(DeepenView(key, after, count)))
    assert len(only[2].data) == 4 and all(len(trace.x) == count + 1 for trace in only[2].data)
    assert DeepenView().after == "layer2.2" and (DeepenView().nets, "layer2.2") in lab.PLACES


@pytest.mark.slow
@pytest.mark.parametrize("insertion", [
    pytest.param(one, id=f"{one.arm} {one.seed}") for one in lab.recorded() if "20" in one.net])
def test_the_record_is_what_is_measured(insertion):
    for one, other in zip(lab.recorded()[insertion], lab._measure(insertion), strict=True):
        assert (one.inserted, one.n) == (other.inserted, other.n)
        assert one.error == pytest.approx(other.error, abs=0.4)  # an answer or two that hang by a float
        assert one.loss == pytest.approx(other.loss, rel=1e-3)


@pytest.mark.slow
def test_the_chart_starts_at_the_trained_nets_and_only_fresh_blocks_change_them(drawn):
    _, heading, figure, drawing, below, link = drawn
    zero, shortcut, dirac, fresh = (list(trace.y) for trace in figure.data)
    for start, name in ((zero, "resnet20_fashion_mnist"), (fresh, "plain20_fashion_mnist")):
        loaded = load(name)
        assert start[0] == pytest.approx(evaluate(loaded.model, images_for(loaded.info, "test", 200)).error)
    assert zero == [zero[0]] * 3 and dirac == [fresh[0]] * 3 and min(fresh[1:]) > 40 and shortcut[0] == zero[0]
    assert link == "tab=compare&panel=deepen&after=layer3.2&count=2&items=200"
    whisker = figure.data[3].error_y
    assert f"without it {fresh[1] - whisker.arrayminus[1]:.3g}–{fresh[1] + whisker.array[1]:.3g} %" in words(heading)
    assert text("compare.deepen.start_both") in words(heading)


def moments(*errors: float) -> list[Moment]:
    return [Moment("any", inserted, 500, error, 1, 0, 0, 0) for inserted, error in enumerate(errors)]


@pytest.mark.parametrize("changes, start, shortcut", [
    ({}, "both", "softens"),
    ({"dirac": [moments(9, 50, 50)]}, "residual", "softens"),
    ({"zero": [moments(6, 50, 50)]}, "plain", "softens"),
    ({"zero": [moments(6, 50, 50)], "dirac": [moments(9, 50, 50)]}, "none", "softens"),
    ({"shortcut": [moments(6, 7, 95), moments(6, 8, 85)]}, "both", "delays"),
    ({"shortcut": [moments(6, 7, 70), moments(6, 92, 85)]}, "both", "nothing"),
    ({"shortcut": [moments(6, 6, 6.2), moments(6, 6.1, 6.4)]}, "both", "free"),
])
def test_the_verdict_follows_the_moments(changes, start, shortcut):
    found = {"zero": [moments(6, 6, 6)], "shortcut": [moments(6, 7, 40), moments(6, 8, 50)],
             "dirac": [moments(9, 9, 9)], "fresh": [moments(9, 90, 91), moments(9, 89, 88)]} | changes
    assert verdict(found) == (start, shortcut)
    told = lead(found, "en")
    assert text(f"compare.deepen.start_{start}") in told and text(f"compare.deepen.shortcut_{shortcut}") in told
    if shortcut == "softens":
        second = numbers(found, 20, "en")
        assert "7–8 % error after one, 40–50 % after 2; without it 89–90 % and 88–91 %" in second
        assert "2 seeds" in second


@pytest.mark.slow
def test_the_classes_are_drawn_at_the_measured_distances(drawn):
    _, _, _, drawing, below, _ = drawn
    rows = list(csv.DictReader(next(iter(attached(below).values())).splitlines()))
    largest = max(float(row["distance"]) for row in rows)
    residual, plain = drawing.split("<figure")[1:]
    f = (92.0, 112.0)
    assert _reaches(residual, f) == [0, 0, 0] and residual.count('class="class"') == plain.count('class="class"') == 3
    expected, rings = ([250 * float(row["distance"]) / largest for row in rows
                        if row["arm"] == arm and row["seed"] == "0"] for arm in ("fresh", "shortcut"))
    assert [float(part.split('"')[1]) - f[0] for part in residual.split('class="ring" ')[1:]] == pytest.approx(
        rings[1:], abs=0.1)
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
    assert [(row["arm"], row["seed"], row["inserted"], row["n"]) for row in rows] == [
        (arm, seed, str(count), "200") for arm, seeds in (("zero", "0"), ("shortcut", "01"), ("dirac", "0"),
                                                          ("fresh", "01")) for seed in seeds for count in range(3)]
    assert all(f"{float(row['loss']):.4g}" in words(below) for row in rows)
    assert "first 200 test images" in words(below) and "250 training images" in words(below)


def test_another_count_measures_nothing_again(drawn, monkeypatch):
    monkeypatch.setattr(lab, "moments", lambda *_: pytest.fail("measured again"))
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
