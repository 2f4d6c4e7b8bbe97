import csv
import json
from dataclasses import replace

import gradio as gr
import pytest

from resnet.charts.race import race_chart
from resnet.lab.race_log import Race, recorded, watch
from resnet.ui.compare import race as panel
from resnet.ui.compare import race_layers, race_track
from resnet.ui.compare.race import LIVE, PANEL, RaceView
from resnet.ui.page.sharing import from_query
from resnet.util.numbers import readable
from resnet.util.text import text
from tests.ui.asking import ask, asked, attached, held, held_with, words

SMALL = RaceView(depth=8, width=4)
run_race, finish_race = LIVE.runs(PANEL), LIVE.finishes(PANEL)


@pytest.fixture
def short(monkeypatch):
    """Races of three iterations."""
    monkeypatch.setattr(panel, "watch_on_device", lambda settings: watch(settings, "cpu", 3))


def streamed(view: RaceView, query: str = "") -> list[tuple]:
    return list(run_race(asked(query), *held(view)))


def lines(figure) -> dict[str, tuple]:
    return {line.name: (line.x, line.y) for line in figure.data}


def test_the_panel_opens_with_the_recorded_race():
    message, heading, track, figure, below, _, *_maps, shown, link = ask(PANEL.show, [*held(RaceView()), None])
    assert message == "" and link == "tab=compare&panel=race" and shown == recorded()
    assert text("compare.race.recorded") in words(heading) and text("compare.race.changed") not in words(heading)
    drawn = lines(figure)
    for plain, name in ((True, "plain-38"), (False, "ResNet-38")):
        losses = recorded().losses(plain)
        assert drawn[name][1][-1] == losses[-1] and f"{losses[-1]:.3g}" in words(heading)
    assert recorded().hardware in words(below) and json.loads(track)["play"]


def test_below_it_stand_the_layers_from_initialisation_on():
    _, _, _, _, _, told, norms, cosines, ratios, *_ = ask(PANEL.show, [*held(RaceView()), None])
    first, last = (recorded().layers[place].iteration for place in (0, -1))
    for figure, measure, rows in ((norms, "norm", 37), (cosines, "cosine", 37), (ratios, "ratio", 18)):
        assert figure.layout.title.text == text(f"compare.race.layers.{measure}")
        for trace, plain in zip(figure.data, (True, False), strict=True):
            states = [state for state in race_layers.looked(recorded(), last, plain)
                      if getattr(state, measure) is not None]
            assert [row[-1] for row in trace.customdata] == [getattr(state, measure) for state in states]
            assert len(states) == rows and (trace.x[0], trace.x[-1]) == ("0", str(last - 1))
    plain, residual = (readable(race_layers.growth(race_layers.looked(recorded(), first, one)))
                       for one in (True, False))
    assert f"{plain} times as large as at the last layer in plain-38, {residual} times" in words(told)
    assert len(attached(told)["race-38-seed0-layers.csv"].splitlines()) == len(recorded().layers) + 1


def test_the_layers_verdict_turns_with_the_record():
    def told(factor: float) -> str:
        laps = tuple(replace(lap, layers=tuple(replace(state, norm=factor * state.norm) if state.plain
                                               and state.layer == "layer1.0.conv1" else state for state in lap.layers))
                     for lap in recorded().laps)
        return words(race_layers.told_html(replace(recorded(), laps=laps), "en"))

    assert race_layers.even_from(recorded()) == 9
    assert "From 8 iterations on" in told(1) and "From 0 iterations on" in told(1e-6)
    assert "From" not in told(1e6) and "To the end" in told(1e6)


def test_other_settings_ask_for_a_start_and_leave_the_chart():
    _, heading, *rest, link = ask(PANEL.show, [*held(SMALL), recorded()])
    assert text("compare.race.changed") in words(heading) and rest == [gr.skip()] * 8
    assert link == "tab=compare&panel=race&depth=8&width=4"


def test_a_race_is_drawn_as_it_goes(short):
    views = streamed(SMALL)
    assert all(view[0] == "" and len(view) == 10 for view in views)
    first, last = views[0], views[-1]
    assert first[-1].laps == () and "<progress" in first[1]
    assert [lap.iteration for lap in last[-1].laps] == [1, 2, 3] and last[-1].settings == SMALL.settings
    assert lines(last[3])["plain-8"] == ((1, 2, 3), tuple(last[-1].losses(True)))
    rows = list(csv.DictReader(attached(last[4])["race-8-seed0.csv"].splitlines()))
    assert [row["iteration"] for row in rows] == ["1", "2", "3"] and rows[0]["lr"] == "0.1"
    assert float(rows[2]["residual_loss"]) == pytest.approx(last[-1].laps[2].residual_loss, rel=1e-5)


