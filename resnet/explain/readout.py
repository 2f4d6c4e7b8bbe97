"""The answer as it forms: what can be read out of a net behind every block.

The classifier reads what leaves the last stage, so it can be put behind any block of that stage: the blocks share
their channels (the logit lens; Greff et al. 2017, arXiv 1612.07771, read their nets in this way). Before that stage
there is no classifier. There the nearest class mean answers: of what global pooling makes of the block's output,
measured in each channel's deviation within the classes; the means are those of training images (`python -m resnet
readout`, kept beside the weights). A net without that record is read in its last stage only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from resnet.data import normalise
from resnet.explain.stages import stage_outputs
from resnet.hub.loaded import LoadedModel
from resnet.inference.serving import heavy
from resnet.model import ResNet
from resnet.surgery import BlockSite, block_sites
from resnet.util.errors import InputError
from resnet.util.files import write_file

FILE = "readout.safetensors"
SMALLEST = 1e-3  # of a channel's deviation, against the largest one's


@dataclass(frozen=True)
class Means:
    """By block: the classes' means [classes, d] and the deviation within them [d], of pooled outputs."""

    means: dict[str, Tensor]
    deviations: dict[str, Tensor]

    def nearest(self, block: str, pooled: Tensor) -> Tensor:
        """[n, d] -> the class of the nearest mean, [n]."""
        scale = self.deviations[block]
        return torch.cdist(pooled / scale, self.means[block] / scale).argmin(1)


@dataclass(frozen=True)
class Readout:
    """What can be read of one picture behind one block: class indices, None where that cannot be read there.

    share   the classifier's probability of its answer
    """

    block: str
    stage: int
    nearest: int | None
    answer: int | None
    share: float | None

    @property
    def said(self) -> int | None:
        """The classifier's answer, else that of the nearest class mean."""
        return self.nearest if self.answer is None else self.answer


@torch.inference_mode()
def outputs(net: ResNet, x: Tensor) -> Iterator[tuple[BlockSite, Tensor]]:
    """Each block, and what leaves it, for normalised input [n, channels, height, width]."""
    x = net.stem(x)
    for site, block in zip(block_sites(net.config), net.blocks, strict=True):
        x = block(x)
        yield site, x


def pooled(x: Tensor) -> Tensor:
    """[n, d, h, w] -> [n, d]: the mean over places."""
    return x.mean((2, 3))


def is_last(net: ResNet, site: BlockSite) -> bool:
    """Whether the block's stage is the one that the classifier reads."""
    return site.stage == len(net.config.depths) - 1


@torch.no_grad()
def readouts(net: ResNet, stages: Mapping[str, Tensor], means: Means | None) -> tuple[Readout, ...]:
    """Of one picture, behind the blocks that can be read; without `means` those of the last stage.

    Args:
        stages: what each part gives for it (resnet.explain.stages.stage_outputs), which blocks run on.
    """
    found, given, sites = [], list(stages.values()), iter(block_sites(net.config))
    for stage, blocks in enumerate(net.stages):
        last = blocks is net.stages[-1]
        x = net.maxpool(given[stage]) if stage == 0 else given[stage]
        for block in blocks:
            site = next(sites)
            if last or means:
                x = block(x)
                found.append(_readout(net, site, x, means, last))
    return tuple(found)


def _readout(net: ResNet, site: BlockSite, x: Tensor, means: Means | None, last: bool) -> Readout:
    nearest = int(means.nearest(site.name, pooled(x).float().cpu())) if means else None
    if not last:
        return Readout(site.name, site.stage, nearest, None, None)
    share, answer = net.head(x)[0].float().softmax(0).max(0)
    return Readout(site.name, site.stage, nearest, int(answer), float(share))


def decided(said: Sequence[int | None]) -> int:
    """The place from which on every reading is the last one."""
    return next((i + 1 for i in reversed(range(len(said))) if said[i] != said[-1]), 0)


def class_means(features: dict[str, Tensor], labels: Tensor) -> Means:
    """From training images' pooled outputs [n, d] by block, and their labels [n]."""
    classes = int(labels.max()) + 1
    means, deviations = {}, {}
    for block, rows in features.items():
        means[block] = torch.stack([rows[labels == label].mean(0) for label in range(classes)])
        within = (rows - means[block][labels]).square().mean(0).sqrt()
        deviations[block] = within.clamp(min=SMALLEST * float(within.max()))
    return Means(means, deviations)


def save(folder: Path, means: Means) -> None:
    """Raises InputError where the folder cannot be written."""
    from safetensors.torch import save as packed

    tensors = {f"{part}.{block}": tensor.contiguous() for part in ("means", "deviations")
               for block, tensor in getattr(means, part).items()}
    write_file(folder / FILE, packed(tensors))


@lru_cache(maxsize=32)
def means_of(folder: Path) -> Means | None:
    """What is recorded in a folder of weights; None where nothing is.

    Raises:
        InputError: the file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not (folder / FILE).exists():
        return None
    try:
        tensors = load_file(folder / FILE)
    except (OSError, SafetensorError) as error:
        raise InputError("damaged_record", file=f"{folder.name}/{FILE}", command="readout") from error
    parts = {part: {key.removeprefix(f"{part}."): tensor for key, tensor in tensors.items()
                    if key.startswith(f"{part}.")} for part in ("means", "deviations")}
    return Means(**parts)


def formed(loaded: LoadedModel, pixels: Tensor) -> tuple[Readout, ...]:
    """Of what a net was shown, uint8 [channels, height, width]: one forward pass, where the model lies."""
    x = normalise(pixels[None], loaded.info)
    return heavy(lambda: readouts(loaded.model, stage_outputs(loaded.model, x), known_means(loaded)))


def known_means(loaded: LoadedModel) -> Means | None:
    """What is recorded of a net as its folder describes it; by another reading it gives something else."""
    folder = loaded.ref.path
    return means_of(folder) if folder and not loaded.by_hand else None
