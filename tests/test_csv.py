"""CSV: what a spreadsheet reads is what was meant."""

import pytest

from resnet.util.csv import csv_text, read_rows


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "-", "=", "-1,5"])
def test_a_strangers_words_are_no_formula(cell):
    row, = read_rows(csv_text(("label", cell), [(cell, 1)]).splitlines())
    assert row == {"label": f"'{cell}", f"'{cell}": "1"}


@pytest.mark.parametrize("cell", ["-1.5", "+3", "-1e-07", "-inf", "cat", "a=b", "'quoted'", "", "−1"])
def test_numbers_and_other_words_stay_as_they_are(cell):
    assert csv_text(("label",), [(cell,)]).splitlines()[1:] in ([cell], ['""'])


def test_numbers_are_no_words():
    assert csv_text(("a", "b", "c"), [(-1.5, -2, None), (("-a", "b"), float("-inf"), 0.12345)], digits=3) == (
        "a,b,c\n-1.5,-2,\n'-a+b,-inf,0.123\n")
