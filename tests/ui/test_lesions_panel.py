import csv
from math import comb

import gradio as gr
import pytest

from resnet.hub.load import bundled, load
from resnet.lab.images import images_for
from resnet.lab.twins import all_twins
from resnet.surgery import Lesion, lesioned
from resnet.training.evaluate import evaluate
from resnet.ui.compare.lesions import PANEL, SHOWS, LesionsView
from resnet.util.text import text
from tests.ui.asking import ask, attached, changed, held, held_with, words

DEFAULT = LesionsView()


def shown(view: LesionsView, query: str = "") -> tuple:
    message, *parts, link = ask(PANEL.show, held(view), query)
    assert message == "" and link.startswith("tab=compare&panel=lesions")
    return tuple(parts)


def record(name: str, file: str = "lesions.csv") -> list[dict]:
    """The rows of a net's record, read without our own reader."""
    with open(f"weights/{name}/{file}", newline="") as lines:
        return list(csv.DictReader(lines))


def markers(figure) -> dict[str, dict]:
    """Of each named trace with points: {(stage, block): error}."""
    return {trace.name: dict(zip(zip(*trace.x, strict=True), trace.y, strict=True))
            for trace in figure.data if trace.name and trace.x[0] is not None and len(trace.x) == 2}


@pytest.mark.parametrize("operation", ["drop", "halve", "swap"])
def test_a_dot_per_recorded_lesion(operation):
    heading, figure, below = shown(LesionsView(show=operation))
    for title, name in (("ResNet-20", "resnet20_fashion_mnist"), ("plain-20", "plain20_fashion_mnist")):
        rows = [row for row in record(name) if row["operation"] == operation and row["n"] == "10000"]
        expected = {tuple(row["blocks"].split(".")): float(row["error"]) for row in rows}
        assert markers(figure)[title] == expected and len(expected) >= 4
        assert f"{max(expected.values()):.3g} %" in words(heading)
    assert "10,000 test images" in below and "plain20_fashion_mnist/lesions.csv" in below


def test_blocks_that_halve_the_map_are_marked_and_plain_ones_have_no_dot_there():
    figure = shown(DEFAULT)[1]
    residual = next(trace for trace in figure.data if trace.name == "ResNet-20")
    marked = [block for block, symbol in zip(zip(*residual.x, strict=True), residual.marker.symbol, strict=True)
              if symbol == "diamond"]
    assert marked == [("layer2", "0"), ("layer3", "0")]
    assert not set(marked) & set(markers(figure)["plain-20"])


def test_several_at_random_are_means_over_the_recorded_choices():
    heading, figure, below = shown(LesionsView(show="several"))
    rows = [row for row in record("resnet20_fashion_mnist") if row["n"] == "2000" and row["operation"] == "drop"]
    trace = next(trace for trace in figure.data if trace.name == "ResNet-20")
    for count, mean, high in zip(trace.x[1:], trace.y[1:], trace.error_y.array[1:], strict=True):
        errors = [float(row["error"]) for row in rows if len(row["blocks"].split("+")) == count]
        assert mean == pytest.approx(sum(errors) / len(errors)) and mean + high == pytest.approx(max(errors))
    assert list(trace.x) == [0, 1, 2, 3, 4, 5, 6, 7] and "2,000 test images" in below


def test_paths_are_the_record():
    heading, figure, below = shown(LesionsView(show="paths"))
    rows = record("resnet20_fashion_mnist", "paths.csv")
    counts, magnitudes, products = (list(trace.y) for trace in figure.data)
    assert counts == [comb(9, k) for k in range(10)] and magnitudes == [float(row["magnitude"]) for row in rows]
    assert products == pytest.approx([float(row["product"]) for row in rows], rel=1e-4)
    assert "512 paths" in words(heading)
    assert ("carries more" in words(heading)) == (magnitudes[-1] > magnitudes[0])


