"""What a block computes, as equations: y = ReLU(F(x) + x), F(x) = BN(W₂ ∗ ReLU(BN(W₁ ∗ x))).

As He et al. 2015 (arXiv 1512.03385, equations 1 and 2) write it: W are a convolution's filters, ∗ convolves.
"""

from collections.abc import Iterable, Iterator

from resnet.tracing.block_diagram import SHORT, leaves_after, split
from resnet.tracing.records import CONVOLUTIONS, Block, Layer, Trace

NAMES = SHORT | {"ZeroPad": "pad", "BlurPool": "blur", "AvgPool2d": "mean", "MaxPool2d": "max"}
DIGITS = "₀₁₂₃₄₅₆₇₈₉"


def equations(trace: Trace, block: Block) -> tuple[str, ...]:
    """What leaves the block, then what it is made of: h, where both ways begin behind an activation, and F."""
    before, after = split(block)
    shared = next((i + 1 for i in range(len(before)) if leaves_after(trace, block, before, i)), 0)
    given = "h" if shared else "x"
    branch = f"F({given})"
    way = [layer for layer in block.layers if layer.on_shortcut]
    both = branch if block.shortcut == "none" else f"{branch} + {_applied(way, given, iter('ₛ'))}"
    opening = (f"h = {_applied(before[:shared], 'x')}",) if shared else ()
    return f"y = {_applied(after, both)}", *opening, f"{branch} = {_applied(before[shared:], given)}"


def _applied(layers: Iterable[Layer], inner: str, filters: Iterator[str] | None = None) -> str:
    """The layers one after the other on `inner`; `filters` are the indices of their convolutions."""
    filters = filters or iter(DIGITS[1:])
    for layer in layers:
        inner = _on(layer, inner, filters)
    return inner


def _on(layer: Layer, inner: str, filters: Iterator[str]) -> str:
    if layer.type in CONVOLUTIONS:
        return f"W{next(filters)} ∗ {inner}"
    if layer.type == "Scale":  # an attention module's weights of channels
        return f"s ⊙ {inner}"
    return f"{NAMES.get(layer.type, layer.type)}({inner})"
