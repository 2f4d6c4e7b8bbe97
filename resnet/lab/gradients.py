"""The gradients of the convolutional twins: their norm layer by layer, and how alike two images' are.

Norms are those of one training step: the gradient of the mean cross-entropy of a batch of training images, in
training mode, for each 3x3 kernel. Alikeness is that of the gradients to the input of one output, a random
sum of the logits, with the norms held at the statistics of the same images; the same two measures are taken
of fresh nets and of trained ones.
"""

import copy
import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet.config import net_title
from resnet.data import Split, load_samples, normalise
from resnet.hub.load import bundled, load
from resnet.lab.images import images_for
from resnet.lab.twins import all_twins
from resnet.model import ResNet, create
from resnet.util.errors import InputError

DATA, BATCH, IMAGES, READOUTS = "fashion_mnist", 64, 32, 4
DEPTHS, DEEPEST = (8, 20, 32, 56, 110), (56, 110)


@dataclass(frozen=True)
class TwinNet:
    """A fresh net of a kind and depth, or the trained one of this `name`."""

    plain: bool
    depth: int
    name: str = ""

    @property
    def title(self) -> str:
        return net_title(self.plain, self.depth)


@dataclass(frozen=True)
class Gradients:
    """norms are by layer, the net's first convolution first; `correlation` is the mean cosine of two images'
    input-gradients, `error` its standard error over readouts."""

    net: TwinNet
    layers: tuple[str, ...]
    norms: tuple[float, ...]
    correlation: float
    error: float


def fresh_nets(deepest: int) -> list[TwinNet]:
    """Twins of every depth, shallow before deep.

    Raises:
        InputError: a deepest net that is not offered.
    """
    if deepest not in DEEPEST:
        raise InputError("choice", field="deepest", value=deepest, allowed=", ".join(map(str, DEEPEST)))
    return [TwinNet(plain, depth) for depth in DEPTHS if depth <= deepest for plain in (True, False)]


def trained_nets() -> list[TwinNet]:
    """The bundled twins whose images ship."""
    pairs = [pair for pair in all_twins().values() if pair.data == DATA]
    names = [name for pair in pairs for name in reversed(pair.names)]
    return [TwinNet(bundled()[name].architecture.plain, bundled()[name].architecture.depth, name) for name in names]


@lru_cache(maxsize=64)
def measure(net: TwinNet, seed: int = 0) -> Gradients:
    """Both measures; `seed` is of a fresh net's weights and of the readouts."""
    if net.name:
        loaded = load(net.name)
        model, split = copy.deepcopy(loaded.model), images_for(loaded.info, "train", BATCH, shipped=True)
    else:
        model, split = fresh(net, seed), load_samples(DATA, "train").first(BATCH)
    layers, norms = zip(*kernel_norms(model, split).items(), strict=True)
    cosines = alikeness(model, normalise(split.images, split.spec), seed)
    return Gradients(net, layers, norms, cosines.mean().item(), (cosines.std() / math.sqrt(len(cosines))).item())


def fresh(net: TwinNet, seed: int) -> ResNet:
    """A net of the CIFAR family for Fashion-MNIST, as initialised for training."""
    blocks = (net.depth - 2) // 6
    variant = "plain20_cifar" if net.plain else "resnet20_cifar"
    with torch.random.fork_rng(devices=[]):  # torch's modules draw numbers that are then replaced
        return create(variant, seed, depths=(blocks,) * 3, in_channels=1, input_size=(28, 28))


def kernel_norms(model: ResNet, split: Split) -> dict[str, float]:
    """L2 norm of the loss's gradient for each 3x3 kernel, by its layer's name; the model is left in training mode,
    its running statistics those of the split."""
    model.train().requires_grad_(True)
    for norm in _norms(model):
        norm.momentum = 1.0
    kernels = {name: module.weight for name, module in model.named_modules()
               if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3)}
    loss = F.cross_entropy(model(normalise(split.images, split.spec)), split.labels)
    gradients = torch.autograd.grad(loss, list(kernels.values()))
    return {name: gradient.norm().item() for name, gradient in zip(kernels, gradients, strict=True)}


def alikeness(model: ResNet, inputs: Tensor, seed: int) -> Tensor:
    """Mean cosine of the input-gradients of two different images, for each readout: [READOUTS].

    Args:
        inputs: [n, c, h, w], of which the first IMAGES are taken.
    """
    model.eval().requires_grad_(False)
    inputs = inputs[:IMAGES].detach().requires_grad_()
    outputs = read_out(model, inputs, seed, READOUTS)
    found = [torch.autograd.grad(output, inputs, retain_graph=True)[0] for output in outputs]
    return torch.stack([cosine_of_pairs(gradients) for gradients in found])


def read_out(model: ResNet, inputs: Tensor, seed: int, n: int) -> Tensor:
    """n random sums of the logits, with normal weights, each summed over the images: [n]."""
    readouts = torch.randn(n, model.config.classes, generator=torch.Generator().manual_seed(seed))
    return (model(inputs) @ readouts.T.to(inputs.device)).sum(0)


def cosine_of_pairs(vectors: Tensor) -> Tensor:
    """Mean cosine of all pairs of different items of [n, ...], which tells how alike they are."""
    unit = F.normalize(vectors.flatten(1), dim=1)
    n = len(unit)
    return (unit.sum(0).square().sum() - n) / (n * (n - 1))


def _norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
