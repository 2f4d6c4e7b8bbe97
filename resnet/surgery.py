"""Operations on copies of trained nets: lesions (Veit et al. 2016, arXiv 1605.06431), insertions, norms afresh.

A residual block that is dropped adds nothing: its shortcut stays, projection or zero-padding included. A
plain block has no shortcut; dropping it hands its input to the next block, which works only where it keeps
the shape. A lesioned net is a copy that shares the weights, so the trained one stays as it was.

Blocks are inserted in four ways ("arms"), with and without a shortcut, as identities and as initialised:

zero      residual blocks whose last scale is zero: the branch adds nothing (the initialisation of Goyal et
          al. 2017, arXiv 1706.02677, section 5.1), and ReLU leaves x >= 0 as it is, so the function stays
shortcut  residual blocks as initialised: only the shortcut keeps x
dirac     plain blocks that are an identity: Dirac kernels, and norms whose scale and shift undo what they
          normalise (Net2Net, Chen et al. 2016, arXiv 1511.05641, section 2.4). Three things must hold: as
          many channels out as in, norms fitted to the data, and x >= 0, because each convolution's ReLU cuts
fresh     plain blocks as initialised

In all four the new norms' running statistics are measured on the same images, so that no arm is judged by
statistics it never had. What comes out is an ordinary net of its own, ready to be trained further.
"""

import copy
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from resnet.config import ResNetConfig
from resnet.model import BasicBlock, ResidualBlock, ResNet, create
from resnet.util.errors import InputError

HALF = 0.5
ARMS = {"zero": False, "shortcut": False, "dirac": True, "fresh": True}  # whether the arm grows a plain net
FRESH = ("shortcut", "fresh")  # the arms whose blocks depend on the seed
MOST = 8  # blocks inserted at once
Branch = Callable[[Tensor], "Tensor | int"]


@dataclass(frozen=True)
class BlockSite:
    """Where a block stands.

    name        its parameters' prefix: "layer2.0"
    stage       0-based
    halves      whether it halves the map
    same_shape  whether it gives what it takes, channels included
    removable   whether the net runs without it
    """

    name: str
    stage: int
    halves: bool
    same_shape: bool
    removable: bool


def block_sites(config: ResNetConfig) -> tuple[BlockSite, ...]:
    """One for each block, in order."""
    found, channels = [], config.stem_widths[-1]
    for stage, depth in enumerate(config.depths):
        for i in range(depth):
            halves = i == 0 and stage > 0
            same = not halves and channels == config.out_channels(stage)
            found.append(BlockSite(f"layer{stage + 1}.{i}", stage, halves, same, same or not config.plain))
            channels = config.out_channels(stage)
    return tuple(found)


def swappable(config: ResNetConfig) -> tuple[BlockSite, ...]:
    """The blocks that keep the shape and stand before another such block of the same stage."""
    sites = block_sites(config)
    return tuple(site for site, after in zip(sites, sites[1:], strict=False)
                 if site.same_shape and after.same_shape and site.stage == after.stage)


def shared_copy(model: ResNet) -> ResNet:
    """New modules around the same tensors."""
    return copy.deepcopy(model, {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())})


def block_of(net: ResNet, name: str) -> ResidualBlock:
    """The block of this name, "layer2.0"."""
    return cast(ResidualBlock, net.get_submodule(name))


def set_branch(net: ResNet, name: str, branch: Branch) -> None:
    """Put another function in the place of a block's residual branch F; the addition and the rest stay."""
    vars(block_of(net, name))["residual"] = branch


def _check_block(name: str, known: list[str]) -> None:
    if name not in known:
        raise InputError("no_block", block=str(name)[:40], first=known[0], last=known[-1])


# Lesions -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lesion:
    """What is done to a net's blocks, by their names: drop them, halve what their branch gives (a plain
    block's branch is all it gives), or swap each with its next neighbour."""

    dropped: tuple[str, ...] = ()
    halved: tuple[str, ...] = ()
    swapped: tuple[str, ...] = ()

    @property
    def blocks(self) -> tuple[str, ...]:
        return (*self.dropped, *self.halved, *self.swapped)


def check_lesion(config: ResNetConfig, lesion: Lesion) -> None:
    """Raises InputError when a named block does not exist, cannot be dropped, or has no equal after it."""
    known = {site.name: site for site in block_sites(config)}
    for name in lesion.blocks:
        _check_block(name, list(known))
    for name in lesion.dropped:
        if not known[name].removable:
            raise InputError("plain_block", block=name)
    with_equals = {site.name for site in swappable(config)}
    for name in lesion.swapped:
        if name not in with_equals:
            raise InputError("no_swap", block=name)


def lesioned(model: ResNet, lesion: Lesion) -> ResNet:
    """A copy of the net with the lesion; it shares the weights and must not be trained.

    Raises:
        InputError: as check_lesion.
    """
    check_lesion(model.config, lesion)
    net = shared_copy(model)
    for name in lesion.halved:
        set_branch(net, name, partial(_scaled, block_of(net, name).residual))
    for name in lesion.dropped:
        if model.config.plain:
            net.set_submodule(name, nn.Identity())
        else:
            set_branch(net, name, _silent)
    for name in lesion.swapped:
        _swap(net, name)
    return net


