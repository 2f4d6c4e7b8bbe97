"""Other ways to build a block, as published: groups at equal cost, parallel branches, factorised windows; data only."""

from dataclasses import dataclass

SZEGEDY2014 = "Szegedy et al. 2014, arXiv 1409.4842"
SZEGEDY2015 = "Szegedy et al. 2015, arXiv 1512.00567"


@dataclass(frozen=True)
class Cardinality:
    """A net of Xie et al., Table 3: groups of so many channels each at about equal cost, and its one-crop top-1 error
    on ImageNet in per cent."""

    depth: int
    groups: int
    width: int
    error: float

    @property
    def variant(self) -> str:
        """Its name where it has one, else ""."""
        named = {(1, 64): f"resnet{self.depth}", (32, 4): f"resnext{self.depth}_32x4d"}
        return named.get((self.groups, self.width), "")


CARDINALITIES = tuple(Cardinality(depth, groups, width, error) for depth, errors in (
    (50, (23.9, 23.0, 22.6, 22.3, 22.2)), (101, (22.0, 21.7, 21.4, 21.3, 21.2)))
    for (groups, width), error in zip(((1, 64), (2, 40), (4, 24), (8, 14), (32, 4)), errors, strict=True))


@dataclass(frozen=True)
class BranchedModule:
    """A module whose branches see the same input and are concatenated.

    branches    each a chain of (kernel, channels); (kernel, 0) is max pooling of that kernel, all at stride 1
    side        pixels of the map, each way
    macs, params   as printed, in millions and in units of 1,024
    """

    name: str
    in_channels: int
    side: int
    branches: tuple[tuple[tuple[int, int], ...], ...]
    macs: float
    params: int
    source: str


INCEPTION_3A = BranchedModule(
    "inception (3a)", 192, 28, (((1, 64),), ((1, 96), (3, 128)), ((1, 16), (5, 32)), ((3, 0), (1, 32))),
    128, 159, f"{SZEGEDY2014}, Table 1")


@dataclass(frozen=True)
class Factorised:
    """A window (height, width) replaced by smaller ones that together see as much, all with as many channels in as out.

    saves   the share of the multiply-adds that it saves, in per cent as printed; None where it is not
    """

    window: tuple[int, int]
    parts: tuple[tuple[int, int], ...]
    saves: int | None
    source: str

    @property
    def left(self) -> float:
        """The share of the multiply-adds that is left: a window costs its area for each output value."""
        return sum(height * width for height, width in self.parts) / (self.window[0] * self.window[1])


FACTORISED = (
    Factorised((3, 3), ((2, 2), (2, 2)), 11, f"{SZEGEDY2015}, section 3.2"),
    Factorised((5, 5), ((3, 3), (3, 3)), 28, f"{SZEGEDY2015}, section 3.1"),
    Factorised((3, 3), ((1, 3), (3, 1)), 33, f"{SZEGEDY2015}, section 3.2"),
    Factorised((7, 7), ((1, 7), (7, 1)), None, f"{SZEGEDY2015}, section 3.2"),
)