def test_the_link_repeats_the_race(short):
    view = RaceView(depth=8, width=4, lr="0.03", norm="off", seed=5, seconds=10)
    *_, link = ask(PANEL.show, [*held(view), None])
    again = from_query(RaceView, dict(part.split("=") for part in link.split("&")))
    assert again == view
    courses = [[lap.plain_loss for lap in streamed(one)[-1][-1].laps] for one in (view, again)]
    assert courses[0] == courses[1]


def test_a_stopped_race_is_drawn_as_far_as_it_went():
    part = replace(recorded(), laps=recorded().laps[:30])
    message, heading, _, figure, below, *_ = ask(finish_race, [part])
    assert message == "" and "30" in words(heading) and lines(figure)["plain-38"][0][-1] == 30
    assert len(attached(below)["race-38-seed0.csv"].splitlines()) == 31
    assert ask(finish_race, [None])[1:] == [gr.skip()] * 8


def test_the_track_is_the_race():
    race = recorded()
    shown = json.loads(race_track.told(race, "en"))
    assert shown["iterations"][-1] == len(race.laps) and len(shown["iterations"]) == 200
    for lane, plain in zip(shown["lanes"], (True, False), strict=True):
        losses = race.losses(plain)
        assert lane["losses"] == [round(losses[at - 1], 3) for at in shown["iterations"]]
        last = race_layers.looked(race, race.layers[-1].iteration, plain)
        at, norms = lane["looks"][-1]
        assert at == last[0].iteration and norms == pytest.approx([state.norm for state in last], rel=1e-2)
        test = "plain_test" if plain else "residual_test"
        assert lane["tests"] == [[lap.iteration, getattr(lap, test)] for lap in race.tests]
    assert shown["words"]["replay"] == "Replay" and not shown["live"] and not shown["play"]


def test_only_the_recorded_race_runs_by_itself(short):
    live = [json.loads(view[2]) for view in streamed(SMALL)]
    assert [one["live"] for one in live] == [*[True] * (len(live) - 1), False] and not any(one["play"] for one in live)


def test_a_race_stopped_before_it_began_says_so():
    _, heading, track, figure, below, told, *maps = ask(finish_race, [Race(SMALL.settings, (), "here")])
    assert text("compare.race.nothing") in words(heading) and below == told == "" and lines(figure)["plain-8"][0] == ()
    assert json.loads(track)["iterations"] == []
    assert len(maps) == 3 and all(not trace.z for one in maps for trace in one.data)


def test_a_net_that_ran_away_is_told():
    laps = recorded().laps
    lost = replace(recorded(), laps=(*laps[:9], *(replace(lap, plain_loss=float("nan")) for lap in laps[9:])))
    _, heading, track, figure, *_ = ask(finish_race, [lost])
    assert text("compare.race.lost", iteration=10) in words(heading)
    assert text("compare.race.ran_away", nets="plain-38") in words(heading)
    assert json.loads(track)["lanes"][0]["losses"][-1] is None and max(lines(figure)["plain-38"][0]) == 9


def test_in_chinese(short):
    heading, _, figure, below = streamed(SMALL, "lang=zh")[-1][1:5]
    assert "训练损失" in words(heading) and "本页实测" in below
    assert figure.layout.yaxis.title.text == text("charts.train_loss", "zh")


@pytest.mark.parametrize("changes, part", [
    ({"depth": 9}, "9"), ({"depth": 1202}, "1202"), ({"depth": None}, ""), ({"width": "zebra"}, "zebra"),
    ({"lr": "5"}, "5"), ({"lr": 0.1}, "0.1"), ({"norm": "<b>"}, "&lt;b&gt;"), ({"seed": -1}, "-1"),
    ({"seconds": 86_400}, "86,400"),
])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_bad_knobs_fill_the_message_line_only(changes, part, lang, caplog):
    values = held_with(RaceView(), **changes)
    answers = [ask(PANEL.show, [*values, None], f"lang={lang}"), *map(list, run_race(asked(f"lang={lang}"), *values))]
    assert len(answers) == 2  # the stream ends with the sentence
    for message, *rest in answers:
        assert part in message and message.count("<p") == 1 and not caplog.records
        assert all(value == gr.skip() for value in rest)


def test_names_stand_apart_however_near_the_lines_end_and_a_cut_range_says_so():
    def noted(plain: float, residual: float):
        laps = tuple(replace(lap, plain_loss=plain, residual_loss=residual) for lap in recorded().laps)
        return race_chart(replace(recorded(), laps=laps)).layout

    for plain, residual in ((1.0, 1.0), (0.02, 0.01), (2.49, 2.5), (0.6, 0.9)):
        layout = noted(plain, residual)
        low, high = sorted(note.y for note in layout.annotations)
        assert high - low >= 0.149 * layout.yaxis.range[1] and layout.yaxis.range[0] <= low
        assert high <= layout.yaxis.range[1]
    assert [note.text for note in noted(50, 1).annotations if "cut" in note.text] == [
        text("compare.race.cut", top="3", highest="50")]
