"""What a net computes in: "fp32", "bf16", or "auto", which is bf16 where that pays; no torch until it is asked."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

from resnet.util.errors import InputError

if TYPE_CHECKING:
    import torch

PRECISIONS = ("auto", "fp32", "bf16")


def check_precision(precision: str) -> None:
    """Raises InputError when it is none of PRECISIONS."""
    if precision not in PRECISIONS:
        raise InputError("choice", field="precision", value=str(precision)[:80], allowed=", ".join(PRECISIONS))


def fast_bf16(device: "torch.device | None" = None) -> bool:
    """Whether bf16 pays: on GPUs that have it, and on processors with AVX512-BF16 (without a device: on this one)."""
    import torch

    if device is None or device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported()
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)


def resolve(precision: str, device: "torch.device | None" = None) -> str:
    """What "auto" means on a device: "bf16" where it pays, else "fp32"; the others mean themselves."""
    if precision == "auto":
        return "bf16" if fast_bf16(device) else "fp32"
    return precision


def autocast(device: "torch.device", precision: str):
    """The context in which a net on `device` computes so."""
    import torch

    return torch.autocast(device.type, torch.bfloat16) if resolve(precision, device) == "bf16" else nullcontext()
