"""PyTorch code of exactly one net: a file that needs torch only, reads top to bottom and runs by itself.

Parameter names are ours (torchvision's), so weights go both ways. What a config leaves out is left out
of the code: a plain net has no shortcut, a net without groups no `groups`.
"""

from textwrap import indent

from resnet.config import ResNetConfig, config_of, stage_output
from resnet.tracing.trace import Size, checked_size, name_of

PREACTIVE = ("preact", "relu_preact")  # orders that activate at the start of a branch, and behind the last stage
POOLS = {"padded": "padding=1", "ceil": "ceil_mode=True"}


def code(config: "str | ResNetConfig", size: Size = None) -> str:
    """The source of a file that builds the net, prints its parameter count and runs an input of `size`.

    Raises:
        InputError: no such variant, or a size that the net cannot take.
    """
    config = config_of(config)
    height, width = checked_size(config, size)
    parts = [_opening(config), _zero_pad(config) if _pads(config) else "", _block(config), _stage(config), _net(config),
             _main(config, height, width)]
    return "\n\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _opening(config: ResNetConfig) -> str:
    papers = ["He et al. 2015 (arXiv 1512.03385)"]
    if config.order != "original":
        papers.append("He et al. 2016 (arXiv 1603.05027)")
    if config.groups > 1:
        papers.append("Xie et al. 2017 (arXiv 1611.05431)")
    functional = "import torch.nn.functional as F\n" if _pads(config) else ""
    return f'"""{name_of(config)}, after {", ".join(papers)}."""\n\nimport torch\n{functional}from torch import nn'


def _pads(config: ResNetConfig) -> bool:
    return config.shortcut == "A" and bool(_opening_changes(config))


def _opening_changes(config: ResNetConfig) -> list[int]:
    """Stages whose first block changes its input's shape, so that a shortcut has work to do."""
    before = [config.widths[0], *(config.out_channels(i) for i in range(len(config.depths) - 1))]
    return [i for i, channels in enumerate(before) if i > 0 or channels != config.out_channels(i)]


def _zero_pad(config: ResNetConfig) -> str:
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


# The block ---------------------------------------------------------------------------------------


def _block(config: ResNetConfig) -> str:
    """The class: convolutions and norms, the shortcut, and the forward as the paper's equation."""
    body = _convolutions(config) + _shortcut(config)
    opens = ", opens_stage=False" if _preact_splits(config) else ""
    keep = "        self.opens_stage = opens_stage\n" if opens else ""
    return (f"class {_name(config)}(nn.Module):\n"
            f"    def __init__(self, channels, width, out_channels, stride{opens}):\n"
            f"        super().__init__()\n{keep}{indent(body, ' ' * 8)}\n"
            f"    def forward(self, x):\n{indent(_forward(config), ' ' * 8)}")


def _name(config: ResNetConfig) -> str:
    return "BasicBlock" if config.block == "basic" else "Bottleneck"


def _preact_splits(config: ResNetConfig) -> bool:
    """Whether a block must know that it opens its stage: its shortcut then takes the activated input."""
    return config.order == "preact" and not config.plain


def _convolutions(config: ResNetConfig) -> str:
    first, second = ("stride", "1") if config.stride_in == "1x1" else ("1", "stride")
    rows = {
        "basic": [("channels", "width", 3, "stride"), ("width", "out_channels", 3, "1")],
        "bottleneck": [("channels", "width", 1, first), ("width", "width", 3, second),
                       ("width", "out_channels", 1, "1")],
    }[config.block]
    lines = []
    for i, (c_in, c_out, kernel, stride) in enumerate(rows, 1):
        groups = config.groups if config.block == "bottleneck" and kernel == 3 else 1
        norm = c_in if config.order == "preact" else c_out
        pair = [f"self.conv{i} = {_conv(config, c_in, c_out, kernel, stride, groups)}",
                f"self.bn{i} = nn.BatchNorm2d({norm})"]
        lines += reversed(pair) if config.order == "preact" else pair
    return "\n".join([*lines, f"self.relu = {_activation(config, config.order not in PREACTIVE)}", ""])


def _activation(config: ResNetConfig, inplace: bool) -> str:
    """In place where the net's own module is."""
    return {"relu": f"nn.ReLU({'inplace=True' if inplace else ''})", "leaky_relu": "nn.LeakyReLU(0.01)",
            "gelu": "nn.GELU()", "silu": "nn.SiLU()"}[config.activation]


def _conv(config: ResNetConfig, c_in: "str | int", c_out: "str | int", kernel: int, stride: str = "1",
          groups: int = 1) -> str:
    words = [str(c_in), str(c_out), str(kernel)]
    words += [f"stride={stride}"] if stride != "1" else []
    words += [f"padding={kernel // 2}"] if kernel > 1 else []
    words += [f"groups={groups}"] if groups > 1 else []
    words += [] if config.conv_bias else ["bias=False"]
    return f"nn.Conv2d({', '.join(words)})"


