"""The loss around a trained net, on a plane through its weights (Li et al. 2018, arXiv 1712.09913).

Two random directions are drawn; each filter of a direction is scaled to the norm of the net's own filter
(section 4), so that nets whose weights differ in scale can be compared. Directions are zero in biases and in
batch norm's scales and shifts, as in the authors' release (`ignore="biasbn"`). Twins of one seed are moved along
directions drawn from the same numbers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from resnet.data import Split
from resnet.lab.plane import NORMS, Direction, Ground, Walker, fingerprint
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
    norm  how batch norm is treated, as resnet.lab.plane.Walker explains it

    Raises:
        InputError: a value out of range.
    """

    grid: int = 21
    span: float = option(1.0, low=0.01, high=MAX_SPAN)
    n: int = option(1_000, low=1, high=10**6)
    seed: int = option(0, low=0, high=MAX_SEED)
    norm: str = option("fixed", choices=NORMS)

    def __post_init__(self):
        if not (3 <= self.grid <= MAX_GRID and self.grid % 2):
            raise InputError("surface_grid", value=self.grid, limit=MAX_GRID)
        check(self)

    @property
    def ticks(self) -> tuple[float, ...]:
        """Coordinates of the grid's lines; the one in the middle is 0 exactly."""
        half = self.grid // 2
        return tuple(round(self.span * (i - half) / half, 9) for i in range(self.grid))


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
    norm: str
    weights: str
    precision: str
    a: float
    b: float
    loss: float
    error: float

    @property
    def slice(self) -> Slice:
        return Slice(self.grid, self.span, self.n, self.seed, self.norm)

    @property
    def drawing(self) -> tuple[str, int]:
        """What of a net's file it belongs to: a treatment of batch norm, and a pair of directions."""
        return self.norm, self.seed


def directions(net: nn.Module, seed: int) -> tuple[Direction, Direction]:
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


def record(folder: Path, net: nn.Module, split: Split, where: Slice, precision: str = "fp32",
           device: "str | torch.device" = "cpu") -> Iterator[Height]:
    """Measure what surface.csv in `folder` lacks of a slice, writing after every line; yields the new points.

    Raises:
        InputError: the file is damaged, of other weights, or holds another slice along the same directions, or there
            are fewer images than asked for.
    """
    if len(split) < where.n:
        raise InputError("surface_images", n=f"{where.n:,}", found=f"{len(split):,}")
    weights = fingerprint(net)
    have = list(read(folder)) if (folder / FILE).exists() else []
    drawing = [height for height in have if height.drawing == (where.norm, where.seed)]
    if any(height.weights != weights for height in have) or any(
            (height.slice, height.precision) != (where, precision) for height in drawing):
        raise InputError("surface_other", file=str(folder / FILE))
    done = {(height.a, height.b) for height in drawing}
    walker = Walker(net, *directions(net, where.seed), where.norm, device)
    ground = Ground(split.first(where.n), precision, device)
    for a in where.ticks:
        line = [Height(where.grid, where.span, where.n, where.seed, where.norm, weights, precision, a, b,
                       *ground.height(walker.go(a, b))) for b in where.ticks if (a, b) not in done]
        if line:
            have += line
            write_file(folder / FILE, to_csv(have))
            yield from line


def to_csv(heights: Iterable[Height]) -> str:
    """A line per point; floats in full, so that a point is found again."""
    return records_csv(list(hints(Height)), heights)


def read(folder: Path) -> tuple[Height, ...]:
    """The points of a folder's surface.csv.

    Raises:
        InputError: it is damaged.
    """
    return read_records(folder / FILE, Height, "surface")
