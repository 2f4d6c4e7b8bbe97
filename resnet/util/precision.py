"""What a net computes in: "fp32", "bf16", or "auto", which is bf16 where that pays; no torch until it is asked."""

import time
from contextlib import nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING

from resnet.util.errors import InputError

if TYPE_CHECKING:
    import torch

ROUNDS = 5  # of a measurement, the first of which warms
PRECISIONS = ("auto", "fp32", "bf16")


def check_precision(precision: str) -> None:
    """Raises InputError when it is none of PRECISIONS."""
    if precision not in PRECISIONS:
        raise InputError("choice", field="precision", value=str(precision)[:80], allowed=", ".join(PRECISIONS))


def has_bf16() -> bool:
    """Whether this processor multiplies in bf16 by itself."""
    import torch

    return torch.cpu._is_avx512_bf16_supported()


def fast_bf16(device: "torch.device | None" = None) -> bool:
    """Whether bf16 pays: on GPUs that have it, and on processors that have it and were measured to gain by it."""
    import torch

    if device is None or device.type == "cpu":
        return has_bf16() and _gains()
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)


@lru_cache(maxsize=1)
def _gains() -> bool:
    """Whether a small convolutional step forth and back takes less in bf16 than in fp32: the least of some, in turn."""
    import torch
    from torch import nn

    net = nn.Sequential(*[layer for _ in range(3) for layer in (
        nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU())])
    net.to(memory_format=torch.channels_last)
    inputs = torch.ones(16, 64, 28, 28).contiguous(memory_format=torch.channels_last)

    def seconds(enabled: bool) -> float:
        start = time.perf_counter()
        with torch.enable_grad(), torch.autocast("cpu", torch.bfloat16, enabled):
            net(inputs).float().sum().backward()
        return time.perf_counter() - start

    rounds = [(seconds(False), seconds(True)) for _ in range(ROUNDS)]
    fp32, bf16 = (min(column) for column in zip(*rounds[1:], strict=True))
    return bf16 < fp32


def resolve(precision: str, device: "torch.device | None" = None) -> str:
    """What "auto" means on a device: "bf16" where it pays, else "fp32"; the others mean themselves."""
    if precision == "auto":
        return "bf16" if fast_bf16(device) else "fp32"
    return precision


def autocast(device: "torch.device", precision: str):
    """The context in which a net on `device` computes so."""
    import torch

    return torch.autocast(device.type, torch.bfloat16) if resolve(precision, device) == "bf16" else nullcontext()
