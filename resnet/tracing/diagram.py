"""A trace -> a map of the net as SVG: what is added where, and how the shapes shrink on the way.

Left to right along one axis: input, stem, stages of blocks, head. Colours are CSS custom properties
(--net-residual, --net-plain), so that the page decides; the text takes the page's own colour. There
are no ids, so several maps can stand on one page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from math import sqrt
from typing import TYPE_CHECKING

from resnet.config import ResNetConfig
from resnet.tracing.records import CONVOLUTIONS
from resnet.tracing.strokes import AXIS, STYLE, arc, box, line, plus
from resnet.util.fields import spell
from resnet.util.html import escape
from resnet.util.numbers import by
from resnet.util.text import text

if TYPE_CHECKING:
    from resnet.tracing.records import Block, Layer, Stage, Trace

TALLEST = 130  # the height of a box as tall as the input
SHAPES_AT, NAMES_AT = AXIS + 104, AXIS + 136
EDGE = 48  # length of the line between two parts
IDEAL_WIDTH, NARROWEST, WIDEST = 1000, 38, 66  # of the whole map; of the cell that a block stands in
FOLDS = ("runs", "stages", "blocks")
FOLD_FROM = 8  # equal blocks in a row that "runs" draws as first ... last
LEGEND = ("identity", "zero-pad", "projection", "none")


@dataclass
class _Sheet:
    """The drawing so far: `x` is where the next part begins."""

    lang: str
    cell: float
    pixels: int  # the input's height
    focus: str  # the part that is open
    fold: str
    marked: frozenset[str]
    x: float = 12
    parts: list[str] = field(default_factory=list)
    shapes: list[tuple[float, str]] = field(default_factory=list)

    def draw(self, *svg: str) -> None:
        self.parts.extend(svg)

    def word(self, key: str, **values: object) -> str:
        return escape(text(f"diagram.{key}", self.lang, **values))

    def height(self, shape: tuple[int, ...]) -> float:
        """Square-root scale, so that 7 pixels are still seen beside 224."""
        rows = shape[2] if len(shape) == 4 else 1
        return max(TALLEST * sqrt(rows / self.pixels), 10)

    def edge(self, shape: tuple[int, ...]) -> None:
        """An arrow to the next part, and the shape that travels on it."""
        end = self.x + EDGE
        self.draw(line(self.x, end - 5), f'<path class="tip" d="M{end:g} {AXIS}l-7 -3.5v7z"/>')
        self.shapes.append((self.x + EDGE / 2 - 3, shape_label(shape)))
        self.x = end

    def names(self, middle: float, *rows: str) -> None:
        """Lines under each other; the first is bold where it is the paper's name."""
        for i, row in enumerate(rows):
            kind = "name" if row == "fc" or row.startswith("conv") else "small"
            self.draw(f'<text class="{kind}" x="{middle:g}" y="{NAMES_AT + 16 * i}">{row}</text>')


def network_map(trace: Trace, lang: str = "en", focus: str = "", fold: str = "runs",
                marked: frozenset[str] = frozenset()) -> str:
    """The map of a traced net, as one <svg> element that fills its container's width.

    Args:
        focus: the part marked as open.
        fold: "runs" draws eight or more equal blocks as first, ..., last with their number; "stages"
            one block of each kind; "blocks" every block.
        marked: names of blocks that differ from another net's.

    Every drawn block is a button with data-block="layer3.0". Below `min-width` the container should scroll.
    """
    stages = [stage for stage in trace.stages if stage.blocks]
    cells = sum(len(_drawn(stage.blocks, fold)) for stage in stages)
    head = [layer for layer in trace.stages[-1].layers if layer.type != "Flatten"]
    spare = IDEAL_WIDTH - EDGE * (len(stages) + 4) - 124
    sheet = _Sheet(lang, min(max(spare / cells, NARROWEST), WIDEST), trace.input[2], focus, fold, marked)
    _stem(sheet, trace)
    for number, stage in enumerate(stages, 1):
        _stage(sheet, stage, number, _block_name(trace.config))
    _head(sheet, head, stages[-1].output)
    _shapes(sheet)
    end = sheet.x + max(34, _text_width(sheet.word("classes", n=f"{trace.config.classes:,}")) / 2)
    return _svg(sheet, trace, stages, max(end, _legend(sheet, trace, stages)))


def shape_label(shape: tuple[int, ...]) -> str:
    """(1, 64, 56, 56) -> "64×56²"; (1, 64, 56, 48) -> "64×56×48"; (1, 512) -> "512"."""
    channels, *size = shape[1:]
    if size and size[0] == size[1] and size[0] > 1:
        return f"{channels}×{size[0]}²"
    return by((channels, *size))


