import csv
from dataclasses import replace

import pytest

from resnet.lab import readout
from resnet.lab.readout import Course, course, pairs
from resnet.ui.compare import refine_summary
from resnet.ui.compare.refine import PANEL, RefineView
from resnet.ui.compare.refine_summary import both, lead, step_lead, verdict
from resnet.util.text import text
from tests.ui.asking import ask, attached, figure_of, held_with, words


def shown(query: str = "", **fields) -> tuple:
    _, heading, forming, change, below, told, steps, note, _ = ask(PANEL.show, held_with(RefineView(), **fields), query)
    return heading, figure_of(forming), figure_of(change), below, told, figure_of(steps), note


@pytest.mark.parametrize("key", list(pairs()))
def test_the_lines_are_the_record(key):
    heading, forming, change, below, _, steps, _ = shown(nets=key)
    residual, plain = both(pairs()[key])
    assert list(forming.data[0].y) == [row.nearest for row in residual.rows]
    assert list(forming.data[3].y) == [row.direct for row in plain.rows if row.direct is not None]
    assert list(change.data[1].y) == [row.ratio for row in residual.rows]
    assert list(steps.data[0].x) == list(readout.STEPS)
    rows = list(csv.DictReader(next(iter(attached(below).values())).splitlines()))
    assert {row["net"] for row in rows} == {residual.name, plain.name}
    assert f"{residual.accuracy:.1f} %" in words(heading) and f"{residual.ratio:.2f} times" in words(heading)


def test_the_slider_scales_the_residual_nets_branches():
    (key, pair), *_ = pairs().items()
    _, forming, _, _, told, *_ = shown(nets=key, step=0.5)
    scaled = course(pair.named(False), 0.5)
    assert list(forming.data[0].y) == [row.nearest for row in scaled.rows]
    assert list(forming.data[2].y) == [row.nearest for row in course(pair.named(True)).rows]
    assert text("compare.refine.scaled", step="0.5", accuracy=f"{scaled.accuracy:.1f}") in words(told)
    assert "All branches" not in step_lead(pair.named(False), 1.0, "en")


def test_the_verdict_turns_with_the_records(monkeypatch):
    (_, pair), *_ = pairs().items()
    real = {name: course(name) for name in pair.names}
    monkeypatch.setattr(refine_summary, "pairs", lambda: {"these": pair})
    early = real[pair.named(False)].read[-1]

    def made(kind: str):
        """A net whose classifier is as good as at the end `kind` of the last stage."""
        def of(name: str, *_) -> Course:
            plain = name == pair.named(True)
            rows = [row if row.direct is None else replace(row, direct=early.direct if (kind == "early") != plain
                                                          or row is real[name].rows[-1] else 10.0)
                    for row in real[name].rows]
            return Course(name, tuple(rows))
        return of

    for kind, expected in (("early", "refine"), ("late", "build")):
        monkeypatch.setattr(refine_summary, "course", made(kind))
        assert verdict(pair) == expected
        assert f"the last block {'less' if expected == 'refine' else 'more'} to build" in lead(pair, "en")
    monkeypatch.setattr(refine_summary, "course", lambda name, *_: made("early")(pair.named(False)))
    assert verdict(pair) == "alike"


def test_it_is_said_whether_half_steps_lead_to_the_same_place(monkeypatch):
    (_, pair), *_ = pairs().items()
    name = pair.named(False)
    whole, half = course(name), course(name, 0.5)

    def ends(halves: Course):
        return lambda name, step=1.0, times=1: halves if times == 2 else half if step == 0.5 else whole

    monkeypatch.setattr(refine_summary, "course", ends(whole))
    assert step_lead(name, 1.0, "en").startswith("Two half steps lead nearly to where one leads")
    monkeypatch.setattr(refine_summary, "course", ends(half))
    assert step_lead(name, 1.0, "en").startswith("Two half steps do not lead to where one leads")


def test_it_speaks_chinese():
    heading, forming, *_ = shown("lang=zh")
    assert "块" in words(heading) and "块" in forming.layout.xaxis.title.text


def test_without_records_it_says_so(monkeypatch):
    monkeypatch.setattr(readout, "recorded", lambda name: ())
    heading, *_ = shown()
    assert text("compare.refine.none") in words(heading)
