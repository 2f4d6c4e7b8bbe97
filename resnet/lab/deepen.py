"""A trained net at the moment when blocks are inserted into it (resnet.surgery has the four ways, "arms").

With and without a shortcut, as identities and as initialised: so what the shortcut does and what the start does
are told apart. What the panel opens with is recorded (`python -m resnet.lab.deepen`).
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet.data import Split, normalise
from resnet.hub.load import load
from resnet.lab.images import images_for, random_images
from resnet.model import ResNet
from resnet.surgery import ARMS, FRESH, MOST, block_sites, deepened
from resnet.util.csv import csv_text, read_rows, record_of
from resnet.util.fields import hints
from resnet.util.files import write_file

BATCH = 250
CALIBRATION = 250  # training images for the new norms' statistics, drawn by the first seed, the same for all arms
SEEDS = (0, 1)  # of fresh blocks
PLACES = (("20_fashion_mnist", "layer2.2"), ("56_fashion_mnist", "layer2.8"))  # what is recorded, on ITEMS images
ITEMS = 500
RECORDED = Path(__file__).parent / "recorded" / "deepen.csv"


@dataclass(frozen=True)
class Insertion:
    """Blocks put into the bundled net `net`: by which arm, after which block, tested on the first `items` test
    images that ship; seed of the blocks' weights."""

    net: str
    arm: str
    after: str
    items: int
    seed: int


@dataclass(frozen=True)
class Moment:
    """A net at the moment when `inserted` blocks have just been put in, on n images.

    error, loss         in per cent, in nats
    distance, largest   of its logits from those of the net before: root mean square over images and
                        classes, and the largest
    changed             answers that are not the same as before, per cent
    """

    arm: str
    inserted: int
    n: int
    error: float
    loss: float
    distance: float
    largest: float
    changed: float


def seeds_of(arm: str) -> tuple[int, ...]:
    """The seeds that an arm is measured with: identities do not depend on one."""
    return SEEDS if arm in FRESH else SEEDS[:1]


def measured(insertion: Insertion) -> tuple[Moment, ...]:
    """For 0 to MOST blocks: the record, or a measurement; the same one is made once.

    Raises:
        InputError: as surgery.deepened; or the data do not ship.
    """
    return recorded().get(insertion) or _measure(insertion)


@lru_cache(maxsize=128)
def _measure(insertion: Insertion) -> tuple[Moment, ...]:
    loaded = load(insertion.net)
    calibration = random_images(images_for(loaded.info, "train", shipped=True), CALIBRATION, SEEDS[0])
    test = images_for(loaded.info, "test", insertion.items, shipped=True)
    return tuple(moments(loaded.model, insertion.arm, insertion.after, MOST, calibration, test, insertion.seed))


def moments(net: ResNet, arm: str, after: str, count: int, calibration: Split, test: Split,
            seed: int = 0) -> Iterator[Moment]:
    """A moment for 0, 1, ... count inserted blocks; both splits as the net sees them.

    Raises:
        InputError: as surgery.deepened.
    """
    deeper = deepened(net, arm, after, count, normalise(calibration.images, calibration.spec), seed)
    start = [site.name for site in block_sites(net.config)].index(after) + 1
    old, new = nn.Sequential(*deeper.blocks[:start]), deeper.blocks[start:start + count]
    rest = nn.Sequential(*deeper.blocks[start + count:])
    with torch.no_grad():
        batches = [old(deeper.stem(normalise(images, test.spec))) for images in test.images.split(BATCH)]
    before = _logits(deeper, rest, batches)
    yield _moment(arm, 0, before, before, test.labels)
    for inserted, block in enumerate(new, 1):
        with torch.no_grad():
            batches = [block(x) for x in batches]
        yield _moment(arm, inserted, before, _logits(deeper, rest, batches), test.labels)


@torch.no_grad()
def _logits(net: ResNet, rest: nn.Module, batches: list[Tensor]) -> Tensor:
    """[n, classes], by the blocks that are left and the head."""
    return torch.cat([net.head(rest(x)) for x in batches])


def _moment(arm: str, inserted: int, before: Tensor, logits: Tensor, labels: Tensor) -> Moment:
    difference = (logits - before).double()
    answers = logits.argmax(1)
    return Moment(arm, inserted, len(labels), _percent(answers != labels), F.cross_entropy(logits, labels).item(),
                  difference.square().mean().sqrt().item(), difference.abs().max().item(),
                  _percent(answers != before.argmax(1)))


def _percent(mask: Tensor) -> float:
    return 100 * mask.double().mean().item()


# Records -------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def recorded() -> dict[Insertion, tuple[Moment, ...]]:
    """What ships with the app; nothing where the file is missing."""
    if not RECORDED.exists():
        return {}
    found: dict[Insertion, tuple[Moment, ...]] = {}
    with RECORDED.open(newline="", encoding="utf-8") as lines:
        for row in read_rows(lines):
            insertion = record_of(Insertion, row)
            found[insertion] = (*found.get(insertion, ()), record_of(Moment, row))
    return found


def record() -> None:
    """Measure PLACES by all arms and seeds, and write RECORDED."""
    found = {}
    for key, after in PLACES:
        for arm, plain in ARMS.items():
            name = f"{'plain' if plain else 'resnet'}{key}"
            for insertion in (Insertion(name, arm, after, ITEMS, seed) for seed in seeds_of(arm)):
                found[insertion] = _measure(insertion)
    write_file(RECORDED, to_csv(found))


def to_csv(found: dict[Insertion, tuple[Moment, ...]]) -> str:
    """A line per insertion and number of blocks; six significant digits."""
    both = [name for name in hints(Moment) if name != "arm"]
    return csv_text((*hints(Insertion), *both), ((*astuple(insertion), *(getattr(moment, name) for name in both))
                                                 for insertion, rows in found.items() for moment in rows), digits=6)


if __name__ == "__main__":
    record()
