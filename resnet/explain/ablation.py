"""Which blocks an answer needs: each one dropped alone, on one picture (Veit et al. 2016, arXiv 1605.06431)."""

import torch
from torch import Tensor

from resnet.model import ResNet
from resnet.surgery import Lesion, block_sites, lesioned


@torch.no_grad()
def without_each_block(model: ResNet, x: Tensor) -> Tensor:
    """The logits [1 + removable blocks, classes] of the whole net, then without each removable block alone.

    All lesions of the picture x [1, channels, height, width] travel together as a batch that grows by one
    at each block, so what comes before a lesion is computed once.
    """
    names = tuple(site.name for site in block_sites(model.config) if site.removable)
    dropped = lesioned(model, Lesion(names))
    batch = model.stem(x)
    for site in block_sites(model.config):
        skipped = [dropped.get_submodule(site.name)(batch[:1])] if site.removable else []
        batch = torch.cat([model.get_submodule(site.name)(batch), *skipped])
    return model.head(batch).float().cpu()