def _silent(x: Tensor) -> int:
    return 0


def _scaled(branch: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return HALF * branch(x)


def _swap(net: ResNet, name: str) -> None:
    stage, _, index = name.rpartition(".")
    following = f"{stage}.{int(index) + 1}"
    one, other = net.get_submodule(name), net.get_submodule(following)
    net.set_submodule(name, other)
    net.set_submodule(following, one)


# Norms afresh ------------------------------------------------------------------------------------


def with_own_norms(model: ResNet) -> ResNet:
    """A copy that shares the weights, but whose norms' running statistics are its own."""
    return copy.deepcopy(model, {id(parameter): parameter for parameter in model.parameters()})


def reestimated(model: ResNet, batches: Iterable[Tensor]) -> ResNet:
    """A copy, in eval mode, whose norms have the statistics of these inputs in place of those of training; it
    shares the weights.

    Args:
        batches: [n, channels, height, width] each, normalised; their statistics are averaged.
    """
    net = with_own_norms(model)
    update_bn(batches, net)
    return net.eval()


# Insertions --------------------------------------------------------------------------------------


def deepened(net: ResNet, arm: str, after: str, count: int, inputs: Tensor, seed: int = 0) -> ResNet:
    """A deeper copy of `net`, in eval mode, whose parameters are its own and take gradients.

    Args:
        net: plain or residual, as ARMS says of the arm; basic blocks, original order.
        after: the block that the new ones follow: "layer2.2".
        count: new blocks, 1 to MOST; those of a smaller count are the first of a larger.
        inputs: [n, channels, height, width], normalised, for the new norms' statistics; one batch.
        seed: of the new blocks' weights.

    Raises:
        InputError: no such arm, block or count, or a net that the arm cannot grow.
    """
    _check_insertion(net, arm, after, count)
    deeper = _with_room(net, after, count, seed)
    start = [site.name for site in block_sites(net.config)].index(after) + 1
    old, new = deeper.blocks[:start], cast(list[BasicBlock], deeper.blocks[start:start + count])
    for block in new:
        _prepare(block, arm)
    with torch.no_grad():
        x = nn.Sequential(*old)(deeper.stem(inputs))
        for block in new:
            _calibrate(block, x, undo=arm == "dirac")
            x = block(x)
    return deeper


def _check_insertion(net: ResNet, arm: str, after: str, count: int) -> None:
    if arm not in ARMS:
        raise InputError("choice", field="arm", value=str(arm)[:40], allowed=", ".join(ARMS))
    if (net.config.block, net.config.order) != ("basic", "original") or ARMS[arm] != net.config.plain:
        raise InputError("deepen_net", arm=arm)
    _check_block(after, [site.name for site in block_sites(net.config)])
    if not 1 <= count <= MOST:
        raise InputError("range", field="inserted", value=count, limit=MOST)


def _with_room(net: ResNet, after: str, count: int, seed: int) -> ResNet:
    """A net with `count` more blocks, as initialised, behind `after`; all others have the weights of `net`."""
    layer, index = after.split(".")
    depths = list(net.config.depths)
    depths[int(layer.removeprefix("layer")) - 1] += count
    with torch.random.fork_rng(devices=[]):  # torch's modules draw numbers that are then replaced
        deeper = create(replace(net.config, depths=tuple(depths)), seed).eval()
    moved = {_shifted(key, layer, int(index), count): value for key, value in net.state_dict().items()}
    deeper.load_state_dict(deeper.state_dict() | moved)
    return deeper


def _shifted(key: str, layer: str, index: int, count: int) -> str:
    """A parameter's name in the deeper net: blocks behind the new ones move up."""
    match = re.match(rf"{layer}\.(\d+)(\..*)", key)
    if not match or int(match[1]) <= index:
        return key
    return f"{layer}.{int(match[1]) + count}{match[2]}"


@torch.no_grad()
def _prepare(block: BasicBlock, arm: str) -> None:
    if arm == "zero":
        block.bn2.get_parameter("weight").zero_()
    if arm == "dirac":
        for conv in (block.conv1, block.conv2):
            nn.init.dirac_(conv.weight)


def _calibrate(block: BasicBlock, x: Tensor, undo: bool) -> None:
    """Give a block's norms the statistics of what reaches them, with `undo` scale and shift that cancel these.

    Args:
        x: what the block gets, [n, c, h, w].
    """
    for conv, norm in ((block.conv1, block.bn1), (block.conv2, block.bn2)):
        x = conv(x)
        variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
        norm.get_buffer("running_mean").copy_(mean)
        norm.get_buffer("running_var").copy_(variance)
        if undo:
            norm.get_parameter("weight").copy_((variance + vars(norm)["eps"]).sqrt())
            norm.get_parameter("bias").copy_(mean)
        x = norm(x).relu_()
