import csv
import json
from pathlib import Path

import pytest

from resnet.charts.curves import Axes, curves, smoothed
from resnet.charts.style import shade
from resnet.hub.load import bundled
from resnet.training.runs import AXES, METRICS, recorded, series_of, tidy, to_csv
from tests import histories
from tests.histories import write_run

weights = histories.weights


def test_every_bundled_model_has_its_run():
    names = {run.name for run in recorded()}
    assert {"resnet20_fashion_mnist", "plain20_fashion_mnist"} <= names
    for run in recorded():
        assert [row.epoch for row in run.rows] == list(range(1, run.info.recipe["epochs"] + 1))
        assert Path(run.source).name == "history.csv"


def test_a_recorded_test_error_is_the_evaluated_one():
    evaluated = [run for run in recorded() if run.info.results]
    assert len(evaluated) >= len(bundled())
    for run in evaluated:
        assert run.final.test_error == pytest.approx(100 * (1 - run.info.results["test"]["accuracy"]), abs=0.3)


def test_twins_differ_in_the_shortcut_only():
    runs = {run.name: run for run in recorded()}
    twins = [(run, runs[name.replace("plain", "resnet")]) for name, run in runs.items() if run.plain]
    assert len(twins) >= 4
    for run, twin in twins:
        mine, other = run.info.architecture.to_dict(), twin.info.architecture.to_dict()
        assert {key for key in mine if mine[key] != other[key]} == {"shortcut"}
        assert run.info.recipe == twin.info.recipe


def test_tidy_rows_survive_as_csv():
    rows = tidy(recorded())
    read = list(csv.DictReader(to_csv(rows).splitlines()))
    assert len(read) == len(rows) == sum(len(run.rows) for run in recorded())
    assert float(read[0]["test_error"]) == pytest.approx(rows[0]["test_error"])
    assert to_csv([]).strip() == ""


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("x", AXES)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_curves_draw_the_recorded_numbers(metric, x, lang):
    nets = [series for series in series_of("fashion_mnist") if len(series.runs) == 1]
    figure = curves(nets, Axes(metric, x), lang)
    drawn = [trace for trace in figure.data if trace.customdata]  # the rest are legends and bands
    assert len(drawn) == 2 * len(nets) > 0
    for series, training, test in zip(nets, drawn[::2], drawn[1::2], strict=True):
        rows = series.lead.rows
        assert list(training.y) == [getattr(row, f"train_{metric}") for row in rows]
        assert list(test.y) == [getattr(row, f"test_{metric}") for row in rows]
        assert (training.line.dash, test.line.dash) == ("dash", "solid")
        assert test.line.color == shade(series.plain, series.depth)
    finals = [f"{series.final(f'test_{metric}'):.3g}" for series in nets]
    assert all(any(final in label.text for label in figure.layout.annotations) for final in finals)
    assert figure.layout.xaxis.title.text and figure.layout.yaxis.title.text


@pytest.mark.parametrize("x", AXES)
def test_labels_stand_in_the_right_margin_one_above_the_other(x):
    nets = series_of("cifar10")
    figure = curves(nets, Axes(x=x))
    right, top = figure.layout.xaxis.range[1], figure.layout.yaxis.range[1]
    labels = sorted((note for note in figure.layout.annotations if "%" in note.text), key=lambda note: note.y)
    assert len(labels) == len(nets) and {note.x for note in labels} == {right}
    for lower, upper in zip(labels, labels[1:], strict=False):
        assert upper.y - lower.y > 0.05 * top * (1 + (lower.text + upper.text).count("<br>") / 2)
    dotted = {(line.x[0], line.y[0]) for line in figure.data if line.line.dash == "dot" and line.x[1] == right}
    ends = {(Axes(x=x).places(series)[-1], series.final("test_error")) for series in nets}
    assert len(ends) > len(dotted) > 0 and dotted == {(end, height) for end, height in ends if end < right}


def test_no_runs_no_curves():
    assert all(trace.x == (None,) for trace in curves([]).data)


@pytest.mark.parametrize("weight", [0, 0.3, 0.9])
def test_smoothing_is_the_unbiased_exponential_mean(weight):
    values = [3.0, 1.0, 4.0, 1.0, 5.0]
    expected = [sum(weight ** (i - j) * values[j] for j in range(i + 1)) / sum(weight ** (i - j) for j in range(i + 1))
                for i in range(5)]
    assert smoothed(values, weight) == pytest.approx(expected)


def test_runs_that_differ_in_the_seed_only_are_one_series(weights):
    write_run(weights / "runs" / "plain20_cifar10_seed1", "plain20", seed=1, final=(6.0, 10.0))
    write_run(weights / "plain20_cifar10", "plain20", seed=2, final=(5.0, 9.0))
    write_run(weights / "runs" / "plain20_cifar10_short", "plain20", epochs=4)
    write_run(weights / "runs" / "plain20_cifar10_b", "plain20", shortcut="B", epochs=4)
    write_run(weights / "runs" / "plain20_cifar10_c", "plain20", shortcut="C", epochs=4)
    found = {series.name: series for series in series_of("cifar10")}
    both = found["plain20_cifar10"]
    assert [run.name for run in both.runs] == ["plain20_cifar10", "plain20_cifar10_seed1"]
    assert both.main and both.values("test_error")[-1] == (9.0, 10.0) and both.final("test_error") == 9.5
    assert len(found) == 4 and not found["plain20_cifar10_short"].main
    assert found["plain20_cifar10_short"].label() == "plain-20 (4 epochs)"
    assert found["plain20_cifar10_b"].label() == "ResNet-20 (4 epochs, plain20_cifar10_b)"  # as c, so with its name


@pytest.mark.parametrize("window, together", [(0, True), (24, False)])
def test_what_an_older_record_does_not_name_was_the_default(weights, window, together):
    for seed in (0, 1):
        write_run(weights / "runs" / f"plain20_cifar10_seed{seed}", "plain20", seed=seed)
    config = weights / "runs" / "plain20_cifar10_seed1" / "config.json"
    younger = json.loads(config.read_text())
    younger["recipe"]["window"] = window
    config.write_text(json.dumps(younger))
    assert (len(series_of("cifar10")) == 1) == together
