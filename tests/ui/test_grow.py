import csv
import math

import gradio as gr
import pytest
import torch

from resnet.hub.load import load
from resnet.lab.grow import Growth, grow
from resnet.lab.images import images_for
from resnet.training.evaluate import evaluate
from resnet.ui.compare import grow as panel
from resnet.ui.compare.deepen import DeepenView
from resnet.ui.compare.grow import LIVE, PANEL
from resnet.util.errors import InputError
from tests.factories import same_tensors
from tests.ui.asking import asked, attached, held, held_with, words

run_grow = LIVE.runs(PANEL)
ARMS = {"zero": "resnet20_fashion_mnist", "fresh": "plain20_fashion_mnist"}


@pytest.fixture(scope="module")
def course() -> list[Growth]:
    """Both arms with one block, trained for three iterations."""
    return list(grow(ARMS, "layer3.2", 1, 40, calibration=20, iterations=3, device="cpu"))


def test_every_arm_is_deepened_then_trained_then_tested(course):
    assert course[0] == Growth({"zero": (), "fresh": ()}, {"zero": (), "fresh": ()})  # something to draw at once
    last = course[-1]
    assert all(len(losses) == 3 and all(map(math.isfinite, losses)) for losses in last.losses.values())
    for arm, name in ARMS.items():
        before, inserted, after = last.errors[arm]
        loaded = load(name)
        score = evaluate(loaded.model, images_for(loaded.info, "test", 40, shipped=True))
        assert before == pytest.approx(score.error) and 0 <= after <= 100
    assert last.errors["zero"][0] == last.errors["zero"][1] and last.errors["fresh"][1] > 50


def test_all_arms_start_from_what_deepen_makes_and_repeat(course):
    again = list(grow(ARMS, "layer3.2", 1, 40, calibration=20, iterations=3, device="cpu"))[-1]
    assert again == course[-1]
    assert course[-1].losses["fresh"][0] > 2 > course[-1].losses["zero"][0]


def test_the_shared_nets_are_left_as_they_were(course):
    net = load(ARMS["zero"]).model
    before = {name: value.clone() for name, value in net.state_dict().items()}
    for _ in grow({"zero": ARMS["zero"]}, "layer3.2", 1, 20, calibration=20, iterations=2, device="cpu"):
        pass
    assert same_tensors(before, net.state_dict()) and not net.training and torch.is_grad_enabled()


def test_a_block_that_is_not_there_is_refused():
    with pytest.raises(InputError):
        list(grow(ARMS, "layer9.9", 1, 20, device="cpu"))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_panel_draws_it_as_it_goes(course, monkeypatch, lang):
    whole = [Growth(*({**table, "dirac": table["fresh"]} for table in (growth.losses, growth.errors)))
             for growth in course]
    monkeypatch.setattr(panel, "grow_on_device", lambda *settings: iter(whole))
    views = list(run_grow(asked(f"lang={lang}"), *held(DeepenView())))
    assert all(len(view) == 4 and view[0] == "" for view in views) and len(views) == len(whole) + 1
    before, inserted, after = whole[-1].errors["zero"]
    assert f"{before:.3g} → {inserted:.3g} → {after:.3g} %" in words(views[-2][1])
    rows = list(csv.DictReader(attached(views[-1][3])["grow-20_fashion_mnist-layer2.2.csv"].splitlines()))
    losses = [float(row["loss"]) for row in rows if row["arm"] == "zero"]
    assert losses == pytest.approx(whole[-1].losses["zero"], rel=1e-5)


def test_bad_controls_fill_the_message_line_only(caplog):
    (message, *rest), = run_grow(asked(), *held_with(DeepenView(), after="zebra"))
    assert "zebra" in message and rest == [gr.skip()] * 3 and not caplog.records
