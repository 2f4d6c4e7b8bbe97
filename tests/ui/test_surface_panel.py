import csv
import math
import re
from html import unescape

import gradio as gr
import pytest

from resnet.hub.load import bundled
from resnet.lab import surfaces as lab
from resnet.lab.surface import Slice
from resnet.lab.surfaces import Surface, pairs
from resnet.ui.compare.surface import PANEL, SurfaceView, default_pair
from resnet.ui.compare.surface_summary import ring
from resnet.util.errors import InputError
from resnet.util.text import text
from tests.ui.asking import ask, attached, figure_of, held_with, words

TWINS = ("plain20_fashion_mnist", "resnet20_fashion_mnist")
KEY = "20_fashion_mnist"


def made(name: str, steepness: float, norm: str = "fixed", seed: int = 0, grid: int = 5) -> Surface:
    """A bowl over 5 x 5 points: the loss is 0.1 e^(steepness distance²), higher along d1 than along d2."""
    where = Slice(grid=grid, span=1.0, seed=seed, norm=norm)
    losses = tuple(tuple(0.1 * math.exp(steepness * (2 * a * a + b * b)) for b in where.ticks) for a in where.ticks)
    return Surface(bundled()[name], where, "fp32", losses, losses)


def both(plain: float, residual: float, **more) -> list[Surface]:
    return [made(TWINS[0], plain, **more), made(TWINS[1], residual, **more)]


# The plain net's bowl is the steeper one, unless batch norm is re-estimated.
MADE = [surface for seed in (0, 3) for norm, steep in (("fixed", (4.0, 1.0)), ("reestimated", (1.0, 4.0)))
        for surface in both(*steep, norm=norm, seed=seed)]
SURFACES = {name: next(one for one in MADE if one.info.name == name) for name in TWINS}


def hold(monkeypatch, surfaces) -> None:
    """These are what is recorded."""
    by_name = {name: {(one.slice.norm, one.slice.seed): one for one in surfaces if one.info.name == name}
               for name in TWINS}
    monkeypatch.setattr(lab, "recorded", lambda name: by_name.get(name, {}))


@pytest.fixture(autouse=True)
def made_surfaces(monkeypatch):
    hold(monkeypatch, MADE)


def shown(scale: str = "log", query: str = "", norm: str = "fixed", seed: int = 0) -> tuple:
    message, heading, *charts, below, link = ask(PANEL.show, ["around", KEY, norm, seed, -1, scale], query)
    assert message == "" and link.startswith("tab=compare&panel=surface")
    return heading, *map(figure_of, charts), below


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_both_nets_have_equal_axes_heights_and_colours(scale):
    _, plain, residual, plain_relief, residual_relief, _ = shown(scale)
    for one, other in ((plain, residual), (plain_relief, residual_relief)):
        assert one.data[0].x == other.data[0].x and one.data[0].y == other.data[0].y
        assert one.data[0].colorscale == other.data[0].colorscale
    assert (plain.data[0].zmin, plain.data[0].zmax) == (residual.data[0].zmin, residual.data[0].zmax)
    assert plain.data[0].contours == residual.data[0].contours
    assert plain_relief.layout.scene.zaxis.range == residual_relief.layout.scene.zaxis.range


def test_both_treatments_stand_side_by_side_unless_one_is_chosen():
    _, *charts, _ = shown(norm="both")
    assert [chart.data[0].type for chart in charts] == ["contour"] * 4
    assert len({str(chart.data[0].contours) for chart in charts}) == 1
    assert charts[0].data[0].z == charts[3].data[0].z != charts[1].data[0].z == charts[2].data[0].z
    assert [chart.data[0].type for chart in shown()[1:5]] == ["contour"] * 2 + ["surface"] * 2
    assert SurfaceView().norm == "both" and SurfaceView().seed == 0


@pytest.mark.parametrize("scale, height", [("log", math.log10(math.log(10))), ("linear", math.log(10))])
def test_the_thick_line_is_guessing(scale, height):
    for chart in shown(scale)[1:3]:
        assert chart.data[1].contours.start == chart.data[1].contours.end == pytest.approx(height, rel=1e-6)


def test_each_figure_says_the_share_inside_its_line():
    for chart, norm, name in zip(shown(norm="both")[1:5], ("fixed", "fixed", "reestimated", "reestimated"), TWINS * 2,
                                 strict=True):
        one, = (one for one in MADE if (one.slice.norm, one.slice.seed, one.info.name) == (norm, 0, name))
        assert f"{100 * one.share_below():.3g} % of points inside" in chart.layout.annotations[0].text


def test_heights_are_the_losses_with_d1_across_and_d2_upwards():
    _, plain, *_ = shown("log")
    losses = SURFACES[TWINS[0]].losses
    assert plain.data[0].x[4] == 1.0 and plain.data[0].z[0][4] == pytest.approx(math.log10(losses[4][0]))
    assert plain.data[0].z[2][2] == pytest.approx(-1.0) and plain.data[0].customdata[0][4] == losses[4][0]


def test_the_linear_scale_ends_at_ten_nats():
    _, plain, residual, *_ = shown("linear")
    assert max(map(max, SURFACES[TWINS[0]].losses)) > 10 == max(map(max, plain.data[0].z))
    assert residual.data[0].z[0][2] == SURFACES[TWINS[1]].losses[2][0]