def _svg(sheet: _Sheet, trace: Trace, stages: list[Stage], width: float) -> str:
    height = NAMES_AT + 46
    desc = " ".join([
        sheet.word("desc_input", shape=by(trace.input[1:])),
        *(sheet.word("desc_stage", group=stage.group, n=len(stage.blocks), block=_block_name(trace.config),
                     shape=by(stage.output[1:])) for stage in stages),
        sheet.word("desc_end", classes=trace.config.classes),
    ])
    return "".join([
        f'<svg class="netmap" role="group" aria-label="{sheet.word("title", name=trace.name)}" ',
        f'viewBox="0 0 {width:.0f} {height}" style="min-width:{width * 0.8:.0f}px;max-width:{width * 1.45:.0f}px" ',
        'xmlns="http://www.w3.org/2000/svg">',
        f'<title>{sheet.word("title", name=trace.name)}</title><desc>{desc}</desc><style>{STYLE}</style>',
        *sheet.parts, "</svg>",
    ])


# Parts -------------------------------------------------------------------------------------------


def _stem(sheet: _Sheet, trace: Trace) -> None:
    """The input as a thin sheet, the first convolution, and the pooling where there is one."""
    convs, pools = (_windows(trace, top) for top in ("conv1", "maxpool"))
    tall = sheet.height(trace.input)
    sheet.draw(box(sheet.x, 5, tall, 0))
    sheet.names(sheet.x + 10, sheet.word("input"))
    sheet.x += 5
    sheet.edge(trace.input)
    width = 24 / len(convs)
    boxes = (box(sheet.x + width * i, width, sheet.height(conv.output), 0) for i, conv in enumerate(convs))
    sheet.draw(_button(sheet, "conv1", convs[0].group), *boxes, "</g>")
    sheet.names(sheet.x + 12, "conv1", *_listed(convs))
    sheet.x += 24
    sheet.edge(convs[-1].output)
    if pools:
        left, right = sheet.height(pools[0].input) / 2, sheet.height(pools[-1].output) / 2
        sheet.draw(f'<path class="box" d="M{sheet.x:g} {AXIS - left:g}L{sheet.x + 15:g} {AXIS - right:g}'
                   f'V{AXIS + right:g}L{sheet.x:g} {AXIS + left:g}z"/>')
        sheet.names(sheet.x + 8, sheet.word("halved" if pools[0].type in CONVOLUTIONS else "pool"), *_listed(pools))
        sheet.x += 15
        sheet.edge(pools[-1].output)


def _windows(trace: Trace, top: str) -> list[Layer]:
    """The operations with windows of a part of the stem: "conv1" or "maxpool"."""
    return [layer for layer in trace.layers if layer.name.partition(".")[0] == top and layer.kernel]


def _listed(layers: list[Layer]) -> list[str]:
    """Their windows, equal ones that follow each other counted: "3×3 /2", "2 × 3×3"."""
    runs = ((window, len([*run])) for window, run in groupby(map(_window, layers)))
    return [window if n == 1 else f"{n} × {window}" for window, n in runs]


def _stage(sheet: _Sheet, stage: Stage, number: int, block: str) -> None:
    """A stage's blocks, its names below, and the edge that leaves it."""
    start = sheet.x
    drawn = _drawn(stage.blocks, sheet.fold)
    for run in drawn:
        _run(sheet) if isinstance(run, int) else _block(sheet, run, number)
    count = sheet.word("blocks", n=len(stage.blocks), block=block)
    sheet.draw(f'<g data-at="{stage.group}">')
    sheet.names((start + sheet.x) / 2, stage.group, stage.name, count)
    sheet.draw("</g>")
    _brackets(sheet, drawn, start)
    sheet.edge(stage.output)


def _drawn(blocks: tuple[Block, ...], fold: str) -> list:
    """What stands in a stage's cells: blocks, and for a long run of equal ones its length between first and last."""
    cells = []
    for _, run in groupby(blocks, key=lambda block: (block.shortcut, block.input, block.output)):
        run = list(run)
        if fold == "stages":
            cells.append(run[0])
        else:
            cells += run if len(run) < FOLD_FROM or fold == "blocks" else [run[0], len(run), run[-1]]
    return cells


def _run(sheet: _Sheet) -> None:
    """The cell between a run's first and last block."""
    middle = sheet.x + sheet.cell / 2
    sheet.draw(*(f'<circle class="tip" cx="{middle + 8 * i:g}" cy="{AXIS}" r="1.7"/>' for i in (-1, 0, 1)))
    sheet.x += sheet.cell


def _brackets(sheet: _Sheet, drawn: list, start: float) -> None:
    for i, run in enumerate(drawn):
        if isinstance(run, int):
            left, right = start + (i - 1) * sheet.cell + 6, start + (i + 2) * sheet.cell - 6
            low = AXIS + sheet.height(drawn[i - 1].output) / 2 + 7
            sheet.draw(f'<path class="bracket" d="M{left:g} {low:g}v5H{right:g}v-5"/>',
                       f'<text class="small" x="{(left + right) / 2:g}" y="{low + 18:g}">'
                       f'{sheet.word("times", n=f"{run:,}")}</text>')


