"""Do blocks build, or refine? What each block of a trained net adds, and what can be read behind it, over test images.

If a residual net's blocks refine one estimate step by step (Greff et al. 2017, arXiv 1612.07771; Jastrzebski et al.
2018, arXiv 1710.04773), its answer stands early and each branch adds little. The same addition, x + s F(x), is a step
of Euler's method for an equation dx/dt = F(x) (Chang et al. 2018, arXiv 1710.10348; Chen et al. 2018, arXiv
1806.07366). If it is one, two steps of half the length lead to the same place: that is measured, too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import cast

import torch
from torch import Tensor

from resnet.data import Split, normalise
from resnet.explain.readout import Means, class_means, is_last, outputs, pooled, save
from resnet.hub.ref import WEIGHTS
from resnet.lab.twins import Twins, all_twins
from resnet.model import ResidualBlock, ResNet
from resnet.surgery import block_of, block_sites, set_branch, shared_copy
from resnet.util.csv import read_records, records_csv
from resnet.util.files import write_file

FILE = "readout.csv"
TRAIN, BATCH = 2_000, 250  # images
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
COLUMNS = ("step", "times", "block", "n", "train", "nearest", "direct", "settled", "turned", "ratio", "change")


@dataclass(frozen=True)
class BlockRead:
    """Behind one block, over n test images; shares in per cent.

    step, times   branches are scaled by `step`; several `times`, those of the blocks that keep the shape, run so often
    train     training images that the class means are of
    nearest   correct by the nearest class mean; direct: by the classifier, None before the last stage
    settled   images whose reading is that of the last block from here on
    turned    images that are read otherwise than one block before, by the same reader; None where that changes
    ratio     mean of |F(x)| / |x|, None without a shortcut; change: mean of |y - x| / |x|, None where shapes change
    """

    step: float
    times: int
    block: str
    n: int
    train: int
    nearest: float
    direct: float | None
    settled: float
    turned: float | None
    ratio: float | None
    change: float | None


def stepped(net: ResNet, step: float, times: int = 1) -> ResNet:
    """A copy whose branches give `step` of what they gave; run several `times`, those only that keep the shape.

    It shares the weights. A plain net has no shortcut beside its branches, and stays as it is.
    """
    copy = shared_copy(net)
    for site in block_sites(net.config) if not net.config.plain else ():
        if times > 1 and not site.same_shape:
            continue
        set_branch(copy, site.name, partial(_scaled, block_of(copy, site.name).residual, step))
        if times > 1:
            stage, _, place = site.name.partition(".")
            cast(torch.nn.Sequential, copy.get_submodule(stage))[int(place)] = _Again(block_of(copy, site.name), times)
    return copy


def _scaled(residual: Callable[[Tensor], Tensor], step: float, x: Tensor) -> Tensor:
    return step * residual(x)


class _Again(torch.nn.Module):
    """A block run several times with the same weights."""

    def __init__(self, block: ResidualBlock, times: int):
        super().__init__()
        self.block, self.times = block, times

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.times):
            x = self.block(x)
        return x


# Measuring -----------------------------------------------------------------------------------------


def means_on(net: ResNet, train: Split) -> Means:
    """The class means of a net's blocks, on training images as the net sees them."""
    found: dict[str, list[Tensor]] = {}
    for images in train.images.split(BATCH):
        for site, out in outputs(net, normalise(images, train.spec)):
            found.setdefault(site.name, []).append(pooled(out))
    return class_means({block: torch.cat(parts) for block, parts in found.items()}, train.labels)


@dataclass
class _Behind:
    """What is kept of a block over all images."""

    nearest: Tensor
    direct: Tensor | None
    ratio: Tensor | None
    change: Tensor | None

    @property
    def said(self) -> Tensor:
        return self.nearest if self.direct is None else self.direct


def read(net: ResNet, test: Split, means: Means, train: int, step: float = 1.0, times: int = 1) -> list[BlockRead]:
    """A record per block of a net whose branches are scaled."""
    copy = net if step == times == 1 else stepped(net, step, times)
    parts = [_part(copy, normalise(images, test.spec), means) for images in test.images.split(BATCH)]
    found = {name: _joined([part[name] for part in parts]) for name in parts[0]}
    last, same, rows = [*found.values()][-1].said, torch.ones(len(test), dtype=torch.bool), []
    before = [None, *found.values()]
    for name, behind, earlier in reversed([*zip(found, found.values(), before, strict=False)]):
        same &= behind.said == last
        rows.append(BlockRead(step, times, name, len(test), train, _percent(behind.nearest == test.labels),
                              None if behind.direct is None else _percent(behind.direct == test.labels),
                              _percent(same), _turned(earlier, behind), _mean(behind.ratio), _mean(behind.change)))
    return rows[::-1]


