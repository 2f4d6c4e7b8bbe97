"""PyTorch code of exactly one net: a file that needs torch only, reads top to bottom and runs by itself.

Parameter names are ours (torchvision's), so weights go both ways. What a config leaves out is left out
of the code: a plain net has no shortcut, a net without groups no `groups`.
"""

from collections.abc import Iterator
from inspect import getsource
from textwrap import indent

from resnet import layers
from resnet.config import ResNetConfig, config_of, stage_output
from resnet.tracing.code_layers import MEAN, activation, conv, norm, pool, stem, zero_pad
from resnet.tracing.trace import Size, checked_size, name_of

PREACTIVE = ("preact", "relu_preact")  # orders that activate at the start of a branch, and behind the last stage
ANTI_ALIAS = {"blur": "BlurPool({})", "average": MEAN}
ATTENTION = {"se": "SqueezeExcitation(out_channels, {})", "eca": "ChannelAttention(out_channels)"}


def code(config: "str | ResNetConfig", size: Size = None) -> str:
    """The source of a file that builds the net, prints its parameter count and runs an input of `size`.

    Raises:
        InputError: no such variant, or a size that the net cannot take.
    """
    config = config_of(config)
    height, width = checked_size(config, size)
    own = [getsource(kind) for kind in _carried(config)]
    pad = zero_pad(config) if _pads(config) else ""
    parts = [_opening(config), pad, *own, _block(config), _stage(config), _net(config), _main(config, height, width)]
    return "\n\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _carried(config: ResNetConfig) -> Iterator[type]:
    """The modules of ours that the net has; their source goes along as it stands."""
    if config.standardised:
        yield layers.StdConv2d
    if config.anti_alias == "blur":
        yield layers.BlurPool
    if config.attention != "none":
        yield layers.Scale
        yield from {"se": (layers.SqueezeExcitation,),
                    "eca": (layers.ChannelConv, layers.ChannelAttention)}[config.attention]
    if _drops(config):
        yield layers.DropPath


def _drops(config: ResNetConfig) -> bool:
    return config.drop_rate(len(config.depths) - 1, config.depths[-1] - 1) > 0


def _opening(config: ResNetConfig) -> str:
    papers = ["He et al. 2015 (arXiv 1512.03385)"]
    if config.order != "original":
        papers.append("He et al. 2016 (arXiv 1603.05027)")
    if config.groups > 1:
        papers.append("Xie et al. 2017 (arXiv 1611.05431)")
    if config.stem in ("deep", "tiered") or config.shortcut == "D":
        papers.append("He et al. 2019 (arXiv 1812.01187)")
    own = {*_carried(config)}
    padding = _pads(config) or own & {layers.StdConv2d, layers.BlurPool}
    lines = [
        "from math import gcd\n" if config.norm == "group" else "",
        "import torch", "import torch.nn.functional as F" if padding else "",
        f"from torch import {'Tensor, ' if own else ''}nn",
        f"\nDROP = {config.drop_path:g} / {sum(config.depths) - 1}  # more with each block" if _drops(config) else ""]
    return f'"""{name_of(config)}, after {", ".join(papers)}."""\n\n' + "\n".join(filter(None, lines))


def _pads(config: ResNetConfig) -> bool:
    return config.shortcut == "A" and bool(_opening_changes(config))


def _opening_changes(config: ResNetConfig) -> list[int]:
    """Stages whose first block changes its input's shape, so that a shortcut has work to do."""
    before = [config.stem_widths[-1], *(config.out_channels(i) for i in range(len(config.depths) - 1))]
    return [i for i, channels in enumerate(before) if i > 0 or channels != config.out_channels(i)]


# The block ---------------------------------------------------------------------------------------


def _block(config: ResNetConfig) -> str:
    """The class: convolutions and norms, the shortcut, and the forward as the paper's equation."""
    more = (", opens_stage=False" if _preact_splits(config) else "") + (", drop=0.0" if _drops(config) else "")
    body = _convolutions(config) + _shortcut(config)
    if _preact_splits(config):
        raw = " and not isinstance(self.downsample, nn.Identity)" if config.opening == "raw" else ""
        body += f"self.opens_stage = opens_stage{raw}\n"
    if _drops(config):
        body += "self.drop_path = DropPath(drop)\n"
    return (f"class {_name(config)}(nn.Module):\n"
            f"    def __init__(self, channels, width, out_channels, stride{more}):\n"
            f"        super().__init__()\n{indent(body, ' ' * 8)}\n"
            f"    def forward(self, x):\n{indent(_forward(config), ' ' * 8)}")


