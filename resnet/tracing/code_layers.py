"""The source of a net's single layers, by its config; channels are numbers, or names in the code."""

from math import gcd
from textwrap import indent

from resnet.config import ResNetConfig
from resnet.layers import NORM_GROUPS

MEAN = "nn.AvgPool2d(2, ceil_mode=True)"


def conv(config: ResNetConfig, c_in: "str | int", c_out: "str | int", kernel: int, stride: str = "1",
          groups: int = 1) -> str:
    words = [str(c_in), str(c_out), str(kernel)]
    words += [f"stride={stride}"] if stride != "1" else []
    words += [f"padding={kernel // 2}"] if kernel > 1 else []
    words += [f"groups={groups}"] if groups > 1 else []
    words += [] if config.conv_bias else ["bias=False"]
    return f"{'StdConv2d' if config.standardised else 'nn.Conv2d'}({', '.join(words)})"


def norm(config: ResNetConfig, channels: "str | int") -> str:
    if config.norm == "batch":
        return f"nn.BatchNorm2d({channels})"
    named = f"gcd({NORM_GROUPS}, {channels})"
    groups = gcd(NORM_GROUPS, channels) if isinstance(channels, int) else named
    return f"nn.GroupNorm({groups}, {channels})"


def activation(config: ResNetConfig, inplace: bool) -> str:
    """In place where the net's own module is."""
    return {"relu": f"nn.ReLU({'inplace=True' if inplace else ''})", "leaky_relu": "nn.LeakyReLU(0.01)",
            "gelu": "nn.GELU()", "silu": "nn.SiLU()"}[config.activation]


def stem(config: ResNetConfig) -> str:
    size, stride = {"7x7": (7, "2"), "3x3": (3, "1")}.get(config.stem, (3, "2"))
    width, *more = config.stem_widths
    parts = [conv(config, config.in_channels, width, size, stride)]
    for wider in more:
        parts[-1] += f", {norm(config, width)}, {activation(config, True)}"
        parts.append(conv(config, width, wider, 3))
        width = wider
    return _sequential(*parts)


def pool(config: ResNetConfig, channels: int) -> str:
    if config.pool == "conv":
        normed = f"{norm(config, channels)}, {activation(config, True)}"
        return _sequential(conv(config, channels, channels, 3, "2"), normed)
    if config.anti_alias == "average":
        return MEAN
    if config.anti_alias == "blur":
        return f"nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), BlurPool({channels}))"
    return {"padded": "nn.MaxPool2d(3, stride=2, padding=1)", "ceil": "nn.MaxPool2d(3, stride=2, ceil_mode=True)",
            "zeros": "nn.Sequential(nn.ConstantPad2d(1, 0.0), nn.MaxPool2d(3, stride=2))"}[config.pool]


def _sequential(*parts: str) -> str:
    inner = indent(",\n".join(parts), " " * 4)
    return parts[0] if len(parts) == 1 else f"nn.Sequential(\n{inner},\n)"


def zero_pad(config: ResNetConfig) -> str:
    pad = {"behind": "0, self.new_channels", "front": "self.new_channels, 0",
           "both": "self.new_channels // 2, self.new_channels - self.new_channels // 2"}[config.zero_pad]
    halved, what = "x[:, :, ::self.stride, ::self.stride]", "Every stride-th pixel"
    if config.halving == "average":
        halved = "F.avg_pool2d(x, self.stride, self.stride, ceil_mode=True)"
        what = "The mean of each square"
    return f'''
class ZeroPad(nn.Module):
    """{what}, new channels filled with zeros: shortcut option A, without parameters."""

    def __init__(self, channels, out_channels, stride):
        super().__init__()
        self.new_channels = out_channels - channels
        self.stride = stride

    def forward(self, x):
        return F.pad({halved}, (0, 0, 0, 0, {pad}))
'''
