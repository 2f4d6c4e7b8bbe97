"""The inside of one block as SVG: its operations in order, the shapes between them, and its shortcut."""

from math import ceil

from resnet.tracing.diagram import shape_label
from resnet.tracing.records import ACTIVATIONS, CONVOLUTIONS, NORMS, Block, Layer, Trace
from resnet.util.html import escape
from resnet.util.text import text

AXIS, HALF, GAP, TOP = 96, 19, 20, 34
WIDTHS = {"Conv2d": 92, "StdConv2d": 112, "BatchNorm2d": 40, "GroupNorm": 40, "ReLU": 48, "GELU": 48, "SiLU": 48,
          "BlurPool": 64, "AvgPool2d": 72, "Scale": 48}
SHORT = {"BatchNorm2d": "BN", "GroupNorm": "GN"}


def block_map(trace: Trace, name: str, lang: str = "en") -> str:
    """The operations of block `name` ("layer3.0") from left to right, as one <svg> element."""
    block = next(block for block in trace.blocks if block.name == name)
    before, after = split(block)
    parts, x = [], 14.0
    start = x + 16  # where the shortcut leaves the path
    x = _shape(parts, x, block.input)
    for i, layer in enumerate(before):
        x = _operation(parts, x, layer, words_of(layer, trace.config.attention), last=i == len(before) - 1)
        if leaves_after(trace, block, before, i):
            start = x - GAP / 2
    if block.shortcut != "none":
        parts += [_arc(start, x + 10, block), _label((start + x) / 2, block, lang), _plus(x + 10)]
        x += 20
    for layer in after:
        x = _operation(parts, x, layer, words_of(layer), last=False)
    parts.insert(0, f'<path class="axis" d="M14 {AXIS}H{x + 26:g}"/>')
    parts.append(f'<path class="tip" d="M{x + 30:g} {AXIS}l-8 -4v8z"/>')
    parts.append(text_svg(x + 20, AXIS + 46, shape_label(block.output), "shape"))
    title = escape(text("block.title", lang, name=block.name, group=block.group))
    width = ceil(x + 62)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" class="netmap inside" role="img" '
            f'viewBox="0 0 {width} {AXIS + 58}" style="min-width:{width * 0.8:.0f}px;max-width:{width * 1.25:.0f}px">'
            f'<title>{title}</title>{"".join(parts)}</svg>')


def split(block: Block) -> tuple[list[Layer], list[Layer]]:
    """The operations of the branch, and those after the addition. A plain block is all branch."""
    names = [layer.name for layer in block.layers if layer.type == "Add"]
    path = [layer for layer in block.layers if not (layer.on_shortcut or layer.in_gate or layer.type == "Add")]
    if not names:
        return path, []
    order = [layer.name for layer in block.layers]
    at = order.index(names[0])
    return ([layer for layer in path if order.index(layer.name) < at],
            [layer for layer in path if order.index(layer.name) > at])


def leaves_after(trace: Trace, block: Block, before: list[Layer], i: int) -> bool:
    """In pre-activation order a stage's first block activates before the paths split, or only if it changes shapes."""
    if trace.config.opening == "raw" and block.shortcut == "identity":
        return False
    return trace.config.order == "preact" and block.name.endswith(".0") and before[i].type in ACTIVATIONS and i == 1


def _operation(parts: list[str], x: float, layer: Layer, words: str, last: bool) -> float:
    width = WIDTHS.get(layer.type, 60)
    tone = 2 if layer.type in CONVOLUTIONS else 0
    parts.append(f'<rect class="box tone-{tone}" data-at="{layer.place}" x="{x:g}" y="{AXIS - HALF}" '
                 f'width="{width}" height="{2 * HALF}" rx="3"><title>{layer.name}</title></rect>')
    kind = "on-tone" if tone else "on-paper"
    parts.append(text_svg(x + width / 2, AXIS + 4, words, kind))
    if (layer.type in CONVOLUTIONS or layer.window.stride > 1) and not last:
        parts.append(text_svg(x + width + GAP / 2, AXIS + 46, shape_label(layer.output), "shape"))
    return x + width + GAP


def _shape(parts: list[str], x: float, shape: tuple[int, ...]) -> float:
    parts.append(text_svg(x + 16, AXIS + 46, shape_label(shape), "shape"))
    return x + 36


def words_of(layer: Layer, attention: str = "") -> str:
    """ "3×3, 256 /2" for a convolution, "ws" before it where its weights are standardised; "SE" for its scaling."""
    stride = f" /{layer.stride}" if layer.window.stride > 1 else ""
    if layer.type in CONVOLUTIONS:
        kind = "ws " if layer.type == "StdConv2d" else ""
        return f"{kind}{layer.kernel}×{layer.kernel}, {layer.output[1]}{stride}"
    if layer.type in ("BlurPool", "AvgPool2d"):
        return f"{'blur' if layer.type == 'BlurPool' else 'mean'} {layer.kernel}×{layer.kernel}{stride}"
    return attention.upper() if layer.type == "Scale" else SHORT.get(layer.type, layer.type)


def _arc(x0: float, x1: float, block: Block) -> str:
    return (f'<path class="arc {block.shortcut}" d="M{x0:g} {AXIS}V{TOP + 24}A24 24 0 0 1 {x0 + 24:g} {TOP}'
            f'H{x1 - 24:g}A24 24 0 0 1 {x1:g} {TOP + 24}V{AXIS}"/>')


def _label(x: float, block: Block, lang: str) -> str:
    way = [words_of(layer) for layer in block.layers if layer.on_shortcut and layer.type not in NORMS]
    words = text(f"block.{block.shortcut}", lang, what=" → ".join(way),
                 new=block.output[1] - block.input[1])
    return text_svg(x, TOP - 10, words, "arc-label")


def _plus(x: float) -> str:
    return f'<circle class="plus" cx="{x:g}" cy="{AXIS}" r="9"/>' + text_svg(x, AXIS + 5, "+", "sum")


def text_svg(x: float, y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(words)}</text>'
