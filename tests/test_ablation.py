"""The arms of the ablation start as their papers say, and the record is read as it stands."""

import math
from dataclasses import replace
from statistics import fmean

import pytest
import torch
from torch import Tensor, nn

from resnet.data import normalise
from resnet.lab import ablation
from resnet.lab.ablation import ARMS, DEPTHS, KINDS, RATES, SEEDS, STEPS, Arm, arm_net, train_arms
from resnet.lab.ablation_log import CHANCE, LEARNS, Outcome, best, deepest, measure, recorded, watch
from resnet.lab.race import images
from resnet.model import ResNet
from resnet.util.errors import InputError
from tests.factories import one_thread

DEPTH = 20


@pytest.fixture(scope="module")
def inputs() -> Tensor:
    split = images("train").first(8)
    return normalise(split.images, split.spec)


def net_of(kind: str, norm: bool = False, depth: int = DEPTH, seed: int = 0) -> ResNet:
    shortcut, start = KINDS[kind]
    return arm_net(Arm(shortcut, norm, start), depth, seed).train()


@torch.no_grad()
def changes(net: ResNet, inputs: Tensor) -> list[float]:
    """For each block that keeps the shape, the largest change that it makes."""
    x, found = net.stem(inputs), []
    for block in net.blocks:
        y = block(x)
        if y.shape == x.shape:
            found.append((y - x).abs().max().item())
        x = y
    return found


@pytest.mark.parametrize("kind, norm", [("dirac", False), ("skipinit", False), ("skipinit", True), ("fixup", False),
                                        ("fixup", True)])
def test_blocks_start_as_identities(kind, norm, inputs):
    assert changes(net_of(kind, norm), inputs) == [0.0] * (DEPTH // 6 * 3 - 2)


@pytest.mark.parametrize("kind, norm", [("plain", False), ("residual", False), ("looks_linear", False),
                                        ("dirac", True)])
def test_other_blocks_do_not(kind, norm, inputs):
    assert min(changes(net_of(kind, norm), inputs)) > 0.01


def mixed(net: ResNet, inputs: Tensor) -> float:
    """How far f(2a - 3b) is from 2 f(a) - 3 f(b), in units of f."""
    a, b = inputs[:4], inputs[4:]
    with torch.no_grad():
        whole = net(2 * a - 3 * b)
        return ((whole - 2 * net(a) + 3 * net(b)).norm() / whole.norm()).item()


def test_a_looks_linear_net_is_linear_in_its_image(inputs):
    assert mixed(net_of("looks_linear"), inputs) < 1e-4
    assert mixed(net_of("plain"), inputs) > 0.1


def test_its_kernels_are_orthogonal_and_mirrored():
    kernel = net_of("looks_linear").blocks[1].conv1.weight
    half = kernel[:4, :4]
    assert torch.equal(kernel, torch.cat([torch.cat([half, -half], 1), torch.cat([-half, half], 1)]))
    rows = half.flatten(1)
    assert torch.allclose(rows @ rows.T, torch.eye(4), atol=1e-5)


@pytest.mark.parametrize("depth", DEPTHS)
def test_fixup_scales_by_the_number_of_branches(depth):
    """Zhang et al. 2019: L^(-1/(2m-2)) with m = 2, so one over the root of the number of branches."""
    branches = (depth - 2) // 2
    fixed = net_of("fixup", depth=depth)
    unfixed = [kernel for name, kernel in net_of("residual", depth=depth).named_parameters()
               if name.endswith("conv1.weight") and "layer" in name]
    first = [block.conv1[1].weight for block in fixed.blocks]
    assert len(first) == branches
    for scaled, kernel in zip(first, unfixed, strict=True):
        assert torch.allclose(scaled, kernel / math.sqrt(branches))
    assert not fixed.fc[1].weight.any() and not any(block.conv2[1].weight.any() for block in fixed.blocks)
    assert not any(isinstance(module, nn.Conv2d) and module.bias is not None for module in fixed.modules())


def test_fixup_with_norm_zeroes_the_norms_scale_instead():
    for block in net_of("fixup", norm=True).blocks:
        assert not block.bn2[0].weight.any() and block.conv2[1].weight.any()


@pytest.mark.parametrize("norm", [False, True])
def test_a_zero_factor_without_a_shortcut_lets_no_gradient_through(norm, inputs):
    net = net_of("muted", norm)
    net(inputs).square().sum().backward()
    assert all(not conv.weight.grad.any() for conv in net.modules() if isinstance(conv, nn.Conv2d))


def test_arms_without_norm_have_none():
    for arm in ARMS:
        norms = [module for module in arm_net(arm, 8, 0).modules() if isinstance(module, nn.BatchNorm2d)]
        assert len(norms) == (7 if arm.norm else 0)
    assert len(ARMS) == len(set(ARMS)) == 2 * len(KINDS) and {arm.kind for arm in ARMS} == set(KINDS)


@pytest.mark.slow
def test_arms_in_turn_train_as_if_alone():
    pair = [arm for arm in ARMS if arm.kind in ("skipinit", "plain") and arm.norm]
    with one_thread():
        together = list(train_arms(pair, 8, 0.1, 3, 4, "cpu"))
        for place, arm in enumerate(pair):
            assert [turn[place] for turn in together] == [loss for loss, in train_arms([arm], 8, 0.1, 3, 4, "cpu")]


@pytest.mark.slow
def test_a_net_that_runs_away_has_no_loss_and_leaves_the_others():
    arms = [Arm(True, False, "he"), Arm(True, True, "he")]
    with one_thread():
        *_, (lost, other) = train_arms(arms, 56, 100.0, 0, 4, "cpu")
        assert lost is None and other is not None
        assert measure(arms[0], 56, 100.0, 0, 4, "here").loss is None


@pytest.mark.slow
def test_labels_that_say_nothing_are_not_learned(monkeypatch):
    """The control for `trains`: the best arm on shuffled labels stays above the mark, on true ones it does not."""
    arm, split = Arm(True, True, "he"), images("train")
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))
    shuffled = replace(split, labels=split.labels[order])
    with one_thread():
        true = [loss for loss, in train_arms([arm], 8, 0.1, 0, 120, "cpu")]
        monkeypatch.setattr(ablation, "images", lambda _: shuffled)
        false = [loss for loss, in train_arms([arm], 8, 0.1, 0, 120, "cpu")]
    assert fmean(true[-30:]) < LEARNS < fmean(false[-30:])


