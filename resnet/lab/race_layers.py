"""The layers of a race's nets while they learn: how large and how alike their gradients are, and |F| against |x|.

Always on the same 32 training images, with the measures of resnet.lab.gradients, on a copy: the race goes on as if
nobody had looked.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean

import torch
from torch import Tensor, nn

from resnet.data import Split, normalise
from resnet.lab.gradients import cosine_of_pairs, kernel_norms, read_out
from resnet.model import BasicBlock, ResNet
from resnet.util.csv import read_rows, record_of, records_csv
from resnet.util.fields import hints

IMAGES, READOUTS, SEED = 32, 2, 0
EARLY, EVERY = (2, 8), 32  # looked at after so many iterations, and then every 32: a look costs two iterations' time


@dataclass(frozen=True, slots=True)
class LayerState:
    """A 3x3 layer of the plain or the residual net before an iteration.

    norm    L2 norm of the gradient of the images' mean cross-entropy for the layer's kernel, in training mode
    cosine  mean over pairs of images of the cosine of the gradients of a random sum of the logits to what the layer is
            given (the first layer: the image), norms held at the statistics of the same images; mean over two sums
    ratio   |F(x)| / |x|, of all images together, of the block that ends with this layer; None of other layers
    """

    iteration: int
    plain: bool
    layer: str
    norm: float
    cosine: float
    ratio: float | None


def due(iteration: int) -> bool:
    """Whether to look before this iteration, the first included."""
    return (iteration - 1) % EVERY == 0 or iteration - 1 in EARLY


def layer_states(net: ResNet, train_set: Split, iteration: int, plain: bool) -> tuple[LayerState, ...]:
    """All 3x3 layers in order; `net` is left alone."""
    net, where = copy.deepcopy(net), net.fc.weight.device
    few = train_set.first(IMAGES)
    few = replace(few, images=few.images.to(where), labels=few.labels.to(where))
    norms = kernel_norms(net, few)
    cosines, ratios = _likeness(net, normalise(few.images, few.spec), list(norms))
    return tuple(LayerState(iteration, plain, layer, norm, cosines[layer], ratios.get(layer))
                 for layer, norm in norms.items())


def _likeness(net: ResNet, inputs: Tensor, layers: list[str]) -> tuple[dict[str, float], dict[str, float]]:
    """(cosine by layer, ratio by the last layer of each block)."""
    net.eval().requires_grad_(False)
    given: dict[str, Tensor] = {}
    branches: dict[str, Tensor] = {}
    for layer in layers:
        net.get_submodule(layer).register_forward_pre_hook(partial(_keep_given, given, layer))
    for name, block in net.named_modules():
        if isinstance(block, BasicBlock):
            block.bn2.register_forward_hook(partial(_keep_branch, branches, name))
    outputs = read_out(net, inputs.requires_grad_(), SEED, READOUTS)
    found = [torch.autograd.grad(output, list(given.values()), retain_graph=True) for output in outputs]
    cosines = {layer: fmean(cosine_of_pairs(one).item() for one in gradients)
               for layer, gradients in zip(given, zip(*found, strict=True), strict=True)}
    ratios = {f"{name}.conv2": (branch.norm() / given[f"{name}.conv1"].norm()).item()
              for name, branch in branches.items()}
    return cosines, ratios


def _keep_given(given: dict[str, Tensor], layer: str, _module: nn.Module, inputs: tuple[Tensor]) -> None:
    given[layer], = inputs


def _keep_branch(branches: dict[str, Tensor], name: str, _module: nn.Module, _inputs: tuple, out: Tensor) -> None:
    branches[name] = out.detach()


def layers_csv(states: Iterable[LayerState]) -> str:
    """A line per state, six significant digits."""
    return records_csv(tuple(hints(LayerState)), states, digits=6)


def layers_from_csv(lines: Iterable[str]) -> tuple[LayerState, ...]:
    """The inverse of layers_csv, but for the digits."""
    return tuple(record_of(LayerState, row) for row in read_rows(lines))
