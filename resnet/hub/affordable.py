"""What a net from the Hub may cost for one picture, told by its trace before any weights are read."""

from collections.abc import Iterable

from resnet.config import ResNetConfig
from resnet.tracing.trace import trace
from resnet.util.errors import InputError
from resnet.util.numbers import by

MAX_MACS = 100_000_000_000  # some seconds on two cores; a ResNet-152 at 448 pixels has 46 billion
MAX_ACTIVATIONS = 40_000_000  # bytes alive at once, fp32: that ResNet-152's. Grad-CAM of its stem takes ten times that


def check_affordable(config: ResNetConfig, sizes: Iterable[tuple[int, int]]) -> None:
    """The same limits for every format.

    Args:
        sizes: (height, width) in pixels of the pictures that the net will be shown.

    Raises:
        InputError: at one of them it takes more than `MAX_MACS` or `MAX_ACTIVATIONS`.
    """
    for size in sizes:
        found = trace(config, size)
        if found.macs > MAX_MACS or found.peak_activation_bytes > MAX_ACTIVATIONS:
            raise InputError("too_costly", size=by(size), macs=f"{found.macs / 1e9:,.0f}",
                             megabytes=f"{found.peak_activation_bytes / 1e6:,.0f}",
                             most_macs=f"{MAX_MACS / 1e9:,.0f}", most_megabytes=f"{MAX_ACTIVATIONS / 1e6:,.0f}")
