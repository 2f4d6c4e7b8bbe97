"""The surface panel's path of training and curvature, from made records."""

import csv
import math
from dataclasses import replace
from html import unescape

import pytest

from resnet.hub.load import bundled
from resnet.lab import trainings as lab
from resnet.lab.curvature import Bend
from resnet.lab.plane import NORMS
from resnet.lab.trainings import Plane, Training, seeds, sharpness, twins
from resnet.lab.weight_path import Step
from resnet.ui.compare.surface import PANEL, SurfaceView
from resnet.util.errors import InputError
from resnet.util.text import text
from tests.ui.asking import ask, attached, changed, figure_of, words

RECIPE = {"items": 10_000, "epochs": 2, "lr": 0.2, "batch": 128}


def made(kind: str, seed: int, eigenvalue: float, share: float = 0.6) -> Training:
    """A straight path over a bowl; the eigenvalue at its end, a tenth of it before."""
    info = replace(bundled()[f"{kind}20_fashion_mnist"], name=f"{kind}20_seed{seed}", recipe=RECIPE | {"seed": seed})
    steps = tuple(Step(epoch, 2.0 - epoch, 0.0, 0.1 * epoch, share, 0.2, 0.5, 0.15) for epoch in range(3))
    ticks = (-1.0, 0.0, 1.0, 2.0, 3.0)
    planes = {norm: Plane(ticks, ticks, tuple(tuple(base * math.exp(x + y * y) for y in ticks) for x in ticks), 100,
                          "fp32") for norm, base in zip(NORMS, (0.1, 0.2), strict=True)}
    bends = tuple(Bend(epoch, norm, 50, "ab12", eigenvalue * scale * (1.0 if epoch == 2 else 0.1), 9, 0.02, 30.0)
                  for epoch in (2, 0, 1) for norm, scale in zip(NORMS, (1.0, 2.0), strict=True))
    return Training(info, steps, planes, bends)


MADE = (made("plain", 0, 90.0, 0.7), made("plain", 1, 80.0), made("resnet", 0, 20.0), made("resnet", 1, 30.0))


@pytest.fixture(autouse=True)
def made_trainings(monkeypatch):
    monkeypatch.setattr(lab, "recorded", lambda: MADE)


def shown(show: str, run: int = 0, scale: str = "log", query: str = "") -> tuple:
    message, heading, *charts, below, link = ask(PANEL.show, [show, "", "", -1, run, scale], query)
    assert message == "" and f"show={show}" in link
    return heading, *map(figure_of, charts), below


def test_the_path_is_drawn_over_the_heights_first_as_training_has_them():
    _, *charts, _ = shown("path", run=1)
    assert len({(chart.data[0].zmin, chart.data[0].zmax) for chart in charts}) == 1
    for chart, (norm, one) in zip(charts, [(norm, one) for norm in reversed(NORMS) for one in (MADE[1], MADE[3])],
                                  strict=True):
        line = chart.data[1]
        assert list(line.x) == [2.0, 1.0, 0.0] and list(line.customdata) == [0, 1, 2]
        assert chart.data[0].z[0][4] == pytest.approx(math.log10(one.planes[norm].losses[4][0]))
        assert one.title in chart.layout.annotations[0].text and "60 %" in chart.layout.xaxis.title.text
        assert text(f"compare.surface.drawn_{norm}") in chart.layout.annotations[0].text


def test_the_paths_sentence_has_its_control(monkeypatch):
    """All seeds' shares, and those of the random walk; it turns where the walk is as flat."""
    heading, *_, below = shown("path")
    assert "80–90 %" in words(heading) and "65 % of a random walk" in words(heading)
    assert "flatter than chance" in words(heading)
    monkeypatch.setattr(lab, "recorded", lambda: tuple(
        replace(one, steps=tuple(replace(step, walk_x=0.8) for step in one.steps)) for one in MADE))
    assert "says nothing" in words(shown("path")[0])
    rows = list(csv.DictReader(attached(below)["path-seed0.csv"].splitlines()))
    assert len(rows) == 6 and rows[0]["net"] == "plain-20" and rows[2]["off"] == "0.2"
    assert "first 10,000 training images of Fashion-MNIST" in words(below) and "1712.09913" in below


def test_curvature_has_a_figure_for_each_treatment_and_a_line_for_each_training():
    _, fixed, own, *rest, below = shown("curvature")
    assert rest == [None, None]
    for figure, norm, scale in ((fixed, "fixed", 1.0), (own, "reestimated", 2.0)):
        assert figure.layout.yaxis.type == "log" and len(figure.data) == 4
        assert list(figure.data[0].x) == [0, 1, 2] and figure.data[0].y[-1] == 90.0 * scale
        assert len({(line.line.color, line.line.dash) for line in figure.data}) == 4
        assert text(f"compare.surface.bent_{norm}") == figure.layout.title.text
    rows = list(csv.DictReader(attached(below)["curvature.csv"].splitlines()))
    assert len(rows) == 24 and {row["seed"] for row in rows} == {"0", "1"}


@pytest.mark.parametrize("ends, sharper", [
    ({"plain": (90, 80), "resnet": (20, 30)}, "plain"), ({"plain": (9, 8), "resnet": (20, 30)}, "residual"),
    ({"plain": (90, 25), "resnet": (20, 30)}, ""), ({"plain": (90,), "resnet": (20,)}, ""),
    ({"plain": (90, 80), "resnet": (20,)}, "")])
def test_who_is_sharper_is_what_all_seeds_say_and_one_seed_says_nothing(monkeypatch, ends, sharper):
    found = tuple(made(kind, seed, value) for kind, values in ends.items() for seed, value in enumerate(values))
    monkeypatch.setattr(lab, "recorded", lambda: found)
    assert all(sharpness(found, norm).sharper == sharper for norm in NORMS)
    said = words(shown("curvature")[0])
    names = {"plain": "around plain-20", "residual": "around ResNet-20"}
    one = min(map(len, ends.values())) == 1
    assert said.count("one seed each") == 2 * one
    assert said.count("no difference that the seeds agree on") == (0 if sharper or one else 2)
    assert all((name in said) == (kind == sharper) for kind, name in names.items())


def test_twins_are_those_of_one_seed():
    assert seeds(MADE[:3]) == (0,) and seeds(MADE) == (0, 1) and seeds(MADE[:2]) == ()
    assert twins(MADE, 1) == (MADE[1], MADE[3])


def test_controls_follow_what_is_drawn():
    view, updates = changed(PANEL, SurfaceView(), show="path")
    assert view.show == "path" and updates["run"]["visible"] and not updates["nets"]["visible"]
    assert not updates["norm"]["visible"] and updates["scale"]["visible"]
    back, updates = changed(PANEL, replace(view, scale="linear"), show="around")
    assert (back.show, back.scale) == ("around", "linear") and updates["norm"]["visible"]
    assert not changed(PANEL, view, show="curvature")[1]["scale"]["visible"]


def test_without_trainings_there_is_only_the_surface(monkeypatch):
    monkeypatch.setattr(lab, "recorded", tuple)
    assert SurfaceView().show == "around"
    for show in ("path", "curvature"):
        with pytest.raises(InputError):
            SurfaceView(show=show)


@pytest.mark.parametrize("show", ["path", "curvature"])
def test_in_chinese(show):
    heading, *_, below = shown(show, query="lang=zh")
    assert "实测" in unescape(below) and "Fashion-MNIST 的前 10,000 张" in unescape(below)
    assert {"path": "路径方差", "curvature": "损失弯曲"}[show] in words(heading)
