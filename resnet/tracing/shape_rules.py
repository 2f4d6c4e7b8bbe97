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
from resnet.layers import BlurPool, ChannelConv, DropPath, NoShortcut, Scale, StdConv2d, ZeroPad
from resnet.util.errors import InputError
from resnet.util.numbers import by

PASSING = (nn.Identity, NoShortcut, DropPath)  # leaves that compute nothing when nothing is trained
WINDOW = (("kernel_size", 1), ("stride", 1), ("padding", 0))
FLOAT_BYTES = 4
MAX_BYTES = 2**63  # the size of a tensor is a signed 64-bit number


class FakeTensor:
    """A tensor without numbers: its shape, and the `memory` it lies in, which views and in-place results share.

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

    def __add__(self, other: "FakeTensor | int") -> "FakeTensor":
        if isinstance(other, FakeTensor) and other.shape != self.shape:
            raise ValueError(f"{self.shape} and {other.shape} cannot be added")
        return FakeTensor(self.shape)


def use_shape_rule(module: nn.Module) -> None:
    """Let a leaf take and give fake tensors; containers, whose forward is the exhibit, keep theirs.

    Raises:
        InputError: a kind of leaf that our nets do not have.
    """
    if any(module.children()) or isinstance(module, PASSING):
        return
    if type(module) not in RULES:
        raise InputError("not_a_resnet", kind=type(module).__name__)
    module.forward = partial(RULES[type(module)], module)


def side_of(module: nn.Module, key: str) -> int | None:
    """One side of a square window's "kernel_size", "stride" or "padding"; None for a module without."""
    if isinstance(module, nn.Conv1d):  # its window lies along the channels
        return None
    value = getattr(module, key, None)
    return value[0] if isinstance(value, tuple) else value


def _slide(module: nn.Module, x: FakeTensor, channels: int) -> FakeTensor:
    """What a square window gives; one without a size or padding takes single pixels."""
    kernel, stride, padding = (side_of(module, key) or least for key, least in WINDOW)
    over = stride - 1 if getattr(module, "ceil_mode", False) else 0
    sides = (output_size(side + over, kernel, stride, padding) for side in x.shape[2:])
    return FakeTensor((x.shape[0], channels, *sides))


def _conv(conv: nn.Conv2d, x: FakeTensor) -> FakeTensor:
    return _slide(conv, x, conv.out_channels)


def _pool(pool: nn.Module, x: FakeTensor) -> FakeTensor:
    return _slide(pool, x, x.shape[1])


def _zero_pad(pad: ZeroPad, x: FakeTensor) -> FakeTensor:
    return _slide(pad, x, x.shape[1] + pad.new_channels)


def _same(module: nn.Module, x: FakeTensor, *_: FakeTensor) -> FakeTensor:
    return x if getattr(module, "inplace", False) else FakeTensor(x.shape)


def _group_norm(norm: nn.GroupNorm, x: FakeTensor) -> FakeTensor:
    """PyTorch takes no group of a single value, as nothing is left of it."""
    if x.numel() == norm.num_groups:
        raise InputError("single_values", shape=by(x.shape[1:]))
    return _same(norm, x)


def _mean(pool: nn.AdaptiveAvgPool2d, x: FakeTensor) -> FakeTensor:
    return FakeTensor((*x.shape[:2], 1, 1))


def _flat(flatten: nn.Flatten, x: FakeTensor) -> FakeTensor:
    return FakeTensor((x.shape[0], prod(x.shape[1:])), x.memory)


def _linear(linear: nn.Linear, x: FakeTensor) -> FakeTensor:
    return FakeTensor((*x.shape[:-1], linear.out_features))


RULES: dict[type[nn.Module], Callable] = {
    **dict.fromkeys((nn.Conv2d, StdConv2d), _conv),
    **dict.fromkeys((nn.MaxPool2d, nn.AvgPool2d, BlurPool, nn.ConstantPad2d), _pool),
    **dict.fromkeys((nn.BatchNorm2d, nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Sigmoid, Scale,
                     ChannelConv), _same),
    nn.GroupNorm: _group_norm, nn.AdaptiveAvgPool2d: _mean, nn.Flatten: _flat, nn.Linear: _linear, ZeroPad: _zero_pad,
}
