"""Accuracy and loss of a net on a data set, alone or sharded over torchrun's processes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet.checkpoint import ModelInfo
from resnet.data import NAMED, DataSpec, Split, data_spec, load_split, normalise
from resnet.hub.labels import class_order
from resnet.training.pictures import Pictures, Source, end_of, test_split
from resnet.training.workers import ALONE, Workers
from resnet.util.errors import InputError
from resnet.util.precision import autocast, check_precision

BATCH = 500  # images of 64 x 64 pixels and less


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


Look = Callable[[Tensor], Tensor]


@torch.inference_mode()
def evaluate(model: nn.Module, split: Split, precision: str = "fp32", batch: int = BATCH, rank: int = 0, world: int = 1,
             look: Look | None = None, order: Sequence[int] | None = None) -> Score:
    """The score of `model` on `split`, without augmentation; leaves the model in its mode.

    With world > 1 each process takes every world-th batch and the sums are shared.

    Args:
        look: makes of the data set's images, uint8 [n, c, h, w], those that the net is shown.
        order: which of the net's answers means each of the data set's classes; None: they are in that order.
    """
    was_training = model.training
    model.eval()
    height, width = split.images.shape[-2:]
    batch = max(1, min(batch, BATCH * 64 * 64 // (height * width)))
    device = next(model.parameters()).device
    classes = len(split.spec.classes)
    confusion = torch.zeros(classes * classes, dtype=torch.float64, device=device)
    loss = torch.zeros(1, dtype=torch.float64, device=device)
    for start in range(rank * batch, len(split), world * batch):
        images = split.images[start:start + batch]
        images = (look(images) if look else images).to(device)
        labels = split.labels[start:start + batch].to(device)
        with autocast(device, precision):
            logits = model(normalise(images, split.spec)).float()
        logits = logits if order is None else logits[:, list(order)]
        loss += F.cross_entropy(logits, labels, reduction="sum")
        confusion += torch.bincount(labels * classes + logits.argmax(1), minlength=classes * classes)
    model.train(was_training)
    sums = Workers(rank, world).sum(torch.cat([loss, confusion]))
    counts = sums[1:].long().view(classes, classes)
    n = int(counts.sum())
    return Score(n, int(counts.trace()) / n, sums[0].item() / n, tuple(map(tuple, counts.tolist())))


def evaluate_model(model: nn.Module, info: ModelInfo, data: "str | Source", limit: int | None = None,
                   precision: str = "fp32", workers: Workers = ALONE, look: Look | None = None,
                   batch: int = BATCH) -> Score:
    """The score of a trained net on the (first `limit`) test images of a data set, seen as it was trained to; pictures
    of one's own are scaled and cropped as for training.

    Its classes are matched with the data set's by their names, whatever order its answers are in.

    Args:
        look: as in `evaluate`, for a net whose own files say how its pictures are made; None: resized.

    Raises:
        InputError: the data set is unknown or missing, or not what the net was made for.
    """
    if limit is not None and limit < 1:
        raise InputError("range", field="limit", value=limit, limit="10,000")
    check_precision(precision)
    if isinstance(data, Pictures):
        split, look = end_of(test_split(data, info.architecture)).first(limit), None
        check_shape(info, split.spec)
    else:
        name = data if isinstance(data, str) else data.name
        check_fit(info, name)
        split = load_split(name, "test").first(limit)
    order = class_order(info.labels, split.spec.classes, info.name)
    shown = as_seen(split, info) if look is None else replace(split, spec=_as_normalised(split, info))
    return evaluate(model, shown, precision, batch, workers.rank, workers.world, look, order)


def check_fit(info: ModelInfo, data: str) -> None:
    """Raises InputError when the data set is unknown or not what the net was made for."""
    check_shape(info, data_spec(data))
    if info.data in NAMED and info.data != data:
        raise InputError("evaluate_misfit", model=info.name, title=data_spec(data).title,
                         made_for=NAMED[info.data].title)


def check_shape(info: ModelInfo, spec: DataSpec) -> None:
    """Raises InputError when the data set has other channels, or another number of classes."""
    config = info.architecture
    if (config.in_channels, config.classes) != (spec.channels, len(spec.classes)):
        raise InputError("evaluate_shape", model=info.name, title=spec.title, channels=config.in_channels,
                         classes=f"{config.classes:,}", needs_channels=spec.channels, needs_classes=len(spec.classes))


def _as_normalised(split: Split, info: ModelInfo) -> DataSpec:
    return replace(split.spec, mean=info.mean, std=info.std)


def as_seen(split: Split, info: ModelInfo) -> Split:
    """The images as the net was trained to see them: its size, its mean and deviation."""
    return replace(split.resized(info.architecture.input_size), spec=_as_normalised(split, info))
