"""Bytes that a net takes in inference and in training, from its trace.

Counted are tensors; PyTorch's allocator, a convolution's work space and, in training, the gradients of
activations that live for a moment in the backward pass come on top.
"""

from dataclasses import dataclass
from math import prod

from resnet.tracing.cost import has_bias
from resnet.tracing.records import ACTIVATIONS, CONVOLUTIONS, Block, Layer, Trace
from resnet.tracing.trace import MAX_BATCH
from resnet.util.errors import InputError

ELEMENT_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
OPTIMISERS = {"none": 0, "sgd": 1, "adam": 2}  # values kept per parameter; sgd has momentum
INDEX_BYTES = COUNTER_BYTES = 8  # int64: a max pooling's positions, a batch norm's batches


@dataclass(frozen=True)
class Memory:
    """In bytes.

    weights     parameters, batch norm's running statistics, and in mixed precision the 16-bit copies
                of weights that the backward pass needs
    gradients   one per parameter; 0 in inference
    optimiser   its state; 0 in inference
    activations in inference the most alive at once, in training what is kept for the backward pass
    """

    weights: int
    gradients: int
    optimiser: int
    activations: int

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimiser + self.activations


def memory(trace: Trace, batch: int = 1, precision: str = "fp32", training: bool = False,
           optimiser: str = "sgd") -> Memory:
    """What a traced net takes for `batch` images, whatever batch it was traced with.

    Args:
        precision: "fp32", "bf16" or "fp16". Inference keeps everything in it. Training is in mixed
            precision (torch.autocast): activations in 16 bits; weights, gradients and optimiser in fp32.
        optimiser: "sgd" (with momentum), "adam" or "none".

    The bytes kept for the backward pass equal, tensor by tensor, what autograd packs (tests/test_memory.py);
    the loss's own few values are not in them.

    Raises:
        InputError: a batch out of range, another precision or optimiser.
    """
    _check(batch, precision, optimiser)
    element = ELEMENT_BYTES[precision]
    if not training:
        peak = trace.peak_activation_bytes // ELEMENT_BYTES["fp32"] // trace.input[0]
        return Memory(_weight_bytes(trace, element), 0, 0, peak * batch * element)
    weights, full = trace.params, ELEMENT_BYTES["fp32"]
    copies = 0 if precision == "fp32" else sum(map(_weight_values, trace.layers)) * element
    return Memory(_weight_bytes(trace, full) + copies, weights * full, OPTIMISERS[optimiser] * weights * full,
                  _saved_bytes(trace, batch, element))


def _check(batch: int, precision: str, optimiser: str) -> None:
    if not (isinstance(batch, int) and 1 <= batch <= MAX_BATCH):
        raise InputError("range", field="batch", value=batch, limit=f"{MAX_BATCH:,}")
    for field, value, allowed in (("precision", precision, ELEMENT_BYTES), ("optimiser", optimiser, OPTIMISERS)):
        if value not in allowed:
            raise InputError("choice", field=field, value=value, allowed=", ".join(allowed))


def _weight_bytes(trace: Trace, element: int) -> int:
    """Parameters and buffers: a batch norm's two running statistics are as many as its parameters."""
    norms = [layer for layer in trace.layers if layer.type == "BatchNorm2d"]
    return (trace.params + sum(norm.params for norm in norms)) * element + len(norms) * COUNTER_BYTES


def _weight_values(layer: Layer) -> int:
    """Weights, without biases, of a convolution or linear layer."""
    if layer.type not in (*CONVOLUTIONS, "Linear"):
        return 0
    return layer.params - (layer.output[1] if has_bias(layer) else 0)


def _saved_bytes(trace: Trace, batch: int, element: int) -> int:
    """Kept for the backward pass: the input, and what each layer saves beyond what another one has saved."""
    preact = trace.config.order == "preact"
    sums = sum(prod(block.input[1:]) for block in trace.blocks[1:] if _keeps_sum(block, trace.config.order))
    return batch * element * (prod(trace.input[1:]) + sums - _pooled_unsaved(trace)) + sum(
        _saved(layer, batch, element, preact) for layer in trace.layers)


def _pooled_unsaved(trace: Trace) -> int:
    """Values of the last activation's output, which average pooling does not keep and only ReLU does itself."""
    pooled = next((layer for layer in trace.layers if layer.type == "AdaptiveAvgPool2d"), None)
    return prod(pooled.input[1:]) if pooled and trace.config.activation != "relu" else 0


def _keeps_sum(block: Block, order: str) -> bool:
    """Whether a convolution of the block takes the sum before it as it is, and so keeps it."""
    projects = any(layer.on_shortcut and layer.type in CONVOLUTIONS for layer in block.layers)
    return order == "relu_before_add" or (order == "relu_preact" and projects)


def _saved(layer: Layer, batch: int, element: int, preact: bool) -> int:
    """Every tensor is counted once, at the layer named here.

    batch norm  its input, and a mean and a scale per channel, in fp32 in every precision
    other activations   their inputs too, but of the last, where it is pooled, the input only
    ReLU        its output, which in place is the batch norm's output; the next convolution saves the same
    max pooling the positions of its maxima; its output, as a convolution's input; but before
                pre-activation a batch norm takes that output, and the input is no ReLU's output
    linear      its input, where an average pooling made it; flattened, it is the last ReLU's output
    A convolution's input is always one of these, or the net's input. Additions, zero-padding, flatten
    and average pooling save shapes only.
    """
    values_in, values_out = (batch * prod(shape[1:]) for shape in (layer.input, layer.output))
    if layer.type == "BatchNorm2d":
        return values_in * element + layer.params * ELEMENT_BYTES["fp32"]
    if layer.type in ACTIVATIONS and layer.type != "ReLU":
        return (values_in + values_out) * element
    if layer.type in ("ReLU", "AdaptiveAvgPool2d"):
        return values_out * element
    if layer.type == "MaxPool2d":
        return values_out * INDEX_BYTES + (values_in if preact else values_out) * element
    return 0
