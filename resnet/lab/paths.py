"""Paths through a residual net, by length, and the gradient that each carries (Veit et al. 2016, arXiv 1605.06431,
section 5).

Every block is passed through its branch or by its shortcut, so n blocks make 2^n paths, C(n, k) of them
through k branches. The forward pass is the whole net's; going back, the gradient takes one path. Summed
over all paths it is the net's gradient.

What one path carries differs by orders of magnitude from path to path and from image to image, so each sample is
held against the whole gradient of its own image, and a length is told by the median, with an interval.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from resnet.util.fields import hints
from resnet.util.files import write_file

FILE = "paths.csv"
BATCH = 50
SAMPLES = 1_000  # as Veit et al.
MORE, ENOUGH = 3, 0.05  # times as many samples of lengths that carry this share of what any length carries


@dataclass(frozen=True)
class PathLength:
    """Paths through `length` branches of a net with n blocks.

    count       how many there are: C(n, length)
    median      over `samples`: the L2 norm of the gradient that one path carries to the input pixels, as a share
                of the norm of the same image's whole gradient
    low, high   its 95 % interval
    mean        of the same
    """

    length: int
    count: int
    samples: int
    median: float
    low: float
    high: float
    mean: float

    @property
    def product(self) -> float:
        """What all paths of this length would carry, were each typical and did all point the same way."""
        return self.count * self.median


def half_length(rows: Sequence[PathLength], carried: Callable[[PathLength], float]) -> int:
    """The smallest length up to which half of everything is carried."""
    total, so_far = sum(map(carried, rows)), 0.0
    for row in rows:
        so_far += carried(row)
        if so_far >= total / 2:
            return row.length
    raise ValueError("no lengths")


def half_range(rows: Sequence[PathLength]) -> tuple[int, int]:
    """The least and the most that the half length of the medians can be within all their intervals."""
    found = []
    for cut in range(len(rows)):
        for below, above in (("high", "low"), ("low", "high")):
            found.append(half_length(rows, lambda row, cut=cut, below=below, above=above:
                                     row.count * getattr(row, below if row.length <= cut else above)))
    return min(found), max(found)


def path_lengths(net: ResNet, split: Split, samples: int = SAMPLES, seed: int = 0) -> Iterator[PathLength]:
    """A record per length 0 ... n. Each sample is one random image of `split` and one random path; of the lengths
    that carry most, of the shortest and of the longest MORE times as many are taken.

    Raises:
        InputError: a plain net, which has one path only.
    """
    gated, generator = _Gated(net), torch.Generator().manual_seed(seed)
    n = len(gated.gates)
    shares = _shares(gated, split, samples, range(n + 1), generator)
    carried = [math.comb(n, length) * _typical(share)[0] for length, share in enumerate(shares)]
    wanted = [length for length in range(n + 1) if length in (0, n) or carried[length] >= ENOUGH * max(carried)]
    further = _shares(gated, split, (MORE - 1) * samples, wanted, generator)
    for length, more in zip(wanted, further, strict=True):
        shares[length] = torch.cat([shares[length], more])
    for length, share in enumerate(shares):
        yield PathLength(length, math.comb(n, length), len(share), *_typical(share), share.mean().item())


def _shares(gated: "_Gated", split: Split, samples: int, lengths: Iterable[int],
            generator: torch.Generator) -> list[Tensor]:
    """By length, [samples]: a path's gradient as a share of its image's. The lengths see the same images."""
    found: dict[int, list[Tensor]] = {length: [] for length in lengths}
    for start in range(0, samples, BATCH):
        size = min(BATCH, samples - start)
        chosen = torch.randint(len(split), (size,), generator=generator)
        back = gated.backward(normalise(split.images[chosen], split.spec), split.labels[chosen])
        whole = _norms(back(None))
        for length, shares in found.items():
            gates = torch.rand(size, len(gated.gates), generator=generator).argsort(1) < length
            shares.append(_norms(back(gates)) / whole)
    return [torch.cat(shares) for shares in found.values()]


def _norms(gradients: Tensor) -> Tensor:
    """In float64: a long path's square is too small for less."""
    return gradients.double().flatten(1).norm(dim=1)


def _typical(values: Tensor) -> tuple[float, float, float]:
    """The median and its 95 % interval by order statistics, which supposes no distribution."""
    ordered, n = values.sort().values, len(values)
    reach = 1.96 * math.sqrt(n) / 2
    low, high = max(math.floor(n / 2 - reach), 0), min(math.ceil(n / 2 + reach), n - 1)
    return values.quantile(0.5).item(), ordered[low].item(), ordered[high].item()


def gradients_along(net: ResNet, x: Tensor, labels: Tensor, gates: Tensor) -> Tensor:
    """d loss / d x of each image [n, c, h, w] along its own path: gates [n, blocks], true for the branch.

    Raises:
        InputError: as path_lengths.
    """
    return _Gated(net).backward(x, labels)(gates)


class _Gated:
    """A copy of a net whose blocks let gradients back through the branch, the shortcut or both, image by image."""

    def __init__(self, net: ResNet):
        if net.config.plain:
            raise InputError("plain_paths")
        self.net = shared_copy(net)
        self.gates = [_Gate() for _ in net.blocks]
        for site, gate in zip(block_sites(net.config), self.gates, strict=True):
            block = block_of(self.net, site.name)
            set_branch(self.net, site.name, partial(_gated, block_of(net, site.name).residual, gate.branch))
            block.downsample = _Shortcut(block.downsample, gate)

    def backward(self, x: Tensor, labels: Tensor) -> Callable[[Tensor | None], Tensor]:
        """One forward pass; the function takes gates [n, blocks], or None for the net's own gradient."""
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            loss = F.cross_entropy(self.net(x), labels, reduction="sum")

        def along(gates: Tensor | None) -> Tensor:
            for i, gate in enumerate(self.gates):
                gate.opened = None if gates is None else gates[:, i].view(-1, 1, 1, 1)
            return torch.autograd.grad(loss, x, retain_graph=True)[0]

        return along


class _Gate:
    """Which images' gradients go back through the branch: bool [n, 1, 1, 1]; None: everything passes."""

    opened: Tensor | None = None

    def branch(self, gradient: Tensor) -> Tensor:
        return gradient if self.opened is None else gradient * self.opened

    def shortcut(self, gradient: Tensor) -> Tensor:
        return gradient if self.opened is None else gradient * ~self.opened


def _gated(function: Callable[[Tensor], Tensor], gate: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    out = function(x)
    out = out.view_as(out)  # an identity's output is its input, whose other ways are not to be gated
    out.register_hook(gate)
    return out


class _Shortcut(nn.Module):
    def __init__(self, shortcut: nn.Module, gate: _Gate):
        super().__init__()
        self.shortcut, self.gate = shortcut, gate

    def forward(self, x: Tensor) -> Tensor:
        return _gated(self.shortcut, self.gate.shortcut, x)


# Records -------------------------------------------------------------------------------------------


def record(folder: Path, net: ResNet, split: Split, samples: int = SAMPLES) -> tuple[PathLength, ...]:
    """Measure and write paths.csv, unless it is there with as many samples; its rows."""
    rows = read(folder) if (folder / FILE).exists() else ()
    if not rows or rows[0].samples != MORE * samples or len(rows) != len(block_sites(net.config)) + 1:
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
    """The fields of PathLength, and the product of count and median."""
    return records_csv((*hints(PathLength), "product"), rows, digits=6)
