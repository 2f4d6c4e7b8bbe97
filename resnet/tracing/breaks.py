"""Where a net breaks, loses something, or surprises at a given input size, each with its one-line fix.

What is said of windows is exact: which rows a window reaches is counted, not estimated
(tests/test_breaks.py holds it against gradients and against PyTorch's own refusals).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import prod

from resnet.config import ResNetConfig, config_of, stage_output, total_stride
from resnet.tracing.records import CONVOLUTIONS, NORMS, Block, Layer, Trace
from resnet.tracing.trace import Size, checked_size, trace
from resnet.util.note import Note
from resnet.util.numbers import by, significant

LEVELS = ("error", "warning", "note")  # fails, loses something, is good to know
AXES = ("row", "column")
HEAD = ("avgpool", "flatten", "fc")


@dataclass(frozen=True)
class Finding:
    """One thing found; `sentence` and `fix` tell it in a language.

    kind    a key under "breaks.findings" in resnet/locales; fix_key one under "breaks.fixes"
    layer   where it happens first: a layer's, block's or stage's name
    level   "error": it fails, or it would as the sentence says; "warning": it runs and loses something;
            "note": true of most nets and good to know
    """

    kind: str
    layer: str
    values: dict
    fix_key: str
    level: str = "note"

    def sentence(self, lang: str = "en") -> str:
        return Note(self.kind, {"layer": self.layer} | self.values, "breaks.findings").sentence(lang)

    def fix(self, lang: str = "en") -> str:
        return Note(self.fix_key, {"layer": self.layer} | self.values, "breaks.fixes").sentence(lang)


def where_it_breaks(config: "str | ResNetConfig", size: Size = None, batch: int = 1) -> tuple[Finding, ...]:
    """What to know of a net at an input size, the gravest first and then from input to output.

    Each kind is reported once, where it first happens. An input of one pixel and a flatten head made
    for another size are findings here, though resnet.trace refuses them.

    Args:
        size: (height, width), or one number; None is the size the net is made for.
        batch: images per training step; a batch norm needs two values per channel.

    Raises:
        InputError: no such variant, or a value out of range.
    """
    config = config_of(config)
    checked = _size(config, size)
    if checked == (1, 1):
        return (Finding("single_pixel", "conv1", {}, "two_pixels", "error"),)
    return findings(config, trace(replace(config, input_size=checked), checked, batch))


def findings(config: ResNetConfig, result: Trace) -> tuple[Finding, ...]:
    """`where_it_breaks` for a net that is traced already."""
    found = [finding for find in FINDERS for finding in find(config, result)]
    return tuple(sorted(found, key=lambda finding: LEVELS.index(finding.level)))  # stable: keeps the order within


def _size(config: ResNetConfig, size: Size) -> tuple[int, int]:
    """In range; one pixel and a flatten head's mismatch are let through."""
    asked = config.input_size if size is None else (size, size) if isinstance(size, int) else size
    height, width = config_of(config, input_size=asked).input_size
    return (height, width) if (height, width) == (1, 1) else checked_size(replace(config, head="avgpool"), asked)


# Windows -----------------------------------------------------------------------------------------


def rows_read(side: int, layer: Layer) -> list[int]:
    """Rows (or columns) of a layer's input, `side` long, that some window covers."""
    kernel, stride, padding = layer.window
    starts = range(-padding, _windows(side, layer) * stride - padding, stride)
    return sorted({row for start in starts for row in range(start, start + kernel) if 0 <= row < side})


def rows_left_over(side: int, layer: Layer) -> int:
    """Rows at the end of the padded input that no window covers, as the division by the stride is rounded down."""
    kernel, stride, padding = layer.window
    return max(0, side + 2 * padding - kernel - (_windows(side, layer) - 1) * stride)


def _windows(side: int, layer: Layer) -> int:
    """How many windows lie along a side of the layer's input."""
    return dict(zip(layer.input[2:], layer.output[2:], strict=True))[side]


