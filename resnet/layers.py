"""What blocks and stems are made of, each by the paper that brought it; the config says which.

The classes take plain numbers, so that the exported code (tracing/codegen.py) can carry them as they stand.
"""

from math import gcd

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet.config import ResNetConfig

NORM_GROUPS = 32  # as in the paper


class ZeroPad(nn.Module):
    """Shortcut option A: every stride-th pixel, or the mean of each square, new channels zero; no parameters."""

    def __init__(self, channels: int, out_channels: int, stride: int, zeros: str = "behind", average: bool = False):
        super().__init__()
        self.new_channels = out_channels - channels
        self.in_front = {"behind": 0, "front": self.new_channels, "both": self.new_channels // 2}[zeros]
        self.average = average and stride > 1
        self.kernel_size, self.stride, self.ceil_mode = (stride if self.average else 1), stride, self.average

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(self.halved(x), (0, 0, 0, 0, self.in_front, self.new_channels - self.in_front))

    def halved(self, x: Tensor) -> Tensor:
        if self.average:
            return F.avg_pool2d(x, self.stride, self.stride, ceil_mode=True)
        return x[:, :, :: self.stride, :: self.stride]


class NoShortcut(nn.Module):
    """The plain twin: nothing is added to the branch."""

    def forward(self, x: Tensor) -> int:
        return 0


class StdConv2d(nn.Conv2d):
    """Weight standardisation: each filter with mean 0 and variance 1 (Qiao et al. 2019, arXiv 1903.10520)."""

    def forward(self, input: Tensor) -> Tensor:
        variance, mean = torch.var_mean(self.weight, (1, 2, 3), correction=0, keepdim=True)
        weight = (self.weight - mean) * torch.rsqrt(variance + 1e-8)  # BiT's epsilon
        return F.conv2d(input, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class BlurPool(nn.Module):
    """Anti-aliasing: a 3x3 binomial filter, and of what it gives every second pixel (Zhang 2019, arXiv 1904.11486)."""

    kernel_size, stride, padding = 3, 2, 1

    def __init__(self, channels: int):
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        taps = torch.tensor([[1, 2, 1], [2, 4, 2], [1, 2, 1]], dtype=x.dtype, device=x.device) / 16
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        return F.conv2d(padded, taps.expand(self.channels, 1, 3, 3), stride=2, groups=self.channels)


class Scale(nn.Module):
    """Each channel of [n, c, h, w] times its own number of [n, c, 1, 1]."""

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        return x * gate


class SqueezeExcitation(nn.Module):
    """Channels are weighted by what all of them hold on average (Hu et al. 2018, arXiv 1709.01507)."""

    def __init__(self, channels: int, reduction: int):
        super().__init__()
        squeezed = max(8, (channels // reduction + 4) // 8 * 8)  # as timm rounds
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.relu = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.gate = nn.Sigmoid()
        self.scale = Scale()

    def forward(self, x: Tensor) -> Tensor:
        return self.scale(x, self.gate(self.fc2(self.relu(self.fc1(self.pool(x))))))


class ChannelConv(nn.Conv1d):
    """A convolution along the channels of [n, c, 1, 1]."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.flatten(2).transpose(1, 2)).transpose(1, 2).unsqueeze(3)


class ChannelAttention(nn.Module):
    """Efficient: neighbouring channels' averages make a channel's weight (Wang et al. 2020, arXiv 1910.03151)."""

    def __init__(self, channels: int):
        super().__init__()
        kernel = max(3, channels.bit_length() // 4 * 2 + 1)  # the odd number next to (log2(channels) + 1) / 2
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv = ChannelConv(1, 1, kernel, padding=kernel // 2, bias=False)
        self.gate = nn.Sigmoid()
        self.scale = Scale()

    def forward(self, x: Tensor) -> Tensor:
        return self.scale(x, self.gate(self.conv(self.pool(x))))


class DropPath(nn.Module):
    """Stochastic depth: in training a picture skips the branch with probability `rate` (Huang et al. 2016,
    arXiv 1603.09382)."""

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = torch.empty(len(x), 1, 1, 1, dtype=x.dtype, device=x.device).bernoulli_(1 - self.rate)
        return x * kept / (1 - self.rate)


# By the config ----------------------------------------------------------------------------------


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "gelu": nn.GELU, "silu": nn.SiLU}


def activation(config: ResNetConfig, inplace: bool = True) -> nn.Module:
    """In place only where nobody needs its input any more: all others than ReLU keep it for the backward pass."""
    return nn.ReLU(inplace) if config.activation == "relu" else ACTIVATIONS[config.activation]()


def conv(config: ResNetConfig, c_in: int, c_out: int, size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    kind = StdConv2d if config.standardised else nn.Conv2d
    return kind(c_in, c_out, size, stride, size // 2, groups=groups, bias=config.conv_bias)


def norm(config: ResNetConfig, channels: int) -> nn.Module:
    """Over the batch, or over a picture's groups of channels (Wu and He 2018, arXiv 1803.08494)."""
    if config.norm == "batch":
        return nn.BatchNorm2d(channels)
    return nn.GroupNorm(gcd(NORM_GROUPS, channels), channels)


def attention(config: ResNetConfig, channels: int) -> nn.Module:
    if config.attention == "se":
        return SqueezeExcitation(channels, config.reduction)
    return ChannelAttention(channels) if config.attention == "eca" else nn.Identity()


def halving_mean() -> nn.AvgPool2d:
    """The mean of each 2x2; at an odd border of what there is, so that it meets what a stride of 2 gives."""
    return nn.AvgPool2d(2, ceil_mode=True)


def anti_alias(config: ResNetConfig, channels: int, stride: int) -> nn.Module:
    """What halves the map where the config's convolutions do not."""
    if stride == 1 or config.anti_alias == "none":
        return nn.Identity()
    return BlurPool(channels) if config.anti_alias == "blur" else halving_mean()


def strides(config: ResNetConfig, stride: int) -> tuple[int, int]:
    """Of a block's first and second convolution; anti-aliasing halves the map behind them."""
    if config.anti_alias != "none":
        return 1, 1
    return (stride, 1) if config.block == "basic" or config.stride_in == "1x1" else (1, stride)


def stem_convolutions(config: ResNetConfig) -> nn.Module:
    """One, or three 3x3 with norms between them, which end before the stem's own norm (He et al. 2019)."""
    size, stride = {"7x7": (7, 2), "3x3": (3, 1)}.get(config.stem, (3, 2))
    c_in, (width, *more) = config.in_channels, config.stem_widths
    layers: list[nn.Module] = [conv(config, c_in, width, size, stride)]
    for wider in more:
        layers += [norm(config, width), activation(config), conv(config, width, wider, 3)]
        width = wider
    return nn.Sequential(*layers) if more else layers[0]


def stem_pool(config: ResNetConfig) -> nn.Module:
    """What halves the map once more, behind a stem that is not the CIFAR nets'."""
    channels = config.stem_widths[-1]
    if not config.pooled:
        return nn.Identity()
    if config.pool == "conv":
        return nn.Sequential(conv(config, channels, channels, 3, 2), norm(config, channels), activation(config))
    if config.anti_alias == "blur":
        return nn.Sequential(nn.MaxPool2d(3, 1, 1), BlurPool(channels))
    if config.anti_alias == "average":
        return halving_mean()
    if config.pool == "zeros":
        return nn.Sequential(nn.ConstantPad2d(1, 0.0), nn.MaxPool2d(3, 2))
    return nn.MaxPool2d(3, 2, 1) if config.pool == "padded" else nn.MaxPool2d(3, 2, ceil_mode=True)
