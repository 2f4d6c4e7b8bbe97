"""The quickest way through a net that was found for this machine, behind one function.

On a CPU: batch norms are folded into the convolutions before them, option A's shortcut is written as the
convolution that it equals, tensors lie channels_last, in bf16 where that pays; then TorchScript traces and
freezes the net, and its oneDNN graph fusion runs each convolution with the addition and the ReLU behind it
as one kernel, on weights packed once. The other way to the same kernels, a call of
`mkldnn._convolution_pointwise` for each convolution, was slower where layers are small, by what Python
takes for a call (benchmarks/inference.py has both). On a GPU: folded, channels_last and in half
precision, moved there once.

Whatever fails on the way, an API that a later PyTorch has dropped included, leaves the net as it is.
"""

import copy
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from resnet.model import ResNet, ZeroPad
from resnet.util.precision import autocast, resolve

WARM_UPS = 2  # TorchScript compiles for a shape in the first two calls of it
PART = 8 * 224 * 224  # pixels that a CPU takes at once
MAX_LAYERS = 400  # of tracing and compiling, some milliseconds a layer, nobody waits for more
PAIRS = {  # convolution, and the batch norm behind it; pre-activation nets normalise an addition by their bn1
    "original": (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3")),
    "preact": (("conv1", "bn2"), ("conv2", "bn3")),
}
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
log = logging.getLogger("resnet")


@dataclass(frozen=True)
class Fast:
    """A net to be called: normalised fp32 [n, c, h, w] on the net's device -> fp32 logits [n, classes] there.

    way      "fused" (CPU), "half" or "folded" (GPU), or "eager"
    nbytes   what it holds beside the shared net, about
    """

    run: Callable[[Tensor], Tensor]
    way: str
    nbytes: int

    def __call__(self, inputs: Tensor) -> Tensor:
        with torch.inference_mode():
            return self.run(inputs)


def eager(model: ResNet, device: torch.device, precision: str) -> Fast:
    """The shared net as it is, which has to be on `device`."""

    def run(inputs: Tensor) -> Tensor:
        with autocast(device, precision):
            return model(inputs.contiguous(memory_format=torch.channels_last)).float()

    return Fast(run, "eager", 0)


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
    dtype = DTYPES[resolve(precision, device)]

    def finish() -> Fast:
        try:
            for _ in range(WARM_UPS):
                made(_example(model, size, torch.float32).to(device))
            return made
        except Exception as error:
            return _give_up(model, device, precision, error)

    try:
        made = _made(model, device, dtype, size)
        return finish
    except Exception as error:
        return partial(_give_up, model, device, precision, error)


def _made(model: ResNet, device: torch.device, dtype: torch.dtype, size: tuple[int, ...]) -> Fast:
    with torch.no_grad():
        net = folded(model).to(device, dtype).to(memory_format=torch.channels_last)
        weights = sum(tensor.numel() for tensor in net.parameters()) * dtype.itemsize
        if device.type != "cpu":
            return Fast(_cast(net, dtype), "half" if dtype.itemsize == 2 else "folded", weights)
        run = _cast(_in_parts(_fused(net, _example(model, size, dtype))), dtype)
        return Fast(run, "fused", 2 * weights)  # traced and packed


def _give_up(model: ResNet, device: torch.device, precision: str, error: Exception) -> Fast:
    """Whatever went wrong, the net as it is still answers."""
    log.warning("a net runs eagerly: %s", str(error).strip()[:500])
    return eager(model, device, precision)


@torch.no_grad()
def folded(model: ResNet) -> ResNet:
    """A copy in eval mode with the same logits up to rounding, and fewer operations.

    torch.fx would find what to fold by itself, but it changes every module of the process while it traces,
    and other threads compute at that time.
    """
    net = copy.deepcopy(model)
    pairs = PAIRS.get(net.config.order, ())
    for module in [net, *net.blocks]:
        for conv, norm in pairs:
            _fold(module, conv, norm)
        for part in module.children():  # stems and shortcuts of several layers
            for i in range(len(part) - 1 if isinstance(part, nn.Sequential) else 0):
                _fold(part, str(i), str(i + 1))
        shortcut = getattr(module, "downsample", None)
        if isinstance(shortcut, ZeroPad) and not shortcut.average:
            module.downsample = _as_convolution(shortcut, module.conv1)
    return net


def _fold(module: nn.Module, conv: str, norm: str) -> None:
    """A convolution and the batch norm that reads nothing else become one convolution."""
    first, second = getattr(module, conv, None), getattr(module, norm, None)
    if type(first) is nn.Conv2d and isinstance(second, nn.BatchNorm2d):  # a standardised one takes no scale
        setattr(module, conv, fuse_conv_bn_eval(first, second))
        setattr(module, norm, nn.Identity())


def _as_convolution(pad: ZeroPad, first: nn.Conv2d) -> nn.Conv2d:
    """Every stride-th pixel, old channels kept, new ones zero: a 1x1 convolution by a part of the identity."""
    channels = first.in_channels
    conv = nn.Conv2d(channels, channels + pad.new_channels, 1, pad.stride, bias=False, device=first.weight.device)
    conv.weight.zero_()
    conv.weight[pad.in_front:pad.in_front + channels, :, 0, 0] = torch.eye(channels)
    return conv


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
