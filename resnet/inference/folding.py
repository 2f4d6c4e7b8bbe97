"""Batch norms folded into convolutions: the same function in fewer operations."""

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from resnet.model import ResNet, ZeroPad

PAIRS = {  # convolution, and the batch norm behind it; pre-activation nets normalise an addition by their bn1
    "original": (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3")),
    "preact": (("conv1", "bn2"), ("conv2", "bn3")),
}


@torch.no_grad()
def folded(model: ResNet) -> ResNet:
    """A copy in eval mode with the same logits up to rounding, and fewer operations.

    torch.fx would find what to fold by itself, but it changes every module of the process while it traces,
    and other threads compute at that time.
    """
    net = copy.deepcopy(model)
    pairs = PAIRS.get(net.config.order, ())
    for module in [net, *net.blocks]:
        for conv, norm in pairs:
            _fold(module, conv, norm)
        for part in module.children():  # stems and shortcuts of several layers
            for i in range(len(part) - 1 if isinstance(part, nn.Sequential) else 0):
                _fold(part, str(i), str(i + 1))
        shortcut = getattr(module, "downsample", None)
        if isinstance(shortcut, ZeroPad) and not shortcut.average:
            module.downsample = _as_convolution(shortcut, module.conv1)
    return net


def _fold(module: nn.Module, conv: str, norm: str) -> None:
    """A convolution and the batch norm that reads nothing else become one convolution."""
    first, second = getattr(module, conv, None), getattr(module, norm, None)
    if type(first) is nn.Conv2d and isinstance(second, nn.BatchNorm2d):  # a standardised one takes no scale
        setattr(module, conv, fuse_conv_bn_eval(first, second))
        setattr(module, norm, nn.Identity())


def _as_convolution(pad: ZeroPad, first: nn.Conv2d) -> nn.Conv2d:
    """Every stride-th pixel, old channels kept, new ones zero: a 1x1 convolution by a part of the identity."""
    channels = first.in_channels
    conv = nn.Conv2d(channels, channels + pad.new_channels, 1, pad.stride, bias=False, device=first.weight.device)
    conv.weight.zero_()
    conv.weight[pad.in_front:pad.in_front + channels, :, 0, 0] = torch.eye(channels)
    return conv
