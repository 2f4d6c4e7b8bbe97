"""What a net's parts give, run one by one: nothing is hooked, nothing is changed."""

import torch
from torch import Tensor

from resnet.config import ResNetConfig
from resnet.model import ResNet


def stage_names(config: ResNetConfig) -> tuple[str, ...]:
    """The paper's names: conv1, conv2_x, ..."""
    return "conv1", *(f"conv{i + 2}_x" for i in range(len(config.depths)))


@torch.no_grad()
def stage_outputs(model: ResNet, x: Tensor) -> dict[str, Tensor]:
    """What each part gives for the normalised input [n, channels, height, width]."""
    outputs = {}
    for name, part in model.parts().items():
        outputs[name] = x = part(x)
    return outputs
