import csv
import re
from dataclasses import replace

import gradio as gr
import pytest

from resnet.lab.ablation import ARMS, DEPTHS, KINDS, Arm
from resnet.lab.ablation_log import CHANCE, Best, Trial, best, recorded, watch
from resnet.ui.compare import ablation as panel
from resnet.ui.compare.ablation import LIVE, PANEL, AblationView
from resnet.ui.compare.ablation_summary import arm_name, findings_html, lead, numbers
from resnet.ui.page.sharing import from_query
from resnet.util.text import text
from tests.factories import one_thread
from tests.ui.asking import ask, asked, attached, held, held_with, words

run_ablation = LIVE.runs(PANEL)
PLAIN, RESIDUAL = Arm(False, True, "he"), Arm(True, True, "he")


def drawn(figure) -> list[tuple]:
    """(kind's name, loss, colour, symbol) of every mark."""
    return [mark for trace in figure.data if trace.customdata for mark in
            zip(trace.y, trace.x, trace.marker.color, trace.marker.symbol, strict=True)]


def test_the_panel_opens_with_every_arm_of_the_record():
    message, heading, without, norm, below, link = ask(PANEL.show, held(AblationView()))
    assert message == "" and link == "tab=compare&panel=ablation"
    found = best(recorded())
    for figure, one_norm in ((without, False), (norm, True)):
        expected = [(text(f"compare.ablation.kind_{one.arm.kind}"), loss) for one in found.values()
                    if one.arm.norm == one_norm for loss in one.losses if loss < 2.6]
        assert sorted(expected) == sorted((name, x) for name, x, _, symbol in drawn(figure) if symbol != "x-thin")
        assert len(drawn(figure)) == 2 * len(KINDS) * len(DEPTHS)
        assert any(shape.x0 == CHANCE for shape in figure.layout.shapes)
    rows = list(csv.DictReader(attached(below)["ablation.csv"].splitlines()))
    assert len(rows) == len(recorded()) and rows[0]["start"] == "he"


def test_deeper_is_darker_and_shortcuts_are_blue():
    _, _, without, *_ = ask(PANEL.show, held(AblationView()))
    colours = {name: {colour for row, _, colour, _ in drawn(without) if row == text(f"compare.ablation.kind_{name}")}
               for name in KINDS}
    assert colours["plain"] == colours["dirac"] and not colours["plain"] & colours["residual"]
    assert len(colours["plain"]) > 1


def found_with(**losses: tuple[float, float]) -> dict:
    """A made record: all arms stay at chance but those named, whose seeds have these losses at every depth."""
    return {(arm, depth): Best(arm, depth, 0.1, losses.get(arm.kind + ("_norm" if arm.norm else ""), (2.3, 2.3)))
            for arm in ARMS for depth in DEPTHS}


@pytest.mark.parametrize("plain, residual, words_of", [
    ((1.0, 1.2), (0.5, 0.9), "lower"), ((0.4, 0.5), (0.6, 0.9), "higher"), ((0.5, 1.0), (0.6, 0.9), "alike")])
def test_the_verdict_is_the_records(plain, residual, words_of):
    found = found_with(plain_norm=plain, residual_norm=residual)
    comparison = text(f"compare.ablation.compared_{words_of}", n=2, one=arm_name(RESIDUAL, "en"),
                      other=arm_name(PLAIN, "en"))
    assert comparison in numbers(found, "en") and comparison in words(findings_html(found, "en"))
    assert "without batch norm: none; with it: plain + BN, residual + BN" in numbers(found, "en")


@pytest.mark.parametrize("losses, told", [
    ({"skipinit": (0.5, 0.5), "plain_norm": (1.0, 1.0)}, "starts? at zero on a shortcut; with it, even the plain"),
    ({"skipinit": (0.5, 0.5)}, "1 train without batch norm and 0 with it"),
    ({"plain": (0.5, 0.5), "plain_norm": (1.0, 1.0)}, "1 train without batch norm and 1 with it"),
    ({"plain_norm": (1.0, 1.0)}, "0 train without batch norm and 1 with it")])
def test_the_conclusion_is_the_records(losses, told):
    assert re.search(told, lead(found_with(**losses), "en"))


def test_one_seed_above_the_mark_is_no_training():
    found = found_with(residual=(0.5, 2.2), skipinit=(0.5, 0.5))
    told = words(findings_html(found, "en"))
    assert "the residual net trains at no depth" in told and "SkipInit trains up to 56 layers" in told


def test_a_net_that_ran_away_is_told_and_stands_at_the_edge(monkeypatch):
    rows = [replace(row, loss=None) if row.arm == PLAIN else row for row in recorded()]
    monkeypatch.setattr(panel, "recorded", lambda: tuple(rows))
    _, _, _, norm, below, _ = ask(PANEL.show, held(AblationView()))
    assert {(x, symbol) for name, x, _, symbol in drawn(norm) if name == "plain"} == {(2.6, "x-thin")}
    assert text("compare.ablation.ran_away") in words(below)


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_small_nets_train_while_one_watches(monkeypatch, lang):
    monkeypatch.setattr(panel, "watch_on_device", lambda *settings: watch(*settings, steps=2, device="cpu"))
    with one_thread():
        views = list(run_ablation(asked(f"lang={lang}"), *held(AblationView(depth=8, norm="on", lr="0.1"))))
    message, told, figure, below = views[-1]
    assert message == "" and text("compare.ablation.running", lang, done=2, all=100) in words(told)
    assert len(drawn(figure["value"])) == len(KINDS)
    rows = list(csv.DictReader(attached(below)["ablation-live.csv"].splitlines()))
    assert len(rows) == 2 * len(KINDS) and {row["norm"] for row in rows} == {"True"}


def test_a_small_net_that_ran_away_is_told(monkeypatch):
    trial = Trial({arm: (2.0,) if arm == PLAIN else (2.0, 1.5) for arm in ARMS if arm.norm}, 2)
    monkeypatch.setattr(panel, "watch_on_device", lambda *_: iter([trial]))
    (_, _, figure, below), = run_ablation(asked(), *held(AblationView(norm="on")))
    assert ("plain", 2.6) in [(name, x) for name, x, *_ in drawn(figure["value"])]
    assert text("compare.ablation.ran_away") in words(below)


def test_a_view_is_its_link_and_back():
    view = AblationView(depth=8, norm="on", lr="0.003", seed=5)
    *_, link = ask(PANEL.show, held(view))
    assert from_query(AblationView, dict(part.split("=") for part in link.split("&"))) == view


@pytest.mark.parametrize("changes, part", [({"depth": 56}, "56"), ({"norm": "<b>"}, "&lt;b&gt;"), ({"lr": "5"}, "5"),
                                           ({"seed": -1}, "-1"), ({"depth": None}, "")])
def test_bad_knobs_fill_the_message_line_only(changes, part, caplog):
    values = held_with(AblationView(), **changes)
    for message, *rest in (ask(PANEL.show, values), *map(list, run_ablation(asked(), *values))):
        assert part in message and message.count("<p") == 1 and not caplog.records
        assert all(value == gr.skip() for value in rest)
