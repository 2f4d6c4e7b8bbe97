"""Grad-CAM: which places of a stage's map speak for a class (Selvaraju et al. 2017, arXiv 1610.02391, section 3)."""

import torch
from torch import Tensor

from resnet.config import ResNetConfig
from resnet.explain.stages import stage_names
from resnet.model import ResNet
from resnet.tracing.trace import trace
from resnet.util.errors import InputError

MAX_KEPT = 600_000_000  # bytes of activations, of which two thirds are kept; a ResNet-152's stem at 224 pixels has half


def check_stage(config: ResNetConfig, size: tuple[int, ...], stage: str) -> None:
    """Raises InputError where too much would be kept to differentiate what follows a stage."""
    names = stage_names(config)
    behind = names[names.index(stage) + 1:]
    kept = sum(layer.activation_bytes for layer in trace(config, size).layers if layer.group in behind)
    if kept > MAX_KEPT:
        raise InputError("stage_costly", stage=stage, megabytes=f"{kept / 1e6:,.0f}", limit=f"{MAX_KEPT / 1e6:,.0f}")


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
