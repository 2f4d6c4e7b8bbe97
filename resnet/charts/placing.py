"""Where names go beside the discs of a scatter chart, so that neither names nor discs cover one another."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

LETTER, LINE = 7.0, 15.0  # pixels of a name in 12 px type: the width of a letter, the height of the line
GAP = 3.0
ROUNDS = 3
# Of what to try first: (direction in x, in y, away from the disc in pixels); names further off get a line.
PLACES = tuple((x, y, away) for away in (0, 16, 32, 48)
               for x, y in ((0, -1), (0, 1), (1, 0), (-1, 0), (1, -1), (-1, -1), (1, 1), (-1, 1)))

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Disc:
    """A disc and its name; x and y are shares of the plot's width and height, y from above; radius in pixels."""

    name: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Offset:
    """Where a name's centre stands from its disc's, in pixels (y downwards), and whether a line leads to it."""

    dx: float
    dy: float
    line: bool


@lru_cache(maxsize=16)
def place_names(discs: tuple[Disc, ...], widths: tuple[float, ...], height: float) -> tuple[Offset, ...]:
    """One place per disc, in their order: the first that is free at every width of the plot, else the least covered.

    widths and height are of the plot's inside, in pixels. Each name chooses again once all others have chosen.
    """
    places: dict[int, Offset] = {}
    for _ in range(ROUNDS):
        for index, disc in enumerate(discs):
            others = [(discs[other], place) for other, place in places.items() if other != index]
            taken = {width: [box for other in others for box in _boxes(*other, width, height)]
                     + [_disc_box(one, width, height) for one in discs if one is not disc] for width in widths}
            places[index] = _freest(disc, taken, height)
    return tuple(places[index] for index in range(len(discs)))


def name_box(disc: Disc, place: Offset, width: float, height: float) -> Box:
    """Left, top, right and bottom of a disc's name, in pixels of a plot of that size."""
    x, y, half = disc.x * width + place.dx, disc.y * height + place.dy, LETTER * len(disc.name) / 2
    return x - half, y - LINE / 2, x + half, y + LINE / 2


def overlap(one: Box, other: Box) -> float:
    """Square pixels that two boxes share."""
    return (max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
            * max(0.0, min(one[3], other[3]) - max(one[1], other[1])))


def _freest(disc: Disc, taken: dict[float, list[Box]], height: float) -> Offset:
    found = {}
    for place in (_offset(disc, *where) for where in PLACES):
        found[place] = sum(_covered(box, boxes, (width, height))
                           for width, boxes in taken.items() for box in _boxes(disc, place, width, height))
        if found[place] == 0:
            break
    return min(found, key=lambda place: found[place])


def _offset(disc: Disc, x: int, y: int, away: float) -> Offset:
    reach = disc.radius * (0.75 if x and y else 1) + GAP + away
    return Offset(x * (reach + LETTER * len(disc.name) / 2), y * (reach + LINE / 2), away > 0)


def _boxes(disc: Disc, place: Offset, width: float, height: float) -> list[Box]:
    """The name, and small squares along the line that leads to it."""
    boxes = [name_box(disc, place, width, height)]
    for share in (0.25, 0.5, 0.75) if place.line else ():
        x, y = disc.x * width + share * place.dx, disc.y * height + share * place.dy
        boxes.append((x - GAP, y - GAP, x + GAP, y + GAP))
    return boxes


def _disc_box(disc: Disc, width: float, height: float) -> Box:
    x, y, side = disc.x * width, disc.y * height, 0.9 * disc.radius  # the corners of the square are empty
    return x - side, y - side, x + side, y + side


def _covered(box: Box, taken: Sequence[Box], size: tuple[float, float]) -> float:
    inside = overlap(box, (0.0, 0.0, *size))
    outside = (box[2] - box[0]) * (box[3] - box[1]) - inside
    return outside + sum(overlap(box, other) for other in taken)
