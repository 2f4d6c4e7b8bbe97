"""A trained net made deeper: blocks inserted after one of its blocks, in three ways ("arms").

zero    residual blocks whose last scale is zero: the branch adds nothing (the initialisation of Goyal et
        al. 2017, arXiv 1706.02677, section 5.1), and ReLU leaves x >= 0 as it is, so the function stays
fresh   plain blocks as initialised
dirac   plain blocks that are an identity: Dirac kernels, and norms whose scale and shift undo what they
        normalise (Net2Net, Chen et al. 2016, arXiv 1511.05641, section 2.4)

In all three the new norms' running statistics are measured on the same images, so that no arm is judged by
statistics it never had. What comes out is an ordinary net of its own, ready to be trained further.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet.data import Split, normalise
from resnet.model import ResNet, create
from resnet.surgery import after_blocks, before_blocks, blocks, places
from resnet.util.errors import InputError

ARMS = {"zero": False, "fresh": True, "dirac": True}  # whether the arm grows a plain net
MOST = 8  # blocks inserted at once
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


def deepen(net: ResNet, arm: str, after: str, count: int, calibration: Split, seed: int = 0) -> ResNet:
    """A deeper copy of `net`, in eval mode, whose parameters are its own and take gradients.

    Args:
        net: a plain net for "fresh" and "dirac", a residual one for "zero"; basic blocks, original order.
        after: the block that the new ones follow: "layer2.2".
        count: new blocks, 1 to MOST; those of a smaller count are the first of a larger.
        calibration: images, as the net sees them, for the new norms' statistics; one batch.
        seed: of the new blocks' weights.

    Raises:
        InputError: no such arm, block or count, or a net that the arm cannot grow.
    """
    _check(net, arm, after, count)
    layer, index = after.split(".")
    stage, index = int(layer.removeprefix("layer")) - 1, int(index)
    depths = tuple(depth + count * (i == stage) for i, depth in enumerate(net.config.depths))
    with torch.random.fork_rng(devices=[]):  # torch's modules draw numbers that are then replaced
        deeper = create(replace(net.config, depths=depths), seed).eval()
    shifted = {_shift(key, layer, index, count): value for key, value in net.state_dict().items()}
    deeper.load_state_dict(deeper.state_dict() | shifted)
    fresh = deeper.stages[stage][index + 1:index + 1 + count]
    for block in fresh:
        _prepare(block, arm)
    start = sum(depths[:stage]) + index + 1
    x = _through(deeper, calibration.images, calibration, 0, start)
    for block in fresh:
        x = _calibrate(block, x, arm == "dirac")
    return deeper


def moments(net: ResNet, arm: str, after: str, count: int, calibration: Split, test: Split,
            seed: int = 0) -> Iterator[Moment]:
    """A moment for 0, 1, ... count inserted blocks; both splits as the net sees them.

    Raises:
        InputError: as deepen.
    """
    deeper = deepen(net, arm, after, count, calibration, seed)
    start = [place.name for place in places(net.config)].index(after) + 1
    batches = [_through(deeper, images, test, 0, start) for images in test.images.split(BATCH)]
    before = _logits(deeper, batches, start + count)
    yield _moment(arm, 0, before, before, test.labels)
    for inserted in range(1, count + 1):
        batches = [_run(deeper, x, start + inserted - 1, start + inserted) for x in batches]
        yield _moment(arm, inserted, before, _logits(deeper, batches, start + count), test.labels)


def _check(net: ResNet, arm: str, after: str, count: int) -> None:
    if arm not in ARMS:
        raise InputError("choice", field="arm", value=str(arm)[:40], allowed=", ".join(ARMS))
    if (net.config.block, net.config.order) != ("basic", "original") or ARMS[arm] != net.config.plain:
        raise InputError("deepen_net", arm=arm)
    names = [place.name for place in places(net.config)]
    if after not in names:
        raise InputError("no_block", block=str(after)[:40], first=names[0], last=names[-1])
    if not 1 <= count <= MOST:
        raise InputError("range", field="inserted", value=count, limit=MOST)


def _shift(key: str, layer: str, index: int, count: int) -> str:
    """A parameter's name in the deeper net: blocks behind the new ones move up."""
    match = re.match(rf"{layer}\.(\d+)(\..*)", key)
    if not match or int(match[1]) <= index:
        return key
    return f"{layer}.{int(match[1]) + count}{match[2]}"


@torch.no_grad()
def _prepare(block: nn.Module, arm: str) -> None:
    if arm == "zero":
        block.bn2.weight.zero_()
    if arm == "dirac":
        for conv in (block.conv1, block.conv2):
            nn.init.dirac_(conv.weight)


@torch.no_grad()
def _calibrate(block: nn.Module, x: Tensor, undo: bool) -> Tensor:
    """Give a block's norms the statistics of what reaches them, with `undo` scale and shift that cancel these.

    Args:
        x: what the block gets, [n, c, h, w].
    Returns:
        what it gives.
    """
    inner = x
    for conv, norm in ((block.conv1, block.bn1), (block.conv2, block.bn2)):
        inner = conv(inner)
        variance, mean = torch.var_mean(inner, (0, 2, 3), correction=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        if undo:
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.copy_(mean)
        inner = norm(inner).relu_()
    return block(x)


@torch.no_grad()
def _through(net: ResNet, images: Tensor, split: Split, first: int, end: int) -> Tensor:
    """uint8 images -> what the block before `end` gives."""
    return _run(net, before_blocks(net, normalise(images, split.spec)), first, end)


@torch.no_grad()
def _run(net: ResNet, x: Tensor, first: int, end: int) -> Tensor:
    for block in blocks(net)[first:end]:
        x = block(x)
    return x


@torch.no_grad()
def _logits(net: ResNet, batches: list[Tensor], first: int) -> Tensor:
    """[n, classes], from the block `first` on."""
    return torch.cat([after_blocks(net, _run(net, x, first, len(blocks(net)))) for x in batches])


def _moment(arm: str, inserted: int, before: Tensor, logits: Tensor, labels: Tensor) -> Moment:
    difference = (logits - before).double()
    answers = logits.argmax(1)
    return Moment(arm, inserted, len(labels), _percent(answers != labels), F.cross_entropy(logits, labels).item(),
                  difference.square().mean().sqrt().item(), difference.abs().max().item(),
                  _percent(answers != before.argmax(1)))


def _percent(mask: Tensor) -> float:
    return 100 * mask.double().mean().item()