def _block(sheet: _Sheet, block: Block, number: int) -> None:
    """One cell: the axis, the box of the residual branch, and over it the shortcut."""
    x, cell, tall = sheet.x, sheet.cell, sheet.height(block.output)
    left, right = x + 4, x + cell - 6.5
    plain = block.shortcut == "none"
    sheet.draw(_button(sheet, block.name, block.place), f"<title>{_about(sheet, block)}</title>",
               line(x, x + cell, "axis plain" if plain else "axis"),
               box(left + 6, cell - 23, tall, min(number, 6)))
    if not plain:
        sheet.draw(arc(left, right, AXIS - tall / 2 - 6, block.shortcut), plus(right))
    sheet.draw("</g>")
    sheet.x += cell


def _button(sheet: _Sheet, name: str, place: str) -> str:
    """Opens the group of a part that can be looked into, by mouse or keyboard; its place links it to tables."""
    states = {"block": True, "open": name == sheet.focus, "marked": name in sheet.marked}
    state = " ".join(state for state, holds in states.items() if holds)
    return (f'<g class="{state}" data-block="{name}" data-at="{place}" role="button" tabindex="0" '
            f'aria-label="{name}" aria-pressed="{str(name == sheet.focus).lower()}">')


def _head(sheet: _Sheet, layers: list[Layer], features: tuple[int, ...]) -> None:
    """Global average pooling, if there is one, and the linear layer."""
    for layer in layers:
        if layer.type == "AdaptiveAvgPool2d":
            sheet.draw(box(sheet.x, 13, 30, 0))
            sheet.names(sheet.x + 6.5, sheet.word("mean"))
            sheet.x += 13
            sheet.edge(layer.output[:2])
        elif layer.type == "Linear":
            sheet.draw(_button(sheet, "fc", layer.group), box(sheet.x, 13, 56, 1), "</g>")
            sheet.names(sheet.x + 6.5, "fc", sheet.word("classes", n=f"{layer.output[1]:,}"))
            sheet.x += 13


def _shapes(sheet: _Sheet) -> None:
    """The labels of the edges on one row, or on two where they would touch."""
    ends = [0.0, 0.0]
    for x, label in sheet.shapes:
        half = _text_width(label) / 2 + 3
        row = 0 if x - half >= ends[0] else 1
        ends[row] = x + half
        y = SHAPES_AT + 14 * row
        sheet.draw(f'<path class="leader" d="M{x:g} {AXIS + 6}V{y - 12}"/>',
                   f'<text class="shape" x="{x:g}" y="{y}">{label}</text>')


def _legend(sheet: _Sheet, trace: Trace, stages: list[Stage]) -> float:
    """The kinds of shortcut that occur, and what size and tone mean; returns the width it needs."""
    kinds = {block.shortcut for stage in stages for block in stage.blocks}
    x = 12.0
    sheet.draw('<g class="legend">')
    for kind in (kind for kind in LEGEND if kind in kinds):
        mark = line(x, x + 28, "axis plain", 16) if kind == "none" else arc(x + 3, x + 25, 15, kind, 22, 10)
        label = sheet.word(f"legend_{kind}")
        sheet.draw(mark, f'<text x="{x + 34:g}" y="20">{label}</text>')
        x += 34 + _text_width(label) + 22
    note = sheet.word("legend_scale") + _later(sheet, trace.config)
    sheet.draw(f'<text x="{x:g}" y="20">{note}</text></g>')
    return x + _text_width(note) + 12


# Words -------------------------------------------------------------------------------------------


def _about(sheet: _Sheet, block: Block) -> str:
    shapes = (by(shape[1:]) for shape in (block.input, block.output))
    return sheet.word("block", name=block.name, kind=text(f"diagram.legend_{block.shortcut}", sheet.lang),
                      **dict(zip(("input", "output"), shapes, strict=True)),
                      params=f"{block.params:,}", macs=f"{block.macs:,}")


def _block_name(config: ResNetConfig) -> str:
    """ "SE-Bottleneck", as the papers write it."""
    attention = "" if config.attention == "none" else f"{config.attention.upper()}-"
    return attention + {"basic": "BasicBlock", "bottleneck": "Bottleneck"}[config.block]


def _later(sheet: _Sheet, config: ResNetConfig) -> str:
    """What the net has that no box of the map shows."""
    plain = ResNetConfig()
    fields = ("order", "activation", "norm", "standardised", "anti_alias")
    found = [sheet.word(f"with_{spell(getattr(config, field))}" if field != "standardised" else "with_standardised")
             for field in fields if getattr(config, field) != getattr(plain, field)]
    return "".join(f" · {word}" for word in [sheet.word("with_D")] * (config.shortcut == "D") + found)


def _window(layer: Layer) -> str:
    """ "7×7 /2": kernel and stride."""
    return f"{layer.kernel}×{layer.kernel}" + (f" /{layer.stride}" if layer.window.stride > 1 else "")


def _text_width(label: str) -> float:
    """About what a label takes in a system font: CJK characters are square, others half as wide."""
    return sum(11.5 if ord(c) > 0x2E7F else 6.8 for c in label)
