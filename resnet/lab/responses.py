"""How loud each layer of a trained net is: the standard deviation of its response, as in figure 7 of He et al. 2015
(arXiv 1512.03385): the output of each 3x3 layer after batch norm, before the nonlinearity and the addition.
"""

import copy
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

import torch
from torch import Tensor, nn

from resnet.data import normalise
from resnet.errors import InputError
from resnet.hub import bundled, load
from resnet.lab.images import images_for
from resnet.lab.twins import all_twins
from resnet.model import ResNet

ITEMS = (100, 300, 1_000)
BATCH = 50


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


def nets() -> list[str]:
    """The bundled twins whose test images ship: plain before residual, shallow before deep."""
    pairs = [pair for pair in all_twins().values() if pair.shipped]
    return sorted((name for pair in pairs for name in pair.names),
                  key=lambda name: (bundled()[name].data, not bundled()[name].architecture.plain, _depth(name)))


def _depth(name: str) -> int:
    return bundled()[name].architecture.depth


@lru_cache(maxsize=64)
def measure(name: str, items: int) -> Responses:
    """Of a bundled net, on the first `items` test images that ship.

    Raises:
        InputError: no such net here, or a number of images that is not offered.
    """
    if name not in nets():
        raise InputError("choice", field="nets", value=name[:40], allowed=", ".join(nets()))
    if items not in ITEMS:
        raise InputError("choice", field="items", value=items, allowed=", ".join(map(str, ITEMS)))
    loaded = load(name)
    split = images_for(loaded.info, "test", items, shipped=True)
    found = deviations(loaded.model, normalise(split.images, split.spec))
    info = loaded.info
    return Responses(name, info.title, info.architecture.plain, info.architecture.depth, items, tuple(found),
                     tuple(found.values()))


@torch.inference_mode()
def deviations(model: ResNet, inputs: Tensor) -> dict[str, float]:
    """Standard deviation of each 3x3 layer's response to inputs [n, c, h, w], by the layer's name.

    Sums are kept in float64 over batches; `model` itself is left alone.
    """
    model = copy.deepcopy(model).eval()
    sums: dict[str, Tensor] = {}
    for layer, norm in layer_norms(model):
        norm.register_forward_hook(lambda _, __, out, layer=layer: _add(sums, layer, out))
    for batch in inputs.split(BATCH):
        model(batch)
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


def _add(sums: dict[str, Tensor], layer: str, out: Tensor) -> None:
    values = out.double()
    parts = torch.stack([torch.tensor(values.numel()).double(), values.sum(), values.square().sum()])
    sums[layer] = sums.get(layer, 0) + parts
