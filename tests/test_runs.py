import csv
from pathlib import Path

import pytest

from resnet.charts.curves import curves
from resnet.charts.style import shade
from resnet.runs import AXES, METRICS, recorded, tidy, to_csv


def test_every_bundled_model_has_its_run():
    names = {run.name for run in recorded()}
    assert {"resnet20_fashion_mnist", "plain20_fashion_mnist"} <= names
    for run in recorded():
        assert [row.epoch for row in run.rows] == list(range(1, run.info.recipe["epochs"] + 1))
        assert Path(run.source).name == "history.csv"


def test_a_recorded_test_error_is_the_evaluated_one():
    for run in recorded():
        if run.info.results:
            assert run.final.test_error == pytest.approx(100 * (1 - run.info.results["test"]["accuracy"]), abs=0.3)


def test_twins_differ_in_the_shortcut_only():
    runs = {run.name: run for run in recorded()}
    for name, run in runs.items():
        twin = runs.get(name.replace("plain", "resnet"))
        if run.plain and twin:
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
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_curves_draw_the_recorded_numbers(metric, axis, lang):
    runs = [run for run in recorded() if run.info.data == "fashion_mnist"]
    figure = curves(runs, metric, axis, lang)
    drawn = [trace for trace in figure.data if trace.x != (None,)]  # the rest is the legend of dashed and solid
    assert len(drawn) == 2 * len(runs)
    for run, training, test in zip(runs, drawn[::2], drawn[1::2], strict=True):
        assert list(training.y) == [getattr(row, f"train_{metric}") for row in run.rows]
        assert list(test.y) == [getattr(row, f"test_{metric}") for row in run.rows]
        assert (training.line.dash, test.line.dash) == ("dash", "solid")
        assert test.line.color == shade(run.plain, run.depth)
    finals = [f"{getattr(run.final, f'test_{metric}'):.3g}" for run in runs]
    assert all(any(final in label.text for label in figure.layout.annotations) for final in finals)
    assert figure.layout.xaxis.title.text and figure.layout.yaxis.title.text


def test_no_runs_no_curves():
    assert all(trace.x == (None,) for trace in curves([]).data)
