"""Accuracy and loss of a net on a data set, alone or sharded over torchrun's processes."""

from contextlib import nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from resnet.data import Split, normalise


@dataclass(frozen=True)
class Score:
    """n images, the share answered rightly, and the mean cross-entropy in nats."""

    n: int
    accuracy: float
    loss: float

    @property
    def error(self) -> float:
        """In per cent."""
        return 100 * (1 - self.accuracy)


def fast_bf16() -> bool:
    """Whether bf16 pays here: on GPUs that have it, and on processors with AVX512-BF16."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported()


def autocast(device: torch.device, precision: str):
    """The context for "fp32", "bf16", or "auto": bf16 where it pays."""
    if precision == "bf16" or (precision == "auto" and fast_bf16()):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


@torch.inference_mode()
def evaluate(model: nn.Module, split: Split, precision: str = "fp32", batch: int = 500,
             rank: int = 0, world: int = 1) -> Score:
    """The score of `model` on `split`, without augmentation; leaves the model in its mode.

    With world > 1 each process takes every world-th image and the sums are shared.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    sums = torch.zeros(3, dtype=torch.float64)
    for start in range(rank * batch, len(split), world * batch):
        images = split.images[start:start + batch].to(device)
        labels = split.labels[start:start + batch].to(device)
        with autocast(device, precision):
            logits = model(normalise(images, split.spec)).float()
        losses = F.cross_entropy(logits, labels, reduction="sum")
        sums += torch.tensor([len(labels), (logits.argmax(1) == labels).sum(), losses], dtype=torch.float64)
    if world > 1:
        torch.distributed.all_reduce(sums)
    model.train(was_training)
    n, correct, loss = sums.tolist()
    return Score(int(n), correct / n, loss / n)
