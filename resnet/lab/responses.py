"""How loud each layer of a trained net is: the standard deviation of its response, as in figure 7 of He et al. 2015
(arXiv 1512.03385): the output of each 3x3 layer after batch norm, before the nonlinearity and the addition.

Where a net's test images ship with the app it is measured while someone waits; else it is recorded once, in
responses.csv beside the weights (`python -m resnet responses MODEL`).
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from resnet.checkpoint import ModelInfo
from resnet.data import Split, normalise
from resnet.hub.load import bundled, load
from resnet.hub.ref import WEIGHTS
from resnet.lab.images import images_for
from resnet.lab.twins import all_twins, ships
from resnet.model import ResNet
from resnet.util.csv import csv_text, read_records
from resnet.util.errors import InputError
from resnet.util.files import write_file

FILE = "responses.csv"
ITEMS = (100, 300, 1_000)
BATCH = 50


@dataclass(frozen=True)
class LayerResponse:
    """A row of responses.csv: the standard deviation of a layer's response to n images."""

    layer: str
    deviation: float
    n: int


@dataclass(frozen=True)
class Responses:
    """deviations are of all values of a layer's response, over images, channels and places together; layers are in
    order, the net's first convolution first."""

    name: str
    title: str
    plain: bool
    depth: int
    n: int
    layers: tuple[str, ...]
    deviations: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.deviations) / len(self.deviations)

    @property
    def median(self) -> float:
        return median(self.deviations)

    @property
    def ranked(self) -> tuple[tuple[str, float], ...]:
        """(layer, deviation), the loudest first, as in the lower half of the figure."""
        return tuple(sorted(zip(self.layers, self.deviations, strict=True), key=lambda pair: -pair[1]))


def nets() -> dict[str, list[str]]:
    """The bundled twins that can be shown, by data set: plain before residual, shallow before deep."""
    found: dict[str, list[str]] = {}
    for pair in all_twins().values():
        for name in reversed(pair.names):
            if pair.shipped or (WEIGHTS / name / FILE).exists():
                found.setdefault(pair.data, []).append(name)
    return {data: sorted(names, key=_kind) for data, names in found.items()}


def _kind(name: str) -> bool:
    return not bundled()[name].architecture.plain


def responses(name: str, items: int) -> Responses:
    """Of a bundled net: on the first `items` test images where they ship, else as recorded.

    Raises:
        InputError: no such net here, a number of images that is not offered, or a damaged record.
    """
    known = [name for names in nets().values() for name in names]
    if name not in known:
        raise InputError("choice", field="nets", value=name[:40], allowed=", ".join(known))
    if items not in ITEMS:
        raise InputError("choice", field="items", value=items, allowed=", ".join(map(str, ITEMS)))
    return _measured(name, items) if ships(bundled()[name].data) else read(WEIGHTS / name, bundled()[name])


@lru_cache(maxsize=64)
def _measured(name: str, items: int) -> Responses:
    loaded = load(name)
    split = images_for(loaded.info, "test", items, shipped=True)
    return _of(loaded.info, deviations(loaded.model, split), items)


def _of(info: ModelInfo, found: Mapping[str, float], n: int) -> Responses:
    return Responses(info.name, info.title, info.architecture.plain, info.architecture.depth, n, tuple(found),
                     tuple(found.values()))


@torch.inference_mode()
def deviations(model: ResNet, split: Split) -> dict[str, float]:
    """Standard deviation of each 3x3 layer's response to images as the net sees them, by the layer's name.

    Sums are kept in float64 over batches; `model` itself is left alone.
    """
    model = copy.deepcopy(model).eval()
    sums: dict[str, Tensor] = {}
    for layer, norm in layer_norms(model):
        norm.register_forward_hook(partial(_add, sums, layer))
    for images in split.images.split(BATCH):
        model(normalise(images, split.spec))
    found = {}
    for layer, (count, total, square) in sums.items():
        found[layer] = (square / count - (total / count) ** 2).clamp(min=0).sqrt().item()
    return found


def layer_norms(model: ResNet) -> list[tuple[str, nn.Module]]:
    """(name of a 3x3 convolution, the norm that follows it), in order: convN is normalised by bnN in the original
    order of the operations."""
    modules = dict(model.named_modules())
    return [(name, modules[name.replace("conv", "bn")]) for name, module in modules.items()
            if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3)]


def _add(sums: dict[str, Tensor], layer: str, _norm: nn.Module, _inputs: tuple, out: Tensor) -> None:
    """A hook: count, sum and sum of squares of what leaves the norm."""
    values = out.double()
    parts = torch.stack([torch.tensor(values.numel()).double(), values.sum(), values.square().sum()])
    sums[layer] = sums.get(layer, 0) + parts


# Records -------------------------------------------------------------------------------------------


def record(folder: Path, model: ResNet, split: Split) -> dict[str, float]:
    """Measure and write responses.csv: layer, deviation (six significant digits) and n; the deviations by layer."""
    found = deviations(model, split)
    rows = ((layer, deviation, len(split)) for layer, deviation in found.items())
    write_file(folder / FILE, csv_text(("layer", "deviation", "n"), rows, digits=6))
    return found


def read(folder: Path, info: ModelInfo) -> Responses:
    """What a folder's responses.csv says of the net beside it, which is `info`'s.

    Raises:
        InputError: it is damaged.
    """
    rows = read_records(folder / FILE, LayerResponse, "responses")
    if not rows:
        raise InputError("damaged_record", file=f"{folder.name}/{FILE}", command="responses")
    return _of(info, {row.layer: row.deviation for row in rows}, rows[0].n)
