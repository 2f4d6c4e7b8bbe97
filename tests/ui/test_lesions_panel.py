import csv
from math import comb

import gradio as gr
import pytest
from torch.optim.swa_utils import update_bn

from resnet.data import normalise
from resnet.hub.load import bundled, load
from resnet.lab.images import images_for
from resnet.lab.lesions import FILES, Effect
from resnet.lab.twins import all_twins
from resnet.surgery import Lesion, lesioned, with_own_norms
from resnet.training.evaluate import evaluate
from resnet.ui.compare.lesions import PANEL, SHOWS, LesionsView
from resnet.ui.compare.lesions_findings import Findings
from resnet.ui.compare.lesions_summary import costs_of, lead, numbers, repairs
from resnet.util.text import sentences, text
from tests.ui.asking import ask, attached, changed, held, held_with, steps, words

DEFAULT = LesionsView()
SMALL = "20_fashion_mnist"


def shown(view: LesionsView, query: str = "") -> tuple:
    message, *parts, link = steps(PANEL, held(view), query)[-1]
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
    heading, figure, below = shown(LesionsView(SMALL, operation))
    for title, name in (("ResNet-20", "resnet20_fashion_mnist"), ("plain-20", "plain20_fashion_mnist")):
        rows = [row for row in record(name) if row["operation"] == operation and row["n"] == "10000"]
        expected = {tuple(row["blocks"].split(".")): float(row["error"]) for row in rows}
        assert markers(figure)[title] == expected and len(expected) >= 4
        assert f"{max(expected.values()):.3g} %" in words(heading)
    assert "10,000 test images" in below and "plain20_fashion_mnist/lesions.csv" in below


def test_blocks_that_halve_the_map_are_marked_and_plain_ones_have_no_dot_there():
    figure = shown(LesionsView(SMALL))[1]
    residual = next(trace for trace in figure.data if trace.name == "ResNet-20")
    marked = [block for block, symbol in zip(zip(*residual.x, strict=True), residual.marker.symbol, strict=True)
              if symbol == "diamond"]
    assert marked == [("layer2", "0"), ("layer3", "0")]
    assert not set(marked) & set(markers(figure)["plain-20"])


def test_several_at_random_are_means_over_the_recorded_choices():
    heading, figure, below = shown(LesionsView(SMALL, "several"))
    rows = [row for row in record("resnet20_fashion_mnist") if row["n"] == "2000" and row["operation"] == "drop"]
    trace = next(trace for trace in figure.data if trace.name == "ResNet-20")
    for count, mean, high in zip(trace.x[1:], trace.y[1:], trace.error_y.array[1:], strict=True):
        errors = [float(row["error"]) for row in rows if len(row["blocks"].split("+")) == count]
        assert mean == pytest.approx(sum(errors) / len(errors)) and mean + high == pytest.approx(max(errors))
    assert list(trace.x) == [0, 1, 2, 3, 4, 5, 6, 7] and "2,000 test images" in below


def test_paths_are_the_record():
    heading, figure, below = shown(LesionsView(SMALL, "paths"))
    rows = record("resnet20_fashion_mnist", "paths.csv")
    counts, medians, products = (list(trace.y) for trace in figure.data)
    assert counts == [comb(9, k) for k in range(10)] and medians == [float(row["median"]) for row in rows]
    assert products == pytest.approx([float(row["product"]) for row in rows], rel=1e-4)
    bars = figure.data[1].error_y
    for row, median, up, down in zip(rows, medians, bars.array, bars.arrayminus, strict=True):
        assert (median - down, median + up) == pytest.approx((float(row["low"]), float(row["high"])))
    assert "512 paths" in words(heading) and "section 5" in words(below)
    assert ("carries more" in words(heading)) == (float(rows[-1]["low"]) > float(rows[0]["high"]))


