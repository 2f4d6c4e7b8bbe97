"""The reference for what a browser computes: torch with the very weights that stand in a web file."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from resnet.config import ResNetConfig
from resnet.model import ResNet


def as_written(tensors: dict[str, Tensor], config: ResNetConfig) -> ResNet:
    """A web file's tensors as a net in fp32, whose batch norms are folded away."""
    net = ResNet(replace(config, conv_bias=True)).eval()
    for module in [net, *net.blocks]:
        for norm in ("bn1", "bn2"):
            if hasattr(module, norm):
                setattr(module, norm, nn.Identity())
    net.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return net


@torch.inference_mode()
def edited(net: ResNet, inputs: Tensor, edits: dict) -> Tensor:
    """[n, c, h, w] -> logits after the page's edits, written down once more from the paper's equation."""
    x, parts = net.stem(inputs), net.blocks
    for i in edits["order"]:
        gain = edits["scale"] if edits["branch"][i] else 0.0
        kept = parts[i].downsample(x) if edits["shortcut"][i] else 0.0
        x = torch.relu(gain * parts[i].residual(x) + kept)
    return net.head(x)
