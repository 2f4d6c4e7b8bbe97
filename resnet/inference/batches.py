"""How many pictures go through a net at once: as many as their activations allow, whatever the net."""

from functools import lru_cache

import torch

from resnet.config import ResNetConfig
from resnet.tracing.trace import trace

ACTIVATIONS = {"cpu": 40_000_000, "cuda": 640_000_000}  # bytes of a batch; a larger one gains nothing


def most_at_once(config: ResNetConfig, size: tuple[int, ...], device: torch.device) -> int:
    """At least one.

    Args:
        size: (height, width) in pixels.
    """
    return max(1, ACTIVATIONS.get(device.type, ACTIVATIONS["cuda"]) // _activations(config, size))


@lru_cache(maxsize=256)
def _activations(config: ResNetConfig, size: tuple[int, ...]) -> int:
    return trace(config, size).peak_activation_bytes
