import csv
from dataclasses import replace

import pytest

from resnet.papers.evolution import EVOLUTION
from resnet.tracing.trace import trace
from resnet.ui.compare.evolution import PANEL, STEPS, gains, net, numbers, verdict
from resnet.util.text import LANGUAGES
from tests.ui.asking import ask, attached, words


@pytest.mark.parametrize("key", STEPS)
def test_every_step_is_drawn_with_its_cost(key):
    message, heading, html, _, link = ask(PANEL.show, [key])
    assert message == "" and f"{net(STEPS[key]).name}" in html
    assert ("step" in link) == (key != "d")
    assert all("{" not in numbers(STEPS[key], lang) for lang in LANGUAGES)


def test_a_step_is_compared_with_the_one_it_starts_from():
    nets = {key: trace("resnet50", **STEPS[key].settings) for key in STEPS}
    below = attached(ask(PANEL.show, ["d"])[3])["evolution.csv"]
    for change, row in zip(EVOLUTION, csv.DictReader(below.splitlines()), strict=True):
        before = nets[change.after or change.key]
        assert int(row["macs"]) - int(row["macs_more"]) == before.macs
        assert int(row["params_more"]) == nets[change.key].params - before.params
    assert nets["rs"].params == trace("resnetrs50").params and nets["v1"].macs < nets["b"].macs


def test_only_changed_blocks_are_marked():
    assert ask(PANEL.show, ["d"])[2].count('class="block marked') == 3  # where the map is halved
    assert "marked" not in ask(PANEL.show, ["strikes"])[2].split("<p")[0]


def test_the_verdict_turns_with_the_figures():
    assert "a better recipe has brought" in verdict("en") and "+5.1 points" in numbers(STEPS["d"], "en")
    other = tuple(replace(step, accuracy=90.0) if step.key == "d" else step for step in EVOLUTION)
    assert verdict("en", other) != verdict("en") and gains(other)["built"] == pytest.approx(14.7, abs=0.05)


def test_what_was_not_found_is_not_told():
    assert "no published figure" in words(ask(PANEL.show, ["c"])[1])
    assert all(step.source for step in EVOLUTION if step.accuracy is not None)
