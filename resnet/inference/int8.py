"""A net in eight bits: weights by channel, activations by ranges that were seen before; a CPU with VNNI runs it.

Each convolution, the addition and the ReLU behind it are one kernel of oneDNN's on bytes (`torch.ops.quantized`);
TorchScript traces the calls. Every batch size has its own packed weights, since such a call keeps the kernel of its
first shape and takes twice the overhead for others. Pooling and the classifier stay in fp32.

Activations are rounded to 256 steps between the ends of `Ranges`, weights to 255 steps of their filter's largest
(Jacob et al. 2018, arXiv 1712.05877). Where there are no training images, `guessed_ranges` takes a few
photographs and what the batch norms remember.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from resnet.config import ResNetConfig
from resnet.inference.folding import folded
from resnet.layers import NoShortcut
from resnet.model import BasicBlock, Bottleneck, ResidualBlock, ResNet
from resnet.surgery import block_of, block_sites

INPUT = "input"
WIDER = 1.25  # how much further than a few photographs' values the ranges of additions reach
SIGMAS = 6.0  # of a normal distribution that data-free ranges reach to (Nagel et al. 2019, arXiv 1906.04721, section 5)
SIZES = (16, 8, 4, 1)  # pictures that are run at once
LARGEST = 8 * 224 * 224  # pixels of them
COMPUTED = {"order": "original", "activation": "relu", "norm": "batch", "standardised": False, "attention": "none",
            "anti_alias": "none"}
Run = Callable[[Tensor], Tensor]
BLOCKS = BasicBlock, Bottleneck  # one that was operated on is none
Ranges = Mapping[str, tuple[float, float]]  # the least and largest value of the input and of each kernel's result


def supported(config: ResNetConfig) -> bool:
    """Whether this machine and PyTorch compute such a net in eight bits, without saturation."""
    return (torch.cpu._is_vnni_supported() and "onednn" in torch.backends.quantized.supported_engines
            and all(getattr(config, field) == value for field, value in COMPUTED.items())
            and not config.stem.startswith("deep"))


@torch.inference_mode()
def seen_ranges(model: ResNet, batches: Sequence[Tensor]) -> dict[str, tuple[float, float]]:
    """Of what `model` (in eval mode) makes of normalised pictures [n, c, h, w], in several batches."""
    found: dict[str, tuple[float, float]] = {}

    def note(name: str, values: Any) -> None:
        low, high = found.get(name, (0.0, 0.0))
        found[name] = min(low, float(values.min())), max(high, float(values.max()))

    net = folded(model)
    for name, module in _results(net).items():
        module.register_forward_hook(lambda _, inputs, output, name=name: note(name, output))
    for batch in batches:
        note(INPUT, batch)
        net(batch)
    return found


def _results(net: ResNet) -> dict[str, nn.Module]:
    """The modules that end a kernel, by name: convolutions, but of a block's last one the block."""
    blocks: dict[str, nn.Module] = {name: net.get_submodule(name) for name in _block_names(net)}
    last = {f"{name}.{_convolutions(block)[-1]}" for name, block in blocks.items()}
    return blocks | {name: module for name, module in net.named_modules()
                     if isinstance(module, nn.Conv2d) and name not in last}


def _block_names(net: ResNet) -> list[str]:
    return [site.name for site in block_sites(net.config)]


def _norms(model: ResNet) -> dict[str, nn.BatchNorm2d]:
    """The norm behind each convolution that ends a kernel by itself, by the convolution's name."""
    modules, found = dict(model.named_modules()), {}
    for name in _results(model):
        before, _, last = name.rpartition(".")
        behind = last.replace("conv", "bn") if last.startswith("conv") else str(int(last) + 1) if last.isdigit() else ""
        norm = modules.get(f"{before}.{behind}" if before else behind)
        if behind and isinstance(norm, nn.BatchNorm2d):
            found[name] = norm
    return found


def _convolutions(block: nn.Module) -> list[str]:
    """The names of a branch's convolutions, in order."""
    return [name for name, _ in block.named_children() if name.startswith("conv")]


@torch.inference_mode()
def guessed_ranges(model: ResNet, pictures: Tensor) -> dict[str, tuple[float, float]]:
    """From a few normalised pictures [n, c, h, w], widened to what the norms' scales and shifts tell of all others."""
    ranges = seen_ranges(model, [pictures])
    for name in ranges.keys() - {INPUT}:
        ranges[name] = WIDER * ranges[name][0], WIDER * ranges[name][1]
    for name, norm in _norms(model).items():
        low, high = ranges[name]
        spread = SIGMAS * norm.weight.abs()
        told = float((norm.bias - spread).min()), float((norm.bias + spread).max())
        ranges[name] = min(low, told[0]), max(high, told[1])
    return ranges


