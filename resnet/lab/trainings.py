"""The trainings whose paths are recorded: steps, planes and curvature (`resnet train --keep-epochs`, `resnet path`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from resnet.checkpoint import ModelInfo
from resnet.lab import curvature
from resnet.lab.curvature import Bend
from resnet.lab.plane import NORMS
from resnet.lab.weight_path import Point, Step, read_path, read_plane
from resnet.util.files import CONFIG_FILE

RECORDED = Path(__file__).parent / "recorded" / "paths"


@dataclass(frozen=True)
class Plane:
    """Losses of a plane: losses[i][j] in nats at (across[i], up[j]); over the first n training images."""

    across: tuple[float, ...]
    up: tuple[float, ...]
    losses: tuple[tuple[float, ...], ...]
    n: int
    precision: str


@dataclass(frozen=True)
class Training:
    """A run by its config.json, its steps, its plane under each treatment of batch norm, and its curvature."""

    info: ModelInfo
    steps: tuple[Step, ...]
    planes: dict[str, Plane]
    bends: tuple[Bend, ...]

    @property
    def plain(self) -> bool:
        return self.info.architecture.plain

    @property
    def title(self) -> str:
        return self.info.title

    @property
    def seed(self) -> int:
        return self.info.recipe["seed"]

    def bent(self, norm: str) -> list[Bend]:
        """Under one treatment, by epoch."""
        return sorted((bend for bend in self.bends if bend.norm == norm), key=lambda bend: bend.epoch)


@lru_cache(maxsize=1)
def recorded() -> tuple[Training, ...]:
    """Those that are finished, plain nets first."""
    found = [_training(folder) for folder in sorted(RECORDED.glob("*/")) if (folder / curvature.FILE).exists()]
    return tuple(sorted((one for one in found if one), key=lambda one: (not one.plain, one.seed)))


def _training(folder: Path) -> Training | None:
    info = ModelInfo.from_json((folder / CONFIG_FILE).read_text("utf-8"), folder.name)
    steps, points, bends = read_path(folder), read_plane(folder), curvature.read(folder)
    planes = {norm: _plane([point for point in points if point.norm == norm]) for norm in NORMS}
    whole = {norm: plane for norm, plane in planes.items() if plane}
    if len(whole) < len(NORMS) or len(bends) < len(NORMS) * len(steps):
        return None  # the command has not finished
    return Training(info, steps, whole, bends)


def _plane(points: Sequence[Point]) -> Plane | None:
    found = {(point.x, point.y): point.loss for point in points}
    across, up = (tuple(sorted({place[axis] for place in found})) for axis in (0, 1))
    if not points or len(found) != points[0].grid**2:
        return None
    return Plane(across, up, tuple(tuple(found[x, y] for y in up) for x in across), points[0].n, points[0].precision)


def twins(trainings: Sequence[Training], seed: int) -> tuple[Training, Training]:
    """The plain one and the residual one of a seed."""
    plain, residual = (next(one for one in trainings if one.plain == kind and one.seed == seed)
                       for kind in (True, False))
    return plain, residual


def seeds(trainings: Sequence[Training]) -> tuple[int, ...]:
    """Those of which both are recorded."""
    kinds = {kind: {one.seed for one in trainings if one.plain == kind} for kind in (True, False)}
    return tuple(sorted(kinds[True] & kinds[False]))


@dataclass(frozen=True)
class Sharpness:
    """The largest eigenvalues at the end of the trainings under one treatment, a number for each seed."""

    plain: tuple[float, ...]
    residual: tuple[float, ...]

    @property
    def seeds(self) -> int:
        """How many there are on each side at least."""
        return min(len(self.plain), len(self.residual))

    @property
    def sharper(self) -> str:
        """The kind whose every seed is above the other's every seed, of two seeds at least; "" where seeds overlap."""
        if self.seeds < 2:
            return ""
        if min(self.plain) > max(self.residual):
            return "plain"
        return "residual" if min(self.residual) > max(self.plain) else ""


def sharpness(trainings: Sequence[Training], norm: str) -> Sharpness:
    ends = {kind: tuple(one.bent(norm)[-1].eigenvalue for one in trainings if one.plain == kind)
            for kind in (True, False)}
    return Sharpness(ends[True], ends[False])
