"""The path that training took, on the plane that holds most of it (Li et al. 2018, arXiv 1712.09913, section 7).

The epochs' weights, all parameters of the net in one vector each, are points about the last of them; the plane is that
of their two largest principal components. How much of the path lies in it says little by itself: few points in many
dimensions always lie near a plane, and a random walk of as many steps is measured beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from resnet.data import Split
from resnet.lab.plane import Direction, Ground, Walker, fingerprint
from resnet.util.csv import read_records, records_csv
from resnet.util.errors import InputError
from resnet.util.fields import hints
from resnet.util.files import write_file

STEPS, PLANE = "path.csv", "plane.csv"
MARGIN = 0.2  # of the path's extent, on each side


@dataclass(frozen=True)
class Step:
    """The weights after an epoch, about those after the last.

    x, y           in the plane, along its first and its second axis; lengths are Euclidean, of all parameters
    off            distance from the plane
    share_x, _y    of the whole path's variance, along the axes
    walk_x, _y     the same of a random walk whose steps are as long as the epochs'
    """

    epoch: int
    x: float
    y: float
    off: float
    share_x: float
    share_y: float
    walk_x: float
    walk_y: float


@dataclass(frozen=True)
class Point:
    """The loss at a place of the plane: mean cross-entropy in nats and error in per cent over the first n training
    images, batch norm treated as resnet.lab.plane.Walker explains it."""

    norm: str
    grid: int
    n: int
    weights: str
    precision: str
    x: float
    y: float
    loss: float
    error: float


def principal(points: Tensor) -> tuple[Tensor, Tensor]:
    """(the unit vectors of the two largest principal components [2, dims], the shares of all components' variance) of
    points [n, dims]; each vector points to where the first point lies."""
    centred = points - points.mean(0)
    _, scales, axes = torch.linalg.svd(centred, full_matrices=False)
    signs = torch.where(axes[:2] @ (points[0] - points[-1]) < 0, -1.0, 1.0).to(points.dtype)
    return axes[:2] * signs[:, None], scales**2 / (scales**2).sum()


def random_walk(points: Tensor, seed: int = 0) -> Tensor:
    """As many points, in as many dimensions, whose steps are as long and go anywhere."""
    steps = points.diff(dim=0)
    drawn = torch.randn(steps.shape, generator=torch.Generator().manual_seed(seed), dtype=points.dtype)
    drawn *= (steps.norm(dim=1) / drawn.norm(dim=1))[:, None]
    return torch.cat([torch.zeros_like(points[:1]), drawn.cumsum(0)])


def vector(net: nn.Module) -> Tensor:
    """All parameters in one, in double precision."""
    return torch.cat([parameter.detach().reshape(-1) for parameter in net.parameters()]).double()


def path(nets: Mapping[int, nn.Module]) -> tuple[Step, ...]:
    """A step per net, by epoch."""
    points = torch.stack([vector(net) for net in nets.values()])
    axes, shares = principal(points)
    walk = principal(random_walk(points))[1]
    moved = points - points[-1]
    places = moved @ axes.T
    off = (moved - places @ axes).norm(dim=1)
    return tuple(Step(epoch, x, y, away, shares[0].item(), shares[1].item(), walk[0].item(), walk[1].item())
                 for epoch, (x, y), away in zip(nets, places.tolist(), off.tolist(), strict=True))


def axes_of(nets: Mapping[int, nn.Module]) -> tuple[Direction, Direction]:
    """The plane's two unit vectors as directions of the last net."""
    axes, _ = principal(torch.stack([vector(net) for net in nets.values()]))
    parameters = dict(list(nets.values())[-1].named_parameters())
    sizes = [parameter.numel() for parameter in parameters.values()]
    first, second = ({name: part.view(parameter.shape).float() for (name, parameter), part in
                      zip(parameters.items(), axis.split(sizes), strict=True)} for axis in axes)
    return first, second


def ticks(values: Sequence[float], grid: int) -> tuple[float, ...]:
    """`grid` even places over the values' range, and a margin on both sides."""
    low, high = min(values), max(values)
    reach = (high - low) * (1 + 2 * MARGIN)
    return tuple(float(f"{low - MARGIN * (high - low) + reach * i / (grid - 1):.6g}") for i in range(grid))


def record_path(folder: Path, nets: Mapping[int, nn.Module]) -> tuple[Step, ...]:
    """Write path.csv."""
    steps = path(nets)
    write_file(folder / STEPS, records_csv(list(hints(Step)), steps, digits=6))
    return steps


def record_plane(folder: Path, nets: Mapping[int, nn.Module], split: Split, norm: str, grid: int, n: int,
                 precision: str = "fp32") -> Iterator[Point]:
    """Measure what plane.csv in `folder` lacks under one treatment of batch norm, a line at a time; yields new points.

    Raises:
        InputError: the file is damaged or of another plane, or there are fewer images than asked for.
    """
    if len(split) < n:
        raise InputError("surface_images", n=f"{n:,}", found=f"{len(split):,}")
    net, steps = list(nets.values())[-1], path(nets)
    head = (norm, grid, n, fingerprint(net), precision)
    have = list(read_plane(folder)) if (folder / PLANE).exists() else []
    if any((one.norm, one.grid, one.n, one.weights, one.precision) != head for one in have if one.norm == norm):
        raise InputError("surface_other", file=str(folder / PLANE))
    done = {(one.x, one.y) for one in have if one.norm == norm}
    walker, ground = Walker(net, *axes_of(nets), norm), Ground(split.first(n), precision)
    across, up = (ticks([getattr(step, axis) for step in steps], grid) for axis in ("x", "y"))
    for x in across:
        line = [Point(*head, x, y, *ground.height(walker.go(x, y))) for y in up if (x, y) not in done]
        if line:
            have += line
            write_file(folder / PLANE, records_csv(list(hints(Point)), have))
            yield from line


def read_path(folder: Path) -> tuple[Step, ...]:
    """Raises InputError when path.csv is damaged."""
    return read_records(folder / STEPS, Step, "path")


def read_plane(folder: Path) -> tuple[Point, ...]:
    """Raises InputError when plane.csv is damaged."""
    return read_records(folder / PLANE, Point, "path")
