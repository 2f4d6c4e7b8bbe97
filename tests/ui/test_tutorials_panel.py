"""What tutorials get wrong: each sentence is shown with its source, and its link opens a view that exists."""

import re
from urllib.parse import parse_qsl

import pytest

from resnet.hub.load import bundled
from resnet.tracing.breaks import where_it_breaks
from resnet.training.runs import series_of
from resnet.ui.compare.story import PANELS
from resnet.ui.compare.tutorials import CORRECTIONS, PANEL, TutorialsView
from resnet.ui.page.sharing import from_query
from resnet.ui.trace.view import TraceView
from tests.ui.asking import ask, held, words


def shown(lang: str = "en") -> str:
    message, heading, html, query = ask(PANEL.show, held(TutorialsView()), f"lang={lang}")
    assert message == "" and words(heading) and query == "tab=compare&panel=tutorials"
    return html


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_all_are_shown_with_a_source_and_a_place(lang):
    html = shown(lang)
    assert html.count("<li>") == html.count('class="source"') == len(CORRECTIONS)
    assert html.count("arXiv") == 7 and "{" not in html


@pytest.mark.parametrize("one", CORRECTIONS, ids=lambda one: one.name)
def test_the_link_opens_a_view_that_exists(one):
    link = next(link for link in re.findall(r'href="\?([^"]+)"', shown().replace("&amp;", "&"))
                if dict(parse_qsl(link)) == {**one.place, "lang": "en"})
    view = dict(parse_qsl(link))
    kind = TraceView if one.place["tab"] == "trace" else PANELS[one.place["panel"]].view
    opened = from_query(kind, view).whole()
    for key in view.keys() - {"tab", "panel", "lang"}:
        assert str(getattr(opened, key)) in (view[key], f"('{view[key]}',)"), key


def test_the_figures_are_the_records():
    told = words(shown())
    for name in ("d2l_resnet18_fashion_mnist", "resnet18_cifar10"):
        assert f"{100 * bundled()[name].results['test']['accuracy']:.1f} %" in told
        assert any(series.name == name for series in series_of(bundled()[name].data))
    assert "8 blocks, 2 in each of 4 stages" in told


def test_the_sizes_show_what_is_said_of_them():
    kinds = {size: {finding.kind for finding in where_it_breaks("resnet18", size)} for size in (32, 64, 80, 81, 96)}
    assert [size for size, found in kinds.items() if "flatten_formula" in found] == [80, 81]
    assert "rounds_up" in kinds[81]