def _shortcut(config: ResNetConfig) -> str:
    if config.plain:
        return ""
    if config.shortcut != "C" and not _opening_changes(config):
        return "self.downsample = nn.Identity()\n"
    if config.shortcut == "A":
        return _conditional("ZeroPad(channels, out_channels, stride)")
    norm = "    nn.BatchNorm2d(out_channels),\n" if config.shortcut_norm and config.order != "preact" else ""
    projection = f"nn.Sequential(\n    {_conv(config, 'channels', 'out_channels', 1, 'stride')},\n{norm})"
    return f"self.downsample = {projection}\n" if config.shortcut == "C" else _conditional(projection)


def _conditional(module: str) -> str:
    return ("self.downsample = nn.Identity()\n"
            "if stride != 1 or channels != out_channels:\n" + indent(f"self.downsample = {module}\n", " " * 4))


def _forward(config: ResNetConfig) -> str:
    count = 2 if config.block == "basic" else 3
    plain = config.plain
    if config.order == "preact":
        lines = ["active = self.relu(self.bn1(x))", "out = self.conv1(active)"]
        lines += [f"out = self.conv{i}(self.relu(self.bn{i}(out)))" for i in range(2, count + 1)]
        added = "out" if plain else "out + self.downsample(active if self.opens_stage else x)"
        return "\n".join([*lines, f"return {added}"])
    start = "self.relu(x)" if config.order == "relu_preact" else "x"
    lines = [f"out = self.relu(self.bn{i}(self.conv{i}({start if i == 1 else 'out'})))" for i in range(1, count)]
    last = f"self.conv{count}(out)" if config.order == "bn_after_add" else f"self.bn{count}(self.conv{count}(out))"
    lines.append(f"out = self.relu({last})" if config.order == "relu_before_add" else f"out = {last}")
    return "\n".join([*lines, f"return {_ending(config, 'out' if plain else 'out + self.downsample(x)')}"])


def _ending(config: ResNetConfig, added: str) -> str:
    """What comes after the addition."""
    if config.order == "bn_after_add":
        return f"self.relu(self.bn2({added}))"
    return f"self.relu({added})" if config.order == "original" else added


# The net -----------------------------------------------------------------------------------------


def _stage(config: ResNetConfig) -> str:
    block, opens = _name(config), ", opens_stage=True" if _preact_splits(config) else ""
    return f'''
def stage(channels, width, out_channels, blocks, stride):
    first = {block}(channels, width, out_channels, stride{opens})
    return nn.Sequential(first, *({block}(out_channels, width, out_channels, 1) for _ in range(blocks - 1)))
'''


def _net(config: ResNetConfig) -> str:
    return (f"class ResNet(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            f"{indent(_modules(config), ' ' * 8)}\n\n    def forward(self, x):\n{indent(_passes(config), ' ' * 8)}")


def _modules(config: ResNetConfig) -> str:
    kernel, stride = (7, "2") if config.stem == "7x7" else (3, "1")
    channels = config.widths[0]
    lines = [f"self.conv1 = {_conv(config, config.in_channels, channels, kernel, stride)}"]
    if config.order != "preact":
        lines += [f"self.bn1 = nn.BatchNorm2d({channels})", f"self.relu = {_activation(config, True)}"]
    if config.stem == "7x7":
        lines.append(f"self.maxpool = nn.MaxPool2d(3, stride=2, {POOLS[config.pool]})")
    for i, blocks in enumerate(config.depths):
        lines.append(f"self.layer{i + 1} = stage({channels}, {config.block_width(i)}, {config.out_channels(i)}, "
                     f"blocks={blocks}, stride={1 if i == 0 else 2})")
        channels = config.out_channels(i)
    if config.order == "preact":
        lines.append(f"self.norm = nn.BatchNorm2d({channels})")
    if config.order in PREACTIVE:
        lines.append(f"self.act = {_activation(config, False)}")
    return "\n".join([*lines, *_head(config, channels)])


def _head(config: ResNetConfig, channels: int) -> list[str]:
    if config.head == "avgpool":
        return ["self.avgpool = nn.AdaptiveAvgPool2d(1)", f"self.fc = nn.Linear({channels}, {config.classes})"]
    height, width = stage_output(config.input_size, config)
    return [f"self.fc = nn.Linear({channels} * {height} * {width}, {config.classes})"]


def _passes(config: ResNetConfig) -> str:
    stem = "self.conv1(x)" if config.order == "preact" else "self.relu(self.bn1(self.conv1(x)))"
    lines = [f"x = self.maxpool({stem})" if config.stem == "7x7" else f"x = {stem}"]
    lines += [f"x = self.layer{i + 1}(x)" for i in range(len(config.depths))]
    if config.order in PREACTIVE:
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
