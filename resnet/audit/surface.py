"""Panel 9: in how many recorded slices which net's region better than guessing is larger, from surface.csv."""

from collections import defaultdict
from collections.abc import Iterator
from math import log

from resnet.audit.checks import Audit, Figure, drawing, exactly, mean, rows, said
from resnet.lab.surfaces import pairs
from resnet.lab.twins import Twins
from resnet.ui.compare.surface import PANEL

NORMS = ("fixed", "reestimated")


def audits() -> Iterator[Audit]:
    turning = [_turns(pair) for pair in pairs().values() if all(_wins(pair, norm)[2] for norm in NORMS)]
    for key, pair in pairs().items():
        lead = drawing(PANEL, nets=key).told
        yield Audit(f"surface, {key}", (lead,), (*_counts(lead, pair), *_others(lead, turning)))


def _counts(lead: str, pair: Twins) -> Iterator[Figure]:
    found = said(lead, "compare.surface.counts", "compare.surface.one")
    for norm in NORMS:
        residual, plain, cases = _wins(pair, norm)
        if not cases:
            continue
        shown = [word for word in found.get(norm, found.get("count", "")).split() if word.isdigit()]
        recorded = [max(residual, plain)] if len(shown) == 2 else [residual, plain]
        for number, wins in zip(shown, (*recorded, cases), strict=True):
            yield exactly(f"{pair.title}, {norm}", number, wins)


def _others(lead: str, turning: list[bool]) -> Iterator[Figure]:
    found = said(lead, "compare.surface.others")
    yield exactly("pairs that turn", found["same"], sum(turning))
    yield exactly("pairs recorded under both", found["all"], len(turning))


def _turns(pair: Twins) -> bool:
    """Whether most slices of one treatment are the residual net's, and most of the other the plain one's."""
    (residual, plain, cases), (residual_again, plain_again, again) = (_wins(pair, norm) for norm in NORMS)
    return (2 * residual > cases and 2 * plain_again > again) or (2 * plain > cases and 2 * residual_again > again)


def _wins(pair: Twins, norm: str) -> tuple[int, int, int]:
    """Of how many pairs of directions the larger region is the residual net's, the plain one's; and of how many."""
    plain, residual = (_below(pair.named(plain) or "", norm) for plain in (True, False))
    both = plain.keys() & residual.keys()
    larger, smaller = (sum(sign * residual[seed] > sign * plain[seed] for seed in both) for sign in (1, -1))
    return larger, smaller, len(both)


def _below(name: str, norm: str) -> dict[str, float]:
    """Seed of the directions -> the share of points below the loss of guessing among ten classes."""
    losses: dict[str, list[float]] = defaultdict(list)
    for row in rows(name, "surface.csv"):
        if row["norm"] == norm:
            losses[row["seed"]].append(float(row["loss"]))
    return {seed: mean(loss < log(10) for loss in values) for seed, values in losses.items()}
