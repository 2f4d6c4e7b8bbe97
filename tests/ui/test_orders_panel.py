import csv
import dataclasses

import pytest

from resnet.papers.tables import ORDER_ERRORS
from resnet.training.runs import recorded
from resnet.ui.compare.orders import PANEL, OrdersView
from resnet.ui.compare.orders_summary import OrderRuns, our_runs, verdict
from resnet.util.text import text
from tests.ui.asking import ask, attached, held, words


def run_like(order: str, error: float, seed: int, epochs: int = 5):
    """A recorded run with another order, error and seed."""
    run = next(run for run in recorded() if run.name == "resnet20_cifar10")
    info = dataclasses.replace(run.info, architecture=dataclasses.replace(run.info.architecture, order=order),
                               recipe=run.info.recipe | {"seed": seed, "epochs": epochs})
    return dataclasses.replace(run, info=info, rows=(dataclasses.replace(run.final, seed=seed, test_error=error),))


def several(**errors: tuple):
    return tuple(run_like(order, error, seed) for order, values in errors.items()
                 for seed, error in enumerate(values))


def test_published_errors_are_drawn_with_their_citation():
    message, heading, figure, below, link = ask(PANEL.show, held(OrdersView()))
    assert message == "" and link == "tab=compare&panel=orders"
    drawn = {(line.name, x) for line in figure.data for x in line.x}
    assert {("ResNet-110", row.error110) for row in ORDER_ERRORS} <= drawn
    assert {("ResNet-164", row.error164) for row in ORDER_ERRORS} <= drawn
    assert "He et al. 2016, Table 2" in words(below) and below.count("<svg") == 5


def test_shortcuts_are_table_1():
    _, _, figure, below, link = ask(PANEL.show, ["shortcuts"])
    assert "xaxis2" not in figure.layout.to_plotly_json()  # nothing of ours, no axis for it
    assert 12.35 in figure.data[0].x and "Table 1" in words(below) and link.endswith("show=shortcuts")


def test_a_comparison_is_of_one_recipe_and_of_several_orders():
    assert our_runs((run_like("original", 9.0, 0),)) == []
    runs = (*several(original=(14.0, 14.2), preact=(13.9, 14.1)), run_like("original", 8.0, 0, epochs=60))
    found = our_runs(runs)
    assert [(one.order, one.errors) for one in found] == [("original", [14.0, 14.2]), ("preact", [13.9, 14.1])]


@pytest.mark.parametrize("errors, part", [
    ({"original": (14.0, 14.6), "preact": (13.9, 14.5)}, "too shallow"),
    ({"original": (14.0, 14.1), "bn_after_add": (16.0, 16.1)}, "further apart"),
    ({"original": (14.0, 15.1), "bn_after_add": (15.2, 15.3)}, "too shallow"),
    ({"original": (14.0,), "bn_after_add": (16.0, 16.1)}, "nothing is ranked"),
])
def test_the_verdict_follows_the_spread_of_the_seeds(errors, part):
    said = verdict(our_runs(several(**errors)), "en")
    assert part in said and "trained for 5 epochs" in said


def test_without_runs_it_says_so():
    assert verdict([], "en") == text("compare.orders.none")


def test_our_marks_have_the_seeds_range(monkeypatch):
    found = [OrderRuns("preact", several(preact=(13.0, 14.0, 13.5)))]
    monkeypatch.setattr("resnet.ui.compare.orders.our_runs", lambda: found)
    _, _, figure, below, _ = ask(PANEL.show, ["orders"], "lang=zh")
    ours = next(line for line in figure.data if line.name == "ResNet-20")
    assert (ours.x[0], ours.error_x.array[0], ours.error_x.arrayminus[0]) == (13.5, 0.5, 0.5)
    low, high = figure.layout.xaxis2.range
    assert ours.xaxis == "x2" and low < 13.0 and high > 14.0  # an axis of their own, with room for the seeds' range
    assert "AMD" in words(below)
    assert "13.50 13.00 14.00" in words(below) and "6.50 He et al." in words(below)  # a median is printed, no range


def test_the_table_has_two_digits_and_the_file_all_of_them(monkeypatch):
    found = [OrderRuns("preact", several(preact=(13.0, 14.0, 14.0)))]
    monkeypatch.setattr("resnet.ui.compare.orders.our_runs", lambda: found)
    below = ask(PANEL.show, ["orders"])[3]
    ours = next(row for row in csv.DictReader(attached(below)["orders.csv"].splitlines()) if row["net"] == "ResNet-20")
    assert float(ours["error"]) == pytest.approx(41 / 3) and "13.67 13.00 14.00" in words(below)


@pytest.mark.parametrize("show", ["zebra", None, 5])
def test_a_bad_choice_is_a_sentence(show):
    message, *_ = ask(PANEL.show, [show])
    assert words(message) and "went wrong" not in message


def test_numbers_of_a_row_that_lie_close_stand_aside_from_one_another():
    _, _, figure, _, _ = ask(PANEL.show, ["orders"])
    published = [line for line in figure.data if line.xaxis == "x"]
    at = {x: place for line in published for x, place in zip(line.x, line.textposition, strict=True)}
    assert at[5.93] == "bottom left" and at[6.61] == "bottom right"
    assert at[6.50] == at[8.17] == "bottom center"
