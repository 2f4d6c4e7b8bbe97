"""Bytes that a net takes in inference and in training, from its trace.

Counted are tensors; PyTorch's allocator, a convolution's work space and, in training, the gradients of
activations that live for a moment in the backward pass come on top.
"""

from dataclasses import dataclass

from resnet.tracing.records import Trace
from resnet.tracing.saved import saved_bytes, weight_values
from resnet.tracing.trace import MAX_BATCH
from resnet.util.errors import InputError

ELEMENT_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
OPTIMISERS = {"none": 0, "sgd": 1, "adam": 2}  # values kept per parameter; sgd has momentum
COUNTER_BYTES = 8  # int64: a batch norm's batches


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
    copies = 0 if precision == "fp32" else sum(map(weight_values, trace.layers)) * element
    return Memory(_weight_bytes(trace, full) + copies, weights * full, OPTIMISERS[optimiser] * weights * full,
                  saved_bytes(trace, batch, element))


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