@pytest.mark.slow
def test_a_trial_goes_on_as_it_is_watched():
    with one_thread():
        *_, last = watch(8, True, 0.1, 0, steps=3, device="cpu")
    assert last.steps == 3 and set(last.losses) == {arm for arm in ARMS if arm.norm}
    for losses in last.losses.values():
        assert len(losses) == 3
    assert last.lately(ARMS[-1]) == pytest.approx(fmean(last.losses[ARMS[-1]]))


def test_an_unknown_depth_is_refused():
    with pytest.raises(InputError):
        list(train_arms(ARMS[:1], 9, 0.1, 0, 1, "cpu"))


# The record ----------------------------------------------------------------------------------------


def outcomes(losses: dict[tuple[int, float], list[float | None]]) -> list[Outcome]:
    """Of every arm, by depth and rate; a loss a seed."""
    return [Outcome(arm.shortcut, arm.norm, arm.start, depth, rate, seed, 10, loss, "here") for arm in ARMS
            for (depth, rate), series in losses.items() for seed, loss in zip(SEEDS, series, strict=True)]


def test_the_best_rate_is_that_of_the_lowest_mean_and_a_runaway_is_never_best():
    found = best(outcomes({(8, RATES[0]): [0.1, None], (8, RATES[1]): [1.0, 1.2], (20, RATES[0]): [2.0, 2.2],
                           (56, RATES[0]): [0.5, 0.6]}))
    arm = ARMS[0]
    assert (found[arm, 8].lr, found[arm, 8].losses) == (RATES[1], (1.0, 1.2)) and found[arm, 8].trains
    assert not found[arm, 20].trains  # one seed is above the mark
    assert deepest(found, arm) == 8  # nets of 56 layers train, those of 20 do not


def test_lower_means_with_every_seed():
    found = best(outcomes({(8, RATES[0]): [1.0, 1.2], (20, RATES[0]): [1.1, 1.3], (56, RATES[0]): [1.3, 1.4]}))
    first, second, third = (found[ARMS[0], depth] for depth in DEPTHS)
    assert first.below(third) and not third.below(first) and not first.below(second) and not second.below(first)


def test_the_record_is_whole():
    rows = recorded()
    keys = {(row.arm, row.depth, row.lr, row.seed) for row in rows}
    assert len(keys) == len(rows) == len(ARMS) * len(DEPTHS) * len(RATES) * len(SEEDS)
    assert {row.steps for row in rows} == {STEPS} and all(row.hardware for row in rows)


def test_the_control_of_the_record_never_learns():
    for (arm, _), one in best(recorded()).items():
        if arm.kind == "muted":
            assert min(one.losses) > 0.99 * CHANCE