def test_the_default_view_is_recorded_with_both_kinds_of_statistics():
    heading, figure, below = shown(DEFAULT)
    assert set(markers(figure)) == {"ResNet-56", "plain-56"} and all(not trace.error_y.array for trace in figure.data)
    after = {name: effects(name, "lesions_reestimated.csv") for name in ("plain56_cifar10", "resnet56_cifar10")}
    before = {name: effects(name, "lesions.csv") for name in after}
    for norms in (before, after):
        alike = norms["plain56_cifar10"].keys() & norms["resnet56_cifar10"].keys() - {""}
        for name in norms:
            cost = sum(norms[name][block] for block in alike) / len(alike) - norms[name][""]
            assert f"{cost:.1f}" in words(heading)
    moved = max(after["plain56_cifar10"], key=lambda block: before["plain56_cifar10"][block]
                - after["plain56_cifar10"][block])
    assert f"plain-56 recovers most at {moved}" in words(below)


def effects(name: str, file: str) -> dict[str, float]:
    """Test error in per cent by the block that is dropped, "" for the whole net."""
    return {row["blocks"]: float(row["error"]) for row in record(name, file)
            if row["operation"] in ("none", "drop") and "+" not in row["blocks"] and row["n"] == "2000"}


def test_re_estimated_norms_are_dots_with_lines_to_where_they_stood():
    heading, figure, below = shown(LesionsView(norms="reestimated"))
    before, after = (effects("plain56_cifar10", file) for file in ("lesions.csv", "lesions_reestimated.csv"))
    trace = next(trace for trace in figure.data if trace.name == "plain-56")
    for block, error, up, down in zip(zip(*trace.x, strict=True), trace.y, trace.error_y.array,
                                      trace.error_y.arrayminus, strict=True):
        assert error == after[".".join(block)]
        assert error + up - down == pytest.approx(before[".".join(block)]) and 0 in (up, down)
    assert "plain56_cifar10/lesions_reestimated.csv" in below and "first 1,000 training images" in below


@pytest.mark.parametrize("costs, key", [
    ({"plain": (9, 5), "residual": (3, 1)}, "plain"), ({"plain": (9, 1), "residual": (3, 2)}, "turns"),
    ({"plain": (1, 1), "residual": (3, 2)}, "never"), ({"plain": (60, 40), "residual": (3, 2)}, "collapse"),
])
def test_the_verdict_follows_the_records(costs, key):
    names = {"plain": "plain20_fashion_mnist", "residual": "resnet20_fashion_mnist"}
    whole = Effect("none", (), 100, 10.0, 1.0)
    rows = {(norms, names[kind]): (whole, Effect("drop", ("layer1.1",), 100, 10.0 + cost, 1.0))
            for kind, pair in costs.items() for norms, cost in zip(FILES, pair, strict=True)}
    found = Findings(all_twins()[SMALL], "drop", "running", (), rows, {})
    values = {f"{kind}_{norms}": f"{cost:.1f}" for kind, pair in costs.items()
              for norms, cost in zip(FILES, pair, strict=True)}
    nets = {"plain_net": "plain-20", "residual_net": "ResNet-20"}
    act = text("compare.lesions.act_drop")
    assert lead(found, "en") == text(f"compare.lesions.hurt_{key}", act=act, **nets)
    assert text("compare.lesions.costs", **nets, **values) in numbers(found, "en") and len(costs_of(found)) == 4
    repaired = sentences("en")["compare.lesions.stale"].partition("{")[0]
    told = [sentence.startswith(repaired) for sentence in repairs(found, "en")]
    assert told == [before > after for before, after in (costs["plain"], costs["residual"])]


