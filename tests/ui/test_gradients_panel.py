import csv
from dataclasses import replace
from math import log10

import gradio as gr
import pytest

from resnet.lab import gradients, shattering
from resnet.lab import gradients_log as log
from resnet.lab.shattering import KINDS, Settings, law, measure, noises
from resnet.ui.compare.gradients import PANEL, GradientsView
from resnet.ui.page.sharing import from_query, parse_controls, to_query
from resnet.util.text import text
from tests.ui import asking
from tests.ui.asking import asked, attached, changed, figure_of, held, held_with, words

SMALL = GradientsView(width=50, runs=2, at=10, seed=1)
TRAINED = GradientsView(nets="trained")


def steps(values: list, query: str = "") -> list[tuple]:
    return asking.steps(PANEL, values, query)


@pytest.fixture(scope="module")
def full() -> tuple:
    return steps(held(SMALL))[-1]


@pytest.fixture(scope="module")
def trained() -> tuple:
    return steps(held(TRAINED))[-1]


@pytest.mark.parametrize("view, what", [(SMALL, "plain"), (GradientsView(nets="fresh", seed=1), "plain-8")])
def test_something_is_told_before_anything_is_measured(view, what, monkeypatch):
    for lab in (gradients, shattering):
        monkeypatch.setattr(lab, "measure", lambda *_: pytest.fail("measured first"))
    message, heading, *rest = next(PANEL.show(asked(), *held(view)))
    assert message == "" and what in words(heading) and all(part == gr.skip() for part in rest)


@pytest.mark.parametrize("nets", ["full", "fresh", "trained"])
def test_what_the_panel_opens_with_is_recorded(nets, monkeypatch):
    for lab in (gradients, shattering):
        monkeypatch.setattr(lab, "measure", lambda *_: pytest.fail("measured"))
    (only,) = steps(held(GradientsView(nets=nets)))
    assert "<progress" not in only[1] and only[2].data


@pytest.mark.slow
def test_the_record_is_what_is_measured():
    for kind, found in log.recorded_random().items():
        for one, other in zip(found.rows, measure(kind, log.SETTINGS).rows, strict=True):
            assert one.correlation == pytest.approx(other.correlation, rel=1e-3, abs=1e-5)
            assert one.size == pytest.approx(other.size, rel=1e-3)
        for one, other in zip(found.looks, measure(kind, log.SETTINGS).looks, strict=True):
            assert one.gradient == pytest.approx(other.gradient, rel=1e-3, abs=1e-3)
            assert one.autocorrelation == pytest.approx(other.autocorrelation, rel=1e-3, abs=1e-3)
    for net in gradients.fresh_nets(56):
        found, again = log.recorded_twins()[net], gradients.measure(net, log.SEED)
        assert found.layers == again.layers and found.norms == pytest.approx(again.norms, rel=0.02)
        assert found.correlation == pytest.approx(again.correlation, abs=0.01)


def named(figure, name: str):
    return next(trace for trace in figure.data if trace.name == name and trace.mode != "lines")


@pytest.mark.parametrize("pairs", shattering.PAIRS)
def test_the_dots_are_the_measured_numbers(pairs):
    _, _, size, likeness, *_ = steps(held_with(SMALL, pairs=pairs))[-1]
    for kind in KINDS:
        rows = {row.depth: row for row in measure(kind, SMALL.settings).rows}
        place, which = shattering.PAIRS.index(pairs), 0 if pairs == "independent" else 1
        dots = named(size, text(f"compare.gradients.{kind}"))
        assert [rows[depth].size[which] for depth in dots.x] == list(dots.y) and len(dots.x) > 15
        dots = named(likeness, text(f"compare.gradients.{kind}"))
        assert [rows[depth].correlation[place] for depth in dots.x] == list(dots.y) and dots.x
        assert all(rows[depth].correlation[place] > 3 * rows[depth].error[place] for depth in range(1, max(dots.x) + 1))


def test_size_and_likeness_are_two_charts_with_the_laws_beside(full):
    _, heading, size, likeness, *_ = full
    assert size.layout.title.text == text("compare.gradients.size_title")
    assert likeness.layout.title.text == text("compare.gradients.likeness_title")
    lines = [list(trace.y) for trace in likeness.data if trace.mode == "lines"]
    for base in (0.5, 0.75):
        assert any(line == pytest.approx([base**depth for depth in range(1, 51)]) for line in lines)
    for kind in ("plain", "residual", "residual_bn"):
        assert [law(kind, depth)[1] for depth in range(1, 51)] in lines
    assert [1 / depth**0.5 for depth in range(1, 51)] in lines
    assert {"1/2<sup>L</sup>", "(3/4)<sup>L</sup>", "1/(β√L)"} <= {note.text for note in likeness.layout.annotations}