def _name(config: ResNetConfig) -> str:
    return "BasicBlock" if config.block == "basic" else "Bottleneck"


def _preact_splits(config: ResNetConfig) -> bool:
    """Whether a block must know that it opens its stage: its shortcut then takes the activated input."""
    return config.order == "preact" and not config.plain


def _convolutions(config: ResNetConfig) -> str:
    first, second = ("stride", "1") if config.block == "basic" or config.stride_in == "1x1" else ("1", "stride")
    if config.anti_alias != "none":
        first = second = "1"
    rows = {
        "basic": [("channels", "width", 3, first), ("width", "out_channels", 3, second)],
        "bottleneck": [("channels", "width", 1, first), ("width", "width", 3, second),
                       ("width", "out_channels", 1, "1")],
    }[config.block]
    lines = []
    for i, (c_in, c_out, kernel, stride) in enumerate(rows, 1):
        groups = config.groups if config.block == "bottleneck" and kernel == 3 else 1
        pair = [f"self.conv{i} = {conv(config, c_in, c_out, kernel, stride, groups)}",
                f"self.bn{i} = {norm(config, c_in if config.order == 'preact' else c_out)}"]
        lines += reversed(pair) if config.order == "preact" else pair
    lines.append(f"self.relu = {activation(config, config.order not in PREACTIVE)}")
    if config.anti_alias != "none":
        lines.append(f"self.aa = {ANTI_ALIAS[config.anti_alias].format('width')} if stride > 1 else nn.Identity()")
    if config.attention != "none":
        lines.append(f"self.se = {ATTENTION[config.attention].format(config.reduction)}")
    return "\n".join([*lines, ""])


def _shortcut(config: ResNetConfig) -> str:
    if config.plain:
        return ""
    if config.shortcut != "C" and not _opening_changes(config):
        return "self.downsample = nn.Identity()\n"
    if config.shortcut == "A":
        return _conditional("ZeroPad(channels, out_channels, stride)")
    averages = config.shortcut == "D"
    lines = [f"{MEAN} if stride > 1 else nn.Identity()"] if averages else []
    lines.append(conv(config, "channels", "out_channels", 1, "1" if averages else "stride"))
    lines += [norm(config, "out_channels")] if config.shortcut_norm and config.order != "preact" else []
    projection = "nn.Sequential(\n" + "".join(f"    {line},\n" for line in lines) + ")"
    return f"self.downsample = {projection}\n" if config.shortcut == "C" else _conditional(projection)


def _conditional(module: str) -> str:
    return ("self.downsample = nn.Identity()\n"
            "if stride != 1 or channels != out_channels:\n" + indent(f"self.downsample = {module}\n", " " * 4))


def _forward(config: ResNetConfig) -> str:
    count = 2 if config.block == "basic" else 3
    branch = _preactive(config, count) if config.order == "preact" else _postactive(config, count)
    out = "self.drop_path(out)" if _drops(config) else "out"
    shortcut = "active if self.opens_stage else x" if config.order == "preact" else "x"
    added = out if config.plain else f"{out} + self.downsample({shortcut})"
    return "\n".join([*branch, f"return {_ending(config, added)}"])


def _preactive(config: ResNetConfig, count: int) -> list[str]:
    lines = ["active = self.relu(self.bn1(x))", "out = self.conv1(active)"]
    for i in range(2, count + 1):
        called = f"self.conv{i}({_halved(config, f'self.relu(self.bn{i}(out))', i == count)})"
        lines.append(f"out = {_weighted(config, called) if i == count else called}")
    return lines


def _postactive(config: ResNetConfig, count: int) -> list[str]:
    start = "self.relu(x)" if config.order == "relu_preact" else "x"
    lines = []
    for i in range(1, count):
        active = f"self.relu(self.bn{i}(self.conv{i}({start if i == 1 else 'out'})))"
        lines.append(f"out = {_halved(config, active, i == count - 1)}")
    last = f"self.conv{count}(out)" if config.order == "bn_after_add" else f"self.bn{count}(self.conv{count}(out))"
    last = _weighted(config, last)
    return [*lines, f"out = self.relu({last})" if config.order == "relu_before_add" else f"out = {last}"]


