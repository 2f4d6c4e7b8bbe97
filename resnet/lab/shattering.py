"""How the input-gradients of random rectifier nets change with depth: their size, and how alike they are.

After Balduzzi et al. 2017 (arXiv 1702.08591): nets of one input x and one output f, `width` rectifiers a layer,

    h_0 = w (x - c),    h_l = [h_(l-1) +] beta W_l relu(norm(h_(l-1))),    f = v . h_L

with w, v, W_l normal (W_l of variance 2 / width, He et al. 2015) and the thresholds c uniform over the line.
"norm" is nothing, or takes off each unit's mean over the points (centred), or also divides by the deviation (batch
norm); the first layer of a net on the line keeps its thresholds. These statistics are then held fixed, so that f
is one function and df/dx its derivative. It is carried forward with h, for f does not exist yet: over v the
covariance of df/dx at two points is their product t_i . t_j of t = dh/dx, exactly, and only w, c and W are sampled.

Two sets of inputs go through the same weights: 256 points on the line [-2, 2], as in the paper, and 128
points whose h_0 are independent. Only the latter, and only where norm takes the means off, meet the published
laws' assumption in every layer, that a quarter of its units is active at both of two inputs. Without norm the h of
any two inputs grow alike layer by layer, and points on a line are alike from the start.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile

import torch
from torch import Tensor

from resnet.util.errors import InputError

POINTS, REACH, CLOUD = 256, 2.0, 128  # on the line from -REACH to REACH; independent ones
WIDTHS, RUNS, BETAS, MAX_DEPTH, MAX_SEED = (50, 100, 200), (2, 4, 8), (0.1, 0.3, 1.0), 50, 999_999
PAIRS = ("independent", "64", "16", "1")  # two independent points, or two on the line so many steps apart
LOOKED_AT = (1, 2, 4, 10, 24, 50)  # depths whose df/dx and autocorrelation are kept
READOUTS, LAGS, WALKS = 32, 32, 4000
EPSILON = 1e-5


@dataclass(frozen=True)
class Kind:
    """skip: the shortcut is there; centred: norm takes off each unit's mean; batch_norm: it also divides by the
    standard deviation."""

    skip: bool
    centred: bool
    batch_norm: bool


KINDS = {f"{name}{norm}": Kind(skip, centred, batch_norm)
         for name, skip in (("plain", False), ("residual", True))
         for norm, centred, batch_norm in (("", False, False), ("_centred", True, False), ("_bn", True, True))}


@dataclass(frozen=True)
class Settings:
    """beta scales the branch of the residual nets with batch norm, those without have 1; runs are nets averaged.

    Raises:
        InputError: a value that is not offered.
    """

    beta: float = 1.0
    width: int = 200
    runs: int = 4
    seed: int = 0

    def __post_init__(self):
        for field, allowed in (("beta", BETAS), ("width", WIDTHS), ("runs", RUNS)):
            if (value := getattr(self, field)) not in allowed:
                raise InputError("choice", field=field, value=value, allowed=", ".join(map(str, allowed)))
        if not 0 <= self.seed <= MAX_SEED:
            raise InputError("between", field="seed", value=f"{self.seed:,}", low=0, high=f"{MAX_SEED:,}")

    @property
    def operations(self) -> int:
        """Multiply-adds of all kinds together."""
        return len(KINDS) * MAX_DEPTH * self.runs * 2 * (POINTS + CLOUD) * self.width**2


@dataclass(frozen=True)
class DepthResult:
    """Nets of one kind with `depth` rectifier layers.

    size          root mean square of df/dx, of the independent points and of those on the line
    correlation   of df/dx at two points over nets, averaged over the pairs of each sort in PAIRS
    error         its standard error over runs
    """

    depth: int
    size: tuple[float, float]
    correlation: tuple[float, ...]
    error: tuple[float, ...]

    def told_from_zero(self, pairs: str) -> bool:
        """Whether the correlation is more than three standard errors above zero."""
        place = PAIRS.index(pairs)
        return self.correlation[place] > 3 * self.error[place]


@dataclass(frozen=True)
class LineGradient:
    """df/dx along the line: of one net, in units of its root mean square; and the autocorrelation, mean over nets."""

    depth: int
    gradient: tuple[float, ...]
    autocorrelation: tuple[float, ...]


@dataclass(frozen=True)
class ShatteringResult:
    kind: str
    rows: tuple[DepthResult, ...]
    looks: tuple[LineGradient, ...]

    def told(self, pairs: str) -> tuple[DepthResult, ...]:
        """The nets, shallow before deep, up to the first whose correlation cannot be told from zero."""
        return tuple(takewhile(lambda row: row.told_from_zero(pairs), self.rows))


@lru_cache(maxsize=64)
@torch.inference_mode()
def measure(kind: str, settings: Settings) -> ShatteringResult:
    """Nets of a kind, layer by layer to MAX_DEPTH; every depth is a net of its own with the same first layers."""
    generator = torch.Generator().manual_seed(settings.seed)
    readout = torch.randn(settings.runs, settings.width, READOUTS, generator=generator)
    rows, looks = [], []
    for depth, (cloud, line) in enumerate(layers(KINDS[kind], settings, generator), 1):
        rows.append(_depth_result(depth, cloud, line))
        if depth in LOOKED_AT:
            looks.append(_line_gradient(depth, line @ readout))
    return ShatteringResult(kind, tuple(rows), tuple(looks))


def layers(kind: Kind, settings: Settings, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """t = dh/dx after each layer: [runs, CLOUD, width] of independent points, [runs, POINTS, width] on the line."""
    runs, width = settings.runs, settings.width
    beta = settings.beta if kind.skip and kind.batch_norm else 1.0
    slopes = torch.randn(runs, 1, width, generator=generator)
    thresholds = REACH * (2 * torch.rand(runs, 1, width, generator=generator) - 1)
    line = slopes * (torch.linspace(-REACH, REACH, POINTS).view(1, -1, 1) - thresholds)
    cloud = torch.randn(runs, CLOUD, width, generator=generator)
    flows = [(h, slopes.expand_as(h)) for h in (cloud, line)]
    for depth in range(1, MAX_DEPTH + 1):
        weights = torch.randn(runs, width, width, generator=generator) * math.sqrt(2 / width)
        keeps = (not kind.centred, not kind.centred or depth == 1)  # whose mean is left in
        flows = [_layer(*flow, weights, kind, beta, keep) for flow, keep in zip(flows, keeps, strict=True)]
        yield flows[0][1], flows[1][1]


def _layer(h: Tensor, t: Tensor, weights: Tensor, kind: Kind, beta: float, keep_mean: bool) -> tuple[Tensor, Tensor]:
    """(h, t) -> the same one layer later: a Jacobian is applied to t where the layer is applied to h."""
    variance, mean = torch.var_mean(h, 1, correction=0, keepdim=True)
    scale = (variance + EPSILON).rsqrt() if kind.batch_norm else torch.ones(())
    normed = h * scale if keep_mean else (h - mean) * scale
    out = beta * torch.bmm(normed.relu(), weights)
    slope = beta * torch.bmm(torch.where(normed > 0, t * scale, 0.0), weights)
    return (h + out, t + slope) if kind.skip else (out, slope)


def _depth_result(depth: int, cloud: Tensor, line: Tensor) -> DepthResult:
    unit, size = _unit(cloud)
    n = unit.shape[1]
    # sum over pairs i != j of u_i . u_j = |sum u_i|^2 - sum |u_i|^2
    spread = [(unit.sum(1).square().sum(-1) - unit.square().sum((1, 2))) / (n * (n - 1))]
    unit, line_size = _unit(line)
    spread += [(unit[:, :-lag] * unit[:, lag:]).sum(-1).mean(1) for lag in map(int, PAIRS[1:])]
    return DepthResult(depth, (size, line_size), tuple(runs.mean().item() for runs in spread),
               tuple((runs.std() / math.sqrt(len(runs))).item() for runs in spread))


def _unit(t: Tensor) -> tuple[Tensor, float]:
    """t / sqrt(E |t|^2) point by point, whose products are correlations; and the root mean square of df/dx."""
    second = t.square().sum(-1).mean(0)  # [points]
    return t / second.sqrt()[:, None], (second.mean() / t.shape[-1]).sqrt().item()


def _line_gradient(depth: int, gradients: Tensor) -> LineGradient:
    """Of df/dx [runs, POINTS, READOUTS] along the line."""
    first = gradients[0, :, 0]
    return LineGradient(depth, tuple((first / first.square().mean().sqrt()).tolist()),
                tuple(autocorrelation(gradients.transpose(1, 2).flatten(0, 1))))


def autocorrelation(series: Tensor) -> list[float]:
    """[n, POINTS] -> mean over n of each series' autocorrelation at lags 0 to LAGS, its own mean taken off."""
    series = series - series.mean(1, keepdim=True)
    power = series.square().sum(1)
    return [((series[:, :POINTS - lag] * series[:, lag:]).sum(1) / power).mean().item() for lag in range(LAGS + 1)]


