"""Quick ways through a net, each behind one function; resnet.inference.choice measures which is the quickest.

On a CPU: batch norms are folded into the convolutions before them, option A's shortcut is written as the
convolution that it equals, tensors lie channels_last, in fp32 or bf16; then TorchScript traces and
freezes the net, and its oneDNN graph fusion runs each convolution with the addition and the ReLU behind it
as one kernel, on weights packed once. The other way to the same kernels, a call of
`mkldnn._convolution_pointwise` for each convolution, was slower where layers are small, by what Python
takes for a call (benchmarks/inference.py has both). In eight bits: resnet.inference.int8. On a GPU: folded,
channels_last and in half precision, moved there once.

Whatever fails on the way, an API that a later PyTorch has dropped included, leaves the net as it is.
"""

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from resnet.inference.folding import folded
from resnet.model import ResNet
from resnet.util.precision import autocast, resolve

WARM_UPS = 2  # TorchScript compiles for a shape in the first two calls of it
PART = 8 * 224 * 224  # pixels that a CPU takes at once
MAX_LAYERS = 400  # of tracing and compiling, some milliseconds a layer, nobody waits for more
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
log = logging.getLogger("resnet")


@dataclass(frozen=True)
class Fast:
    """A net to be called: normalised fp32 [n, c, h, w] on the net's device -> fp32 logits [n, classes] there.

    way        "fused" or "int8" (CPU), "half" or "folded" (GPU), or "eager"
    precision  "fp32", "bf16" or "int8"
    nbytes     what it holds beside the shared net, about
    """

    run: Callable[[Tensor], Tensor]
    way: str
    precision: str
    nbytes: int

    def __call__(self, inputs: Tensor) -> Tensor:
        with torch.inference_mode():
            return self.run(inputs)


def eager(model: ResNet, device: torch.device, precision: str) -> Fast:
    """The shared net as it is, which has to be on `device`."""

    def run(inputs: Tensor) -> Tensor:
        with autocast(device, precision):
            return model(inputs.contiguous(memory_format=torch.channels_last)).float()

    return Fast(run, "eager", resolve(precision, device), 0)


def fast(model: ResNet, device: torch.device, precision: str, size: tuple[int, ...]) -> Fast:
    """The quickest way through `model` on `device`, or `eager`; takes some tenths of a second to make.

    Args:
        model: in eval mode, and on `device`; it is read only.
        precision: "fp32", "bf16" or "auto".
        size: (height, width) that it is made ready for. Any other shape works too, and the first two
            calls of each are slow.
    """
    return prepare(model, device, precision, size)()


def prepare(model: ResNet, device: torch.device, precision: str, size: tuple[int, ...]) -> Callable[[], Fast]:
    """The first half of `fast`, for any thread; the call that it returns is the second half.

    That one belongs to the thread that will run the net, since kernels are made for its number of threads.
    """
    precision = resolve(precision, device)

    def finish() -> Fast:
        try:
            for _ in range(WARM_UPS):
                made(_example(model, size, torch.float32).to(device))
            return made
        except Exception as error:
            return _give_up(model, device, precision, error)

    try:
        made = _made(model, device, precision, size)
        return finish
    except Exception as error:
        return partial(_give_up, model, device, precision, error)


def _made(model: ResNet, device: torch.device, precision: str, size: tuple[int, ...]) -> Fast:
    dtype = DTYPES[precision]
    with torch.no_grad():
        net = folded(model).to(device, dtype).to(memory_format=torch.channels_last)
        weights = sum(tensor.numel() for tensor in net.parameters()) * dtype.itemsize
        if device.type != "cpu":
            return Fast(_cast(net, dtype), "half" if dtype.itemsize == 2 else "folded", precision, weights)
        run = _cast(_in_parts(_fused(net, _example(model, size, dtype))), dtype)
        return Fast(run, "fused", precision, 2 * weights)  # traced and packed


def _give_up(model: ResNet, device: torch.device, precision: str, error: Exception) -> Fast:
    """Whatever went wrong, the net as it is still answers."""
    log.warning("a net runs eagerly: %s", str(error).strip()[:500])
    return eager(model, device, precision)


def _fused(net: nn.Module, example: Tensor) -> Callable[[Tensor], Tensor]:
    if sum(isinstance(module, nn.Conv2d) for module in net.modules()) > MAX_LAYERS:
        raise ValueError("too many layers to compile")
    warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", FutureWarning)
    torch.jit.enable_onednn_fusion(True)
    return torch.jit.freeze(torch.jit.trace(net, example, check_trace=False))


def _in_parts(run: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A large batch in pieces whose activations stay in the processor's caches."""

    def parts(inputs: Tensor) -> Tensor:
        most = max(1, PART // (inputs.shape[-2] * inputs.shape[-1]))
        return run(inputs) if len(inputs) <= most else torch.cat([run(part) for part in inputs.split(most)])

    return parts


def _cast(run: Callable[[Tensor], Tensor], dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    return lambda inputs: run(inputs.to(dtype, memory_format=torch.channels_last)).float()


def _example(model: ResNet, size: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.zeros(1, model.config.in_channels, *size, dtype=dtype).contiguous(memory_format=torch.channels_last)
