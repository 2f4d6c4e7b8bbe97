"""The loss surfaces that are recorded, and what all those of a pair of twins say together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from resnet.checkpoint import ModelInfo
from resnet.hub.load import bundled
from resnet.hub.ref import WEIGHTS
from resnet.lab.plane import NORMS
from resnet.lab.surface import FILE, Height, Slice, read
from resnet.lab.twins import Twins, all_twins

GUESSING = 2.302585  # nats: every one of ten classes equally probable


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

    def share_below(self, loss: float = GUESSING) -> float:
        """Of the grid's points."""
        losses = [value for row in self.losses for value in row]
        return sum(value < loss for value in losses) / len(losses)


@lru_cache(maxsize=16)
def recorded(name: str) -> dict[tuple[str, int], Surface]:
    """The finished surfaces of a bundled net, by treatment of batch norm and seed of the directions."""
    if not (WEIGHTS / name / FILE).exists():
        return {}
    heights = sorted(read(WEIGHTS / name), key=lambda height: (height.drawing, height.a, height.b))
    found = {key: _surface(bundled()[name], list(group))
             for key, group in groupby(heights, key=lambda height: height.drawing)}
    return {key: surface for key, surface in found.items() if surface}


def _surface(info: ModelInfo, heights: Sequence[Height]) -> Surface | None:
    """From points in the order of a and b; None while the recording has not finished."""
    where, precision = heights[0].slice, heights[0].precision
    if len(heights) != where.grid**2:
        return None
    rows = [heights[start:start + where.grid] for start in range(0, len(heights), where.grid)]
    return Surface(info, where, precision, tuple(tuple(point.loss for point in row) for row in rows),
                   tuple(tuple(point.error for point in row) for row in rows))


# Twins --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Both twins over one slice."""

    plain: Surface
    residual: Surface

    @property
    def both(self) -> tuple[Surface, Surface]:
        return self.plain, self.residual

    @property
    def lead(self) -> float:
        """By how much the region better than guessing is larger around the residual net, as a share of the slice."""
        return self.residual.share_below() - self.plain.share_below()


@dataclass(frozen=True)
class Tally:
    """Of `cases` pairs of directions, in how many the region better than guessing is larger around a net."""

    residual: int
    plain: int
    cases: int

    @property
    def winner(self) -> str:
        """Whose region is larger in most cases: "residual", "plain", or "" where neither's is."""
        return next((name for name in ("residual", "plain") if 2 * getattr(self, name) > self.cases), "")


@dataclass(frozen=True)
class Verdict:
    """What all recorded cases of a pair of twins say, by treatment of batch norm."""

    fixed: Tally
    reestimated: Tally

    @property
    def key(self) -> str:
        """ "turns": the treatment decides whose region is larger; "holds": it does not; "mixed": the directions decide;
        "one": only one treatment is recorded."""
        if not (self.fixed.cases and self.reestimated.cases):
            return "one"
        if not (self.fixed.winner and self.reestimated.winner):
            return "mixed"
        return "holds" if self.fixed.winner == self.reestimated.winner else "turns"


def cases(twins: Twins) -> dict[tuple[str, int], Case]:
    """The slices that are recorded of both nets, by treatment of batch norm and seed of the directions."""
    if len(twins.names) < 2:
        return {}
    residual, plain = (recorded(name) for name in twins.names)
    return {key: Case(plain[key], residual[key]) for key in sorted(plain)
            if key in residual and plain[key].slice == residual[key].slice}


def pairs() -> dict[str, Twins]:
    """The twins that have a case."""
    return {key: twins for key, twins in all_twins().items() if cases(twins)}


def verdict(found: Mapping[tuple[str, int], Case]) -> Verdict:
    """Counted over cases; an equal share is nobody's."""
    return Verdict(*(_tally([case.lead for (norm, _), case in found.items() if norm == treatment])
                     for treatment in NORMS))


def _tally(leads: Sequence[float]) -> Tally:
    return Tally(sum(lead > 0 for lead in leads), sum(lead < 0 for lead in leads), len(leads))