@lru_cache(maxsize=1)
def noises() -> dict[str, tuple[float, ...]]:
    """The same estimate of white noise and of its running sum, brown noise."""
    white = torch.randn(WALKS, POINTS, generator=torch.Generator().manual_seed(0))
    return {"white": tuple(autocorrelation(white)), "brown": tuple(autocorrelation(white.cumsum(1)))}


def law(kind: str, depth: int, beta: float = 1.0) -> tuple[float, float]:
    """(size, correlation) of df/dx at independent points in wide nets, derived.

    A layer multiplies the mean square of df/dx by 1 + b (residual) or b (plain), and the covariance by 1 + b q or
    b q, where q is the share of the units active at one point that are active at the other too. Two h of correlation
    r have q = 1 - arccos(r) / pi. Centred, independent points stay at r = 0 and q = 1/2; without norm r grows.

    Without batch norm b = 1. With it b = beta^2 / s^2, where s^2 is the variance that norm divides by: what relu
    gives of normal numbers has the mean square 1/2 and the variance 1/2 - 1/(2 pi), so W makes s^2 = 1 - 1/pi in a
    plain net, and each branch adds beta^2 (1 - 1/pi) to it in a residual one.
    """
    skip, centred, norm = KINDS[kind].skip, KINDS[kind].centred, KINDS[kind].batch_norm
    square, covariance, alike = 1.0, 1.0, 0.0
    share = 1 - 1 / math.pi
    for before in range(depth):
        variance = 1.0 if not norm else 1 + share * beta**2 * before if skip else (share if before else 1.0)
        gain = (beta**2 if norm and skip else 1.0) / variance
        square *= skip + gain
        covariance *= skip + gain * (1 - math.acos(alike) / math.pi)
        alike = 0.0 if centred else (skip * alike + _relu_alike(alike)) / (skip + 1)
    return math.sqrt(square), covariance / square


def _relu_alike(r: float) -> float:
    """What W relu(h) gives of two h of correlation r: their correlation (Cho and Saul 2009, arXiv 1112.3712)."""
    return (math.sqrt(1 - r**2) + (math.pi - math.acos(r)) * r) / math.pi


def published(kind: str, depth: int, beta: float = 1.0) -> float | None:
    """The correlation as Balduzzi et al. 2017 give it: 1/2^L without shortcuts, and with both batch norm and
    shortcuts about 1/(beta sqrt(L)), which is meant for deep nets and is no correlation below L = 1/beta^2."""
    if KINDS[kind].skip:
        return 1 / (beta * math.sqrt(depth)) if KINDS[kind].batch_norm else None
    return 0.5**depth
