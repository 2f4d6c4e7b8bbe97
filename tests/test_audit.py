"""The audit agrees with the page; and it does not where a figure, a record or a sentence is changed."""

import re
from dataclasses import replace

import pytest

from resnet.__main__ import main
from resnet.audit import checks, degradation, orders
from resnet.audit.checks import Audit, Figure, NotSaidError, said, share
from resnet.ui.compare.layout import Drawing
from resnet.util.text import text


@pytest.mark.parametrize("figure, agrees", [
    (Figure("error", "9.83", "9.83"), True), (Figure("error", "9.83", "9.84"), False),
    (Figure("error", "9.83", "9.83", 9.9, 0.1), True), (Figure("error", "9.83", "9.83", 9.94, 0.1), False),
    (Figure("live", "1.07", "", 1.0, 0.1), True), (Figure("live", "1.07", "", 0.9, 0.1), False),
    (Figure("nobody", "1.07", ""), False), (Figure("large", "3.50·10⁷", "", 3.4e7, 2e6), True)])
def test_a_figure_agrees_with_its_record_and_its_fresh_run(figure, agrees):
    assert figure.agrees == agrees


def test_a_number_that_nobody_accounts_for_is_told():
    told = "plain-56 ends at 9.83 % of 10,000, layer1.0 sees 3×3; figure 7."
    assert Audit("here", (told,), (Figure("error", "9.83", "9.83"),)).unaccounted == ["10,000", "7"]
    assert not Audit("here", (told,), (Figure("error", "9.83", "9.83"),), frozenset({"10,000", "7"})).unaccounted


@pytest.mark.parametrize("key, values", [
    ("compare.lesions.lead_drop", {"net": "ResNet-20", "whole": "6.22", "low": "7.95", "high": "73.3",
                                   "block": "layer1.0"}),
    ("compare.race.test", {"plain": "48.6", "residual": "27.6"}),
    ("compare.orders.too_shallow", {"epochs": "8", "best": "a", "best_error": "13.59", "worst": "b",
                                    "worst_error": "14.44", "spread": "0.95"})])
def test_figures_are_taken_out_of_a_sentence(key, values):
    assert said(f"Before. {text(key, **values)} After.", "compare.degradation.none", key) == values
    with pytest.raises(NotSaidError):
        said("Something else.", key)


def test_a_fresh_share_may_differ_by_what_its_images_allow():
    assert share("error", "8", 8.0, 11.0).agrees and not share("error", "8", 8.0, 14.0).agrees
    assert not share("error", "8", 9.0, 8.0).agrees


def test_a_page_that_says_otherwise_disagrees(monkeypatch):
    real = orders.drawing

    def changed(panel, *extra, **fields) -> Drawing:
        drawn = real(panel, *extra, **fields)
        return replace(drawn, numbers=re.sub(r"13\.59", "13.39", drawn.numbers) + " And 42 %.")

    assert all(figure.agrees for audit in orders.audits() for figure in audit.figures)
    monkeypatch.setattr(orders, "drawing", changed)
    audit, _ = orders.audits()
    assert [figure.what for figure in audit.figures if not figure.agrees] == ["best, test error, %"]
    assert audit.unaccounted == ["42"]


def test_a_record_that_says_otherwise_disagrees(monkeypatch, capsys):
    monkeypatch.setattr(degradation, "fresh_error", lambda *_: None)
    monkeypatch.setattr(degradation, "seeds_of", lambda name: [[{"train_error": "1", "test_error": "2"}]])
    assert main(["audit", "degradation"]) == 1
    printed = capsys.readouterr().out
    assert "NO" in printed and re.search(r"\d+ of \d+ figures agree", printed)


def test_a_place_that_is_none_is_refused(capsys):
    assert main(["audit", "zebra"]) == 2 and "zebra" in capsys.readouterr().err


@pytest.mark.slow
def test_every_figure_on_the_page_agrees(capsys, monkeypatch):
    monkeypatch.setattr(checks, "FRESH", 250)
    checks.fresh_error.cache_clear()
    assert main(["audit"]) == 0, [line for line in capsys.readouterr().out.splitlines() if line.endswith("NO")]
