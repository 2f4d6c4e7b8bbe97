"""The bundled test items through a net: which it gets right, and which are near a picture in its feature space."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from resnet.config import ResNetConfig
from resnet.data import DATA, Split, load_samples, normalise, sample_file
from resnet.hub.loaded import LoadedModel
from resnet.inference.batches import most_at_once
from resnet.inference.placement import best_device, placed, with_oom_fallback
from resnet.inference.serving import heavy
from resnet.tracing.shape_rules import FLOAT_BYTES
from resnet.tracing.trace import Trace, trace
from resnet.util.errors import InputError
from resnet.util.precision import autocast, resolve

BATCH = 250
BUDGET = 4e11  # multiply-adds: about ten seconds on two CPU cores
PIECE = 5e10  # of one batch
FEATURES = 20_000_000  # bytes that are kept


@dataclass(frozen=True)
class SampleAnswers:
    """A net's view of the first n bundled test items.

    features    [n, d], what the classifier reads
    answers, labels   [n], class indices; confidence [n], the answer's probability
    """

    features: Tensor
    answers: Tensor
    labels: Tensor
    confidence: Tensor
    device: str
    precision: str
    fallback: str
    seconds: float

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        return float((self.answers == self.labels).double().mean())

    def confusion(self, classes: int) -> Tensor:
        """[classes, classes] counts: row the true class, column the answer."""
        return torch.bincount(self.labels * classes + self.answers, minlength=classes**2).view(classes, classes)


@dataclass(frozen=True)
class Neighbour:
    """A test item and the cosine between its feature vector and the picture's."""

    item: int
    cosine: float


def has_items(loaded: LoadedModel) -> bool:
    """Whether test items ship of the data that this net was trained on, or says so."""
    spec, config = DATA.get(loaded.info.data), loaded.info.architecture
    return (spec is not None and sample_file(spec.name, "test").exists()
            and (spec.channels, len(spec.classes)) == (config.in_channels, config.classes))


def items(loaded: LoadedModel) -> Split:
    """The bundled test items, as many as a visitor would wait for.

    Raises:
        InputError: none ship.
    """
    if not has_items(loaded):
        raise InputError("no_samples", title=DATA[loaded.info.data].title if loaded.info.data in DATA
                         else loaded.info.data[:40])
    return load_samples(loaded.info.data, "test").first(_affordable(trace(loaded.info.architecture)))


def _affordable(traced: Trace) -> int:
    """Whole thousands; the first may cost twice the budget, and of what costs more there are fewer."""
    thousands, fewer = int(BUDGET / traced.macs) // 1000 * 1000, min(1000, int(2 * BUDGET / traced.macs))
    width = traced.layers[-1].input[1]
    return max(1, min(max(thousands, fewer), FEATURES // (width * FLOAT_BYTES)))


def measure(loaded: LoadedModel, precision: str = "auto", limit: int | None = None) -> SampleAnswers:
    """Every bundled test item (or the first `limit`) through a model.

    Raises:
        InputError: no items of its data ship.
    """
    split = items(loaded).first(limit)
    start = time.perf_counter()

    def run(device: torch.device, batch: int) -> tuple[Tensor, Tensor, str]:
        there, most = placed(loaded, device), min(batch, _at_once(loaded.info.architecture, device))
        found = [heavy(partial(_run, there, part, device, precision)) for part in _parts(split, most)]
        return torch.cat([features for features, _ in found]), torch.cat([logits for _, logits in found]), device.type

    (features, logits, device), fallback = with_oom_fallback(run, best_device(), BATCH)
    confidence, answers = logits.softmax(1).max(1)
    return SampleAnswers(features, answers, split.labels, confidence, device, resolve(precision, torch.device(device)),
                    fallback, time.perf_counter() - start)


def _at_once(config: ResNetConfig, device: torch.device) -> int:
    """As many as there is room for, in about a second."""
    return min(most_at_once(config, config.input_size, device), max(1, int(PIECE / trace(config).macs)))


def _parts(split: Split, most: int) -> Iterator[Split]:
    for images, labels in zip(split.images.split(most), split.labels.split(most), strict=True):
        yield replace(split, images=images, labels=labels)


@torch.inference_mode()
def _run(loaded: LoadedModel, split: Split, device: torch.device, precision: str) -> tuple[Tensor, Tensor]:
    model, images = loaded.model, split.resized(loaded.info.architecture.input_size).images
    with autocast(device, precision):
        feature = model.pooled(model.features(normalise(images.to(device), loaded.info)))
        logits = model.fc(feature)
    return feature.float().cpu(), logits.float().cpu()


def nearest(feature: Tensor, features: Tensor, k: int, skip: int | None = None) -> tuple[Neighbour, ...]:
    """The k rows of `features` [n, d] with the largest cosine to `feature` [d], without row `skip`."""
    cosines = F.cosine_similarity(feature[None], features)
    if skip is not None and skip < len(cosines):
        cosines[skip] = -2
    values, rows = cosines.topk(min(k, len(cosines)))
    return tuple(Neighbour(i, cosine) for i, cosine in zip(rows.tolist(), values.tolist(), strict=True))