@pytest.mark.slow
def test_a_lesion_of_ones_own_is_measured():
    view = LesionsView(blocks=("layer3.1", "layer1.1"), items=300)
    heading, figure, below = shown(view)
    rings = [trace for trace in figure.data if trace.marker.symbol == "circle-open"]
    assert len(rings) == 2
    loaded = load("resnet20_fashion_mnist")
    score = evaluate(lesioned(loaded.model, Lesion(dropped=view.blocks)), images_for(loaded.info, "test", 300))
    assert rings[0].y[0] == pytest.approx(score.error) and f"{score.error:.3g} %" in words(heading)
    assert "first 300 test images" in words(heading) and "layer1.1 + layer3.1" in words(below)


def test_a_plain_net_without_a_needed_block_is_told_and_the_other_measured():
    heading = words(shown(LesionsView(blocks=("layer2.0",), items=300))[0])
    assert "plain-20 does not run without a block that changes the shape" in heading and "(whole:" in heading


@pytest.mark.parametrize("show", SHOWS)
def test_the_csv_and_the_table_hold_the_charts_numbers(show):
    _, figure, below = shown(LesionsView(show=show))
    (content,) = attached(below).values()
    rows = list(csv.DictReader(content.splitlines()))
    key = "magnitude" if show == "paths" else "error"
    values = {float(row[key]) for row in rows}
    drawn = {y for trace in figure.data if trace.y[0] is not None for y in trace.y}
    if show in ("drop", "halve", "swap"):
        assert drawn <= values and {row["net"] for row in rows} == {"resnet20_fashion_mnist", "plain20_fashion_mnist"}
    for value in list(values)[:5]:
        assert f"{value:.4g}" in words(below)


@pytest.mark.parametrize("key", list(all_twins()))
@pytest.mark.parametrize("show", ["drop", "paths"])
def test_every_pair_that_ships_is_shown_or_said_to_be_missing(key, show):
    heading, figure, below = shown(LesionsView(nets=key, show=show))
    assert (figure is None) == (below == "") and (figure is not None or all_twins()[key].title in words(heading))


def test_in_chinese():
    heading, figure, below = shown(LesionsView(show="several"), "lang=zh")
    assert text("compare.panels.lesions", "zh") in heading and text("compare.download", "zh") in below
    assert figure.layout.yaxis.title.text == text("compare.lesions.error_axis", "zh")


def test_other_nets_have_other_blocks():
    some = LesionsView(blocks=("layer1.1",), items=300)
    view, updates = changed(PANEL, some, nets="56_fashion_mnist")
    assert "layer1.8" in [name for _, name in updates["blocks"]["choices"]] and updates["blocks"]["value"] == []
    assert view == LesionsView("56_fashion_mnist", items=300)
    update = changed(PANEL, some, nets="20_cifar10")[1]["blocks"]
    assert not update["interactive"] and update["value"] == []
    for odd in (None, [], 5, "zebra"):
        message, *rest = ask(PANEL.follow("nets"), held_with(some, nets=odd))
        assert words(message) and all(value == gr.skip() for value in rest)


@pytest.mark.parametrize("changes, part", [
    ({"nets": "9_imagenet"}, "9_imagenet"), ({"show": "melt"}, "melt"), ({"items": 10_000}, "10000"),
    ({"items": None}, ""), ({"blocks": ["<b>x"]}, "&lt;b&gt;x"), ({"blocks": 5}, "5"), ({"nets": None}, ""),
    ({"nets": "20_cifar10", "blocks": ["layer1.0"]}, "CIFAR-10"),
])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_bad_controls_fill_the_message_line_only(changes, part, lang, caplog):
    message, *rest = ask(PANEL.show, held_with(DEFAULT, **changes), f"lang={lang}")
    assert part in message and message.count("<p") == 1 and not caplog.records
    assert len(rest) == 4 and all(value == gr.skip() for value in rest)


def test_twins_are_pairs_of_one_depth_and_data_set():
    for pair in all_twins().values():
        configs = [bundled()[name].architecture for name in pair.names]
        plain = [config.shortcut == "none" for config in configs]
        assert {config.depth for config in configs} == {pair.depth} and len(pair.names) <= 2
        assert plain == sorted(plain)
