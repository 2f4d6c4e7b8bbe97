import pytest
import torch

from resnet.training.experiment import hardware
from resnet.util.note import Note
from resnet.util.numbers import (
    by,
    cell,
    machine,
    percent,
    points,
    probability,
    readable,
    short,
    signed,
    significant,
    size,
)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_machine_is_told_in_english_as_it_was_recorded(processes):
    recorded = hardware(torch.device("cpu"), processes)
    assert machine(recorded, "en") == recorded


@pytest.mark.parametrize(("recorded", "chinese"), [
    ("1 thread of AMD EPYC", "AMD EPYC 的 1 个线程"), ("2 threads of AMD EPYC", "AMD EPYC 的 2 个线程"),
    ("2 processes, each on 1 thread of AMD EPYC", "2 个进程，每个使用 AMD EPYC 的 1 个线程"),
    ("NVIDIA H100", "NVIDIA H100"), ("", ""), ("odd\nlines", "odd\nlines")])
def test_a_machine_is_told_in_chinese(recorded, chinese):
    assert machine(recorded, "zh") == chinese


@pytest.mark.parametrize(("told", "expected"), [
    (short(4_089_184_256), "4.089 G"), (short(999), "999"), (short(27_500), "27.5 k"),
    (size(9_633_792), "9.63 MB"), (size(12), "12 B"), (by((64, 56, 56)), "64×56×56"), (by((2, 3), "x"), "2x3"),
    (significant(0.012345), "0.0123"), (significant(12.345, 2), "12"),
    (readable(4.5678), "4.57"), (readable(999.6), "1,000"), (readable(-14266.2), "-14,266"),
    (readable(3.5e7), "3.50·10⁷"), (cell(1.23456), "1.235"), (cell(1_234_567), "1234567"), (cell("x"), "x"),
    (percent(0.1234), "12.3\u00a0%"), (percent(0.5, 2), "50.00\u00a0%"),
    (probability(0.0004), "< 0.1\u00a0%"), (probability(0.5), "50.0\u00a0%"), (probability(0.9996), "> 99.9\u00a0%"),
    (points(0.0123), "+1.2"), (points(-0.5), "−50.0"),
    (signed(-4_100_000), "−4.1 M"), (signed(0), "±0"), (signed(3.456, significant), "+3.46"),
])
def test_a_number_is_told_as_the_page_prints_it(told, expected):
    assert told == expected


def test_a_note_tells_its_words_in_each_language():
    note = Note("choice", {"field": "shortcut", "value": "field", "allowed": "A, B"}, "errors")
    assert note.sentence() == 'The shortcut cannot be "field"; choose one of A, B.'
    assert "shortcut" not in note.sentence("zh") and "field" in note.sentence("zh")
    unknown = Note("whole_number", {"field": "zebra", "value": "x"}, "errors")
    assert unknown.sentence().startswith("zebra must be")
