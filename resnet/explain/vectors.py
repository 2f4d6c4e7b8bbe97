"""Feature vectors of several pictures: what a net's classifier reads of each, to teach another classifier on."""

import time
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from resnet.data import normalise
from resnet.hub.loaded import LoadedModel
from resnet.inference.batches import most_at_once
from resnet.inference.placement import best_device, placed, with_oom_fallback
from resnet.inference.serving import heavy
from resnet.tracing.trace import trace
from resnet.util.errors import InputError

BUDGET = 1e12  # multiply-adds of one call: about half a minute on two CPU cores
PIECE = 5e10  # of one batch: about a second
WIDEST = 8_192  # features: a head of ten classes then has 330 kB


@dataclass(frozen=True)
class Vectors:
    """features [n, d] of n pictures, fp32 on the CPU, and how they were computed."""

    features: Tensor
    device: str
    fallback: str
    milliseconds: float


def feature_vectors(pictures: Tensor, loaded: LoadedModel) -> Vectors:
    """What a net saw of n pictures, uint8 [n, channels, height, width] -> their features, in fp32.

    Raises:
        InputError: they would take more than `BUDGET` multiply-adds, or the classifier reads more than `WIDEST`
            numbers.
    """
    config, size = loaded.info.architecture, tuple(pictures.shape[-2:])
    macs, start = trace(config, size).macs, time.perf_counter()
    if macs * len(pictures) > BUDGET:
        raise InputError("teach_cost", n=len(pictures), macs=f"{macs / 1e9:,.1f}", limit=f"{BUDGET / 1e9:,.0f}")
    if loaded.model.fc.in_features > WIDEST:
        raise InputError("teach_wide", n=f"{loaded.model.fc.in_features:,}", limit=f"{WIDEST:,}")

    def run(device: torch.device, batch: int) -> tuple[Tensor, str]:
        there = placed(loaded, device)
        most = min(batch, most_at_once(config, size, device), max(1, int(PIECE / macs)))
        return torch.cat([heavy(partial(_run, there, part, device)) for part in pictures.split(most)]), device.type

    (features, device), fallback = with_oom_fallback(run, best_device(), len(pictures))
    return Vectors(features, device, fallback, 1e3 * (time.perf_counter() - start))


@torch.inference_mode()
def _run(loaded: LoadedModel, pictures: Tensor, device: torch.device) -> Tensor:
    net = loaded.model
    return net.pooled(net.features(normalise(pictures.to(device), loaded.info))).float().cpu()
