"""One frozen record describes every network this project talks about, and a table names them.

No torch in here: a config can be read, checked, compared and put into a link for free.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from resnet.later import LATER
from resnet.util.errors import InputError
from resnet.util.fields import check, hints, known_only, option, parse

CIFAR_ORDERS = ("bn_after_add", "relu_before_add", "relu_preact")
EXPANSION = {"basic": 1, "bottleneck": 4}
MAX_STAGES, MAX_BLOCKS, MAX_WIDTH, MAX_CLASSES, MAX_CHANNELS, MAX_SIZE = 6, 1000, 8192, 100_000, 1024, 8192


@dataclass(frozen=True)
class ResNetConfig:
    """A residual network, or its plain twin.

    block       "basic" (two 3x3) or "bottleneck" (1x1, 3x3, 1x1 with four times the width)
    depths      blocks per stage
    widths      channels of each stage's 3x3 convolutions, before `width_per_group`
    stem        "7x7": 7x7/2 convolution and pooling; "3x3": one 3x3/1 convolution; three 3x3, the first /2, and
                pooling: "deep" with half the channels in the first two (ResNet-C, He et al. 2019,
                arXiv 1812.01187), "tiered" with 3/8 in the first (timm's -T)
    stem_width  channels that leave the stem, 0 for the first stage's width; wide CIFAR nets keep 16 (Zagoruyko and
                Komodakis 2016, arXiv 1605.07146), ResNet-S has 128
    pool        the stem's 3x3/2 max pooling: "padded" by a pixel all around, with "zeros" (BiT), or not, "ceil"
                (Caffe's: its windows begin at the first pixel, and the last may reach beyond the map); "conv": a 3x3/2
                convolution in its place (ResNet-RS, Bello et al. 2021, arXiv 2103.07579)
    shortcut    where shapes change: "A" zero-padded, "B" projection, "D" mean of 2x2, then projection (ResNet-D,
                He et al. 2019); "C" projection everywhere; "none": a plain net (He et al. 2015, section 3.3)
    order       "original"; "preact": BN and ReLU before each convolution (He et al. 2016); the CIFAR
                family also has "bn_after_add", "relu_before_add" and "relu_preact" (figure 4 there)
    opening     which input a pre-activated stage's first shortcut takes where it changes no shape: the "active" one,
                as in the authors' release, or the "raw" one (timm, kuangliu's CIFAR nets)
    closing_norm   whether a pre-activated net ends with a norm and an activation; kuangliu's do not
    groups, width_per_group   ResNeXt's cardinality and group width, scaled as in torchvision: a
                bottleneck's 3x3 has width * width_per_group / 64 * groups channels
    stride_in   which convolution of a bottleneck halves the map: "3x3" (v1.5) or "1x1" (v1, the paper)
    anti_alias  what halves instead of strides, in the blocks' branches and the stem's pooling: "blur", a 3x3 binomial
                filter (Zhang 2019, arXiv 1904.11486), or "average", the mean of 2x2 (timm's -aa)
    attention   weights of channels at the branch's end: "se" (Hu et al. 2018, arXiv 1709.01507) or "eca" (Wang et al.
                2020, arXiv 1910.03151)
    reduction   SE's: 16 in the paper, 4 in ResNet-RS
    norm        over the "batch" or by "group" of channels, 32 groups (Wu and He 2018, arXiv 1803.08494)
    standardised   convolutions whose filters have mean 0 and variance 1 (Qiao et al. 2019, arXiv 1903.10520; BiT,
                Kolesnikov et al. 2020, arXiv 1912.11370)
    zero_pad    where option A puts the new channels' zeros: "behind" the old ones, in "front", or on "both" sides
    halving     how option A halves a map: "subsample", every other pixel, or "average", the mean of 2x2
    activation  "relu"; "leaky_relu" (slope 0.01 below zero), "gelu" (arXiv 1606.08415) or "silu" in all its places
    drop_path   probability that the last block's branch is skipped in training, rising from 0 at the first block
                (stochastic depth, Huang et al. 2016, arXiv 1603.09382)
    conv_bias, shortcut_norm   d2l's net has biased convolutions and no norm on its projections
    head        "avgpool", or "flatten": a linear layer whose size `input_size` fixes
    input_size  (height, width) in pixels the net is made for
    """

    block: str = option("basic", choices=("basic", "bottleneck"))
    depths: tuple[int, ...] = option((2, 2, 2, 2), low=1, high=MAX_BLOCKS)
    widths: tuple[int, ...] = option((64, 128, 256, 512), low=1, high=MAX_WIDTH)
    stem: str = option("7x7", choices=("7x7", "3x3", "deep", "tiered"))
    stem_width: int = option(0, low=0, high=MAX_WIDTH)
    pool: str = option("padded", choices=("padded", "ceil", "zeros", "conv"))
    shortcut: str = option("B", choices=("A", "B", "C", "D", "none"))
    order: str = option("original", choices=("original", *CIFAR_ORDERS, "preact"))
    opening: str = option("active", choices=("active", "raw"))
    closing_norm: bool = True
    groups: int = option(1, low=1, high=MAX_WIDTH)
    width_per_group: int = option(64, low=1, high=MAX_WIDTH)
    stride_in: str = option("3x3", choices=("3x3", "1x1"))
    anti_alias: str = option("none", choices=("none", "blur", "average"))
    attention: str = option("none", choices=("none", "se", "eca"))
    reduction: int = option(16, low=1, high=MAX_WIDTH)
    norm: str = option("batch", choices=("batch", "group"))
    standardised: bool = False
    zero_pad: str = option("behind", choices=("behind", "front", "both"))
    halving: str = option("subsample", choices=("subsample", "average"))
    activation: str = option("relu", choices=("relu", "leaky_relu", "gelu", "silu"))
    drop_path: float = option(0.0, low=0.0, high=0.9)
    conv_bias: bool = False
    shortcut_norm: bool = True
    head: str = option("avgpool", choices=("avgpool", "flatten"))
    in_channels: int = option(3, low=1, high=MAX_CHANNELS)
    classes: int = option(1000, low=1, high=MAX_CLASSES)
    input_size: tuple[int, int] = option((224, 224), low=1, high=MAX_SIZE)

    def __post_init__(self):
        check(self, "range")
        if sum(self.depths) > MAX_BLOCKS:
            raise InputError("blocks", found=f"{sum(self.depths):,}", limit=f"{MAX_BLOCKS:,}")
        if not 1 <= len(self.depths) == len(self.widths) <= MAX_STAGES:
            raise InputError("stages", depths=len(self.depths), widths=len(self.widths), limit=MAX_STAGES)
        if self.order in CIFAR_ORDERS and (self.block, self.stem) != ("basic", "3x3"):
            raise InputError("order_family", order=self.order)
        if self.order in CIFAR_ORDERS and self.activation != "relu":
            raise InputError("order_relu", order=self.order)
        if self.block == "basic" and (self.groups, self.width_per_group) != (1, 64):
            raise InputError("basic_groups")
        for width in self.widths:
            if width * self.width_per_group // 64 < 1:
                raise InputError("group_width", width=width, width_per_group=self.width_per_group)
        if 0 in self.stem_widths:
            raise InputError("stem_narrow", width=self.stem_widths[-1])
        least = 2 ** self.halvings // 2 + 1  # of what reaches the last halving two pixels are left
        if self.anti_alias == "blur" and min(self.input_size) < least:
            raise InputError("blur_size", least=least)

    @property
    def plain(self) -> bool:
        """Whether it has no shortcuts."""
        return self.shortcut == "none"

    @property
    def pooled(self) -> bool:
        """Whether the stem halves the map, and pooling once more."""
        return self.stem != "3x3"

    @property
    def halvings(self) -> int:
        """How often the map is halved: by a pooled stem twice, by each stage but the first once."""
        return len(self.depths) - 1 + (2 if self.pooled else 0)

    @property
    def ends_active(self) -> bool:
        """Whether an activation follows the last stage."""
        return self.order == "relu_preact" or (self.order == "preact" and self.closing_norm)

    @property
    def expansion(self) -> int:
        return EXPANSION[self.block]

    @property
    def depth(self) -> int:
        """Weighted layers on the longest path: the 50 of ResNet-50."""
        return 2 + sum(self.depths) * (2 if self.block == "basic" else 3)

    @property
    def stem_widths(self) -> tuple[int, ...]:
        """Channels that leave each of the stem's convolutions."""
        width = self.stem_width or self.widths[0]
        return {"deep": (width // 2, width // 2, width),
                "tiered": (3 * width // 8, width // 2, width)}.get(self.stem, (width,))

    def drop_rate(self, stage: int, block: int) -> float:
        """The probability that a block's branch (both 0-based) is skipped in training."""
        last = sum(self.depths) - 1
        return 0.0 if self.plain or not last else self.drop_path * (sum(self.depths[:stage]) + block) / last

    def block_width(self, stage: int) -> int:
        """Channels of the 3x3 convolutions in a stage (0-based)."""
        return self.widths[stage] * self.width_per_group // 64 * self.groups

    def out_channels(self, stage: int) -> int:
        return self.widths[stage] * self.expansion

    def to_dict(self) -> dict:
        """JSON-friendly."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict) -> "ResNetConfig":
        """The inverse of to_dict; accepts JSON's lists.

        Raises:
            InputError: an unknown key, or a value of the wrong type or out of range.
        """
        return cls(**_settings(data))


CHOICES: dict[str, tuple[str, ...]] = {field.name: field.metadata["choices"]
                                       for field in dataclasses.fields(ResNetConfig) if "choices" in field.metadata}


def _settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values from JSON or from `key=value` settings, as their fields' types.

    Raises:
        InputError: a key that is no field, or a value of another type.
    """
    known_only(ResNetConfig, values)
    types = hints(ResNetConfig)
    return {key: parse(key, types[key], value, "setting_value") for key, value in values.items()}


def _table() -> dict[str, ResNetConfig]:
    imagenet = {
        "resnet18": ("basic", (2, 2, 2, 2)),
        "resnet26": ("bottleneck", (2, 2, 2, 2)),
        "resnet34": ("basic", (3, 4, 6, 3)),
        "resnet50": ("bottleneck", (3, 4, 6, 3)),
        "resnet101": ("bottleneck", (3, 4, 23, 3)),
        "resnet152": ("bottleneck", (3, 8, 36, 3)),
        "resnet200": ("bottleneck", (3, 24, 36, 3)),
    }
    table = {name: ResNetConfig(block=block, depths=depths) for name, (block, depths) in imagenet.items()}
    for name, base, groups, width_per_group in (
        ("resnext50_32x4d", "resnet50", 32, 4),
        ("resnext101_32x4d", "resnet101", 32, 4),
        ("resnext101_32x8d", "resnet101", 32, 8),
        ("resnext101_64x4d", "resnet101", 64, 4),
        ("wide_resnet50_2", "resnet50", 1, 128),
        ("wide_resnet101_2", "resnet101", 1, 128),
    ):
        table[name] = replace(table[base], groups=groups, width_per_group=width_per_group)
    for depth in (18, 34):
        table[f"plain{depth}"] = replace(table[f"resnet{depth}"], shortcut="none")
    small = {"stem": "3x3", "classes": 10, "input_size": (32, 32)}
    for depth in (20, 32, 44, 56, 110, 1202):
        blocks = (depth - 2) // 6
        net = ResNetConfig(depths=(blocks,) * 3, widths=(16, 32, 64), shortcut="A", **small)
        table[f"resnet{depth}_cifar"] = net
        table[f"plain{depth}_cifar"] = replace(net, shortcut="none")
    for depth in (18, 34, 50, 101, 152):
        table[f"resnet{depth}_cifar"] = replace(table[f"resnet{depth}"], **small)
    table["d2l_resnet18"] = ResNetConfig(
        conv_bias=True, shortcut_norm=False, in_channels=1, classes=10, input_size=(64, 64))
    for name, (_, base, changes) in LATER.items():
        table[name] = replace(table[base], **changes)
    return table


VARIANTS: dict[str, ResNetConfig] = _table()


def config_of(net: "str | ResNetConfig", **changes: Any) -> ResNetConfig:
    """A variant's name or a config, with fields changed: config_of("resnet50", classes=10).

    Raises:
        InputError: no such variant, no such field, or a value out of range.
    """
    if isinstance(net, str):
        if net not in VARIANTS:
            begun = [name for name in VARIANTS if name.startswith(f"{net}_")]  # resnet20_cifar, and not resnet200
            near = begun or get_close_matches(net, VARIANTS, n=1, cutoff=0.5) or ["resnet50"]
            raise InputError("unknown_variant", name=net[:80], near=near[0])
        net = VARIANTS[net]
    return replace(net, **_settings(changes))


def output_size(side: int, kernel: int, stride: int, padding: int) -> int:
    """Pixels a side that leave a window operation: floor((side + 2 padding - kernel) / stride) + 1."""
    return (side + 2 * padding - kernel) // stride + 1


def total_stride(config: ResNetConfig) -> int:
    """Input pixels between two neighbours of the last map."""
    return 2 ** config.halvings


def stage_output(size: tuple[int, ...], config: ResNetConfig) -> tuple[int, ...]:
    """(height, width) that leaves the last stage for an input of `size`; 0 where the stem's pooling has no window."""
    stride = total_stride(config)  # whatever the kernels, all strides together give what single pixels give at once
    if config.pooled and (config.pool, config.anti_alias) == ("ceil", "none"):  # an odd map's last row begins no window
        size, stride = tuple(output_size(side, kernel=1, stride=2, padding=0) // 2 for side in size), stride // 4
    return tuple(output_size(side, kernel=1, stride=stride, padding=0) for side in size)


def two_blocks_a_stage(config: ResNetConfig) -> ResNetConfig:
    """The net without the blocks that its stages' second ones stand for (`repeats`); quick to build for any depth."""
    return replace(config, depths=tuple(min(depth, 2) for depth in config.depths))


def repeats(block: str, config: ResNetConfig) -> list[str]:
    """The blocks that are built like `block`, if that is a stage's second: "layer2.1" -> "layer2.2", ..."""
    stage, _, index = block.partition(".")
    if index != "1" or not stage.startswith("layer"):
        return []
    return [f"{stage}.{i}" for i in range(2, config.depths[int(stage.removeprefix("layer")) - 1])]


_FAMILY_TITLES = {"resnet": "ResNet", "resnext": "ResNeXt"}


def net_title(plain: bool, depth: int) -> str:
    """ "plain-20" or "ResNet-20"."""
    return f"{'plain' if plain else 'ResNet'}-{depth}"


def variant_title(variant: str) -> str:
    """ "resnext50_32x4d" -> "ResNeXt-50 32x4d", "resnet20_cifar" -> "ResNet-20 (CIFAR)"."""
    if variant in LATER:
        return LATER[variant][0]
    if variant == "d2l_resnet18":
        return "ResNet-18, 1×64×64 (d2l)"
    net, *rest = variant.removeprefix("wide_").split("_")
    kind = net.rstrip("0123456789")
    title = f"{_FAMILY_TITLES.get(kind, kind)}-{net[len(kind):]}"
    if variant.startswith("wide_"):
        return f"Wide {title}-{rest[0]}"
    return title + "".join(" (CIFAR)" if part == "cifar" else f" {part}" for part in rest)
