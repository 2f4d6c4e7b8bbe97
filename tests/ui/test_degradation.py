import csv
import json
from pathlib import Path
from statistics import fmean

import gradio as gr
import pytest

from resnet.training.runs import recorded, series_of
from resnet.ui.compare.api import compare_api
from resnet.ui.compare.degradation import PANEL, DegradationView
from resnet.util.text import text
from tests import histories
from tests.histories import FINAL, write_four, write_run
from tests.ui.asking import ask, attached, changed, held, held_with, words

weights = histories.weights
ALL = DegradationView("fashion_mnist")
PLAIN = DegradationView(nets=("plain20_fashion_mnist",))


def shown(view: DegradationView, query: str = "") -> tuple:
    return tuple(parts_of(view, query)[:3])


def parts_of(view: DegradationView, query: str = "") -> list:
    """Heading, curves and what stands below; then what is published: words, three charts, and what stands below."""
    message, *parts, link = ask(PANEL.show, held(view), query)
    assert message == "" and link.startswith("tab=compare&panel=degradation")
    return parts


def history(name: str) -> list[dict]:
    """The rows of a run's history.csv, read without our own reader."""
    run = next(run for run in recorded() if run.name == name)
    return rows_of(Path(run.source))


def rows_of(file: Path) -> list[dict]:
    with file.open(newline="") as lines:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(lines)]


def mean_history(name: str) -> list[dict]:
    """A bundled net's rows, each the mean over its seeds; further seeds lie in weights/runs/."""
    seeds = [history(name), *(rows_of(file) for file in Path("weights/runs").glob(f"{name}_seed*/history.csv"))]
    return [{key: fmean(row[key] for row in rows) for key in rows[0]} for rows in zip(*seeds, strict=True)]


def points(figure) -> set[tuple[str, float, float]]:
    """Every point of a figure's lines: (dash, x, y); the seeds' bands and the dotted ways to the names are none."""
    return {(line.line.dash, x, y) for line in figure.data if line.fill is None and line.line.dash != "dot"
            for x, y in zip(line.x, line.y, strict=True) if x is not None}


@pytest.mark.parametrize("metric", ["error", "loss"])
@pytest.mark.parametrize("axis, scale", [("epoch", 1), ("iteration", 1), ("seconds", 60)])
def test_the_curves_are_the_recorded_histories(metric, axis, scale):
    view = DegradationView("fashion_mnist", metric=metric, axis=axis)
    expected = {(dash, row[axis] / scale, row[f"{split}_{metric}"])
                for split, dash in (("train", "dash"), ("test", "solid"))
                for name in view.nets for row in mean_history(name)}
    assert points(shown(view)[1]) == expected


def test_only_the_chosen_nets_are_drawn():
    heading, figure, below = shown(PLAIN)
    drawn = {y for dash, _, y in points(figure) if dash == "solid"}
    assert drawn == {row["test_error"] for row in mean_history("plain20_fashion_mnist")}
    assert "plain20_fashion_mnist/history.csv" in below and "resnet20_fashion_mnist" not in below


def test_the_csv_holds_the_histories_numbers():
    content = attached(shown(ALL)[2])["runs-fashion_mnist.csv"]
    rows = list(csv.DictReader(content.splitlines()))
    for name in ALL.nets:
        mine = [row for row in rows if row["run"] == name]
        for row, recorded_row in zip(mine, history(name), strict=True):
            assert {key: float(row[key]) for key in recorded_row} == recorded_row


def test_the_table_repeats_the_chart():
    below = words(shown(ALL)[2])
    last = mean_history("plain20_fashion_mnist")[-1]
    assert f"{last['test_error']:.4g}" in below and f"{last['train_loss']:.4g}" in below


def test_the_sentence_has_the_final_errors():
    ours = {name: f"{mean_history(name)[-1]['test_error']:.3g} %" for name in
            ("resnet20_fashion_mnist", "plain20_fashion_mnist")}
    heading = words(shown(DegradationView(nets=tuple(ours)))[0])
    assert all(error in heading for error in ours.values()), heading


