"""What each kind of layer does to a shape, so that the real modules run without tensors.

PyTorch's meta device answers the same questions, but its kernels are Python that imports the
compiler on first use, which takes about as long as importing torch. tests/test_shapes.py holds
every rule against what PyTorch gives.
"""

from collections.abc import Callable
from functools import partial
from math import prod

from torch import nn

from resnet.config import output_size
from resnet.model import NoShortcut, ZeroPad
from resnet.util.errors import InputError

PASSING = (nn.Identity, NoShortcut)  # leaves that compute nothing
FLOAT_BYTES = 4
MAX_BYTES = 2**63  # the size of a tensor is a signed 64-bit number


class Outline:
    """Stands in for a tensor: its shape, and the `memory` it lies in, which views and in-place results share.

    Raises:
        InputError: PyTorch could not describe a tensor as large.
    """

    __slots__ = ("shape", "memory")

    def __init__(self, shape: tuple[int, ...], memory: object = None):
        self.shape = tuple(shape)
        self.memory = memory or object()
        if self.numel() * FLOAT_BYTES >= MAX_BYTES:
            raise InputError("too_large")

    def numel(self) -> int:
        return prod(self.shape)

    def __add__(self, other: "Outline | int") -> "Outline":
        if isinstance(other, Outline) and other.shape != self.shape:
            raise ValueError(f"{self.shape} and {other.shape} cannot be added")
        return Outline(self.shape)


def outlined(module: nn.Module) -> None:
    """Let a leaf take and give outlines; containers, whose forward is the exhibit, keep theirs.

    Raises:
        InputError: a kind of leaf that our nets do not have.
    """
    if any(module.children()) or isinstance(module, PASSING):
        return
    if type(module) not in RULES:
        raise InputError("not_a_resnet", kind=type(module).__name__)
    module.forward = partial(RULES[type(module)], module)


def _conv(conv: nn.Conv2d, x: Outline) -> Outline:
    sides = map(output_size, x.shape[2:], conv.kernel_size, conv.stride, conv.padding)
    return Outline((x.shape[0], conv.out_channels, *sides))


def _max_pool(pool: nn.MaxPool2d, x: Outline) -> Outline:
    sides = (output_size(side, pool.kernel_size, pool.stride, pool.padding) for side in x.shape[2:])
    return Outline((*x.shape[:2], *sides))


def _same(module: nn.Module, x: Outline) -> Outline:
    return x if getattr(module, "inplace", False) else Outline(x.shape)


def _mean(pool: nn.AdaptiveAvgPool2d, x: Outline) -> Outline:
    return Outline((*x.shape[:2], 1, 1))


def _flat(flatten: nn.Flatten, x: Outline) -> Outline:
    return Outline((x.shape[0], prod(x.shape[1:])), x.memory)


def _linear(linear: nn.Linear, x: Outline) -> Outline:
    return Outline((*x.shape[:-1], linear.out_features))


def _zero_pad(pad: ZeroPad, x: Outline) -> Outline:
    sides = (output_size(side, kernel=1, stride=pad.stride, padding=0) for side in x.shape[2:])
    return Outline((x.shape[0], x.shape[1] + pad.new_channels, *sides))


RULES: dict[type[nn.Module], Callable] = {
    nn.Conv2d: _conv, nn.MaxPool2d: _max_pool, nn.BatchNorm2d: _same, nn.ReLU: _same, nn.AdaptiveAvgPool2d: _mean,
    nn.Flatten: _flat, nn.Linear: _linear, ZeroPad: _zero_pad,
}
