"""Logits -> probabilities, at a temperature."""

import math

from torch import Tensor


def probabilities(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """softmax(logits / T) over the last dimension: T > 1 is less sure, T < 1 surer, the order stays."""
    return (logits / temperature).softmax(-1)


def ranked(logits: Tensor, k: int, temperature: float = 1.0) -> list[tuple[int, float]]:
    """The k most probable classes of [classes] as (index, probability)."""
    values, indices = probabilities(logits, temperature).topk(min(k, len(logits)))
    return list(zip(indices.tolist(), values.tolist(), strict=True))


def entropy(logits: Tensor, temperature: float = 1.0) -> float:
    """In nats; at most ln(classes)."""
    scaled = logits / temperature
    return max(0.0, float(-(scaled.softmax(-1) * scaled.log_softmax(-1)).sum()))


def largest_entropy(logits: Tensor) -> float:
    """Of an answer that knows nothing: ln(classes)."""
    return math.log(len(logits))
