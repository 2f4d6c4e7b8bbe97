"""Names beside discs: none covers another, at any width that the page has."""

from itertools import combinations

import pytest

from resnet.charts.accuracy import COSTS, HEIGHT, MARGIN, WIDTHS, Point, accuracy_chart
from resnet.charts.placing import Disc, name_box, overlap, place_names
from resnet.papers.released import RECIPES, released
from resnet.ui.compare.accuracy_summary import macs


def test_a_name_alone_stands_above_its_disc():
    assert place_names((Disc("ResNet-18", 0.5, 0.5, 10),), (600,), 400)[0].dy < -10


def test_a_name_at_the_edge_stays_inside():
    disc = Disc("ResNet-18", 1.0, 0.0, 5)
    left, top, right, bottom = name_box(disc, place_names((disc,), (600,), 400)[0], 600, 400)
    assert left >= 0 and top >= 0 and right <= 600 and bottom <= 400


def test_two_discs_on_one_spot_have_two_names():
    discs = (Disc("ResNet-152", 0.5, 0.5, 10), Disc("Wide ResNet-50-2", 0.5, 0.5, 10))
    one, other = place_names(discs, (600,), 400)
    assert overlap(name_box(discs[0], one, 600, 400), name_box(discs[1], other, 600, 400)) == 0


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("width", [*WIDTHS, 650, 1000])
def test_no_name_of_the_figure_covers_another(recipe, width):
    chart = accuracy_chart([Point(entry, macs(entry)) for entry in released(recipe)])
    height, (low, high) = HEIGHT - MARGIN["t"] - MARGIN["b"], chart.layout.yaxis.range
    boxes = []
    for note in chart.layout.annotations:
        place = (note.ax, note.ay) if note.showarrow else (note.xshift, -note.yshift)
        x = (note.x - COSTS[0]) / (COSTS[1] - COSTS[0]) * width + place[0]
        y = (high - note.y) / (high - low) * height + place[1]
        boxes.append((x - 3.5 * len(note.text), y - 7, x + 3.5 * len(note.text), y + 7))
    assert len(boxes) == len(released(recipe))
    assert all(overlap(*pair) == 0 for pair in combinations(boxes, 2))