def test_in_chinese():
    heading, figure, below = shown(ALL, "lang=zh")
    assert text("compare.panels.degradation", "zh") in heading and text("compare.download", "zh") in below
    assert text("compare.degradation.columns.train_error") not in below
    assert text("compare.degradation.columns.train_error", "zh") in below
    assert figure.layout.yaxis.title.text == text("charts.error", "zh")
    assert shown(ALL)[1].layout.yaxis.title.text == text("charts.error")


def test_no_net_is_an_empty_chart_that_asks_for_one():
    heading, figure, below = shown(DegradationView(nets=()))
    assert text("compare.degradation.none") in heading and not points(figure) and below == ""


@pytest.mark.parametrize("changes, part", [
    ({"data": "imagenet"}, "imagenet"), ({"metric": "zebra"}, "zebra"), ({"axis": None}, ""),
    ({"nets": ["zebra"]}, "zebra"), ({"nets": ["resnet20_fashion_mnist", "<b>x"]}, "&lt;b&gt;x"), ({"nets": 5}, "5"),
    ({"data": "../.."}, "../.."), ({"smoothing": 0.95}, "0.95"), ({"smoothing": "nan"}, "nan"),
    ({"smoothing": None}, ""), ({"span": "zebra"}, "zebra"),
])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_bad_controls_fill_the_message_line_only(changes, part, lang, caplog):
    message, *rest = ask(PANEL.show, held_with(ALL, **changes), f"lang={lang}")
    assert part in message and message.count("<p") == 1 and not caplog.records
    assert len(rest) == 9 and all(value == gr.skip() for value in rest)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in message) == (lang == "zh")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_is_published_stands_beside_ours_and_apart(lang):
    told, imagenet, cifar, ours, below = parts_of(DegradationView("cifar10"), f"lang={lang}")[3:]
    assert {y for line in imagenet.data for y in line.y} == {27.94, 28.54, 27.88, 25.03, 24.52, 22.85, 21.75, 21.43}
    [line] = cifar.data
    assert dict(zip(line.x, line.y, strict=True)) == {
        20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}
    measured = {(line.name.startswith(("plain", "普通")), x): y for line in ours.data
                for x, y in zip(line.x, line.y, strict=True)}
    for series in series_of("cifar10"):
        if series.main:
            assert measured[series.plain, series.depth] == pytest.approx(series.final("test_error"))
    for figure in ("28.54", "27.94", "7.93", "6.43"):
        assert figure in words(told) and figure in words(below)
    assert "published-depth.csv" in attached(below)


def test_another_data_set_brings_its_own_nets():
    _, updates = changed(PANEL, DegradationView("cifar10"), data="fashion_mnist")
    update = updates["nets"]
    assert update["value"] == list(ALL.nets)
    assert [name for _, name in update["choices"]] == [series.name for series in series_of("fashion_mnist")]
    assert PANEL.fill(PLAIN, "en")[3]["value"] == ["plain20_fashion_mnist"]
    message, *rest = ask(PANEL.follow("data"), held_with(ALL, data="zebra"))
    assert "zebra" in message and all(value == gr.skip() for value in rest)


def test_the_api_has_a_row_per_run_and_epoch():
    rows = compare_api("fashion_mnist")
    ours = [file for file in Path("weights").rglob("history.csv")
            if json.loads(file.with_name("config.json").read_text())["data"] == "fashion_mnist"]
    assert len(rows) == sum(len(rows_of(file)) for file in ours)
    last = [row for row in rows if row["run"] == "resnet20_fashion_mnist"][-1]
    assert last["test_error"] == history("resnet20_fashion_mnist")[-1]["test_error"]
    assert (last["net"], last["depth"], last["shortcut"]) == ("ResNet-20", 20, "A")


@pytest.mark.parametrize("data", ["imagenet", "", None, 5, "x" * 300])
def test_the_api_refuses_in_a_sentence(data):
    with pytest.raises(gr.Error) as caught:
        compare_api(data)
    assert "went wrong" not in caught.value.message and len(caught.value.message) < 250


# Made-up histories -------------------------------------------------------------------------------


def lead(nets: tuple | None = None, lang: str = "en") -> str:
    return words(shown(DegradationView("cifar10", nets=nets), f"lang={lang}")[0])


