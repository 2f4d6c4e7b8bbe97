"""ImageNet models on the Hub that the page offers, with the accuracy that their makers published; data only.

The names are timm's: V1 and V2 are torchvision's first and second weights (`tv_in1k`, `tv2_in1k`), a1
is the recipe of "ResNet strikes back" (Wightman et al. 2021, arXiv 2110.00476).
"""

from dataclasses import dataclass

TORCHVISION = "torchvision's IMAGENET1K_V{} weights"
TIMM = "timm, results-imagenet.csv"
TAGS = {"tv_in1k": "V1", "tv2_in1k": "V2", "a1_in1k": "a1"}


@dataclass(frozen=True)
class Curated:
    """A repository on the Hub.

    recipe      "V1", "V2" or "a1": how it was trained, which changes the answer more than the net does;
                "" for Microsoft's conversions of the original weights
    accuracy    published ImageNet top-1 in per cent, one centre crop of `pixels`; None: none that is known here
    """

    reference: str
    variant: str
    recipe: str
    params: int
    accuracy: float | None = None
    pixels: int = 224
    source: str = ""

    @property
    def megabytes(self) -> float:
        """Of the weights, in fp32."""
        return 4 * self.params / 1e6


# Parameters; then top-1 % of V1, V2 and a1, all at 224 pixels, V2's with the shortest edge at 232.
_PUBLISHED = {
    "resnet18": (11_689_512, 69.758, None, 71.504),
    "resnet34": (21_797_672, 73.314, None, 76.420),
    "resnet50": (25_557_032, 76.130, 80.858, 80.382),
    "resnet101": (44_549_160, 77.374, 81.886, 81.494),
    "resnet152": (60_192_808, 78.312, 82.284, 81.998),
    "resnext50_32x4d": (25_028_904, 77.618, 81.198, 80.526),
    "resnext101_32x8d": (88_791_336, 79.312, 82.834, None),
    "wide_resnet50_2": (68_883_240, 78.468, 81.602, None),
}


def _entries():
    sources = (TORCHVISION.format(1), TORCHVISION.format(2), TIMM)
    for variant, (params, *accuracies) in _PUBLISHED.items():
        for (tag, recipe), accuracy, source in zip(TAGS.items(), accuracies, sources, strict=True):
            if accuracy is not None:
                yield Curated(f"timm/{variant}.{tag}", variant, recipe, params, accuracy, source=source)
    for depth in (18, 50):
        yield Curated(f"microsoft/resnet-{depth}", f"resnet{depth}", "", _PUBLISHED[f"resnet{depth}"][0])


CURATED: tuple[Curated, ...] = tuple(_entries())
