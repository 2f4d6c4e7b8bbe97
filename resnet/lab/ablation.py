"""Nets that differ in the shortcut, in batch norm and in how they start, on the race's images: which train, how deep?

How a net starts:

he            He initialisation (He et al. 2015, arXiv 1502.01852, section 2.2)
dirac         3x3 kernels inside blocks that keep the channels pass each channel on; a block without norm is then
              an identity, for its input is not negative (Zagoruyko and Komodakis 2017, arXiv 1706.00388)
looks_linear  channels come in pairs z+ and z-, kernels as [[U, -U], [-U, U]] with U orthogonal: ReLU together with
              the mirrored kernels is linear in z (Balduzzi et al. 2017, arXiv 1702.08591, "looks linear")
skipinit      a learned factor, zero at first, ends each branch (De and Smith 2020, arXiv 2002.10444; for other
              layers Bachlechner et al. 2020, arXiv 2003.04887, "ReZero")
fixup         the first kernel of each of the L branches times L^(-1/(2m-2)) with its m = 2 layers, the last one zero,
              as is the classifier; scalar shifts before convolutions, ReLUs and classifier, and a factor a branch
              (Zhang et al. 2019, arXiv 1901.09321, section 3)

With batch norm, the last layer of a branch is the norm, so its scale is what Fixup sets to zero; a Dirac block is
no identity, and He's variance and Fixup's power say nothing, because norm undoes them.
"""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from resnet.config import ResNetConfig
from resnet.lab.race import RaceSettings, images, in_turn, remove_norms
from resnet.model import BasicBlock, ResNet, create
from resnet.training.recipe import Recipe
from resnet.training.workers import pick_device

WIDTH = 8  # channels of the first stage
DEPTHS, RATES, SEEDS, STEPS = (8, 20, 56), (0.1, 0.03, 0.01, 0.003), (0, 1), 300  # of the record
BRANCH_LAYERS = 2


@dataclass(frozen=True)
class Arm:
    """start: a key of STARTS."""

    shortcut: bool
    norm: bool
    start: str

    @property
    def kind(self) -> str:
        """Its name but for the norm: a key of KINDS."""
        return next(name for name, kind in KINDS.items() if kind == (self.shortcut, self.start))


# (shortcut, start). "muted" is the control: the zero of SkipInit where no shortcut carries anything past it.
KINDS = {"plain": (False, "he"), "dirac": (False, "dirac"), "looks_linear": (False, "looks_linear"),
         "muted": (False, "skipinit"), "residual": (True, "he"), "skipinit": (True, "skipinit"),
         "fixup": (True, "fixup")}
ARMS = tuple(Arm(shortcut, norm, start) for norm in (False, True) for shortcut, start in KINDS.values())


class Factor(nn.Module):
    """x times a learned scalar."""

    def __init__(self, value: float):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.value


class Shift(nn.Module):
    """x plus a learned scalar, zero at first."""

    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(0.0))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.value


def arm_net(arm: Arm, depth: int, seed: int) -> ResNet:
    """A net for the race's images as its arm starts it.

    Raises:
        InputError: a depth that the race does not offer.
    """
    net = create(_config(arm, depth), seed)
    if not arm.norm:
        remove_norms(net)
    STARTS[arm.start](net, torch.Generator().manual_seed(seed))
    return net


def _config(arm: Arm, depth: int) -> ResNetConfig:
    config = RaceSettings(depth=depth, width=WIDTH, norm=arm.norm).config(not arm.shortcut)
    return replace(config, conv_bias=config.conv_bias and arm.start != "fixup")


def _blocks(net: ResNet) -> list[BasicBlock]:
    return [block for block in net.blocks if isinstance(block, BasicBlock)]


def _he(net: ResNet, _: torch.Generator) -> None:
    """As created."""


def _convolutions(net: ResNet) -> list[nn.Conv2d]:
    """The 3x3 ones inside blocks."""
    return [conv for block in _blocks(net) for conv in (block.conv1, block.conv2)]


def _dirac(net: ResNet, _: torch.Generator) -> None:
    for conv in _convolutions(net):
        if conv.in_channels == conv.out_channels:
            nn.init.dirac_(conv.weight)


@torch.no_grad()
def _looks_linear(net: ResNet, generator: torch.Generator) -> None:
    for kernel in (net.get_parameter("conv1.weight"), *(conv.weight for conv in _convolutions(net))):
        kernel.copy_(_mirrored(kernel, generator))
    half = net.fc.in_features // 2
    net.fc.weight[:, half:] = -net.fc.weight[:, :half]


def _mirrored(kernel: Tensor, generator: torch.Generator) -> Tensor:
    """[[U, -U], [-U, U]] of the kernel's shape; of an image's single channel there is no pair: [[U], [-U]]."""
    outputs, inputs, *size = kernel.shape
    half = nn.init.orthogonal_(torch.empty(outputs // 2, max(inputs // 2, 1), *size), generator=generator)
    row = half if inputs == 1 else torch.cat([half, -half], 1)
    return torch.cat([row, -row])


def _skipinit(net: ResNet, _: torch.Generator) -> None:
    for block in _blocks(net):
        block.set_submodule("bn2", nn.Sequential(block.bn2, Factor(0.0)))


@torch.no_grad()
def _fixup(net: ResNet, _: torch.Generator) -> None:
    blocks = _blocks(net)
    for block in blocks:
        block.conv1.weight *= len(blocks) ** (-1 / (2 * BRANCH_LAYERS - 2))
        (block.bn2 if isinstance(block.bn2, nn.BatchNorm2d) else block.conv2).weight.zero_()
        around = {"conv1": [Shift(), block.conv1], "bn1": [block.bn1, Shift()], "conv2": [Shift(), block.conv2],
                  "bn2": [block.bn2, Factor(1.0), Shift()]}
        for name, modules in around.items():
            block.set_submodule(name, nn.Sequential(*modules))
    net.fc.weight.zero_()
    net.set_submodule("bn1", nn.Sequential(net.bn1, Shift()))
    net.set_submodule("fc", nn.Sequential(Shift(), net.fc))


STARTS = {"he": _he, "dirac": _dirac, "looks_linear": _looks_linear, "skipinit": _skipinit, "fixup": _fixup}


def recipe(lr: float, seed: int) -> Recipe:
    """The race's, at any rate."""
    return replace(RaceSettings(seed=seed).recipe(), lr=lr)


def train_arms(arms: Sequence[Arm], depth: int, lr: float, seed: int, steps: int,
               device: str = "auto") -> Generator[tuple[float | None, ...], None, None]:
    """Train them in turn on the same batches: at each step every arm's loss before it, in nats; None once it ran away.

    Raises:
        InputError: a depth that the race does not offer, or there is no such device.
    """
    nets = [arm_net(arm, depth, seed) for arm in arms]
    turns = in_turn(nets, recipe(lr, seed), images("train"), images("test").first(1), pick_device(device))
    with closing(turns):
        for _, turn in zip(range(steps), turns, strict=False):
            yield tuple(progress.loss if progress else None for progress in turn)
