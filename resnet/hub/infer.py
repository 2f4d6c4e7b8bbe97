"""Tensor names and shapes -> the network they belong to, and what had to be assumed.

No weights are needed: what is inferred is compared, tensor by tensor, with the network itself on
PyTorch's meta device, so a config comes out only if it has exactly these tensors.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import torch

from resnet.config import EXPANSION, ResNetConfig, repeats, stage_output, total_stride, two_blocks_a_stage
from resnet.hub.hints import Hints, read_hints
from resnet.hub.readings import structure
from resnet.hub.spelling import GROUPS, SHOWN, Spelling, to_torchvision
from resnet.model import ResNet
from resnet.util.errors import InputError
from resnet.util.note import Note

Shapes = dict[str, tuple[int, ...]]
BUFFERS = (".running_mean", ".running_var", ".num_batches_tracked")  # what a batch norm counts, not learns
COUNTER = ".num_batches_tracked"
ASSUMED_CLASSES = 1000
_PLACE = re.compile(r"layer([1-9]\d{0,3})\.(0|[1-9]\d{0,3})\.")


@dataclass(frozen=True)
class Inferred:
    """A config whose tensors are exactly a file's.

    headless    the file has no classifier; the config's has `ASSUMED_CLASSES` outputs
    """

    config: ResNetConfig
    spelling: Spelling
    notes: tuple[Note, ...] = ()
    headless: bool = False


def infer_config(shapes: Shapes, hints: object = None) -> Inferred:
    """The network behind a checkpoint's tensors.

    Args:
        shapes: of every tensor, by the name that the file gives it.
        hints: the repository's config.json, parsed; ours is taken at its word where it fits every tensor.

    Raises:
        InputError: not a plain ResNet (the sentence says why), or tensors are missing, extra or misshapen.
    """
    spelling = to_torchvision(shapes)
    found = {ours: _unfolded(ours, tuple(shapes[name])) for name, ours in spelling.mapping.items()}
    known = read_hints(hints)
    headless = "fc.weight" not in found
    config = known.config or _Reader(found, known, spelling.name == "resnetv2").config()
    _compare(state_shapes(config), found, headless, known.config is not None)
    return Inferred(config, spelling, tuple(_notes(config, found, spelling, known, headless)), headless)


def _unfolded(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A classifier that is stored as a 1x1 convolution is a matrix."""
    return shape[:2] if name == "fc.weight" and shape[2:] == (1, 1) else shape


def learned(shapes: Shapes) -> Shapes:
    """The tensors that count as parameters: all but batch norm's statistics."""
    return {name: shape for name, shape in shapes.items() if not name.endswith(BUFFERS)}


def state_shapes(config: ResNetConfig) -> Shapes:
    """Names and shapes of every tensor of a net; blocks after a stage's second are the second again."""
    try:
        with torch.device("meta"):
            state = ResNet(two_blocks_a_stage(config)).state_dict()
    except RuntimeError as error:  # a tensor beyond 2**63 bytes
        raise InputError("too_large") from error
    shapes: Shapes = {}
    for name, tensor in state.items():
        shapes[name] = tuple(tensor.shape)
        block = ".".join(name.split(".")[:2])
        for copy in repeats(block, config):
            shapes[copy + name.removeprefix(block)] = tuple(tensor.shape)
    return shapes


