"""Whether a net keeps its word in eight bits: what was measured of it, beside its weights or as it is loaded.

A bundled net's ranges come from training images, and its whole test set says how near it stays to fp32
(`python -m benchmarks.int8` records both in int8.json). A net from the Hub has no data here: its ranges are guessed,
and a fixed set of photographs is asked in both.
"""

import json
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from resnet.checkpoint import ModelInfo
from resnet.data import normalise, photo
from resnet.inference.int8 import Ranges, Run, guessed_ranges, int8
from resnet.inference.picture import prepare
from resnet.model import ResNet
from resnet.util.errors import InputError
from resnet.util.files import write_file

FILE = "int8.json"
POINTS, AGREEMENT = 0.1, 0.99  # of a bundled net: accuracy may be so many points off; so many first answers stay
PROBABILITY = 0.1  # of a Hub net: how far a photograph's probabilities may be off
SAFETY = 2.0  # a Hub net is asked again within so many times the largest error on the photographs
PHOTOS = ("cat", "coffee", "rocket")


@dataclass(frozen=True)
class Int8Record:
    """What is known of a net in eight bits.

    ranges      as `int8` takes them
    margin      of logits: within it the two first answers could change places, and the picture is asked in fp32
    images      how many pictures the ranges and the margin come from
    n           test images; accuracy: in fp32 and in eight bits; agreement: how many first answers are fp32's
    again       the part of them that is asked again; shown: how many first answers are fp32's then
    admitted    whether eight bits may answer
    """

    ranges: Ranges
    margin: float
    images: int
    n: int
    accuracy: tuple[float, float]
    agreement: float
    again: float
    shown: float
    admitted: bool


def margin_error(found: Tensor, exact: Tensor) -> Tensor:
    """[n, classes] logits -> [n]: how much closer the first answer's lead over another class is than it seems."""
    return (_leads(found, found) - _leads(exact, found)).amax(1)


def _leads(logits: Tensor, chooser: Tensor) -> Tensor:
    return logits.gather(1, chooser.argmax(1, keepdim=True)) - logits


def is_close(logits: Tensor, margin: float) -> Tensor:
    """[n, classes] -> bool [n]: whether the first two lie within the margin."""
    first, second = logits.topk(2, 1).values.unbind(1)
    return first - second <= margin


def with_second_look(run: Run, exact: Run, margin: float) -> Run:
    """`run`, but what it leaves open is asked of `exact`, one picture at a time, as its kernels are made for."""

    def call(inputs: Tensor) -> Tensor:
        logits = run(inputs)
        for i in is_close(logits, margin).nonzero()[:, 0].tolist():
            logits[i] = exact(inputs[i:i + 1])[0]
        return logits

    return call


def compared(ranges: Ranges, margin: float, images: int, found: Tensor, exact: Tensor, labels: Tensor) -> Int8Record:
    """The record of a bundled net, from its test images' logits in eight bits and in fp32."""
    accuracy = tuple(float((logits.argmax(1) == labels).double().mean()) for logits in (exact, found))
    same, again = found.argmax(1) == exact.argmax(1), is_close(found, margin)
    agreement, shown = float(same.double().mean()), float((same | again).double().mean())
    points = round(100 * abs(accuracy[0] - accuracy[1]), 6)
    admitted = points <= POINTS and agreement >= AGREEMENT and shown == 1
    return Int8Record(ranges, margin, images, len(found), (accuracy[0], accuracy[1]), agreement,
                      float(again.double().mean()), shown, admitted)


def checked(model: ResNet, info: ModelInfo, size: tuple[int, ...]) -> Int8Record:
    """The record of a net without data: guessed ranges, held against fp32 on photographs.

    Raises:
        RuntimeError, ValueError, AttributeError, KeyError: as `int8`.
    """
    views = normalise(_views(info.architecture.in_channels, size), info)
    ranges = guessed_ranges(model, views)
    with torch.inference_mode():
        found, exact = int8(model, ranges, size)[0](views), model(views)
    margin = SAFETY * max(0.0, float(margin_error(found, exact).max()))
    off = float((found.softmax(1) - exact.softmax(1)).abs().max())
    record = compared(ranges, margin, len(views), found, exact, exact.argmax(1))
    return replace(record, admitted=record.shown == 1 and off <= PROBABILITY)


def _views(channels: int, size: tuple[int, ...]) -> Tensor:
    """Each photograph whole, and its left and right half."""
    height, width = size
    parts = [part for name in PHOTOS for whole in [photo(name)]
             for part in (whole, *whole.split((whole.shape[-1] + 1) // 2, 2))]
    return torch.stack([prepare(part, channels, (height, width)).pixels for part in parts])


def save(folder: Path, record: Int8Record, how: dict) -> None:
    """Raises InputError where the folder cannot be written."""
    write_file(folder / FILE, json.dumps(asdict(record) | {"measured": how}, indent=1) + "\n")


@lru_cache(maxsize=32)
def recorded(folder: Path) -> Int8Record | None:
    """What stands in a folder of weights; None where nothing does.

    Raises:
        InputError: the file is damaged.
    """
    if not (folder / FILE).exists():
        return None
    try:
        told = json.loads((folder / FILE).read_text("utf-8"))
        told.pop("measured")
        ranges = {name: (float(low), float(high)) for name, (low, high) in told.pop("ranges").items()}
        return Int8Record(ranges, accuracy=tuple(told.pop("accuracy")), **told)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError("damaged_record", file=f"{folder.name}/{FILE}", command="int8") from error
