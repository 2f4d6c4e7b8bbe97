"""The bytes that autograd keeps of a net for its backward pass, each tensor counted once, at the layer named here.

tests/test_memory.py holds them against what autograd packs, in three precisions. A convolution's input is
always what the layer before it keeps, or the net's input. Additions, zero-padding, flatten and the average
over a whole map keep shapes only.
"""

from collections.abc import Callable
from math import gcd, prod
from typing import NamedTuple

from resnet.config import ResNetConfig
from resnet.layers import NORM_GROUPS
from resnet.tracing.cost import has_bias
from resnet.tracing.records import CONVOLUTIONS, Block, Layer, Trace

FULL = 4  # bytes of an fp32 number
INDEX_BYTES = 8  # int64: a max pooling's positions
WEIGHTED = (*CONVOLUTIONS, "ChannelConv", "Linear")


class _Run(NamedTuple):
    """A layer that runs: what it takes and gives, in bytes of the precision, whose numbers have `element` bytes."""

    layer: Layer
    config: ResNetConfig
    batch: int
    element: int
    taken: int
    given: int

    @property
    def before_preact(self) -> bool:
        """Whether it stands in the stem of a pre-activated net: what it takes is no ReLU's output, and what it gives
        goes to a norm, which keeps it."""
        return self.config.order == "preact" and not self.layer.block

    @property
    def ends_preact_stem(self) -> bool:
        """Whether it is the activation behind a pooling convolution there."""
        return self.before_preact and self.layer.name == "maxpool.2"


def saved_bytes(trace: Trace, batch: int, element: int) -> int:
    """Kept of a training step for `batch` images, activations in numbers of `element` bytes."""
    config = trace.config
    sums = sum(prod(block.input[1:]) for block in trace.blocks[1:] if _keeps_sum(block, config.order))
    masks = sum(config.drop_rate(stage, i) > 0 for stage, depth in enumerate(config.depths) for i in range(depth))
    values = prod(trace.input[1:]) + sums + masks + _classified(trace)
    return batch * element * values + sum(_saved(layer, config, batch, element) for layer in trace.layers)


def weight_values(layer: Layer) -> int:
    """Weights, without biases, of a convolution or linear layer."""
    if layer.type not in WEIGHTED:
        return 0
    return layer.params - (layer.output[1] if has_bias(layer) else 0)


def _classified(trace: Trace) -> int:
    """Values that the head adds to those of the layer before it: what is flattened without an activation; less the
    last activation's output where it is averaged, which keeps nothing, and only ReLU keeps it itself."""
    config = trace.config
    head = next(layer for layer in trace.layers if layer.name in ("avgpool", "flatten"))
    if config.order == "preact" and not config.closing_norm:
        return prod(head.input[1:]) if head.name == "flatten" else 0
    return -prod(head.input[1:]) if head.name == "avgpool" and config.activation != "relu" else 0


def _keeps_sum(block: Block, order: str) -> bool:
    """Whether a convolution of the block takes the sum before it as it is, and so keeps it."""
    projects = any(layer.on_shortcut and layer.type in CONVOLUTIONS for layer in block.layers)
    return order == "relu_before_add" or (order == "relu_preact" and projects)


def _saved(layer: Layer, config: ResNetConfig, batch: int, element: int) -> int:
    taken, given = (batch * prod(shape[1:]) * element for shape in (layer.input, layer.output))
    rule = RULES.get(layer.type)
    return rule(_Run(layer, config, batch, element, taken, given)) if rule else 0


def _given(run: _Run) -> int:
    """An average before a linear layer or a gate, a gate's weights."""
    return run.given


def _relu(run: _Run) -> int:
    """Its output, which in place is the batch norm's output too; the next convolution keeps the same."""
    return 0 if run.ends_preact_stem else run.given


def _active(run: _Run) -> int:
    """Other activations need their input again, and the next convolution their output; padding with zeros does not."""
    padded = run.layer.name == "relu" and (run.config.pool, run.config.anti_alias) == ("zeros", "none")
    return run.taken + (0 if run.ends_preact_stem or padded else run.given)


def _scale(run: _Run) -> int:
    """What is weighted; the weights are the sigmoid's output."""
    return run.taken


def _batch_norm(run: _Run) -> int:
    """Its input, and a mean and a scale per channel, in fp32 in every precision."""
    return run.taken + run.layer.params * FULL


def _group_norm(run: _Run) -> int:
    return run.taken + 2 * run.batch * gcd(NORM_GROUPS, run.layer.input[1]) * FULL


def _max_pool(run: _Run) -> int:
    """The positions of its maxima; its output, as a convolution's input, where no blur follows, which counts it."""
    positions = run.given // run.element * INDEX_BYTES
    if run.before_preact:
        return positions + run.taken
    return positions + (0 if run.config.anti_alias == "blur" else run.given)


def _mean(run: _Run) -> int:
    return run.taken if run.before_preact else run.given


def _constant_pad(run: _Run) -> int:
    """The padded map, as the max pooling's input; before pre-activation that counts it itself."""
    return 0 if run.before_preact else run.given


def _blur(run: _Run) -> int:
    """The padded map in the precision, with the filter; the map before it in fp32, in which the padding is done; its
    output, as a convolution's input."""
    rows, columns = run.layer.input[2:]
    padded = run.taken // (rows * columns) * (rows + 2) * (columns + 2)
    full = run.taken // run.element * FULL
    if run.layer.block:  # ReLU's output is kept already in its own precision, another activation's is not any more
        full -= run.taken if run.config.activation != "relu" or run.element == FULL else 0
    return padded + 9 * run.element + full + (0 if run.before_preact else run.given)


def _convolution(run: _Run) -> int:
    """Only a stem's convolution behind another has an input that nothing else keeps."""
    return run.taken if run.before_preact and run.layer.name == "maxpool.0" else 0


def _standardised(run: _Run) -> int:
    """The centred weights and each filter's scale; in fp32 the standardised weights, of which memory.py counts copies
    in 16 bits."""
    weights = weight_values(run.layer) * (2 if run.element == FULL else 1)
    return (weights + run.layer.output[1]) * FULL + _convolution(run)


RULES: dict[str, Callable[[_Run], int]] = {
    **dict.fromkeys(("AdaptiveAvgPool2d", "Sigmoid"), _given), "ReLU": _relu,
    **dict.fromkeys(("LeakyReLU", "GELU", "SiLU"), _active),
    "Scale": _scale, "BatchNorm2d": _batch_norm, "GroupNorm": _group_norm, "MaxPool2d": _max_pool, "AvgPool2d": _mean,
    "ConstantPad2d": _constant_pad, "BlurPool": _blur, "Conv2d": _convolution, "StdConv2d": _standardised,
}
