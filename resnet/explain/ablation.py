"""Which blocks an answer needs: each one dropped alone, on one picture (Veit et al. 2016, arXiv 1605.06431)."""

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from resnet.config import ResNetConfig
from resnet.inference.batches import most_at_once
from resnet.inference.serving import heavy
from resnet.model import ResNet
from resnet.surgery import BlockSite, Lesion, block_sites, lesioned
from resnet.tracing.trace import trace
from resnet.util.errors import InputError

MAX_MACS = 1.2e12  # as many forward passes as blocks; the half of it is computed, in twenty seconds on two cores


def without_each_block(model: ResNet, x: Tensor) -> Tensor:
    """The logits [1 + removable blocks, classes] of the whole net, then without each removable block alone.

    All lesions of the picture x [1, channels, height, width] travel together, as far as there is room, as a batch that
    grows by one at each block, so what comes before a lesion is computed once.

    Raises:
        InputError: too many blocks of too large a net.
    """
    sites, size = block_sites(model.config), tuple(x.shape[-2:])
    names = tuple(site.name for site in sites if site.removable)
    _check_cost(model.config, size, len(names))
    dropped, found = lesioned(model, Lesion(names)), []
    whole = heavy(torch.no_grad()(partial(model.stem, x)))
    for begin, end in _groups(sites, most_at_once(model.config, size, x.device)):
        logits, whole = heavy(partial(_drop_each, model, dropped, whole, sites[begin:end], sites[end:]))
        found.append(logits)
    return torch.cat([_logits(model, whole), *found])


def _check_cost(config: ResNetConfig, size: tuple[int, ...], blocks: int) -> None:
    macs = trace(config, size).macs * blocks
    if macs > MAX_MACS:
        raise InputError("blocks_costly", blocks=blocks, macs=f"{macs / 1e9:,.0f}", limit=f"{MAX_MACS / 1e9:,.0f}")


def _groups(sites: Sequence[BlockSite], most: int) -> Iterator[tuple[int, int]]:
    """Where groups of at most so many blocks begin and end."""
    for begin in range(0, len(sites), most):
        yield begin, min(begin + most, len(sites))


@torch.no_grad()
def _drop_each(model: ResNet, dropped: ResNet, whole: Tensor, group: Sequence[BlockSite],
               rest: Sequence[BlockSite]) -> tuple[Tensor, Tensor]:
    """(logits without each removable block of the group, what the whole net gives behind the group)."""
    batch = whole
    for site in group:
        skipped = [dropped.get_submodule(site.name)(batch[:1])] if site.removable else []
        batch = torch.cat([model.get_submodule(site.name)(batch), *skipped])
    whole, batch = batch[:1].clone(), batch[1:]
    for site in rest:
        batch = model.get_submodule(site.name)(batch)
    return _logits(model, batch), whole


@torch.no_grad()
def _logits(model: ResNet, x: Tensor) -> Tensor:
    return model.head(x).float().cpu()
