"""The looks inside a race measure what they say and leave it alone."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from resnet.data import normalise
from resnet.lab import race as race_module
from resnet.lab.gradients import alikeness, kernel_norms
from resnet.lab.race import RaceSettings, images, race
from resnet.lab.race_layers import IMAGES, READOUTS, SEED, due, layer_states, layers_csv, layers_from_csv
from resnet.lab.race_log import recorded
from resnet.model import ResNet, create
from tests.factories import one_thread, same_tensors

SMALL = RaceSettings(depth=8, width=4)


@pytest.fixture
def net() -> ResNet:
    return create(SMALL.config(plain=False), 1)


def test_norms_are_panel_2s(net):
    states = layer_states(net, images("train"), 1, False)
    norms = kernel_norms(net, images("train").first(IMAGES))
    assert {state.layer: state.norm for state in states} == pytest.approx(norms, rel=1e-4)


def test_the_images_cosine_is_panel_2s(net, monkeypatch):
    """The first layer is given the image; panel 2 averages over more sums of the logits."""
    first = layer_states(net, images("train"), 1, False)[0]
    few = images("train").first(IMAGES)
    kernel_norms(net, few)  # leaves the statistics of these images
    monkeypatch.setattr("resnet.lab.gradients.READOUTS", READOUTS)
    assert first.cosine == pytest.approx(alikeness(net, normalise(few.images, few.spec), SEED).mean().item(), abs=1e-5)


def test_the_ratio_is_that_of_branch_and_input(net):
    states = layer_states(net, images("train"), 1, False)
    few = images("train").first(IMAGES)
    kernel_norms(net, few)
    with torch.no_grad():
        x = net.eval().stem(normalise(few.images, few.spec))
        for name in ("layer1.0", "layer2.0", "layer3.0"):
            block = net.get_submodule(name)
            expected = (block.residual(x.clone()).norm() / x.norm()).item()
            found = next(state for state in states if state.layer == f"{name}.conv2")
            assert found.ratio == pytest.approx(expected, rel=1e-4)
            x = block(x)
    without = [state.layer for state in states if state.ratio is None]
    assert without == ["conv1", *(f"layer{i}.0.conv1" for i in (1, 2, 3))]


@pytest.mark.parametrize("norm", [True, False])
def test_looking_leaves_net_and_numbers_alone(norm):
    net = race_module._net(replace(SMALL, norm=norm), plain=True).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    assert len(layer_states(net, images("train"), 1, True)) == 7
    assert same_tensors(before, net.state_dict()) and net.training and torch.equal(state, torch.random.get_rng_state())
    for module in net.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks
        assert not isinstance(module, nn.BatchNorm2d) or module.momentum == 0.1
    assert all(parameter.grad is None and parameter.requires_grad for parameter in net.parameters())


def test_a_race_is_looked_at_from_initialisation_on():
    assert [iteration for iteration in range(1, 130) if due(iteration)] == [1, 3, 9, 33, 65, 97, 129]
    with one_thread():
        laps = list(race(SMALL, "cpu", 3))
        expected = layer_states(create(SMALL.config(plain=True), SMALL.seed), images("train"), 1, True)
    assert [bool(lap.layers) for lap in laps] == [True, False, True]
    for state, before in zip(laps[0].layers, expected, strict=False):
        assert (state.layer, state.plain) == (before.layer, True)
        assert (state.norm, state.cosine) == pytest.approx((before.norm, before.cosine), rel=1e-4, abs=1e-6)
    assert {state.plain for state in laps[2].layers} == {True, False} and laps[2].layers[0].iteration == 3


def test_a_net_that_ran_away_is_looked_at_too():
    net = create(SMALL.config(plain=False), 0)
    with torch.no_grad():
        net.layer1[0].conv1.weight.fill_(float("nan"))
    states = layer_states(net, images("train"), 5, False)
    assert all(math.isnan(state.norm) for state in states)
    assert "nan" in layers_csv(states) and math.isnan(layers_from_csv(layers_csv(states).splitlines())[0].norm)


def test_states_survive_csv(net):
    states = layer_states(net, images("train"), 9, False)
    again = layers_from_csv(layers_csv(states).splitlines())
    assert [(one.iteration, one.plain, one.layer) for one in again] == [(9, False, one.layer) for one in states]
    for one, before in zip(again, states, strict=True):
        assert (one.norm, one.cosine) == pytest.approx((before.norm, before.cosine), rel=1e-5)
        assert one.ratio == (before.ratio if before.ratio is None else pytest.approx(before.ratio, rel=1e-5))


def test_the_recorded_race_has_every_look_at_every_layer():
    course = recorded()
    looked = [lap for lap in course.laps if lap.layers]
    assert [lap.iteration for lap in looked] == [lap.iteration for lap in course.laps if due(lap.iteration)]
    assert all(len(lap.layers) == 2 * 37 for lap in looked)


def test_the_recorded_looks_begin_as_one_does_here():
    first = [state for state in recorded().layers if state.iteration == 1]
    nets = [create(RaceSettings().config(plain), 0) for plain in (True, False)]
    here = [state for net, plain in zip(nets, (True, False), strict=True)
            for state in layer_states(net, images("train"), 1, plain)]
    for state, before in zip(here, first, strict=True):
        assert state.layer == before.layer and state.norm == pytest.approx(before.norm, rel=1e-2)
        assert state.cosine == pytest.approx(before.cosine, abs=1e-2)