def test_a_law_is_named_on_its_line(full):
    notes = {note.text: note for note in full[3].layout.annotations}
    for name, base in (("1/2<sup>L</sup>", 0.5), ("(3/4)<sup>L</sup>", 0.75)):
        assert notes[name].x * log10(base) == pytest.approx(notes[name].y)


def test_the_lower_charts_are_of_the_chosen_depth(full):
    along, autocorrelation = figure_of(full[4]), figure_of(full[5])
    looks = [next(look for look in measure(kind, SMALL.settings).looks if look.depth == 10) for kind in KINDS]
    assert [tuple(trace.y) for trace in along.data] == [look.gradient for look in looks]
    drawn = [tuple(trace.y) for trace in autocorrelation.data]
    assert drawn == [noises()["white"], noises()["brown"], *(look.autocorrelation for look in looks)]


def test_claims_are_told_apart(full):
    told = words(full[6])
    assert all(text(f"compare.gradients.claim_{sort}") in told for sort in ("published", "derived", "conjectured"))
    measured = measure("residual_bn", SMALL.settings).rows[-1].correlation[0]
    assert f"measured {measured:.3g}, derived {law('residual_bn', 50)[1]:.3g}, published 0.141" in told


def test_the_csv_holds_every_kind_depth_and_sort_of_pair(full):
    rows = list(csv.DictReader(next(iter(attached(full[7]).values())).splitlines()))
    assert len(rows) == len(KINDS) * 50 * len(shattering.PAIRS)
    row = next(row for row in rows if (row["kind"], row["depth"], row["pairs"]) == ("residual", "7", "16"))
    assert float(row["correlation"]) == pytest.approx(measure("residual", SMALL.settings).rows[6].correlation[2],
                                                      rel=1e-5)


def test_the_source_line_has_the_settings_and_the_bound(full):
    told = words(full[7])
    assert "2 random nets of 50 units" in told and "seed 1" in told and "at most 73.7" in told


@pytest.mark.slow
def test_trained_twins_by_layer_from_the_loss_backwards(trained):
    _, heading, norms, images, along, *_ = trained
    for net in gradients.trained_nets():
        found = gradients.measure(net)
        line = next(trace for trace in norms.data if trace.name == net.title)
        assert line.y == pytest.approx(found.norms[::-1], rel=1e-3) and line.customdata[-1] == "conv1"
        dots = next(trace for trace in images.data if net.title in trace.customdata)
        assert any(found.correlation == pytest.approx(y, rel=1e-3) for y in dots.y)
    assert figure_of(along) is None and f"{found.norms[1]:.3g}" in words(heading)
    assert text("compare.gradients.claim_derived") not in words(trained[6])


def test_in_chinese():
    *_, (message, heading, size, *_rest, link) = steps(held(SMALL), "lang=zh")
    assert message == "" and text("compare.panels.gradients", "zh") in heading
    assert size.layout.xaxis.title.text == text("compare.gradients.depth", "zh")
    assert link == "tab=compare&panel=gradients&at=10&width=50&runs=2&seed=1"


@pytest.mark.parametrize("changes, part", [
    ({"nets": "zebra"}, "zebra"), ({"pairs": "<b>"}, "&lt;b&gt;"), ({"beta": "1e9"}, "1e9"), ({"beta": None}, ""),
    ({"at": 3}, "3"), ({"width": 10**6}, "1000000"), ({"runs": 10**6}, "1000000"), ({"seed": -1}, "-1"),
    ({"seed": None}, ""), ({"deepest": 1202}, "1202"), ({"seed": float("nan")}, "nan")])
def test_bad_controls_fill_the_message_line_only(changes, part, caplog):
    [(message, *rest)] = steps(held_with(SMALL, **changes))
    assert part in message and message.count("<p") == 1 and not caplog.records
    assert len(rest) == 8 and all(value == gr.skip() for value in rest)


@pytest.mark.parametrize("view", [GradientsView(), SMALL, TRAINED, GradientsView("fresh", deepest=110)])
def test_a_view_is_its_link_and_back(view):
    query = to_query("compare", view, "gradients")
    assert from_query(GradientsView, dict(pair.split("=") for pair in query.split("&"))) == view
    assert parse_controls(GradientsView, *held(view)) == view


def test_knobs_that_say_nothing_are_hidden():
    full, fresh, trained = ({name: update["visible"] for name, update in changed(PANEL, SMALL, nets=nets)[1].items()}
                            for nets in ("full", "fresh", "trained"))
    assert full == dict.fromkeys(("pairs", "beta", "at", "width", "runs"), True) | {"deepest": False}
    assert fresh == {name: not shown for name, shown in full.items()}
    assert trained == dict.fromkeys(full, False)
    assert changed(PANEL, SMALL, nets="fresh")[0] == replace(SMALL, nets="fresh")


def test_the_default_view_is_bounded():
    largest = Settings(width=max(shattering.WIDTHS), runs=max(shattering.RUNS))
    assert GradientsView().settings.operations < largest.operations < 7.5e10
