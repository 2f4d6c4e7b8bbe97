import math
from functools import cache

import numpy as np
import pytest
import torch

from resnet.lab.shattering import (
    CLOUD,
    KINDS,
    LAGS,
    PAIRS,
    POINTS,
    READOUTS,
    Settings,
    autocorrelation,
    law,
    measure,
    noises,
    published,
)
from resnet.util.errors import InputError

SMALL = Settings(beta=0.3, width=50, runs=2, seed=3)
DEPTH = 4


class Reference:
    """The nets of SMALL in plain autograd: the same random numbers, float64, statistics held fixed."""

    def __init__(self, kind: str):
        generator = torch.Generator().manual_seed(SMALL.seed)
        runs, width = SMALL.runs, SMALL.width
        self.kind, self.centred = kind, kind.endswith(("_centred", "_bn"))
        self.readout = torch.randn(runs, width, READOUTS, generator=generator).double()
        self.slopes = torch.randn(runs, 1, width, generator=generator).double()
        self.thresholds = 4 * torch.rand(runs, 1, width, generator=generator).double() - 2
        self.cloud = torch.randn(runs, CLOUD, width, generator=generator).double()
        self.weights = [torch.randn(runs, width, width, generator=generator).double() for _ in range(DEPTH)]

    def last(self, run: int, x: torch.Tensor, line: bool) -> torch.Tensor:
        """h_L of a run's net at x [points, 1]."""
        h = self.slopes[run] * (x - self.thresholds[run]) if line else self.cloud[run] + self.slopes[run] * x
        for depth, weights in enumerate(self.weights):
            normed = h if not self.centred or line and depth == 0 else h - h.mean(0).detach()
            if self.kind.endswith("_bn"):
                normed = normed / (h.detach().var(0, correction=0) + 1e-5).sqrt()
            beta = SMALL.beta if self.kind == "residual_bn" else 1
            out = beta * torch.relu(normed) @ (weights[run] * math.sqrt(2 / SMALL.width))
            h = h + out if self.kind.startswith("residual") else out
        return h

    def jacobians(self, line: bool) -> np.ndarray:
        """dh_L/dx of every run and point, unit by unit: [runs, points, width]."""
        found = []
        for run in range(SMALL.runs):
            start = torch.linspace(-2, 2, POINTS).double()[:, None] if line else torch.zeros(CLOUD, 1).double()
            x = start.requires_grad_()
            h = self.last(run, x, line)
            units = [torch.autograd.grad(h[:, unit].sum(), x, retain_graph=True)[0][:, 0]
                     for unit in range(SMALL.width)]
            found.append(torch.stack(units, 1).numpy())
        return np.stack(found)


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_are_those_of_plain_autograd(kind):
    measured, reference = measure(kind, SMALL), Reference(kind)
    row = measured.rows[DEPTH - 1]
    sizes, correlations = [], []
    for line in (False, True):
        jacobians = reference.jacobians(line)
        covariance = np.einsum("riw,rjw->ij", jacobians, jacobians) / (SMALL.runs * SMALL.width)
        deviation = np.sqrt(np.diag(covariance))
        sizes.append(np.sqrt(np.diag(covariance).mean()))
        correlation = covariance / np.outer(deviation, deviation)
        if not line:
            correlations.append(correlation[~np.eye(CLOUD, dtype=bool)].mean())
        else:
            correlations += [np.diag(correlation, int(lag)).mean() for lag in PAIRS[1:]]
    assert row.depth == DEPTH
    assert row.size == pytest.approx(sizes, rel=1e-4)
    assert row.correlation == pytest.approx(correlations, abs=1e-4)


@pytest.mark.parametrize("kind", ["plain", "residual_bn"])
def test_the_gradient_along_the_line_is_that_of_plain_autograd(kind):
    look = next(look for look in measure(kind, SMALL).looks if look.depth == DEPTH)
    reference = Reference(kind)
    x = torch.linspace(-2, 2, POINTS).double()[:, None].requires_grad_()
    f = reference.last(0, x, line=True) @ reference.readout[0, :, 0]
    gradient = torch.autograd.grad(f.sum(), x)[0][:, 0].numpy()
    assert look.gradient == pytest.approx(gradient / np.sqrt((gradient**2).mean()), abs=1e-3)


@cache
def rows(kind: str, seed: int) -> dict:
    """By depth, of nets as wide as the paper's."""
    return {row.depth: row for row in measure(kind, Settings(runs=4, seed=seed)).rows}


def rate(values: dict, first: int, last: int) -> float:
    """What one layer multiplies by, on average."""
    return (values[last] / values[first]) ** (1 / (last - first))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind, base, last", [
    ("plain_centred", 1 / 2, 6), ("plain_bn", 1 / 2, 6), ("residual_centred", 3 / 4, 14)])
