import csv
from dataclasses import replace

import gradio as gr
import pytest

from resnet.lab import responses as lab
from resnet.lab.responses import nets
from resnet.lab.responses import responses as measure
from resnet.ui.compare import responses
from resnet.ui.compare.responses import PANEL, ResponsesView
from resnet.ui.compare.responses_summary import example_html, lead, numbers
from resnet.ui.page.sharing import from_query, parse_controls, to_query
from resnet.util.text import text
from tests.ui import asking
from tests.ui.asking import ask, asked, attached, changed, held, held_with, words

TWINS = ("plain20_fashion_mnist", "resnet20_fashion_mnist")
VIEW = ResponsesView(items=100, names=TWINS)
ALL = ResponsesView("fashion_mnist")


def steps(values: list, query: str = "") -> list[tuple]:
    return asking.steps(PANEL, values, query)


def test_something_is_told_before_anything_is_measured(monkeypatch):
    monkeypatch.setattr(responses, "responses", lambda *_: pytest.fail("measured first"))
    message, heading, *rest = next(PANEL.show(asked(), *held(VIEW)))
    assert message == "" and "plain-20" in words(heading) and all(part == gr.skip() for part in rest)


@pytest.mark.parametrize("order", ["net", "ranked"])
def test_the_lines_are_the_measured_deviations(order):
    _, heading, figure, below, example, link = steps(held_with(VIEW, order=order))[-1]
    for trace, name in zip(figure.data, TWINS, strict=True):
        found = measure(name, 100)
        pairs = found.ranked if order == "ranked" else tuple(zip(found.layers, found.deviations, strict=True))
        assert tuple(zip(trace.customdata, trace.y, strict=True)) == pairs and list(trace.x) == list(range(1, 20))
        assert f"{found.mean:.3g}" in words(heading)
    rows = list(csv.DictReader(next(iter(attached(below).values())).splitlines()))
    assert len(rows) == 38 and float(rows[0]["deviation"]) == pytest.approx(measure(TWINS[0], 100).deviations[0],
                                                                                    rel=1e-5)


def made(title: str, mean: float) -> lab.Responses:
    kind, depth = title.split("-")
    return lab.Responses(title, title, kind == "plain", int(depth), 100, ("conv1",), (mean,))


def test_it_is_said_whether_the_order_is_that_of_figure_7():
    plain, shallow, deep = made("plain-20", 1.0), made("ResNet-20", 0.9), made("ResNet-56", 0.8)
    kind, depth = (text(f"compare.responses.holds_{comparison}", seeds="one seed each")
                   for comparison in ("kind", "depth"))
    softer, louder, alone = (text(f"compare.responses.lead_{how}") for how in ("softer", "louder", "alone"))
    assert lead([plain, shallow, deep], "en") == softer
    assert numbers([plain, shallow, deep], "en").startswith(f"{kind} {depth}")
    for mean in (0.895, 0.95):  # half a per cent less is no less
        told = numbers([plain, shallow, replace(deep, deviations=(mean,))], "en")
        assert told.startswith(f"{kind} Unlike in figure 7, ResNet-56 responds no less than ResNet-20")
    both = [plain, replace(shallow, deviations=plain.deviations)]
    loud = numbers(both, "en")
    assert "ResNet-20 responds no less than plain-20" in loud and kind not in loud and lead(both, "en") == louder
    for few in ([plain], [plain, deep], [shallow]):
        assert "figure 7" not in numbers(few, "en") and lead(few, "en") == alone


def test_the_bundled_twins_are_told_as_they_are():
    found = [measure(name, 100) for name in TWINS]
    assert numbers(found, "en").startswith(text("compare.responses.holds_kind", seeds="one seed each"))
    assert found[1].mean < 0.97 * found[0].mean


def test_no_net_asks_for_one():
    [(_, heading, figure, below, _, link)] = steps(held_with(VIEW, names=[]))
    assert text("compare.responses.none") in words(heading) and not figure.data and below == ""


@pytest.mark.parametrize("numbers, expected", [
    ((5, 5.1, 5.0), ("5.1 5 1.96 %", "0.1 0 100 %")),
    ((5, 5.1, 5.2), ("5.1 5.2 1.96 %", "0.1 0.2 100 %")),
    ((4, 5.1, 5.0), ("5.1 5 1.96 %", "1.1 1 9.09 %")),
    ((5, 5.0, 5.1), ("5 5.1 2 %", "0 0.1 from zero: no ratio")),
    ((5, 4.9, 5.0), ("4.9 5 2.04 %", "-0.1 0 100 %")),
])
def test_the_example_by_numbers(numbers, expected):
    told = words(example_html(*map(float, numbers), "en"))
    assert all(part in told for part in expected), told


@pytest.mark.parametrize("changes, part", [
    ({"order": "zebra"}, "zebra"), ({"items": 5}, "5"), ({"items": 10**7}, "10000000"), ({"names": 5}, "5"),
    ({"names": ["<b>x"]}, "&lt;b&gt;"), ({"names": ["resnet20_cifar10x"]}, "cifar10x"), ({"data": "zebra"}, "zebra"),
    ({"data": None}, ""), ({"data": "cifar10"}, "plain20_fashion_mnist"), ({"value": None}, ""),
    ({"goal": float("nan")}, "nan"), ({"moved": 1e30}, "1e")])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_bad_controls_fill_the_message_line_only(changes, part, lang, caplog):
    [(message, *rest)] = steps(held_with(VIEW, **changes), f"lang={lang}")
    assert part in message and message.count("<p") == 1 and not caplog.records
    assert len(rest) == 5 and all(value == gr.skip() for value in rest)


@pytest.mark.parametrize("view", [ResponsesView(), VIEW, ResponsesView(data="cifar10"),
                                  ResponsesView(order="ranked", moved=5.2), ResponsesView(names=())])
def test_a_view_is_its_link_and_back(view):
    query = to_query("compare", view, "responses")
    assert from_query(ResponsesView, dict(pair.split("=") for pair in query.split("&"))) == view
    assert parse_controls(ResponsesView, *held(view)) == view


def test_all_nets_of_a_data_set_are_the_default():
    assert ALL.names == tuple(nets()["fashion_mnist"])
    assert ResponsesView().names == tuple(nets()["cifar10"])
    assert to_query("compare", ResponsesView()) == "tab=compare"


def test_a_link_that_names_nets_has_their_data_set():
    assert ResponsesView(names=TWINS).data == "fashion_mnist"
    query = to_query("compare", ResponsesView(names=TWINS))
    assert "data=" not in query and from_query(ResponsesView, {"names": ",".join(TWINS)}).data == "fashion_mnist"
    assert to_query("compare", ALL) == "tab=compare&data=fashion_mnist"


def test_another_data_set_brings_its_own_nets():
    view, updates = changed(PANEL, VIEW, data="cifar10")
    assert updates["names"]["value"] == nets()["cifar10"] and not updates["items"]["visible"]
    assert view == ResponsesView("cifar10")
    assert changed(PANEL, view, data="fashion_mnist")[1]["items"]["visible"]
    for odd in ("zebra", ["cifar10"]):
        (message, *rest), = ask(PANEL.follow("data"), held_with(VIEW, data=odd))
        assert words(message) and all(value == gr.skip() for value in rest)


def test_recorded_nets_say_so():
    _, heading, figure, below, _, link = steps(held(ResponsesView("cifar10")))[-1]
    assert "10,000 CIFAR-10 test images" in words(below) and "do not ship" in words(below) and "data" not in link
    for trace, name in zip(figure.data, nets()["cifar10"], strict=True):
        assert tuple(trace.y) == measure(name, 100).deviations
