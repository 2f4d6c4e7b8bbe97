"""The loss around a trained net, on a plane through its weights (Li et al. 2018, arXiv 1712.09913).

Two random directions are drawn; each filter of a direction is scaled to the norm of the net's own filter
(section 4), so that nets whose weights differ in scale can be compared. Directions are zero in biases and in
batch norm's scales and shifts, as in the authors' release (`ignore="biasbn"`), and the running statistics
stay as they are. Twins of one seed are moved along directions drawn from the same numbers.
"""

import copy
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from resnet.checkpoint import ModelInfo
from resnet.data import Split
from resnet.hub.load import bundled
from resnet.hub.ref import WEIGHTS
from resnet.training.evaluate import evaluate
from resnet.util.csv import read_records, records_csv
from resnet.util.errors import InputError
from resnet.util.fields import check, hints, option
from resnet.util.files import write_file

FILE = "surface.csv"
MAX_GRID, MAX_SPAN, MAX_SEED = 101, 10.0, 2**31 - 1


@dataclass(frozen=True)
class Slice:
    """Where a loss surface is measured.

    grid  points a side, odd, so that the net itself is the point in the middle
    span  from -span to span along both directions, in units of the (filter-normalised) directions
    n     images: the first n training images
    seed  of both directions

    Raises:
        InputError: a value out of range.
    """

    grid: int = 21
    span: float = option(1.0, low=0.01, high=MAX_SPAN)
    n: int = option(1_000, low=1, high=10**6)
    seed: int = option(0, low=0, high=MAX_SEED)

    def __post_init__(self):
        if not (3 <= self.grid <= MAX_GRID and self.grid % 2):
            raise InputError("surface_grid", value=self.grid, limit=MAX_GRID)
        check(self)

    @property
    def ticks(self) -> tuple[float, ...]:
        """Coordinates of the grid's lines; the one in the middle is 0 exactly."""
        half = self.grid // 2
        return tuple(self.span * (i - half) / half for i in range(self.grid))


@dataclass(frozen=True)
class Height:
    """One point of a surface: mean cross-entropy in nats and error in per cent at weights + a d1 + b d2.

    weights   the first digits of the SHA-256 of the net's tensors, so that a surface is never shown for others
    precision "fp32" or "bf16"
    """

    grid: int
    span: float
    n: int
    seed: int
    weights: str
    precision: str
    a: float
    b: float
    loss: float
    error: float

    @property
    def slice(self) -> Slice:
        return Slice(self.grid, self.span, self.n, self.seed)


def directions(net: nn.Module, seed: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Two filter-normalised random directions, by parameter name; what does not move is left out."""
    generator = torch.Generator().manual_seed(seed)
    return _direction(net, generator), _direction(net, generator)


def _direction(net: nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
    return {name: _filter_normalised(torch.randn(weight.shape, generator=generator), weight.detach().cpu())
            for name, weight in net.named_parameters() if weight.ndim > 1}


def _filter_normalised(direction: Tensor, weight: Tensor) -> Tensor:
    """Each filter (row of a matrix) of the direction, scaled to the norm of the weight's."""
    own, drawn = (torch.linalg.vector_norm(x.flatten(1), dim=1) for x in (weight, direction))
    return direction * (own / (drawn + 1e-10)).view(-1, *[1] * (weight.ndim - 1))


class Walker:
    """A copy of a net on a device that can be put anywhere on the plane."""

    def __init__(self, net: nn.Module, seed: int, device: "str | torch.device" = "cpu"):
        self.net = copy.deepcopy(net).to(device).eval().requires_grad_(False)
        convert_conv2d_weight_memory_format(self.net, torch.channels_last)
        parameters = dict(self.net.named_parameters())
        first, second = directions(net, seed)
        self.moving = [(parameters[name], parameters[name].clone(), first[name].to(device), second[name].to(device))
                       for name in first]

    def go(self, a: float, b: float) -> nn.Module:
        """The net at weights + a d1 + b d2; at (0, 0) its weights bit for bit."""
        for parameter, start, first, second in self.moving:
            parameter.copy_(start + a * first + b * second)
        return self.net


def record(folder: Path, net: nn.Module, split: Split, where: Slice, precision: str = "fp32",
           device: "str | torch.device" = "cpu") -> Iterator[Height]:
    """Measure what surface.csv in `folder` lacks, writing after every point; yields the new points.

    Raises:
        InputError: the file is damaged or of another slice, or there are fewer images than asked for.
    """
    if len(split) < where.n:
        raise InputError("surface_images", n=f"{where.n:,}", found=f"{len(split):,}")
    weights = fingerprint(net)
    have = list(read(folder)) if (folder / FILE).exists() else []
    if any((height.slice, height.weights, height.precision) != (where, weights, precision) for height in have):
        raise InputError("surface_other", file=str(folder / FILE))
    done, walker = {(height.a, height.b) for height in have}, Walker(net, where.seed, device)
    for a, b in ((_rounded(a), _rounded(b)) for a in where.ticks for b in where.ticks):
        if (a, b) not in done:
            score = evaluate(walker.go(a, b), split.first(where.n), precision)
            have.append(Height(where.grid, where.span, where.n, where.seed, weights, precision, a, b, score.loss,
                               score.error))
            write_file(folder / FILE, to_csv(have))
            yield have[-1]


def fingerprint(net: nn.Module) -> str:
    """Twelve digits of the SHA-256 of all tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name, value in sorted(net.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def to_csv(heights: Iterable[Height]) -> str:
    """A line per point; floats in full, so that a point is found again."""
    return records_csv(list(hints(Height)), heights)


def read(folder: Path) -> tuple[Height, ...]:
    """The points of a folder's surface.csv.

    Raises:
        InputError: it is damaged.
    """
    return read_records(folder / FILE, Height, "surface")


# Recorded ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Surface:
    """A whole surface: losses[i][j] in nats at (ticks[i], ticks[j]), the first along d1; errors alike, per cent."""

    info: ModelInfo
    slice: Slice
    precision: str
    losses: tuple[tuple[float, ...], ...]
    errors: tuple[tuple[float, ...], ...]

    @property
    def plain(self) -> bool:
        return self.info.architecture.plain

    @property
    def title(self) -> str:
        return self.info.title

    @property
    def centre(self) -> float:
        """The trained net's own loss."""
        half = self.slice.grid // 2
        return self.losses[half][half]


@lru_cache(maxsize=1)
def recorded() -> dict[str, Surface]:
    """The finished surfaces of bundled nets, by model name."""
    found = {name: _surface(info, read(WEIGHTS / name)) for name, info in bundled().items()
             if (WEIGHTS / name / FILE).exists()}
    return {name: surface for name, surface in found.items() if surface}


def _surface(info: ModelInfo, heights: tuple[Height, ...]) -> Surface | None:
    where = heights[0].slice
    points = {(height.a, height.b): height for height in heights}
    ticks = [_rounded(tick) for tick in where.ticks]
    if any((a, b) not in points for a in ticks for b in ticks):
        return None  # the script has not finished
    rows = [[points[a, b] for b in ticks] for a in ticks]
    return Surface(info, where, heights[0].precision, tuple(tuple(point.loss for point in row) for row in rows),
                   tuple(tuple(point.error for point in row) for row in rows))


def _rounded(tick: float) -> float:
    return round(tick, 9)