def _halved(config: ResNetConfig, active: str, before_last: bool) -> str:
    """Anti-aliasing stands behind the activation before the last convolution."""
    return f"self.aa({active})" if before_last and config.anti_alias != "none" else active


def _weighted(config: ResNetConfig, branch: str) -> str:
    return branch if config.attention == "none" else f"self.se({branch})"


def _ending(config: ResNetConfig, added: str) -> str:
    """What comes after the addition."""
    if config.order == "bn_after_add":
        return f"self.relu(self.bn2({added}))"
    return f"self.relu({added})" if config.order == "original" else added


# The net -----------------------------------------------------------------------------------------


def _stage(config: ResNetConfig) -> str:
    block, opens = _name(config), ", opens_stage=True" if _preact_splits(config) else ""
    begins, drop, more = "", "", ""
    if _drops(config):
        begins, drop, more = ", begins", ", drop=DROP * begins", ", drop=DROP * (begins + i)"
    index, blocks = ("i", "range(1, blocks)") if more else ("_", "range(blocks - 1)")
    return f'''
def stage(channels, width, out_channels, blocks, stride{begins}):
    first = {block}(channels, width, out_channels, stride{opens}{drop})
    return nn.Sequential(first, *({block}(out_channels, width, out_channels, 1{more}) for {index} in {blocks}))
'''


def _net(config: ResNetConfig) -> str:
    return (f"class ResNet(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            f"{indent(_modules(config), ' ' * 8)}\n\n    def forward(self, x):\n{indent(_passes(config), ' ' * 8)}")


def _modules(config: ResNetConfig) -> str:
    channels = config.stem_widths[-1]
    lines = [f"self.conv1 = {stem(config)}"]
    if config.order != "preact":
        lines += [f"self.bn1 = {norm(config, channels)}", f"self.relu = {activation(config, True)}"]
    if config.pooled:
        lines.append(f"self.maxpool = {pool(config, channels)}")
    for i, blocks in enumerate(config.depths):
        begins = f", begins={sum(config.depths[:i])}" if _drops(config) else ""
        lines.append(f"self.layer{i + 1} = stage({channels}, {config.block_width(i)}, {config.out_channels(i)}, "
                     f"blocks={blocks}, stride={1 if i == 0 else 2}{begins})")
        channels = config.out_channels(i)
    if config.order == "preact" and config.ends_active:
        lines.append(f"self.norm = {norm(config, channels)}")
    if config.ends_active:
        lines.append(f"self.act = {activation(config, False)}")
    return "\n".join([*lines, *_head(config, channels)])


def _head(config: ResNetConfig, channels: int) -> list[str]:
    if config.head == "avgpool":
        return ["self.avgpool = nn.AdaptiveAvgPool2d(1)", f"self.fc = nn.Linear({channels}, {config.classes})"]
    height, width = stage_output(config.input_size, config)
    return [f"self.fc = nn.Linear({channels} * {height} * {width}, {config.classes})"]


def _passes(config: ResNetConfig) -> str:
    begin = "self.conv1(x)" if config.order == "preact" else "self.relu(self.bn1(self.conv1(x)))"
    lines = [f"x = self.maxpool({begin})" if config.pooled else f"x = {begin}"]
    lines += [f"x = self.layer{i + 1}(x)" for i in range(len(config.depths))]
    if config.ends_active:
        lines.append(f"x = self.act({'self.norm(x)' if config.order == 'preact' else 'x'})")
    lines += ["x = self.avgpool(x)"] if config.head == "avgpool" else []
    return "\n".join([*lines, "return self.fc(torch.flatten(x, 1))"])


def _main(config: ResNetConfig, height: int, width: int) -> str:
    return f'''
if __name__ == "__main__":
    net = ResNet().eval()
    print(f"parameters: {{sum(p.numel() for p in net.parameters()):,}}")
    with torch.inference_mode():
        print(f"output: {{tuple(net(torch.rand(1, {config.in_channels}, {height}, {width})).shape)}}")
'''
