"""Other blocks: each view's numbers are the trace's and the papers'."""

import pytest

from resnet.papers.modules import CARDINALITIES
from resnet.ui.compare.modules import PANEL, ModulesView
from resnet.ui.compare.modules_summary import SHOWS, traced
from tests.ui.asking import ask, attached, held, words


def shown(show: str, link: str = "") -> list:
    message, *parts, query = ask(PANEL.show, held(ModulesView(show)), link)
    assert message == "" and query.startswith("tab=compare&panel=modules")
    return parts


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("show", SHOWS)
def test_each_view_has_a_sentence_numbers_and_a_file(show, lang):
    heading, chart, maps, below = shown(show, f"lang={lang}")
    assert words(heading) and f"modules-{show}.csv" in attached(below) and "arXiv" in words(below)
    assert ("svg" in maps) == (show == "inception") == (chart.get("visible") is False)


def test_inceptions_branches_stand_beside_residual_blocks():
    heading, _, maps, below = shown("inception")
    assert maps.count("<svg") == 3 and "128,049,152" in below and "163,328" in below
    for cost in ("128 M", "231.2 M", "218.4 M"):
        assert cost in words(heading)


def test_the_curve_is_table_3_at_our_costs():
    _, chart, _, below = shown("cardinality")
    assert [y for line in chart["value"].data for y in line.y] == [row.error for row in CARDINALITIES]
    assert list(chart["value"].layout.xaxis.ticktext) == ["1<br>× 64", "2<br>× 40", "4<br>× 24", "8<br>× 14",
                                                          "32<br>× 4"]
    for row in CARDINALITIES:
        assert f"{traced(row).macs / 1e9:.3f}" in below


def test_bars_are_what_is_left():
    [bars] = shown("factorised")[1]["value"].data
    assert [round(x) for x in bars.x] == [89, 72, 67, 29]


@pytest.mark.parametrize("show", ["zebra", "", None, 3])
def test_a_bad_choice_is_a_sentence(show):
    message, *_ = ask(PANEL.show, [show])
    assert words(message) and "went wrong" not in message
