"""What a stage sees of a picture: the mean of its feature maps, and its channels by energy."""

from dataclasses import dataclass

from torch import Tensor

SHOWN = 16  # channels of an opened stage


@dataclass(frozen=True)
class StageMap:
    """A part of the net: the shape of what it gives (channels, height, width), and the mean over its channels."""

    name: str
    shape: tuple[int, int, int]
    mean: Tensor


@dataclass(frozen=True)
class Channel:
    """One map [h, w] of a stage, and its share of the stage's energy (the sum of squares over all maps)."""

    index: int
    share: float
    map: Tensor


def stage_maps(outputs: dict[str, Tensor]) -> tuple[StageMap, ...]:
    """The parts' outputs for one picture [1, c, h, w] -> their mean maps, on the CPU."""
    return tuple(_stage_map(name, output) for name, output in outputs.items())


def _stage_map(name: str, output: Tensor) -> StageMap:
    _, channels, height, width = output.shape
    return StageMap(name, (channels, height, width), output[0].mean(0).float().cpu())


def top_channels(output: Tensor, k: int = SHOWN) -> tuple[Channel, ...]:
    """The k channels of [1, c, h, w] with the most energy, most first."""
    maps = output[0].float().cpu()
    energy = maps.square().sum((1, 2))
    total = float(energy.sum()) or 1.0
    values, indices = energy.topk(min(k, len(energy)))
    return tuple(Channel(i, value / total, maps[i].clone())
                 for i, value in zip(indices.tolist(), values.tolist(), strict=True))
