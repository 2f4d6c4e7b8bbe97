"""A picture -> the k most probable classes, with what the net saw and how long it took."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from resnet.hub.load import load
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef
from resnet.inference.arrays import AnyPicture, picture_of
from resnet.inference.decoder import Picture
from resnet.inference.int8_record import recorded
from resnet.inference.picture import Seen, follow, prepare
from resnet.inference.placement import best_device, placed
from resnet.inference.probabilities import entropy, ranked
from resnet.inference.serving import Served, ServedNet, answer
from resnet.util.errors import InputError
from resnet.util.numbers import probability
from resnet.util.precision import check_precision

MAX_TOP_K = 100


@dataclass(frozen=True)
class Prediction:
    label: str
    probability: float


@dataclass(frozen=True)
class Answer:
    """predictions are the top k, most probable first; entropy is over all classes, in nats."""

    model: str
    predictions: tuple[Prediction, ...]
    entropy: float
    seen: Seen
    device: str
    precision: str
    prepare_ms: float
    forward_ms: float

    def __repr__(self) -> str:
        """The first five answers."""
        first = ", ".join(f"{one.label} {probability(one.probability)}" for one in self.predictions[:5])
        return f"<Answer of {self.model}: {first}{', ...' if len(self.predictions) > 5 else ''}>"


def classify(image: AnyPicture, model: str | ModelRef | LoadedModel | nn.Module, top_k: int = 5,
             precision: str = "auto", device: str | None = None, test_size: bool = False) -> Answer:
    """Ask a trained net what is on a picture.

    Args:
        image: a JPEG, PNG or WebP file, or its bytes; a picture of Pillow's; an array [height, width] or
            [height, width, 1, 3 or 4], uint8 or float from 0 to 1; a uint8 RGB tensor [3, height, width].
        model: a model reference, a loaded model, or a network in memory, as `load` takes it.
        top_k: at most the number of classes is returned.
        precision: "fp32", "bf16", or "auto": the quickest that keeps its word.
        test_size: take timm's larger test size where the repository names one, as `see`.

    Raises:
        InputError: the picture, the model or a setting cannot be used.
    """
    check_precision(precision)
    check_top_k(top_k)
    loaded = model if isinstance(model, LoadedModel) else load(model)
    start = time.perf_counter()
    seen = see(picture_of(image), loaded, test_size)
    prepared = time.perf_counter()
    where = torch.device(device) if device else best_device()
    found = forward(placed(loaded, where), seen.pixels[None], where, precision)
    done = time.perf_counter()
    logits = found.logits[0]
    return Answer(loaded.info.name, _top(logits, loaded.info.labels, top_k), entropy(logits), seen, where.type,
                  found.precision, 1e3 * (prepared - start), 1e3 * (done - prepared))


def check_top_k(top_k: int) -> None:
    """Raises InputError for fewer answers than one, or very many."""
    if not 1 <= top_k <= MAX_TOP_K:
        raise InputError("range", field="top_k", value=top_k, limit=MAX_TOP_K)


def see(picture: "Tensor | Picture", loaded: LoadedModel, test_size: bool = False) -> Seen:
    """A picture, or uint8 RGB [3, height, width], as this model was trained to see pictures.

    By default at the size of training, as timm's `resolve_data_config` does and its model cards show;
    timm's published accuracies are mostly of the test size, which costs up to 1.7 times as much.
    """
    net = loaded.info.architecture
    steps = loaded.test_steps if test_size and loaded.test_steps else loaded.steps
    pixels = picture.pixels if isinstance(picture, Picture) else picture
    seen = follow(pixels, net.in_channels, steps) if steps else prepare(pixels, net.in_channels, net.input_size)
    return replace(seen, original=picture.size) if isinstance(picture, Picture) else seen


def look_of(loaded: LoadedModel) -> Callable[[Tensor], Tensor] | None:
    """What makes of a data set's images, uint8 [n, 1 or 3, h, w], those that `classify` would show to this model.

    None where its files do not say how: then the data set's own steps are its own.
    """
    if loaded.steps is None:
        return None
    return lambda images: torch.stack([see(image.expand(3, -1, -1), loaded).pixels for image in images])


def forward(loaded: LoadedModel, pixels: Tensor, device: torch.device, precision: str = "auto") -> Served:
    """For uint8 [n, c, h, w]; the model is on `device`."""
    folder = loaded.ref.path
    record = recorded(folder) if folder and not loaded.by_hand else None
    return answer(ServedNet(loaded.model, loaded.info, device, precision, record), pixels)


def _top(logits: Tensor, labels: tuple[str, ...], k: int) -> tuple[Prediction, ...]:
    return tuple(Prediction(labels[index], probability) for index, probability in ranked(logits, k))
