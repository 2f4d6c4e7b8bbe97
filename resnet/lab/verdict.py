"""What figures of several seeds let one say of two sides: the rule behind every comparison in words.

Two sides are told apart where every seed of one is below every seed of the other and each has two seeds or more. With
a single seed on a side the figures may be named, and the sentence says that it is one seed: how far apart seeds of
that side are is not known.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from resnet.util.text import text

ENOUGH = 2  # seeds a side


@dataclass(frozen=True)
class Comparison:
    """The figures of two sides, one a seed.

    clear   by which share of the larger figure the sides must be apart to be called apart
    """

    first: tuple[float, ...]
    second: tuple[float, ...]
    clear: float = 0.0

    @property
    def difference(self) -> float:
        """Mean of the first side less that of the second, in their unit."""
        return fmean(self.first) - fmean(self.second)

    @property
    def below(self) -> bool:
        """Whether every figure of the first side is below every one of the second; with one seed it proves nothing."""
        return _apart(self.first, self.second, self.clear)

    @property
    def above(self) -> bool:
        """Whether every figure of the first side is above every one of the second; with one seed it proves nothing."""
        return _apart(self.second, self.first, self.clear)

    @property
    def enough(self) -> bool:
        """Whether both sides have the seeds that a verdict needs."""
        return min(len(self.first), len(self.second)) >= ENOUGH

    @property
    def lower(self) -> bool:
        """The verdict: the first side is lower."""
        return self.enough and self.below

    @property
    def higher(self) -> bool:
        """The verdict: the first side is higher."""
        return self.enough and self.above

    @property
    def key(self) -> str:
        """ "every_seed", "overlap" (not told apart), "one_each", or "one_seed" on one of the sides."""
        if not self.enough:
            return "one_each" if len(self.first) == len(self.second) else "one_seed"
        return "every_seed" if self.below or self.above else "overlap"

    def words(self, lang: str = "en") -> str:
        """What the comparison survived, to stand behind it: "in every seed (3 and 3)", "one seed each"."""
        return text(f"compare.verdict.{self.key}", lang, first=len(self.first), second=len(self.second))


def compared(first: Iterable[float], second: Iterable[float], clear: float = 0.0) -> Comparison:
    """Two sides' figures, at least one each."""
    return Comparison(tuple(first), tuple(second), clear)


def _apart(low: tuple[float, ...], high: tuple[float, ...], clear: float) -> bool:
    return max(low) < (1 - clear) * min(high)