def test_a_loss_that_is_no_number_is_a_hole(monkeypatch):
    broken = [list(row) for row in SURFACES[TWINS[0]].losses]
    broken[0][0], broken[4][4] = math.nan, math.inf
    surface = SURFACES[TWINS[0]]
    again = Surface(surface.info, surface.slice, "fp32", tuple(map(tuple, broken)), surface.errors)
    hold(monkeypatch, [again, *MADE[1:]])
    for scale in ("log", "linear"):
        _, plain, *_ = shown(scale)
        assert plain.data[0].z[0][0] is None and plain.data[0].z[4][4] is None and plain.data[0].z[2][2] is not None


@pytest.mark.parametrize("fixed, reestimated, said", [
    (2, 0, "depends on how batch norm is treated"), (2, 2, "ResNet-20 lies in the wider valley, however"),
    (0, 0, "plain-20 lies in the wider valley, however"), (1, 2, "disagree"),
    (2, None, "By the one treatment of batch norm that is recorded, ResNet-20"),
    (1, None, "neither net lies in the wider valley")])
def test_the_sentence_turns_with_the_records(monkeypatch, fixed, reestimated, said):
    """Each treatment with this many pairs of directions, of two, in which the residual net's region is larger."""
    hold(monkeypatch, [surface for norm, count in (("fixed", fixed), ("reestimated", reestimated)) if count is not None
                       for seed in (0, 3) for surface in both(*((4.0, 1.0) if seed / 3 < count else (1.0, 4.0)),
                                                              norm=norm, seed=seed)])
    heading = words(shown()[0])
    assert said in heading
    assert (f"The treatment decides in {int('depends' in said)} of 1" in heading) == (reestimated is not None)
    if fixed == 2:
        assert "around ResNet-20 in 2 of 2" in heading


def test_the_table_counts_the_grids_points():
    below = shown()[-1]
    for surface in MADE:
        losses = [loss for row in surface.losses for loss in row]
        share = sum(loss < math.log(10) for loss in losses) / 25
        assert f"{100 * share:.4g}" in words(below) and surface.share_below() == pytest.approx(share)
    assert len(re.findall("<tr>", below)) == 1 + len(MADE)
    assert text("compare.surface.limits") in unescape(words(below)) and "1712.09913" in below and "21×21" not in below
    edge = sorted(value for i, row in enumerate(SURFACES[TWINS[0]].losses) for j, value in enumerate(row)
                  if i in (0, 4) or j in (0, 4))
    assert ring(SURFACES[TWINS[0]], 1.0) == edge[8] and ring(SURFACES[TWINS[0]], 0.0) == 0.1
    assert SURFACES[TWINS[0]].share_below(0.0) == 0


def test_the_csv_holds_every_point_of_both():
    rows = list(csv.DictReader(attached(shown()[-1])[f"surface-{KEY}.csv"].splitlines()))
    assert len(rows) == 50 and {row["net"] for row in rows} == {"plain-20", "ResNet-20"}
    point, = (row for row in rows if (row["net"], row["a"], row["b"]) == ("ResNet-20", "1", "-0.5"))
    assert float(point["loss"]) == pytest.approx(SURFACES[TWINS[1]].losses[4][1], rel=1e-5)


def test_twins_over_different_slices_are_not_a_case(monkeypatch):
    hold(monkeypatch, [made(TWINS[0], 1.0), made(TWINS[1], 1.0, grid=7)])
    assert not pairs() and default_pair() == ""


def test_only_what_is_recorded_can_be_chosen(monkeypatch):
    hold(monkeypatch, [*both(4.0, 1.0), *both(4.0, 1.0, seed=5), *both(4.0, 1.0, seed=5, norm="reestimated")])
    assert SurfaceView().seed == 5 and SurfaceView(norm="fixed").seed == 0
    for changes in ({"norm": "both", "seed": 0}, {"norm": "reestimated", "seed": 0}, {"seed": 9}):
        with pytest.raises(InputError):
            SurfaceView(**changes)
    hold(monkeypatch, both(4.0, 1.0))
    assert SurfaceView().norm == "fixed"
    with pytest.raises(InputError):
        SurfaceView(norm="both")


def test_without_surfaces_the_panel_says_how_they_are_made(monkeypatch):
    hold(monkeypatch, [])
    message, heading, *charts, below, link = ask(PANEL.show, ["around", "", "", -1, -1, "log"])
    assert message == "" and text("compare.surface.none") in unescape(words(heading)) and below == ""
    assert not any(map(figure_of, charts)) and len(charts) == 4


def test_in_chinese():
    heading, plain, *_, below = shown(query="lang=zh")
    assert text("compare.surface.limits", "zh") in below and "批归一化" in heading
    assert plain.layout.xaxis.title.text == text("compare.surface.a", "zh")


@pytest.mark.parametrize("changes", [{"nets": "zebra"}, {"nets": 5}, {"nets": "110_cifar10"}, {"scale": "<b>"},
                                     {"norm": "<b>"}, {"seed": 99}, {"show": "<b>"}, {"run": 99}])
def test_bad_knobs_fill_the_message_line_only(changes, caplog):
    message, *rest = ask(PANEL.show, held_with(SurfaceView(), **changes))
    assert message.count("<p") == 1 and "<b>" not in message and not caplog.records
    assert len(rest) == 7 and all(value == gr.skip() for value in rest)
