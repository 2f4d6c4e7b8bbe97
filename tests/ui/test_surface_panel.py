import csv
import math
from html import unescape

import gradio as gr
import pytest

from resnet.hub.load import bundled
from resnet.lab.surface import Slice, Surface
from resnet.ui.compare import surface as panel
from resnet.ui.compare.surface import PANEL, SurfaceView, default_pair
from resnet.ui.compare.surface_summary import ring, share_below
from resnet.util.text import text
from tests.ui.asking import ask, attached, figure_of, held_with, words

TWINS = ("plain20_fashion_mnist", "resnet20_fashion_mnist")
KEY = "20_fashion_mnist"


def made(name: str, steepness: float) -> Surface:
    """A bowl over 5 x 5 points: the loss is 0.1 e^(steepness distance²), higher along d1 than along d2."""
    where = Slice(grid=5, span=1.0)
    losses = tuple(tuple(0.1 * math.exp(steepness * (2 * a * a + b * b)) for b in where.ticks) for a in where.ticks)
    return Surface(bundled()[name], where, "fp32", losses, losses)


SURFACES = {TWINS[0]: made(TWINS[0], 4.0), TWINS[1]: made(TWINS[1], 1.0)}


@pytest.fixture(autouse=True)
def made_surfaces(monkeypatch):
    monkeypatch.setattr(panel, "recorded", lambda: SURFACES)


def shown(scale: str = "log", query: str = "") -> tuple:
    message, heading, *charts, below, link = ask(PANEL.show, [KEY, scale], query)
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
    monkeypatch.setattr(panel, "recorded", lambda: SURFACES | {TWINS[0]: again})
    for scale in ("log", "linear"):
        _, plain, *_ = shown(scale)
        assert plain.data[0].z[0][0] is None and plain.data[0].z[4][4] is None and plain.data[0].z[2][2] is not None


def test_the_sentence_and_the_table_count_the_grids_points():
    heading, *_, below = shown()
    for name in TWINS:
        losses = [loss for row in SURFACES[name].losses for loss in row]
        share = 100 * sum(loss < math.log(10) for loss in losses) / 25
        assert f"{share:.3g} %" in words(heading) and f"{share:.4g}" in words(below)
    assert text("compare.surface.limits") in unescape(words(below)) and "1712.09913" in below and "21×21" not in below
    edge = sorted(value for i, row in enumerate(SURFACES[TWINS[0]].losses) for j, value in enumerate(row)
                  if i in (0, 4) or j in (0, 4))
    assert ring(SURFACES[TWINS[0]], 1.0) == edge[8] and ring(SURFACES[TWINS[0]], 0.0) == 0.1
    assert share_below(SURFACES[TWINS[0]], 0.0) == 0


def test_the_csv_holds_every_point_of_both():
    rows = list(csv.DictReader(attached(shown()[-1])[f"surface-{KEY}.csv"].splitlines()))
    assert len(rows) == 50 and {row["net"] for row in rows} == {"plain-20", "ResNet-20"}
    point, = (row for row in rows if (row["net"], row["a"], row["b"]) == ("ResNet-20", "1", "-0.5"))
    assert float(point["loss"]) == pytest.approx(SURFACES[TWINS[1]].losses[4][1], rel=1e-5)


def test_twins_over_different_slices_are_not_a_pair(monkeypatch):
    other = Surface(SURFACES[TWINS[0]].info, Slice(grid=5, span=0.5), "fp32", *[SURFACES[TWINS[0]].losses] * 2)
    monkeypatch.setattr(panel, "recorded", lambda: SURFACES | {TWINS[0]: other})
    assert default_pair() == ""


def test_without_surfaces_the_panel_says_how_they_are_made(monkeypatch):
    monkeypatch.setattr(panel, "recorded", dict)
    message, heading, *charts, below, link = ask(PANEL.show, ["", "log"])
    assert message == "" and text("compare.surface.none") in unescape(words(heading)) and below == ""
    assert not any(map(figure_of, charts)) and len(charts) == 4


def test_in_chinese():
    heading, plain, *_, below = shown(query="lang=zh")
    assert text("compare.surface.limits", "zh") in below and "训练好的网络" in heading
    assert plain.layout.xaxis.title.text == text("compare.surface.a", "zh")


@pytest.mark.parametrize("changes", [{"nets": "zebra"}, {"nets": 5}, {"nets": "110_cifar10"}, {"scale": "<b>"}])
def test_bad_knobs_fill_the_message_line_only(changes, caplog):
    message, *rest = ask(PANEL.show, held_with(SurfaceView(), **changes))
    assert message.count("<p") == 1 and "<b>" not in message and not caplog.records
    assert len(rest) == 7 and all(value == gr.skip() for value in rest)
