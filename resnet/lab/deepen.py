"""A trained net at the moment when blocks are inserted into it (resnet.surgery has the three ways, "arms")."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet.data import Split, normalise
from resnet.model import ResNet
from resnet.surgery import block_sites, deepened

BATCH = 250


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