@torch.inference_mode()
def _part(net: ResNet, x: Tensor, means: Means) -> dict[str, _Behind]:
    found, x = {}, net.stem(x)
    measurable = not net.config.plain and net.config.order == "original"  # elsewhere F does not take x as it is
    for site, block in zip(block_sites(net.config), net.blocks, strict=True):
        y = block(x)
        ratio = _ratio(block, x) if measurable and isinstance(block, ResidualBlock) else None
        change = _sizes(y - x) / _sizes(x) if site.same_shape else None
        direct = net.head(y).argmax(1) if is_last(net, site) else None
        found[site.name] = _Behind(means.nearest(site.name, pooled(y)), direct, ratio, change)
        x = y
    return found


def _ratio(block: ResidualBlock, x: Tensor) -> Tensor:
    return _sizes(block.residual(x.clone())) / _sizes(block.downsample(x))


def _sizes(x: Tensor) -> Tensor:
    return x.flatten(1).norm(dim=1)


def _joined(parts: Sequence[_Behind]) -> _Behind:
    def whole(name: str) -> Tensor | None:
        tensors = [getattr(part, name) for part in parts]
        return None if tensors[0] is None else torch.cat(tensors)

    nearest = torch.cat([part.nearest for part in parts])
    return _Behind(nearest, whole("direct"), whole("ratio"), whole("change"))


def _percent(flags: Tensor) -> float:
    return 100 * float(flags.double().mean())


def _mean(values: Tensor | None) -> float | None:
    return None if values is None else float(values.double().mean())


def _turned(earlier: _Behind | None, behind: _Behind) -> float | None:
    if earlier is None or (earlier.direct is None) != (behind.direct is None):
        return None
    return _percent(earlier.said != behind.said)


# Records -------------------------------------------------------------------------------------------


def record(folder: Path, net: ResNet, train: Split, test: Split) -> Iterator[list[BlockRead]]:
    """Measure what the folder's record lacks, and write both files after each step; yields the new rows.

    A plain net has no branches to scale beside a shortcut: it is measured as it is.
    """
    rows = [*read_rows(folder)] if (folder / FILE).exists() else []
    held = {(row.step, row.times) for row in rows}
    means = means_on(net, train)
    save(folder, means)
    for step, times in plan(net):
        if (step, times) not in held:
            new = read(net, test, means, len(train), step, times)
            rows += new
            write_file(folder / FILE, records_csv(COLUMNS, rows, digits=6))
            yield new


def plan(net: ResNet) -> list[tuple[float, int]]:
    """(step, times): the whole net first."""
    if net.config.plain:
        return [(1.0, 1)]
    return [(1.0, 1), (0.5, 2), *((step, 1) for step in STEPS if step != 1)]


def read_rows(folder: Path) -> tuple[BlockRead, ...]:
    """Raises InputError where the file is damaged."""
    return read_records(folder / FILE, BlockRead, "readout")


def recorded(name: str) -> tuple[BlockRead, ...]:
    """What is recorded of a bundled net; nothing where it has no record."""
    folder = WEIGHTS / name
    return read_rows(folder) if (folder / FILE).exists() else ()


# What the records say ------------------------------------------------------------------------------

NEARLY = 0.9  # of the accuracy behind the last block
SMALL = 0.5  # |F(x)| / |x|, from which on a branch's part is not called small
KEPT = 0.1  # of what halved branches cost, that two half steps may cost


@dataclass(frozen=True)
class Course:
    """A bundled net's blocks at one step, in order."""

    name: str
    rows: tuple[BlockRead, ...]

    @property
    def accuracy(self) -> float:
        """Of the whole net, in per cent."""
        return self.read[-1].direct or 0.0

    @property
    def read(self) -> tuple[BlockRead, ...]:
        """The blocks of the last stage, which the classifier can read."""
        return tuple(row for row in self.rows if row.direct is not None)

    @property
    def formed(self) -> BlockRead:
        """The first of them behind which the classifier is nearly as good as behind the last."""
        return next(row for row in self.read if (row.direct or 0.0) >= NEARLY * self.accuracy)

    @property
    def later(self) -> tuple[BlockRead, ...]:
        """The blocks behind `formed`: what they do is to refine."""
        return self.rows[self.rows.index(self.formed) + 1:]

    @property
    def before(self) -> float:
        """What the classifier reads one block before the end, in per cent."""
        return self.read[-2].direct or 0.0

    @property
    def ratio(self) -> float | None:
        """|F(x)| / |x|, the mean over the blocks."""
        ratios = [row.ratio for row in self.rows if row.ratio is not None]
        return fmean(ratios) if ratios else None


def course(name: str, step: float = 1.0, times: int = 1) -> Course | None:
    """What is recorded of a bundled net; None where this is not."""
    rows = tuple(row for row in recorded(name) if (row.step, row.times) == (step, times))
    return Course(name, rows) if rows else None


def pairs() -> dict[str, Twins]:
    """The twins of which both are recorded."""
    return {key: pair for key, pair in all_twins().items()
            if len(pair.names) == 2 and all((WEIGHTS / name / FILE).exists() for name in pair.names)}
