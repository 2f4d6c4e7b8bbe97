"""Paths through a residual net, by length, and the gradient that each carries (Veit et al. 2016, section 4.3).

Every block is passed through its branch or by its shortcut, so n blocks make 2^n paths, C(n, k) of them
through k branches. The forward pass is the whole net's; going back, the gradient takes one path. Summed
over all paths it is the net's gradient.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet.data import Split, normalise
from resnet.hub.ref import WEIGHTS
from resnet.model import ResNet
from resnet.surgery import block_of, block_sites, set_branch, shared_copy
from resnet.util.csv import read_records, records_csv
from resnet.util.errors import InputError
from resnet.util.files import write_file

FILE = "paths.csv"
BATCH = 100
SAMPLES = 1_000  # as Veit et al.


@dataclass(frozen=True)
class PathLength:
    """Paths through `length` branches of a net with n blocks.

    count       how many there are: C(n, length)
    magnitude   mean over `samples` of the L2 norm of the gradient that one path carries to the input pixels
    """

    length: int
    count: int
    samples: int
    magnitude: float

    @property
    def product(self) -> float:
        """Of all paths of this length, if their gradients pointed the same way: an upper bound of their sum."""
        return self.count * self.magnitude


def path_lengths(net: ResNet, split: Split, samples: int = SAMPLES, seed: int = 0) -> Iterator[PathLength]:
    """A record per length 0 ... n; each sample is one random image of `split` and one random path.

    Raises:
        InputError: a plain net, which has one path only.
    """
    n = len(block_sites(net.config))
    generator = torch.Generator().manual_seed(seed)
    gated = _Gated(net)
    for length in range(n + 1):
        norms = []
        for start in range(0, samples, BATCH):
            size = min(BATCH, samples - start)
            chosen = torch.randint(len(split), (size,), generator=generator)
            gates = torch.rand(size, n, generator=generator).argsort(1) < length
            x = normalise(split.images[chosen], split.spec)
            norms.append(gated.gradients(x, split.labels[chosen], gates).flatten(1).norm(dim=1))
        yield PathLength(length, math.comb(n, length), samples, torch.cat(norms).double().mean().item())


def gradients_along(net: ResNet, x: Tensor, labels: Tensor, gates: Tensor) -> Tensor:
    """d loss / d x of each image [n, c, h, w] along its own path: gates [n, blocks], true for the branch.

    Raises:
        InputError: as path_lengths.
    """
    return _Gated(net).gradients(x, labels, gates)


class _Gated:
    """A copy of a net whose blocks let gradients back through the branch or the shortcut, image by image."""

    def __init__(self, net: ResNet):
        if net.config.plain:
            raise InputError("plain_paths")
        self.net = shared_copy(net)
        self.gates = [_Gate() for _ in net.blocks]
        for site, gate in zip(block_sites(net.config), self.gates, strict=True):
            block = block_of(self.net, site.name)
            set_branch(self.net, site.name, partial(_through, gate, block_of(net, site.name).residual))
            block.downsample = _Shortcut(gate, block.downsample)

    def gradients(self, x: Tensor, labels: Tensor, gates: Tensor) -> Tensor:
        for gate, opened in zip(self.gates, gates.unbind(1), strict=True):
            gate.opened = opened.view(-1, 1, 1, 1)
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            loss = F.cross_entropy(self.net(x), labels, reduction="sum")
            return torch.autograd.grad(loss, x)[0]


class _Gate:
    """Which images of the batch go back through the branch: bool [n, 1, 1, 1]."""

    opened: Tensor


def _through(gate: _Gate, branch: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    out = branch(x)
    return torch.where(gate.opened, out, out.detach())


class _Shortcut(nn.Module):
    def __init__(self, gate: _Gate, shortcut: nn.Module):
        super().__init__()
        self.gate, self.shortcut = gate, shortcut

    def forward(self, x: Tensor) -> Tensor:
        out = self.shortcut(x)
        return torch.where(self.gate.opened, out.detach(), out)


# Records -------------------------------------------------------------------------------------------


def record(folder: Path, net: ResNet, split: Split, samples: int = SAMPLES) -> tuple[PathLength, ...]:
    """Measure and write paths.csv, unless it is there with as many samples; its rows."""
    rows = read(folder) if (folder / FILE).exists() else ()
    if {row.samples for row in rows} != {samples} or len(rows) != len(block_sites(net.config)) + 1:
        rows = tuple(path_lengths(net, split, samples))
        write_file(folder / FILE, to_csv(rows))
    return rows


def recorded(name: str) -> tuple[PathLength, ...]:
    """What paths.csv of a bundled net holds; nothing when it has none."""
    folder = WEIGHTS / name
    return read(folder) if (folder / FILE).exists() else ()


def read(folder: Path) -> tuple[PathLength, ...]:
    """The rows of a folder's paths.csv.

    Raises:
        InputError: it is damaged.
    """
    return read_records(folder / FILE, PathLength, "lesions")


def to_csv(rows: Sequence[PathLength]) -> str:
    """length, count, samples, magnitude and the product of count and magnitude."""
    return records_csv(("length", "count", "samples", "magnitude", "product"), rows, digits=6)