def test_without_its_partner_the_correlation_falls_exponentially(kind, base, last, seed):
    found = {depth: row.correlation[0] for depth, row in rows(kind, seed).items()}
    assert found[1] == pytest.approx(base, rel=0.1)
    assert rate(found, 1, last) == pytest.approx(base, rel=0.07)  # wide nets: 1/width of a layer is left over


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", ["plain", "residual"])
def test_without_norm_inputs_grow_alike_and_so_do_their_gradients(kind, seed):
    found = {depth: row.correlation[0] for depth, row in rows(kind, seed).items()}
    for depth, near in ((1, 0.1), (2, 0.1), (4, 0.2), (8, 0.4)):  # of wide nets, as above
        assert found[depth] == pytest.approx(law(kind, depth)[1], rel=near)
    centred = {depth: row.correlation[0] for depth, row in rows(f"{kind}_centred", seed).items()}
    assert found[4] > 1.1 * centred[4] and found[8] > 1.5 * centred[8] and found[16] > 4 * centred[16]


def test_a_truly_plain_net_is_as_an_independent_measurement_has_it():
    """0.150 at 4 layers, 0.054 at 8, 0.021 at 16; centred 0.060, 0.003, 0.001, by other nets of the same width."""
    told = {"plain": {4: 0.150, 8: 0.054, 16: 0.021}, "plain_centred": {4: 0.060, 8: 0.003, 16: 0.001}}
    for kind, expected in told.items():
        for depth, value in expected.items():
            row = measure(kind, Settings()).rows[depth - 1]
            assert row.correlation[0] == pytest.approx(value, abs=4 * row.error[0] + 0.002)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_with_both_it_falls_like_a_power_near_the_published_law(seed):
    found = {depth: row.correlation[0] for depth, row in rows("residual_bn", seed).items()}
    for depth in (1, 4, 16, 50):
        assert found[depth] == pytest.approx(law("residual_bn", depth)[1], rel=0.15)
    for depth in (4, 16, 50):
        assert 0.5 < found[depth] / published("residual_bn", depth) < 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind, gain", [("plain", 1), ("plain_centred", 1),
                                        ("plain_bn", (math.pi / (math.pi - 1)) ** 0.5),
                                        ("residual", 2**0.5), ("residual_centred", 2**0.5)])
def test_the_size_grows_by_a_factor_a_layer_or_not_at_all(kind, gain, seed):
    found = {depth: row.size[0] for depth, row in rows(kind, seed).items()}
    assert found[1] == pytest.approx(law(kind, 1)[0], rel=0.1)
    assert rate(found, 2, 50) == pytest.approx(gain, rel=0.01)


def test_a_small_branch_keeps_the_gradients_alike():
    last = measure("residual_bn", Settings(beta=0.1, runs=2)).rows[-1]
    assert last.correlation[0] == pytest.approx(law("residual_bn", 50, 0.1)[1], rel=0.05) and last.size[0] < 1.4
    assert published("residual_bn", 50, 0.1) > 1  # no correlation: the law is for deeper nets


def test_the_derived_laws_are_the_published_ones_where_these_are_exact():
    for depth in (1, 2, 10):
        for kind in ("plain_centred", "plain_bn"):
            assert law(kind, depth)[1] == pytest.approx(published(kind, depth))
        assert law("residual_centred", depth)[1] == pytest.approx(0.75**depth)
        assert published("residual", depth) is published("residual_centred", depth) is None
    steep = math.log2(law("residual_bn", 20_000)[1] / law("residual_bn", 10_000)[1])
    assert steep == pytest.approx(-0.5 / (1 - 1 / math.pi), abs=1e-3)


def test_after_one_layer_it_is_brown_noise_and_in_deep_plain_nets_white():
    looks = {kind: {look.depth: look.autocorrelation for look in measure(kind, Settings(runs=4)).looks}
             for kind in ("plain", "plain_centred", "residual_bn")}
    assert looks["plain"][1] == pytest.approx(noises()["brown"], abs=0.05)
    assert looks["plain_centred"][24] == pytest.approx(noises()["white"], abs=0.08)
    assert looks["residual_bn"][24][1] > 0.6
    # thresholds spread evenly over four units of the line: a share 1 - d/4 of the units is on one side of both points
    first = measure("plain", Settings(runs=4)).rows[0].correlation
    assert first[1:] == pytest.approx([1 - int(lag) / 255 for lag in PAIRS[1:]], abs=0.05)


def test_the_autocorrelation_is_numpys():
    series = torch.randn(5, POINTS, generator=torch.Generator().manual_seed(0)).cumsum(1)
    expected = np.zeros(LAGS + 1)
    for one in series.double().numpy():
        full = np.correlate(one - one.mean(), one - one.mean(), "full")[POINTS - 1:]
        expected += full[:LAGS + 1] / full[0] / len(series)
    assert autocorrelation(series) == pytest.approx(expected, abs=1e-5)


def test_a_seed_repeats_itself_and_leaves_the_global_one_alone():
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    first = measure.__wrapped__("residual", SMALL)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert measure.__wrapped__("residual", SMALL) == first
    assert measure("residual", Settings(0.3, 50, 2, seed=4)).rows[3] != first.rows[3]


@pytest.mark.parametrize("changes", [{"beta": 2.0}, {"beta": math.nan}, {"width": 1000}, {"runs": 100}, {"seed": -1},
                                     {"seed": 10**9}])
def test_what_is_not_offered_is_refused(changes):
    with pytest.raises(InputError):
        Settings(**changes)
