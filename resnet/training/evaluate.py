"""Accuracy and loss of a net on a data set, alone or sharded over torchrun's processes."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import nn

from resnet.checkpoint import ModelInfo
from resnet.data import DATA, Split, data_spec, load_split, normalise
from resnet.training.workers import ALONE, Workers
from resnet.util.errors import InputError
from resnet.util.precision import autocast, check_precision


@dataclass(frozen=True)
class Score:
    """n images, the share answered rightly, the mean cross-entropy in nats, and the images by true class and answer."""

    n: int
    accuracy: float
    loss: float
    confusion: tuple[tuple[int, ...], ...]

    @property
    def error(self) -> float:
        """In per cent."""
        return 100 * (1 - self.accuracy)


@torch.inference_mode()
def evaluate(model: nn.Module, split: Split, precision: str = "fp32", batch: int = 500,
             rank: int = 0, world: int = 1) -> Score:
    """The score of `model` on `split`, without augmentation; leaves the model in its mode.

    With world > 1 each process takes every world-th batch and the sums are shared.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    classes = len(split.spec.classes)
    confusion = torch.zeros(classes * classes, dtype=torch.float64, device=device)
    loss = torch.zeros(1, dtype=torch.float64, device=device)
    for start in range(rank * batch, len(split), world * batch):
        images = split.images[start:start + batch].to(device)
        labels = split.labels[start:start + batch].to(device)
        with autocast(device, precision):
            logits = model(normalise(images, split.spec)).float()
        loss += F.cross_entropy(logits, labels, reduction="sum")
        confusion += torch.bincount(labels * classes + logits.argmax(1), minlength=classes * classes)
    model.train(was_training)
    sums = Workers(rank, world).sum(torch.cat([loss, confusion]))
    counts = sums[1:].long().view(classes, classes)
    n = int(counts.sum())
    return Score(n, int(counts.trace()) / n, sums[0].item() / n, tuple(map(tuple, counts.tolist())))


def evaluate_model(model: nn.Module, info: ModelInfo, data: str, limit: int | None = None,
                   precision: str = "fp32", workers: Workers = ALONE) -> Score:
    """The score of a trained net on the (first `limit`) test images of a data set, seen as it was trained to.

    Raises:
        InputError: the data set is unknown or missing, or not what the net was made for.
    """
    if limit is not None and limit < 1:
        raise InputError("range", field="limit", value=limit, limit="10,000")
    check_precision(precision)
    check_fit(info, data)
    split = as_seen(load_split(data, "test").first(limit), info)
    return evaluate(model, split, precision, rank=workers.rank, world=workers.world)


def check_fit(info: ModelInfo, data: str) -> None:
    """Raises InputError when the data set is unknown or not what the net was made for."""
    spec, config = data_spec(data), info.architecture
    fits = (config.in_channels, config.classes) == (spec.channels, len(spec.classes))
    if not fits or (info.data in DATA and info.data != data):
        made_for = DATA[info.data].title if info.data in DATA else info.data
        raise InputError("evaluate_misfit", model=info.name, title=spec.title, channels=config.in_channels,
                         classes=config.classes, made_for=made_for)


def as_seen(split: Split, info: ModelInfo) -> Split:
    """The images as the net was trained to see them: its size, its mean and deviation."""
    return replace(split.resized(info.architecture.input_size), spec=replace(split.spec, mean=info.mean, std=info.std))
