"""The other way to oneDNN's fused kernels: one `mkldnn._convolution_pointwise` call for each convolution.

What resnet.inference.fast was chosen against; for original-order residual nets only. torch.compile's CPU back end makes
the same calls. Nothing here is deprecated, but Python pays for each call.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from resnet.inference.folding import folded
from resnet.model import ResNet

Layer = Callable[..., Tensor]


def prepacked(model: ResNet, example: Tensor, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    """The net with weights packed for the shape of `example` [n, c, h, w]: fp32 [n, c, h, w] -> fp32 logits."""
    net = folded(model).to(memory_format=torch.channels_last)
    shapes = _input_shapes(net, example)

    def layer(conv: nn.Conv2d, relu: bool = False, adds: bool = False) -> Layer:
        return _layer(conv, shapes[conv], dtype, relu, adds)

    stem = layer(net.conv1, relu=True)
    blocks = []
    for block in net.blocks:
        *inner, last = [conv for name, conv in block.named_children()
                        if name.startswith("conv") and isinstance(conv, nn.Conv2d)]
        shortcut = block.downsample[0] if isinstance(block.downsample, nn.Sequential) else block.downsample
        blocks.append(([layer(conv, relu=True) for conv in inner], layer(last, adds=True),
                       layer(shortcut) if isinstance(shortcut, nn.Conv2d) else shortcut))
    head = net.fc.to(dtype)

    @torch.inference_mode()
    def run(inputs: Tensor) -> Tensor:
        x = net.maxpool(stem(inputs.to(dtype, memory_format=torch.channels_last)))
        for inner, last, shortcut in blocks:
            branch = x
            for conv in inner:
                branch = conv(branch)
            x = last(branch, shortcut(x))
        return head(x.mean((2, 3))).float()

    return run


def _layer(conv: nn.Conv2d, shape: list[int], dtype: torch.dtype, relu: bool, adds: bool) -> Layer:
    """conv(x), with ReLU if asked; or relu(conv(x) + other), written over `other`."""
    calls = torch.ops.mkldnn
    place = (list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups)
    weight = calls._reorder_convolution_weight(conv.weight.detach().to(dtype), *place, shape)
    bias = None if conv.bias is None else conv.bias.detach().to(dtype)
    if adds:
        call = calls._convolution_pointwise_.binary
        return lambda x, other: call(other.clone() if other is x else other, x, weight, bias, *place,
                                     "add", 1.0, "relu", [], None)
    call = calls._convolution_pointwise.default
    return lambda x: call(x, weight, bias, *place, "relu" if relu else "none", [], "")


@torch.inference_mode()
def _input_shapes(net: ResNet, example: Tensor) -> dict[nn.Module, list[int]]:
    shapes: dict[nn.Module, list[int]] = {}
    hooks = [module.register_forward_hook(lambda conv, inputs, _: shapes.update({conv: list(inputs[0].shape)}))
             for module in net.modules() if isinstance(module, nn.Conv2d)]
    net(example)
    for hook in hooks:
        hook.remove()
    return shapes