@pytest.mark.slow
def test_a_lesion_of_ones_own_is_measured():
    view = LesionsView(SMALL, blocks=("layer3.1", "layer1.1"), items=300)
    heading, figure, below = shown(view)
    rings = [trace for trace in figure.data if trace.marker.symbol == "circle-open"]
    assert len(rings) == 2
    loaded = load("resnet20_fashion_mnist")
    score = evaluate(lesioned(loaded.model, Lesion(dropped=view.blocks)), images_for(loaded.info, "test", 300))
    assert rings[0].y[0] == pytest.approx(score.error) and f"{score.error:.3g} %" in words(heading)
    assert "first 300 test images" in words(heading) and "layer1.1 + layer3.1" in words(below)
    first, *_ = steps(PANEL, held(view))
    assert "layer3.1, layer1.1" in words(first[1]) and first[2] == gr.skip()


@pytest.mark.slow
def test_a_lesion_of_ones_own_may_have_its_norms_re_estimated():
    view = LesionsView(SMALL, norms="reestimated", blocks=("layer3.1",), items=300)
    heading, figure, below = shown(view)
    loaded = load("resnet20_fashion_mnist")
    train = images_for(loaded.info, "train", 1_000)
    net = lesioned(with_own_norms(loaded.model), Lesion(dropped=view.blocks))
    update_bn([normalise(images, train.spec) for images in train.images.split(250)], net)
    score = evaluate(net, images_for(loaded.info, "test", 300))
    assert f"ResNet-20 {score.error:.3g} %" in words(heading)


def test_a_plain_net_without_a_needed_block_is_told_and_the_other_measured():
    heading = words(shown(LesionsView(SMALL, blocks=("layer2.0",), items=300))[0])
    assert "plain-20 does not run without a block that changes the shape" in heading and "(whole:" in heading


@pytest.mark.parametrize("show", SHOWS)
def test_the_csv_and_the_table_hold_the_charts_numbers(show):
    _, figure, below = shown(LesionsView(SMALL, show))
    (content,) = attached(below).values()
    rows = list(csv.DictReader(content.splitlines()))
    key = "median" if show == "paths" else "error"
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
    heading, figure, below = shown(LesionsView(SMALL, "several"), "lang=zh")
    assert text("compare.panels.lesions", "zh") in heading and text("compare.download", "zh") in below
    assert figure.layout.yaxis.title.text == text("compare.lesions.error_axis", "zh")


def test_other_nets_have_other_blocks():
    some = LesionsView(SMALL, blocks=("layer1.1",), items=300)
    view, updates = changed(PANEL, some, nets="56_fashion_mnist")
    assert "layer1.8" in [name for _, name in updates["blocks"]["choices"]] and updates["blocks"]["value"] == []
    assert view == LesionsView("56_fashion_mnist", items=300)
    update = changed(PANEL, some, nets="20_cifar10")[1]["blocks"]
    assert not update["interactive"] and update["value"] == []
    for odd in (None, [], 5, "zebra"):
        (message, *rest), = ask(PANEL.follow("nets"), held_with(some, nets=odd))
        assert words(message) and all(value == gr.skip() for value in rest)


@pytest.mark.parametrize("changes, part", [
    ({"nets": "9_imagenet"}, "9_imagenet"), ({"show": "melt"}, "melt"), ({"items": 10_000}, "10000"),
    ({"items": None}, ""), ({"blocks": ["<b>x"]}, "&lt;b&gt;x"), ({"blocks": 5}, "5"), ({"nets": None}, ""),
    ({"nets": "20_cifar10", "blocks": ["layer1.0"]}, "CIFAR-10"),
])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_bad_controls_fill_the_message_line_only(changes, part, lang, caplog):
    (message, *rest), = steps(PANEL, held_with(DEFAULT, **changes), f"lang={lang}")
    assert part in message and message.count("<p") == 1 and not caplog.records
    assert len(rest) == 4 and all(value == gr.skip() for value in rest)


def test_twins_are_pairs_of_one_depth_and_data_set():
    for pair in all_twins().values():
        configs = [bundled()[name].architecture for name in pair.names]
        plain = [config.shortcut == "none" for config in configs]
        assert {config.depth for config in configs} == {pair.depth} and len(pair.names) <= 2
        assert plain == sorted(plain)