class _Reader:
    """Reads a config off tensors in torchvision's names, from the stem to the classifier.

    Args:
        v2: the file names them as timm's resnetv2 does.
    """

    def __init__(self, found: Shapes, hints: Hints, v2: bool):
        self.found, self.hints, self.v2, self.depths = found, hints, v2, _depths(found)

    def config(self) -> ResNetConfig:
        block = "bottleneck" if "layer1.0.conv3.weight" in self.found else "basic"
        out = [conv[0] for conv in self._in_each_stage("conv3" if block == "bottleneck" else "conv2")]
        widths = tuple(self._width(i, channels, EXPANSION[block]) for i, channels in enumerate(out))
        seen: dict[str, Any] = {
            **self._stem(widths[0]), **self._order(), **self._norm(), **self._attention(),
            **self._groups(block, widths),
            "conv_bias": bool({"conv1.bias", "conv1.0.bias"} & self.found.keys())}
        size = self.hints.input_size or ((32, 32) if seen["stem"] == "3x3" else (224, 224))
        pool: dict[str, Any] = {"pool": "conv"} if "maxpool.0.weight" in self.found else {}
        settings = seen | self._told(block) | pool
        config = ResNetConfig(block=block, depths=self.depths, widths=widths, input_size=size, **settings)
        config = replace(config, **self._shortcut(config))
        return replace(config, **self._head(config))

    def _told(self, block: str) -> dict[str, Any]:
        """What stands beside the tensors; basic blocks have one place to stride in."""
        return {key: value for key, value in self.hints.settings.items() if (key, block) != ("stride_in", "basic")}

    def _conv(self, name: str) -> tuple[int, int, int, int]:
        shape = self.found.get(f"{name}.weight")
        if shape is None:
            raise InputError("tensor_missing", tensor=f"{name}.weight")
        if len(shape) != 4 or shape[2] != shape[3]:
            raise InputError("not_a_square_conv", tensor=f"{name}.weight", found=list(shape))
        return shape

    def _in_each_stage(self, name: str) -> list[tuple[int, int, int, int]]:
        """The shapes of a convolution of every stage's first block."""
        return [self._conv(f"layer{stage}.0.{name}") for stage in range(1, len(self.depths) + 1)]

    def _width(self, stage: int, channels: int, expansion: int) -> int:
        if channels % expansion:
            raise InputError("odd_expansion", part=f"layer{stage + 1}", channels=channels)
        return channels // expansion

    def _stem(self, first_stage: int) -> dict[str, Any]:
        """One convolution, or three whose widths tell the kind."""
        deep = "conv1.0.weight" in self.found
        out, in_channels, size, _ = self._conv("conv1.0" if deep else "conv1")
        width = self._conv("conv1.6")[0] if deep else out
        if size not in ((3,) if deep else (3, 7)):
            raise InputError("stem_kernel", size=size)
        kind = ("deep" if 2 * out == width else "tiered") if deep else f"{size}x{size}"
        return {"stem": kind, "in_channels": in_channels, "stem_width": 0 if width == first_stage else width}

    def _order(self) -> dict[str, Any]:
        """A norm follows the stem in the original order, and the last stage in full pre-activation; kuangliu's
        pre-activated nets have neither, and the second stage's first norm has as many channels as the first stage."""
        if "bn1.weight" in self.found:
            return {"order": "original"}
        opening = "raw" if self.v2 else "active"
        if "norm.weight" in self.found:
            return {"order": "preact", "opening": opening}
        inner, before = (self.found.get(f"layer2.0.{name}.weight", (0, 0)) for name in ("bn1", "conv1"))
        if inner != before[1:2]:
            raise InputError("no_outer_norm")
        return {"order": "preact", "opening": "raw", "closing_norm": False}

    def _norm(self) -> dict[str, Any]:
        """Only batch norm keeps statistics; of timm's v2 nets in group norm those with one convolution in the stem
        are BiT's."""
        if any(name.endswith(".running_mean") for name in self.found):
            return {}
        bit = self.v2 and "conv1.weight" in self.found
        return {"norm": "group", "standardised": bit, "pool": "zeros" if bit else "padded"}

    def _attention(self) -> dict[str, Any]:
        if "layer1.0.se.conv.weight" in self.found:
            return {"attention": "eca"}
        if "layer1.0.se.fc1.weight" not in self.found:
            return {}
        squeezed, channels, *_ = self._conv(f"layer{len(self.depths)}.0.se.fc1")
        return {"attention": "se", "reduction": channels // squeezed}

    def _groups(self, block: str, widths: tuple[int, ...]) -> dict[str, Any]:
        """Cardinality, and the one group width that gives every stage's 3x3 its channels."""
        inner = self._in_each_stage("conv2")
        groups, rest = divmod(inner[0][0], inner[0][1])
        if rest or (block == "basic" and groups != 1):
            raise InputError("odd_groups", tensor="layer1.0.conv2.weight", found=list(inner[0]))
        if block == "basic":
            return {}
        # block_width = width * width_per_group // 64 * groups leaves each stage an interval of solutions.
        per_group = [shape[0] // groups for shape in inner]
        least = max(-(-64 * part // width) for part, width in zip(per_group, widths, strict=True))
        return {"groups": groups, "width_per_group": least}

    def _shortcut(self, config: ResNetConfig) -> dict:
        """Which blocks have a projection tells B (where shapes change) from C (everywhere) and A or none."""
        blocks = {f"layer{stage}.{i}" for stage, depth in enumerate(config.depths, 1) for i in range(depth)}
        own = {name for name in blocks if any(f"{name}.downsample.{i}.weight" in self.found for i in (0, 1))}
        first = 2 if config.stem_widths[-1] == config.out_channels(0) else 1  # whose first block changes the shape
        needed = {f"layer{stage}.0" for stage in range(first, len(config.depths) + 1)}
        if not own:
            return {"shortcut": "A"}
        if own not in (needed, blocks):
            raise InputError("odd_shortcuts", block=min(own ^ needed))
        behind_mean = any(f"{name}.downsample.0.weight" not in self.found for name in own)
        last = f".downsample.{2 if behind_mean else 1}."
        norm = config.order == "preact" or any(last in name for name in self.found)
        return {"shortcut": "D" if behind_mean else "B" if own == needed else "C", "shortcut_norm": norm}

    def _head(self, config: ResNetConfig) -> dict:
        """Classes; and a flatten head with the size it was made for, where fc takes whole maps."""
        shape = self.found.get("fc.weight")
        if shape is None:
            return {"classes": ASSUMED_CLASSES}
        channels = config.out_channels(len(config.depths) - 1)
        if len(shape) != 2 or shape[1] % channels:
            raise InputError("odd_classifier", found=list(shape), channels=channels)
        if shape[1] == channels:
            return {"classes": shape[0]}
        return {"classes": shape[0], "head": "flatten", "input_size": _flat_size(config, shape[1] // channels)}


def _depths(found: Shapes) -> tuple[int, ...]:
    """Blocks of each stage, which must be numbered without a gap."""
    places = {(int(match[1]), int(match[2])) for match in map(_PLACE.match, found) if match}
    depths = []
    for stage in range(1, max(stage for stage, _ in places) + 1):
        blocks = {block for number, block in places if number == stage}
        absent = next((i for i in range(max(blocks, default=0) + 1) if i not in blocks), None)
        if absent is not None:
            raise InputError("part_missing", part=f"layer{stage}.{absent}")
        depths.append(len(blocks))
    return tuple(depths)


def _flat_size(config: ResNetConfig, pixels: int) -> tuple[int, int]:
    """A size whose last map has so many pixels: the hinted one if it fits, else the squarest."""
    height, width = stage_output(config.input_size, config)
    if height * width == pixels:
        return config.input_size
    height = next(side for side in range(isqrt(pixels), 0, -1) if pixels % side == 0)
    stride = total_stride(config)
    return height * stride, pixels // height * stride


def _compare(expected: Shapes, found: Shapes, headless: bool, by_config: bool) -> None:
    """Raises InputError for the first tensor that differs; batch norm's counters may be absent."""
    try:
        for name in sorted(expected.keys() - found.keys()):
            if not (name.endswith(COUNTER) or (headless and name.startswith("fc."))):
                raise InputError("tensor_missing", tensor=name)
        for name in sorted(found.keys() - expected.keys()):
            raise InputError("tensor_extra", tensor=name[:SHOWN])
        for name, shape in found.items():
            if shape != expected[name] and not (name.endswith(COUNTER) and shape in ((), (1,))):
                raise InputError("tensor_shape", tensor=name, found=list(shape), expected=list(expected[name]))
    except InputError as error:
        if by_config:
            raise InputError("config_disagrees", tensor=error.values["tensor"]) from error
        raise


def _notes(config: ResNetConfig, found: Shapes, spelling: Spelling, hints: Hints, headless: bool):
    """How it was recognised, then what the tensors leave open and who decided it."""
    yield Note(f"spelling_{spelling.name}")
    if spelling.prefix:
        yield Note("prefix", {"prefix": spelling.prefix})
    if spelling.left:
        shown = ", ".join(f"{name[:SHOWN]} ({n:,})" for name, n in spelling.left[:GROUPS])
        yield Note("left", {"n": f"{sum(n for _, n in spelling.left):,}", "names": shown})
    if headless:
        layered = ", ".join(name[:SHOWN].rstrip(".") for name in spelling.layered[:GROUPS])
        yield Note("layered" if layered else "headless", {"classes": f"{config.classes:,}", "names": layered})
    if hints.source == "ours":
        yield Note("config_ours")
        return
    yield Note(f"stem_{config.stem}")
    if config.shortcut == "A":
        yield Note("option_a_cifar" if spelling.name == "cifar" else "option_a")
    if config.block == "bottleneck" and config.anti_alias == "none":
        told = "stride_in" in hints.settings
        yield Note("stride_told" if told else "stride_assumed", {"stride_in": config.stride_in})
    yield from _family_notes(config, hints)
    if config.head == "flatten":
        yield Note("flatten")
    size = "x".join(map(str, config.input_size))
    yield Note("size_told" if hints.input_size == config.input_size else "size_assumed", {"size": size})
    if not hints.source:
        yield Note("unseen")
        fields = (f"{field} ({', '.join(values)})" for field, values in structure(config).items())
        yield Note("readings_open", {"fields": "; ".join(fields)})


def _family_notes(config: ResNetConfig, hints: Hints) -> Iterator[Note]:
    """What distinguishes later nets and leaves no tensors: told by the name, or assumed."""
    for field, common in (("anti_alias", "none"), ("activation", "relu")):
        if getattr(config, field) != common:
            yield Note(f"{field}_told", {"what": getattr(config, field)})
    if config.norm == "group":
        how = "told" if "norm" in hints.settings else "assumed"
        yield Note(f"{'bit' if config.standardised else 'group_norm'}_{how}")