def share_of_data(layer: Layer) -> float:
    """The part of all window positions, over the whole map, that lies on data and not on padding."""
    kernel, stride, padding = layer.window
    share = 1.0
    for side, count in zip(layer.input[2:], layer.output[2:], strict=True):
        starts = range(-padding, count * stride - padding, stride)
        share *= sum(min(start + kernel, side) - max(start, 0) for start in starts) / (count * kernel)
    return share


def _windowed(result: Trace) -> Iterator[Layer]:
    return (layer for layer in result.layers if layer.type in (*CONVOLUTIONS, "MaxPool2d") and not layer.in_gate)


# Finders: each yields at most one finding of a kind ----------------------------------------------


def _flatten_made_for_another(config: ResNetConfig, result: Trace) -> Iterator[Finding]:
    size = result.input[2:]
    made, given = stage_output(config.input_size, config), stage_output(size, config)
    if config.head == "flatten" and prod(made) != prod(given):
        yield Finding("flatten_size", "fc", {"made": by(config.input_size), "given": by(size), "made_map": by(made),
                                             "given_map": by(given)}, "flatten_size", "error")


def _one_value_per_channel(config: ResNetConfig, result: Trace) -> Iterator[Finding]:
    norms = [layer for layer in result.layers
             if layer.type == "BatchNorm2d" and layer.input[0] * prod(layer.input[2:]) == 1]
    if norms:
        yield Finding("norm_single", norms[0].name, {"n": len(norms), "least": _least(config)}, "norm_single", "error")


def _pixels_nobody_reads(config: ResNetConfig, result: Trace) -> Iterator[Finding]:
    """A stride in a 1x1 convolution skips pixels on the branch; the shortcut skips the same ones."""
    for block in result.blocks:
        sides, read = block.input[2:], _block_reads(block)
        if read != sides:
            yield Finding("unread", block.name, {
                "input": by(sides), "read": by(read), "percent": significant(100 * (1 - prod(read) / prod(sides))),
            }, "stride_in", "warning")
            return


def _pixels_the_shortcut_skips(config: ResNetConfig, result: Trace) -> Iterator[Finding]:
    for block in result.blocks:
        for layer in _entries(block)[1:]:
            for axis, side in zip(AXES, layer.input[2:], strict=True):
                read = rows_read(side, layer)
                if len(read) < side and _block_reads(block) == block.input[2:]:
                    yield Finding("unread_shortcut", layer.name, {"side": side, "last": read[-1], "axis": axis},
                                  "shortcut_skips")
                    return


def _entries(block: Block) -> list[Layer]:
    """The windows that read a block's input: its first convolution, then its shortcut's."""
    first = next(layer for layer in block.layers if layer.type in CONVOLUTIONS)
    return [first, *[layer for layer in block.layers if layer.on_shortcut and layer.type not in NORMS][:1]]


def _block_reads(block: Block) -> tuple[int, ...]:
    """(rows, columns) of a block's input that its branch or its shortcut reads."""
    if block.shortcut == "identity":
        return block.input[2:]
    return tuple(len({row for entry in _entries(block) for row in rows_read(side, entry)}) for side in block.input[2:])


def _map_of_one_pixel(config: ResNetConfig, result: Trace) -> Iterator[Finding]:
    for layer in result.layers:
        if layer.name not in HEAD and not layer.in_gate and prod(layer.output[2:]) == 1:
            blind = sum(other.type in CONVOLUTIONS and other.window.kernel > 1 and prod(other.input[2:]) == 1
                        for other in result.layers)
            yield Finding("one_pixel_map", layer.name, {"n": blind, "least": _least(config)},
                          _larger(config), "warning" if blind else "note")
            return


