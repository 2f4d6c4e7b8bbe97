"""What a trace is made of: layers, gathered into blocks, stages and the whole; frozen records, no torch."""

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from resnet.config import ResNetConfig
from resnet.util.numbers import by


@dataclass(frozen=True)
class Layer:
    """One operation. Shapes include the batch; sizes and strides are of square windows, in pixels.

    name        where torchvision would find it: "layer1.0.conv1"; a module that runs again is
                "relu_1", a block's addition "layer1.0.add", as in torchvision's feature extraction
    group       the paper's name of its part: "conv1", "conv2_x" (which holds the stem's pooling), ..., "fc"
    block       "layer1.0", or "" outside the blocks
    macs        multiply-adds of convolutions and linear layers, for the whole batch; 0 for all else
    receptive_field   pixels of the input (per side) that can reach one output value through windows;
                global pooling and what follows see everything and keep the last value
    activation_bytes  of the output, fp32
    """

    name: str
    type: str
    group: str
    block: str
    on_shortcut: bool
    input: tuple[int, ...]
    output: tuple[int, ...]
    kernel: int | None
    stride: int | None
    padding: int | None
    groups: int | None
    params: int
    macs: int
    activation_bytes: int
    receptive_field: int = 1

    @property
    def place(self) -> str:
        """ "conv2_x/layer1.0/layer1.0.conv1": the part, the block (or what stands alone), and the layer."""
        return f"{self.group}/{self.block or self.name.partition('.')[0]}/{self.name}"

    @property
    def in_gate(self) -> bool:
        """Whether it makes the channels' weights of an attention module, off the way of the maps."""
        return ".se." in self.name and self.type != "Scale"

    @property
    def window(self) -> "Window":
        """What has none takes single pixels."""
        return Window(self.kernel or 1, self.stride or 1, self.padding or 0)


CONVOLUTIONS = ("Conv2d", "StdConv2d")  # types of layers
NORMS = ("BatchNorm2d", "GroupNorm")
ACTIVATIONS = ("ReLU", "LeakyReLU", "GELU", "SiLU")


class Window(NamedTuple):
    """A square window of an operation, in pixels."""

    kernel: int
    stride: int
    padding: int


class _Part:
    """What a run of layers has in common: sums, and the shapes at its ends."""

    layers: tuple[Layer, ...]

    @property
    def params(self) -> int:
        return sum(layer.params for layer in self.layers)

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @property
    def input(self) -> tuple[int, ...]:
        return self.layers[0].input

    @property
    def output(self) -> tuple[int, ...]:
        return self.layers[-1].output

    @property
    def receptive_field(self) -> int:
        return self.layers[-1].receptive_field


@dataclass(frozen=True)
class Block(_Part):
    """A residual block, or its plain twin.

    shortcut    "identity", "zero-pad", "projection" or "none"
    """

    name: str
    group: str
    layers: tuple[Layer, ...]

    @property
    def place(self) -> str:
        """ "conv2_x/layer1.0", which its layers' places begin with."""
        return f"{self.group}/{self.name}"

    @property
    def shortcut(self) -> str:
        types = {layer.type for layer in self.layers if layer.on_shortcut}
        if types & {*CONVOLUTIONS}:
            return "projection"
        if "ZeroPad" in types:
            return "zero-pad"
        return "identity" if any(layer.type == "Add" for layer in self.layers) else "none"


@dataclass(frozen=True)
class Stage(_Part):
    """One of the paper's parts: conv1, conv2_x, ..., fc; `name` is its parameter name."""

    group: str
    name: str
    layers: tuple[Layer, ...]

    @property
    def blocks(self) -> tuple[Block, ...]:
        named = groupby(self.layers, key=lambda layer: layer.block)
        return tuple(Block(name, self.group, tuple(layers)) for name, layers in named if name)


@dataclass(frozen=True)
class Trace:
    """What a network does to an input of shape `input` = (batch, channels, height, width).

    params      as torch counts them: convolutions, linear layers, batch norm's scale and shift
    macs        multiply-adds of convolutions and linear layers, for the whole batch
    peak_activation_bytes   most bytes of fp32 activations alive at once in inference: every layer
                writes a new tensor but in-place ReLU and views, and each is freed after its last use.
                Weights and a convolution's work space are not in it.
    """

    name: str
    config: ResNetConfig
    input: tuple[int, ...]
    layers: tuple[Layer, ...]
    peak_activation_bytes: int

    def __repr__(self) -> str:
        output = by(self.layers[-1].output)
        return (f"<Trace of {self.name}: {by(self.input)} -> {output}, {len(self.layers)} layers, "
                f"{self.params:,} parameters, {self.macs:,} multiply-adds>")

    def _repr_html_(self) -> str:
        """The map, as a notebook shows it."""
        from resnet.tracing.diagram import network_map

        return network_map(self)

    @cached_property
    def params(self) -> int:
        return sum(layer.params for layer in self.layers)

    @cached_property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @property
    def receptive_field(self) -> int:
        """Of the last convolution, in pixels per side."""
        return max(layer.receptive_field for layer in self.layers)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """conv1, conv2_x, ..., fc in order: the rows of the paper's Table 1."""
        grouped = groupby(self.layers, key=lambda layer: layer.group)
        return tuple(Stage(group, _stage_name(group), tuple(layers)) for group, layers in grouped)

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(block for stage in self.stages for block in stage.blocks)

    def to_dict(self) -> dict:
        """JSON-friendly: {"name", "input", "params", "macs", "layers": [...], ...}."""
        return {
            "name": self.name,
            "input": list(self.input),
            "params": self.params,
            "macs": self.macs,
            "receptive_field": self.receptive_field,
            "peak_activation_bytes": self.peak_activation_bytes,
            "config": self.config.to_dict(),
            "layers": [dict(vars(layer)) for layer in self.layers],  # asdict would copy each value
        }

    def listing(self) -> str:
        """The tutorials' view: the shape that leaves each top-level module of nn.Sequential(stem, stages, head)."""
        rows = []
        for top, run in groupby(self.layers, key=_top_level):
            *_, last = run
            kind = "Sequential" if top == "stem" or top.startswith("layer") else last.type
            rows.append(f"{kind} output shape:\t torch.Size({list(last.output)})")
        return "\n".join(rows)


def _stage_name(group: str) -> str:
    return f"layer{int(group[4:-2]) - 1}" if group.endswith("_x") else group


def _top_level(layer: Layer) -> str:
    if layer.block:
        return layer.block.split(".")[0]
    top = layer.name.partition(".")[0]
    return "stem" if top in ("conv1", "bn1", "relu", "maxpool") else top
