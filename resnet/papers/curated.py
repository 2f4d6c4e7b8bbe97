"""ImageNet models on the Hub: those that the page offers, with the accuracy that their makers published, and one of
each kind in the family; data only.

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
PHOTOGRAPHS = "timm/resnet50.a1_in1k"  # where colour photographs go; the Space has it from the start (README.md)


@dataclass(frozen=True)
class Kind:
    """A release that stands for its kind.

    params    of timm's own model of it
    refused   no net here computes it: its header must be refused, with the reason
    """

    title: str
    reference: str
    params: int
    refused: bool = False

    @property
    def megabytes(self) -> float:
        """Of the weights, in fp32; those of a refused one are not fetched."""
        return 0.0 if self.refused else 4 * self.params / 1e6


FAMILY: tuple[Kind, ...] = (
    Kind("ResNet-C", "timm/resnet50c.gluon_in1k", 25_576_264),
    Kind("ResNet-D", "timm/resnet50d.a1_in1k", 25_576_264),
    Kind("ResNet-S", "timm/resnet50s.gluon_in1k", 25_680_808),
    Kind("ResNet-T", "timm/resnet26t.ra2_in1k", 16_011_872),
    Kind("anti-aliased by averaging", "timm/resnetaa50.a1h_in1k", 25_557_032),
    Kind("anti-aliased by blurring", "timm/resnetblur50.bt_in1k", 25_557_032),
    Kind("squeeze-and-excitation", "timm/seresnet50.a1_in1k", 28_088_024),
    Kind("ECA", "timm/ecaresnet50d.miil_in1k", 25_576_350),
    Kind("ResNet-RS", "timm/resnetrs50.tf_in1k", 35_691_912),
    Kind("group norm", "timm/resnet50_gn.a1h_in1k", 25_557_032),
    Kind("v2", "timm/resnetv2_50.a1h_in1k", 25_549_352),
    Kind("v2, BiT", "timm/resnetv2_50x1_bit.goog_in21k_ft_in1k", 25_549_352),
    Kind("wide", "timm/wide_resnet50_2.tv_in1k", 68_883_240),
    Kind("semi-supervised", "timm/resnext50_32x4d.fb_ssl_yfcc100m_ft_in1k", 25_028_904),
    Kind("semi-weakly supervised", "timm/resnext50_32x4d.fb_swsl_ig1b_ft_in1k", 25_028_904),
    Kind("weakly supervised", "timm/resnext101_32x8d.fb_wsl_ig1b_ft_in1k", 88_791_336),
    Kind("split attention", "timm/resnest50d.in1k", 27_483_240, refused=True),
    Kind("selective kernels", "timm/skresnet18.ra_in1k", 11_958_056, refused=True),
    Kind("Res2Net", "timm/res2net50_26w_4s.in1k", 25_699_120, refused=True),
    Kind("RegNet", "timm/regnetx_002.pycls_in1k", 2_684_792, refused=True),
    Kind("TResNet", "timm/tresnet_m.miil_in1k", 31_389_032, refused=True),
)
