"""Published ImageNet accuracy of released weights, for accuracy against cost; data only.

Parameters and multiply-adds of the nets that this project builds are its own count, which the tests hold
against public counters; of the others they are the releases' figures.
"""

from dataclasses import dataclass

from resnet.config import variant_title
from resnet.papers.curated import CURATED

RECIPES = ("V1", "V2", "a1", "a1_288")
TORCHVISION = "torchvision's IMAGENET1K_V1 weights"
TIMM = "timm, results-imagenet.csv"


@dataclass(frozen=True)
class Released:
    """One set of weights.

    family      "residual" (ours), "inception", "vgg" or "other"
    recipe      one of RECIPES: "V1" are the recipes of the papers' time, "a1_288" is a1 asked at 288 pixels
    accuracy    top-1 in per cent on ImageNet's validation set, one crop of `pixels`
    macs        multiply-adds of convolutions and fully connected layers at `pixels`; None: count `variant` instead
    origin      "own": trained by who releases it; else where the weights were ported from, as the release says: the
                paper's authors ("paper"), their TensorFlow code ("tf") or LuaTorch ("lua"), each by a recipe of its own
    """

    name: str
    family: str
    recipe: str
    accuracy: float
    pixels: int
    params: int
    source: str
    macs: int | None = None
    variant: str = ""
    origin: str = "own"


_A1_288 = {"resnet18": 73.164, "resnet34": 77.930, "resnet50": 81.240, "resnet101": 82.326, "resnet152": 82.742,
           "resnext50_32x4d": 81.480}
_OTHERS = (  # name, family, top-1 %, pixels, parameters in millions, multiply-adds in thousand millions, source, origin
    ("AlexNet", "other", 56.522, 224, 61.10, 0.714, TORCHVISION, "own"),
    ("VGG-16", "vgg", 71.592, 224, 138.36, 15.47, TORCHVISION, "own"),
    ("Inception-v1", "inception", 69.778, 224, 6.62, 1.498, TORCHVISION, "paper"),
    ("Inception-v3", "inception", 77.294, 299, 27.16, 5.713, TORCHVISION, "paper"),
    ("Inception-v4", "inception", 80.144, 299, 42.68, 12.28, TIMM, "tf"),
    ("DenseNet-121", "other", 74.434, 224, 7.98, 2.834, TORCHVISION, "lua"),
    ("MobileNetV2", "other", 71.878, 224, 3.50, 0.301, TORCHVISION, "own"),
)


def _entries():
    params = {entry.variant: entry.params for entry in CURATED}
    for entry in CURATED:
        if entry.accuracy is not None:
            yield Released(variant_title(entry.variant), "residual", entry.recipe, entry.accuracy, entry.pixels,
                           entry.params, entry.source, variant=entry.variant)
    for variant, accuracy in _A1_288.items():
        yield Released(variant_title(variant), "residual", "a1_288", accuracy, 288, params[variant], TIMM,
                       variant=variant)
    for name, family, accuracy, pixels, millions, giga, source, origin in _OTHERS:
        yield Released(name, family, "V1", accuracy, pixels, round(millions * 1e6), source, round(giga * 1e9),
                       origin=origin)


RELEASED: tuple[Released, ...] = tuple(_entries())


def released(recipe: str) -> tuple[Released, ...]:
    """Everything that was trained by one kind of recipe."""
    return tuple(entry for entry in RELEASED if entry.recipe == recipe)
