"""Grad-CAM: which places of a stage's map speak for a class (Selvaraju et al. 2017, arXiv 1610.02391, section 3)."""

import torch
from torch import Tensor

from resnet.model import ResNet


def grad_cam(model: ResNet, activation: Tensor, stage: str, target: int) -> Tensor:
    """relu(sum over channels k of a_k A_k), a_k the mean gradient of the class's logit by the map A_k.

    Only what follows the stage is run and differentiated, so the last stage's map costs next to nothing;
    the parameters take no gradients.

    Args:
        model: in eval mode.
        activation: what `stage` gave for one picture, [1, c, h, w].
        target: the class's index.
    Returns:
        [h, w], not negative, on the CPU; all zero where nothing speaks for the class.
    """
    maps = activation.detach().requires_grad_()
    with torch.enable_grad():
        logit = model.fc(model.pooled(_after(model, stage, maps)))[0, target]
        (gradient,) = torch.autograd.grad(logit, maps)
    weights = gradient.mean((2, 3), keepdim=True)
    return (weights * maps.detach()).sum(1)[0].relu().float().cpu()


def _after(model: ResNet, stage: str, x: Tensor) -> Tensor:
    """The parts that follow `stage`, applied."""
    parts = model.parts()
    for name in list(parts)[list(parts).index(stage) + 1:]:
        x = parts[name](x)
    return x
