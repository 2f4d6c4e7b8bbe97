"""A module of parallel branches, such as GoogLeNet's Inception: its layers by the same rules as a net's trace, and its
map as SVG."""

from math import ceil

import torch
from torch import nn

from resnet.papers.modules import BranchedModule
from resnet.tracing.block_diagram import WIDTHS, text_svg, words_of
from resnet.tracing.diagram import shape_label
from resnet.tracing.records import Layer
from resnet.tracing.shape_rules import FLOAT_BYTES, FakeTensor, side_of, use_shape_rule
from resnet.tracing.trace import macs_of
from resnet.util.html import escape
from resnet.util.text import text

TOP, ROW, GAP, LEFT, POOL = 34, 54, 46, 60, 78


def trace_branches(module: BranchedModule) -> tuple[tuple[Layer, ...], ...]:
    """The layers of each branch, convolutions without biases and norms, for one image; shapes, parameters and
    multiply-adds as in a Trace, receptive fields on the module's own input."""
    return tuple(_branch(module, index) for index in range(len(module.branches)))


def _branch(module: BranchedModule, index: int) -> tuple[Layer, ...]:
    x, field, layers = FakeTensor((1, module.in_channels, module.side, module.side)), 1, []
    for place, (kernel, channels) in enumerate(module.branches[index]):
        with torch.device("meta"):
            step = (nn.Conv2d(x.shape[1], channels, kernel, padding=kernel // 2, bias=False) if channels
                    else nn.MaxPool2d(kernel, 1, kernel // 2))
        use_shape_rule(step)
        out = step(x)
        field += kernel - 1
        layers.append(Layer(
            f"branch{index + 1}.{place}", type(step).__name__, module.name, module.name, False, x.shape, out.shape,
            kernel, 1, kernel // 2, side_of(step, "groups"), sum(p.numel() for p in step.parameters()),
            macs_of(step, out), out.numel() * FLOAT_BYTES, field))
        x = out
    return tuple(layers)


def branches_map(module: BranchedModule, lang: str = "en") -> str:
    """The branches under one another, from what they share to what they are joined to, as one <svg> element."""
    branches = trace_branches(module)
    longest = max(sum(_width(layer) + GAP for layer in branch) for branch in branches)
    end, middle = LEFT + 20 + longest, TOP + ROW * (len(branches) - 1) / 2
    parts = [text_svg(LEFT / 2 - 2, middle - 10, shape_label(branches[0][0].input), "shape")]
    for index, branch in enumerate(branches):
        parts += _row(branch, TOP + index * ROW, middle, end)
    joined = (1, sum(branch[-1].output[1] for branch in branches), *branches[0][-1].output[2:])
    parts += [f'<path class="tip" d="M{end + 84:g} {middle:g}l-8 -4v8z"/>',
              text_svg(end + 46, middle - 22, text("compare.modules.joined", lang), "arc-label"),
              text_svg(end + 46, middle - 8, shape_label(joined), "shape")]
    width = ceil(end + 100)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" class="netmap inside" role="img" '
            f'viewBox="0 0 {width} {TOP + ROW * len(branches)}" '
            f'style="min-width:{width * 0.8:.0f}px;max-width:{width * 1.25:.0f}px">'
            f"<title>{escape(module.name)}</title>{''.join(parts)}</svg>")


def _row(branch: tuple[Layer, ...], y: float, middle: float, end: float) -> list[str]:
    parts = [f'<path class="axis" d="M8 {middle:g}H{LEFT}V{y:g}H{end:g}V{middle:g}H{end + 80:g}"/>']
    x = LEFT + 20.0
    for layer in branch:
        width, tone = _width(layer), 2 if layer.type == "Conv2d" else 0
        parts += [f'<rect class="box tone-{tone}" x="{x:g}" y="{y - 17:g}" width="{width}" height="34" rx="3"/>',
                  text_svg(x + width / 2, y + 4, _words(layer), "on-tone" if tone else "on-paper")]
        x += width + GAP
    return parts


def _width(layer: Layer) -> int:
    return WIDTHS.get(layer.type, POOL)


def _words(layer: Layer) -> str:
    return words_of(layer) if layer.type == "Conv2d" else f"max {layer.kernel}×{layer.kernel}"