class Kernel(nn.Module):
    """A convolution of bytes, with the ReLU behind it, or with an addition and a ReLU, as one call."""

    def __init__(self, conv: nn.Module, range: tuple[float, float], relu: bool = True):
        super().__init__()
        if not isinstance(conv, nn.Conv2d):
            raise ValueError(f"no kernel for {type(conv)}")
        weight = conv.weight.detach().float()
        steps = weight.abs().amax((1, 2, 3)).clamp_min(1e-8) / 127
        packed = torch.quantize_per_channel(weight, steps, torch.zeros(len(steps), dtype=torch.long), 0, torch.qint8)
        bias = None if conv.bias is None else conv.bias.detach().float()
        geometry = list(conv.stride), list(conv.padding), list(conv.dilation), conv.groups
        self.packed = torch.ops.quantized.conv2d_prepack(packed, bias, *geometry)
        self.scale, self.zero = step(0.0 if relu else range[0], range[1])
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        call = torch.ops.quantized.conv2d_relu if self.relu else torch.ops.quantized.conv2d
        return call(x, self.packed, self.scale, self.zero)

    def add(self, x: Tensor, other: Tensor) -> Tensor:
        """relu(conv(x) + other); the result may be written over `other`."""
        return torch.ops.quantized.conv2d_add_relu(x, other, self.packed, self.scale, self.zero)


class Block(nn.Module):
    """A residual or plain block of original order."""

    def __init__(self, name: str, block: ResidualBlock, ranges: Ranges):
        super().__init__()
        *inner, last = _convolutions(block)
        self.inner = nn.Sequential(*[Kernel(block.get_submodule(conv), ranges[f"{name}.{conv}"]) for conv in inner])
        self.last = Kernel(block.get_submodule(last), ranges[name])
        self.plain = isinstance(block.downsample, NoShortcut)
        self.shortcut = _shortcut(f"{name}.downsample", block.downsample, ranges)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.inner(x)
        return self.last(branch) if self.plain else self.last.add(branch, self.shortcut(x))


def _shortcut(name: str, module: nn.Module, ranges: Ranges) -> nn.Module:
    if isinstance(module, nn.Conv2d):
        return Kernel(module, ranges[name], relu=False)
    if isinstance(module, nn.Sequential):
        return nn.Sequential(*[_shortcut(f"{name}.{i}", part, ranges) for i, part in enumerate(module)])
    if isinstance(module, (nn.Identity, nn.AvgPool2d, NoShortcut)):
        return module
    raise ValueError(f"no kernel for {module}")


class Int8Net(nn.Module):
    """Normalised fp32 [n, c, h, w] -> fp32 logits [n, classes]."""

    def __init__(self, net: ResNet, ranges: Ranges):
        super().__init__()
        self.scale, self.zero = step(*ranges[INPUT])
        self.stem = Kernel(net.conv1, ranges["conv1"])
        self.maxpool = net.maxpool
        self.blocks = nn.Sequential(*[Block(name, block_of(net, name), ranges) for name in _block_names(net)])
        self.avgpool, self.flatten, self.fc = net.avgpool, net.flatten, net.fc

    def forward(self, inputs: Tensor) -> Tensor:
        x = torch.quantize_per_tensor(inputs, self.scale, self.zero, torch.quint8)
        x = self.blocks(self.maxpool(self.stem(x)))
        return self.fc(self.flatten(self.avgpool(x.dequantize())))


def step(low: float, high: float) -> tuple[float, int]:
    """How far apart 256 values from low to high lie, and which of them is zero."""
    scale = max(high - low, 1e-8) / 255
    return scale, round(-low / scale)


def int8(model: ResNet, ranges: Ranges, size: tuple[int, ...]) -> tuple[Run, int]:
    """The net in eight bits, to be called by the one thread that runs nets, and about how many bytes it holds.

    Args:
        model: in eval mode, on the CPU; it is read only.
        ranges: as `seen_ranges` gives them.
        size: (height, width) of the pictures.

    Raises:
        RuntimeError, ValueError, AttributeError, KeyError: not such a net, not on this machine, or a PyTorch without
            what is used here.
    """
    if not supported(model.config) or any(type(block) not in BLOCKS or "residual" in vars(block)
                                          for block in model.blocks):
        raise ValueError("no such net in eight bits")
    warnings.filterwarnings("ignore", r".*quantiz", UserWarning)
    torch.backends.quantized.engine = "onednn"
    net = folded(model).float()
    sizes = [n for n in SIZES if n == 1 or n * size[0] * size[1] <= LARGEST]
    forms = {n: Int8Net(net, ranges) for n in sizes}
    weights = sum(weight.numel() for weight in net.parameters())
    return _in_sizes(forms, (model.config.in_channels, *size)), weights * len(sizes)


def _in_sizes(forms: Mapping[int, nn.Module], shape: tuple[int, ...]) -> Run:
    """Any number of pictures, in as few batches of the sizes as there are; each size is traced when it first comes."""
    traced: dict[int, Run] = {}

    def run(inputs: Tensor) -> Tensor:
        n = len(inputs)
        if n not in forms:
            most = next(size for size in forms if size <= n)
            return torch.cat([run(part) for part in inputs.split(most)])
        x = inputs.contiguous(memory_format=torch.channels_last)
        if x.shape[1:] != shape:
            return forms[n](x)
        if n not in traced:
            forms[n](x)  # the kernels are made for this shape
            traced[n] = cast(Run, torch.jit.trace(forms[n], x, check_trace=False))
        return traced[n](x)

    return run
