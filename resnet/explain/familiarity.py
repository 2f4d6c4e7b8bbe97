"""How far one picture's statistics are from those of the pictures that a net was trained on.

The fingerprint of resnet.hub.fingerprint for a single picture: what each batch norm gets of it against what the norm
remembers, in two figures for each block. They scatter with pictures that the net knows, too; so the picture's are held
against their scatter over training images by Mahalanobis' distance (1936). What is recorded beside the weights
(resnet.lab.familiarity) makes it one number, and tells how many test images are stranger.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from resnet.hub.fingerprint import rebuilt, watched
from resnet.model import ResNet
from resnet.util.errors import InputError
from resnet.util.files import write_file

FILE = "familiarity.safetensors"
TINY = 1e-8  # below which a logarithm is none
SELDOM = 0.99  # of the test images are less strange: then the net has hardly seen anything like the picture


@dataclass(frozen=True)
class Strangeness:
    """distance   about 1 for training images, on average; more is stranger
    below      the part of the test images that are less strange
    n          how many test images that is
    """

    distance: float
    below: float
    n: int

    @property
    def unlike(self) -> bool:
        """Whether hardly any test image is as strange."""
        return self.below >= SELDOM


@dataclass(frozen=True)
class Calibration:
    """How a net's figures scatter over training images: mean [k] and the covariance's inverse [k, k]; and the
    distances of test images, sorted, [n]."""

    mean: Tensor
    precision: Tensor
    distances: Tensor

    def distance(self, figures: Tensor) -> Tensor:
        """[n, k] -> [n]: the root of the mean of k squared deviations, which are made independent."""
        off = figures - self.mean
        return ((off @ self.precision) * off).mean(1).clamp_min(0).sqrt()

    def strangeness(self, figures: Tensor) -> Strangeness:
        """Of one picture, [k]."""
        found = self.distance(figures[None])
        below = int(torch.searchsorted(self.distances, found)) / len(self.distances)
        return Strangeness(float(found), below, len(self.distances))


@torch.inference_mode()
def figures(model: ResNet, inputs: Tensor) -> Tensor:
    """Normalised [n, c, h, w] -> [n, k]: for each block, and each norm outside them, the logarithms of the mean shift
    and of the mean spread over channels, as in `Fit`."""
    with watched(rebuilt(model.config, model.state_dict()), dims=(2, 3)) as (net, found):
        net.features(inputs)
    parts: dict[str, list[Tensor]] = {}
    for name, pair in found.items():
        logs = torch.stack([values.mean(1).clamp_min(TINY).log() for values in pair], 1)
        parts.setdefault(".".join(name.split(".")[:2]), []).append(logs)
    return torch.cat([torch.stack(part).mean(0) for part in parts.values()], 1)


def calibrated(figures: Tensor, test: Tensor) -> Calibration:
    """From training images' figures [n, k] and test images' [m, k]."""
    scatter = torch.cov(figures.double().T) + 1e-4 * torch.eye(figures.shape[1], dtype=torch.double)
    blank = Calibration(figures.mean(0), torch.linalg.inv(scatter).float(), torch.empty(0))
    return Calibration(blank.mean, blank.precision, blank.distance(test).sort().values)


def save(folder: Path, calibration: Calibration) -> None:
    """Raises InputError where the folder cannot be written."""
    from safetensors.torch import save as packed

    tensors = {name: getattr(calibration, name).contiguous() for name in ("mean", "precision", "distances")}
    write_file(folder / FILE, packed(tensors))


@lru_cache(maxsize=32)
def calibration_of(folder: Path) -> Calibration | None:
    """What is recorded in a folder of weights; None where nothing is.

    Raises:
        InputError: the file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not (folder / FILE).exists():
        return None
    try:
        return Calibration(**load_file(folder / FILE))
    except (OSError, TypeError, SafetensorError) as error:
        raise InputError("damaged_record", file=f"{folder.name}/{FILE}", command="familiarity") from error
