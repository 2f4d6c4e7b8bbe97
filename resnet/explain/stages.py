"""A net as its paper's parts, to be run one by one: nothing is hooked, nothing is changed."""

import torch
from torch import Tensor, nn

from resnet.config import ResNetConfig
from resnet.model import ResNet


def stage_names(config: ResNetConfig) -> tuple[str, ...]:
    """The paper's names: conv1, conv2_x, ..."""
    return "conv1", *(f"conv{i + 2}_x" for i in range(len(config.depths)))


def parts(model: ResNet) -> dict[str, nn.Module]:
    """The net's parts by the paper's names, each with what stands between it and the part before.

    conv1 ends before the max pooling, the last stage after a pre-activation net's closing norm and ReLU.
    """
    names = stage_names(model.config)
    first, *rest = model.stages
    found = [nn.Sequential(model.conv1, model.bn1, model.relu), nn.Sequential(model.maxpool, first), *rest]
    found[-1] = nn.Sequential(found[-1], model.norm, model.act)
    return dict(zip(names, found, strict=True))


def feature_of(model: ResNet, last: Tensor) -> Tensor:
    """What the last stage gives [n, c, h, w] -> what the classifier reads [n, d]."""
    return model.flatten(model.avgpool(last))


@torch.no_grad()
def stage_outputs(model: ResNet, x: Tensor) -> dict[str, Tensor]:
    """What each part gives for the normalised input [n, channels, height, width]."""
    outputs = {}
    for name, part in parts(model).items():
        outputs[name] = x = part(x)
    return outputs
