import csv

import gradio as gr
import pytest

from resnet.runs import recorded
from resnet.text import text
from resnet.ui.compare.degradation import DegradationView, choose_data, compare_api, nets_update, show_degradation
from tests.ui.asking import ask, attached, held, held_with, words

ALL = DegradationView()
PLAIN = DegradationView(nets=("plain20_fashion_mnist",))


def shown(view: DegradationView, query: str = "") -> tuple:
    message, *parts, link = ask(show_degradation, held(view), query)
    assert message == "" and link.startswith("tab=compare&panel=degradation")
    return tuple(parts)


def history(name: str) -> list[dict]:
    """The rows of a run's history.csv, read without our own reader."""
    run = next(run for run in recorded() if run.name == name)
    with open(run.source, newline="") as file:
        return list(csv.DictReader(file))


def points(figure) -> set[tuple[str, float, float]]:
    """Every point of a figure's lines: (dash, x, y)."""
    return {(line.line.dash, x, y) for line in figure.data for x, y in zip(line.x, line.y, strict=True)
            if x is not None}


@pytest.mark.parametrize("metric", ["error", "loss"])
@pytest.mark.parametrize("axis, scale", [("epoch", 1), ("iteration", 1), ("seconds", 60)])
def test_the_curves_are_the_recorded_histories(metric, axis, scale):
    view = DegradationView(metric=metric, axis=axis)
    expected = {(dash, float(row[axis]) / scale, float(row[f"{split}_{metric}"]))
                for split, dash in (("train", "dash"), ("test", "solid"))
                for name in view.nets for row in history(name)}
    assert points(shown(view)[1]) == expected


def test_only_the_chosen_nets_are_drawn():
    heading, figure, below = shown(PLAIN)
    drawn = {y for dash, _, y in points(figure) if dash == "solid"}
    assert drawn == {float(row["test_error"]) for row in history("plain20_fashion_mnist")}
    assert "plain20_fashion_mnist/history.csv" in below and "resnet20_fashion_mnist" not in below


def test_the_csv_holds_the_histories_numbers():
    content = attached(shown(ALL)[2])["runs-fashion_mnist.csv"]
    rows = list(csv.DictReader(content.splitlines()))
    for name in ALL.nets:
        mine = [row for row in rows if row["run"] == name]
        for row, recorded_row in zip(mine, history(name), strict=True):
            assert {key: float(row[key]) for key in recorded_row} == {k: float(v) for k, v in recorded_row.items()}


def test_the_table_repeats_the_chart():
    below = words(shown(ALL)[2])
    last = history("plain20_fashion_mnist")[-1]
    assert f"{float(last['test_error']):.4g}" in below and f"{float(last['train_loss']):.4g}" in below


def test_the_sentence_has_the_final_errors():
    ours = {name: f"{float(history(name)[-1]['test_error']):.3g} %" for name in
            ("resnet20_fashion_mnist", "plain20_fashion_mnist")}
    heading = words(shown(DegradationView(nets=tuple(ours)))[0])
    assert all(error in heading for error in ours.values()), heading


def test_in_chinese():
    heading, figure, below = shown(ALL, "lang=zh")
    assert text("compare.panels.degradation", "zh") in heading and text("compare.download", "zh") in below
    assert text("compare.columns.train_error") not in below and text("compare.columns.train_error", "zh") in below
    assert figure.layout.yaxis.title.text == text("charts.error", "zh")
    assert shown(ALL)[1].layout.yaxis.title.text == text("charts.error")


def test_no_net_is_an_empty_chart_that_asks_for_one():
    heading, figure, below = shown(DegradationView(nets=()))
    assert text("compare.verdict_none") in heading and not points(figure) and below == ""


@pytest.mark.parametrize("changes, part", [
    ({"data": "imagenet"}, "imagenet"), ({"metric": "zebra"}, "zebra"), ({"axis": None}, ""),
    ({"nets": ["zebra"]}, "zebra"), ({"nets": ["resnet20_fashion_mnist", "<b>x"]}, "&lt;b&gt;x"), ({"nets": 5}, "5"),
    ({"data": "../.."}, "../.."),
])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_bad_controls_fill_the_message_line_only(changes, part, lang, caplog):
    message, *rest = ask(show_degradation, held_with(ALL, **changes), f"lang={lang}")
    assert part in message and message.count("<p") == 1 and not caplog.records
    assert len(rest) == 4 and all(value == gr.skip() for value in rest)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in message) == (lang == "zh")


def test_another_data_set_brings_its_own_nets():
    update = choose_data("fashion_mnist")
    assert update["value"] == list(ALL.nets) and [name for _, name in update["choices"]] == list(ALL.nets)
    assert nets_update("fashion_mnist", ("plain20_fashion_mnist",))["value"] == ["plain20_fashion_mnist"]


def test_the_api_has_a_row_per_run_and_epoch():
    rows = compare_api("fashion_mnist")
    assert len(rows) == sum(len(history(name)) for name in ALL.nets)
    last = [row for row in rows if row["run"] == "resnet20_fashion_mnist"][-1]
    assert last["test_error"] == float(history("resnet20_fashion_mnist")[-1]["test_error"])
    assert (last["net"], last["depth"], last["shortcut"]) == ("ResNet-20", 20, "A")


@pytest.mark.parametrize("data", ["imagenet", "", None, 5, "x" * 300])
def test_the_api_refuses_in_a_sentence(data):
    with pytest.raises(gr.Error) as caught:
        compare_api(data)
    assert "went wrong" not in caught.value.message and len(caught.value.message) < 250