def nets(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_cifar10" for name in names)


def test_four_nets_are_told_by_depth_without_and_with_shortcuts(weights):
    write_four(weights)
    told = lead()
    assert "plain-56 ends at 9 % training and 13 % test error, plain-20 at 5 % and 9.5 %" in told
    assert "fails to optimise" in told and "with shortcuts it is better" in told
    assert "ResNet-56 ends at 1 % training and 7 % test error, ResNet-20 at 4 % and 8.6 %" in told
    assert "Not recorded" not in told and "differs" not in told


@pytest.mark.parametrize("chosen, parts, absent", [
    (("plain20", "resnet20"), ["only the shortcut differs", "8.6 %", "9.5 %"], ["training data"]),
    (("plain20", "plain56"), ["fails to optimise"], ["ith shortcuts", "only the shortcut"]),
    (("resnet20", "resnet56"), ["With shortcuts the deeper net is better"], ["Without shortcuts"]),
    (("plain20", "plain56", "resnet20"), ["fails to optimise", "only the shortcut differs"], ["ResNet-56"]),
    (("plain56", "resnet20"), ["plain-56 ends at 13 % test", "ResNet-20 ends at 8.6 % test"], ["shortcut"]),
    (("resnet56",), ["ResNet-56 ends at 7 % test and 1 % training error after 6 epochs"], ["shortcut"]),
])
def test_the_sentence_is_about_what_was_chosen(weights, chosen, parts, absent):
    write_four(weights)
    told = lead(nets(*chosen)).removeprefix(text("compare.panels.degradation"))
    assert all(part in told for part in parts) and not any(part in told for part in absent), told
    assert "Not recorded" not in told


def test_what_is_missing_is_told(weights):
    write_run(weights / "resnet20_cifar10", "resnet20")
    assert lead().endswith("Not recorded on CIFAR-10 yet: plain-20, plain-56, ResNet-56.")
    assert "CIFAR-10" in lead(lang="zh") and "plain-20、plain-56、ResNet-56" in lead(lang="zh")


@pytest.mark.parametrize("final, part", [
    ((4.0, 12.0), "is not worse on its own training data"), ((9.0, 12.0), "fails to optimise")])
def test_a_deeper_plain_net_that_is_no_worse_is_not_called_so(weights, final, part):
    write_run(weights / "plain20_cifar10", "plain20")
    write_run(weights / "plain56_cifar10", "plain56", final=final)
    assert part in lead(nets("plain20", "plain56"))


@pytest.mark.parametrize("deep, part", [
    ((6.0,), "on average: one seed against several (1 and 3)"),
    ((6.0, 6.5), "on average: their seeds overlap (2 and 3), so they are not told apart"),
    ((8.0,), "fails to optimise: one seed against several (1 and 3)"),
    ((8.0, 9.0), "fails to optimise: in every seed (2 and 3)"),
])
def test_a_verdict_says_what_its_seeds_allow(weights, deep, part):
    for net, finals in (("plain56", deep), ("plain20", (4.0, 5.0, 7.0))):
        for seed, train in enumerate(finals):
            write_run(weights / "runs" / f"{net}_cifar10_seed{seed}", net, final=(train, 13.0), seed=seed)
    view = DegradationView("cifar10", nets=("plain56_cifar10_seed0", "plain20_cifar10_seed0"))
    told = words(shown(view)[0])
    assert all(one in told for one in part.split(": "))
    assert ("fails" in told) == ("fails" in part)


def test_nets_of_different_recipes_are_not_compared(weights):
    write_run(weights / "plain20_cifar10", "plain20", epochs=6)
    write_run(weights / "resnet20_cifar10", "resnet20", epochs=9)
    told = lead()
    assert "only the shortcut" not in told and "another recipe, and so not compared with these: ResNet-20" in told


def test_a_failed_attempt_is_shown_when_it_is_chosen(weights):
    write_four(weights)
    write_run(weights / "runs" / "resnet20_cifar10_9epochs", "resnet20", final=(5.0, 9.1), epochs=9)
    assert "9epochs" not in shown(DegradationView("cifar10"))[2]
    update = changed(PANEL, ALL, data="cifar10")[1]["nets"]
    assert ("ResNet-20 (9 epochs)", "resnet20_cifar10_9epochs") in update["choices"] and len(update["value"]) == 4
    view = DegradationView("cifar10", nets=nets("resnet20", "resnet20") + ("resnet20_cifar10_9epochs",))
    heading, figure, below = shown(view)
    assert "ResNet-20 (9 epochs)" in words(heading) and "6, 9 epochs" in words(below)
    assert any("9 epochs" in label.text for label in figure.layout.annotations)


def test_other_nets_and_orders_stay_out_of_the_comparison(weights):
    write_four(weights)
    write_run(weights / "resnet18_cifar10", "resnet18")
    write_run(weights / "runs" / "resnet20_cifar10_preact_seed0", "resnet20", order="preact")
    view = DegradationView("cifar10")
    assert set(view.nets) == set(nets(*FINAL))
    _, updates = changed(PANEL, ALL, data="cifar10")
    assert [name for _, name in updates["nets"]["choices"] if name not in view.nets] == ["resnet18_cifar10"]


def test_seeds_are_a_mean_and_a_band(weights):
    write_run(weights / "resnet20_cifar10", "resnet20", final=(4.0, 8.6))
    for seed, test in ((1, 9.0), (2, 8.5)):
        write_run(weights / "runs" / f"resnet20_cifar10_seed{seed}", "resnet20", final=(4.0, test), seed=seed)
    _, figure, below = shown(DegradationView("cifar10"))
    bands = [line for line in figure.data if line.fill == "toself"]
    test = next(line for line in figure.data if line.line.dash == "solid" and line.customdata)
    assert len(bands) == 2 and test.y[-1] == pytest.approx(8.7)
    assert (bands[1].y[5], bands[1].y[6]) == (9.0, 8.5)
    assert "mean of 3 seeds" in words(below) and "8.7 (8.5–9)" in below
    rows = list(csv.DictReader(attached(below)["runs-cifar10.csv"].splitlines()))
    assert {row["seed"] for row in rows} == {"0", "1", "2"} and len(rows) == 18


def test_the_source_line_is_the_records(weights):
    write_four(weights)
    below = words(shown(DegradationView("cifar10", axis="seconds", smoothing=0.5))[2])
    for part in ("10,000 test images", "first 1,000 training", "6 epochs in fp32 on a made machine",
                 "one seed per curve", "weight 0.5", "Times depend", "plain56_cifar10/history.csv"):
        assert part in below, below


def test_the_source_line_tells_both_numbers_of_training_images():
    below = words(shown(DegradationView("cifar10", nets=("plain20_cifar10", "resnet18_cifar10")))[2])
    assert "the first 10,000 or 1,000 training images" in below


def test_published_errors_are_ticks_for_the_nets_that_have_them(weights):
    write_four(weights)
    _, figure, below = shown(DegradationView("cifar10"))
    ticks = {(line.y[0], line.hovertemplate.split(":")[0]) for line in figure.data if line.line.width == 5
             and line.x[0] is not None}
    assert ticks == {(8.75, "ResNet-20, He et al. 2015, Table 6"), (6.97, "ResNet-56, He et al. 2015, Table 6")}
    assert "He et al. 2015, Table 6" in words(below)
    for other in (DegradationView("cifar10", metric="loss"), DegradationView("cifar10", nets=nets("plain20"))):
        _, figure, below = shown(other)
        assert "Table 6" not in below and not [line for line in figure.data if line.line.width == 5]


def test_the_vertical_range_leaves_out_first_epochs_but_no_final_value(weights):
    write_four(weights)
    late, whole = (shown(DegradationView("cifar10", span=span))[1].layout for span in ("late", "all"))
    assert 13.0 < late.yaxis.range[1] < 60 < 90 < whole.yaxis.range[1] and late.yaxis.range[0] == 0
    assert [any(note.text == text("charts.cut") for note in one.annotations) for one in (late, whole)] == [True, False]


def test_smoothing_keeps_the_measured_curve(weights):
    write_run(weights / "resnet20_cifar10", "resnet20")
    figure = shown(DegradationView("cifar10", smoothing=0.9))[1]
    raw = next(line for line in figure.data if line.opacity == 0.3 and line.line.dash == "solid")
    smooth = next(line for line in figure.data if line.line.dash == "solid" and line.customdata)
    assert list(raw.y) == list(smooth.customdata) and smooth.y[0] == raw.y[0] and smooth.y[-1] > raw.y[-1]