def _mostly_padding(config: ResNetConfig, result: Trace) -> Iterator[Finding]:
    for layer in _windowed(result):
        kernel = layer.window.kernel
        if layer.type in CONVOLUTIONS and kernel > 1 and share_of_data(layer) < 0.5:
            yield Finding("mostly_padding", layer.name, {
                "kernel": by((kernel, kernel)), "map": by(layer.input[2:]), "least": _least(config, pixels=3),
                "percent": f"{100 * (1 - share_of_data(layer)):.0f}"}, _larger(config), "warning")
            return


def _tutorials_formula(config: ResNetConfig, result: Trace) -> Iterator[Finding]:
    """in_features = 512 * expansion * f(H * f(W)), f(x) = x // 32: made for a net that halves five times."""
    height, width = result.input[2:]
    if total_stride(config) != 32:
        return
    channels, real = config.out_channels(-1), prod(stage_output((height, width), config))
    formula = height * (width // 32) // 32
    if formula != real:
        yield Finding("flatten_formula", "fc", {
            "size": by((height, width)), "formula": f"{channels * formula:,}", "real": f"{channels * real:,}"},
            "flatten_formula", "warning" if config.head == "flatten" else "note")


def _shapes_that_change(kind: str, config: ResNetConfig, result: Trace) -> Iterator[Finding]:
    """Blocks to whose output x itself cannot be added, or only by a broadcast that nobody meant."""
    changed = [block for block in result.blocks
               if block.input != block.output and _broadcasts(block) == (kind == "shape_broadcast")]
    if changed:
        first = changed[0]
        yield Finding(kind, first.name, {
            "input": by(first.input[1:]), "output": by(first.output[1:]), "n": len(changed),
            "how": first.shortcut.replace("-", "_")}, "projection")


def _broadcasts(block: Block) -> bool:
    return all(a == b or 1 in (a, b) for a, b in zip(block.input, block.output, strict=True))


def _halves_rounded_up(config: ResNetConfig, result: Trace) -> Iterator[Finding]:
    for layer in _windowed(result):
        for axis in (2, 3):
            if layer.input[axis] % layer.window.stride:
                stride = total_stride(config)
                near = tuple(-(-side // stride) * stride for side in result.input[2:])
                yield Finding("rounds_up", layer.name, {
                    "axis": AXES[axis - 2], "side": layer.input[axis], "half": layer.output[axis],
                    "stride": stride, "near": by(near)}, "multiple")
                return


def _rounding(config: ResNetConfig, result: Trace) -> Iterator[Finding]:
    """Where floor(... / S) leaves a row over; on the branch's windows that row is padding, never data."""
    for layer in _windowed(result):
        for axis in (2, 3):
            side, left = layer.input[axis], rows_left_over(layer.input[axis], layer)
            kernel, stride, padding = layer.window
            if left and left <= padding:
                yield Finding("rounding", layer.name, {
                    "axis": AXES[axis - 2], "side": side, "padded": side + 2 * padding, "kernel": kernel,
                    "stride": stride, "left": left}, "rounding")
                return


def _field_wider_than_the_input(config: ResNetConfig, result: Trace) -> Iterator[Finding]:
    side = max(result.input[2:])
    for stage in result.stages:
        if stage.receptive_field > side:
            yield Finding("field_wider", stage.group, {"field": f"{stage.receptive_field:,}", "side": side}, "field")
            return


FINDERS = (
    _flatten_made_for_another, _one_value_per_channel, _pixels_nobody_reads, _map_of_one_pixel, _mostly_padding,
    _tutorials_formula, partial(_shapes_that_change, "shape_change"), partial(_shapes_that_change, "shape_broadcast"),
    _pixels_the_shortcut_skips, _halves_rounded_up, _rounding, _field_wider_than_the_input,
)


# Sizes that would do -----------------------------------------------------------------------------


def _least(config: ResNetConfig, pixels: int = 2) -> int:
    """The smallest side that leaves the last stage with `pixels` a side."""
    return (pixels - 1) * total_stride(config) + 1


def _larger(config: ResNetConfig) -> str:
    return "larger_or_stem" if config.pooled else "larger"
