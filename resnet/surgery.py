"""Lesions: a trained net with some of its blocks dropped, scaled or swapped (Veit et al. 2016, arXiv 1605.06431).

A residual block that is dropped adds nothing: its shortcut stays, projection or zero-padding included. A
plain block has no shortcut; dropping it hands its input to the next block, which works only where it keeps
the shape. A lesioned net is a copy that shares the weights, so the trained one stays as it was.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from resnet.config import ResNetConfig
from resnet.model import ResNet
from resnet.util.errors import InputError

HALF = 0.5


@dataclass(frozen=True)
class Place:
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


def places(config: ResNetConfig) -> tuple[Place, ...]:
    """One for each block, in order."""
    found, channels = [], config.widths[0]
    for stage, depth in enumerate(config.depths):
        for i in range(depth):
            halves = i == 0 and stage > 0
            same = not halves and channels == config.out_channels(stage)
            found.append(Place(f"layer{stage + 1}.{i}", stage, halves, same, same or not config.plain))
            channels = config.out_channels(stage)
    return tuple(found)


def swappable(config: ResNetConfig) -> tuple[Place, ...]:
    """The blocks that keep the shape and stand before another such block of the same stage."""
    all_places = places(config)
    return tuple(place for place, after in zip(all_places, all_places[1:], strict=False)
                 if place.same_shape and after.same_shape and place.stage == after.stage)


def check_lesion(config: ResNetConfig, lesion: Lesion) -> None:
    """Raises InputError when a named block does not exist, cannot be dropped, or has no equal after it."""
    known = {place.name: place for place in places(config)}
    for name in lesion.blocks:
        if name not in known:
            raise InputError("no_block", block=name[:40], first=next(iter(known)), last=list(known)[-1])
    for name in lesion.dropped:
        if not known[name].removable:
            raise InputError("plain_block", block=name)
    with_equals = {place.name for place in swappable(config)}
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
        set_branch(net, name, partial(_scaled, model.get_submodule(name).residual))
    for name in lesion.dropped:
        if model.config.plain:
            net.set_submodule(name, nn.Identity())
        else:
            set_branch(net, name, _silent)
    for name in lesion.swapped:
        _swap(net, name)
    return net


def shared_copy(model: ResNet) -> ResNet:
    """New modules around the same tensors."""
    return copy.deepcopy(model, {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())})


def set_branch(net: ResNet, name: str, branch: Callable[[Tensor], "Tensor | int"]) -> None:
    """Put another function in the place of a block's residual branch F; the addition and the rest stay."""
    net.get_submodule(name).residual = branch


def blocks(net: ResNet) -> list[nn.Module]:
    """The net's blocks in order; a dropped plain block is an identity among them."""
    return [block for stage in net.stages for block in stage]


def before_blocks(net: ResNet, x: Tensor) -> Tensor:
    """The normalised input as it reaches the first block."""
    return net.maxpool(net.relu(net.bn1(net.conv1(x))))


def after_blocks(net: ResNet, x: Tensor) -> Tensor:
    """What the last block gives -> logits [n, classes]."""
    return net.fc(net.flatten(net.avgpool(net.act(net.norm(x)))))


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
