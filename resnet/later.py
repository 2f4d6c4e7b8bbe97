"""Nets that later papers and releases named, each as a change of another; data only.

He et al. 2016 (ResNet-164 and -1001), Zagoruyko and Komodakis 2016 (WRN), kuangliu's pre-activated ResNet-18 for
CIFAR; and of timm's names one for each change from 2017 to 2021, whose papers ResNetConfig gives.
"""

from typing import Any

_D: dict[str, Any] = {"stem": "deep", "shortcut": "D"}
_V2: dict[str, Any] = {"order": "preact", "opening": "raw"}
_DEEP: dict[str, Any] = {"block": "bottleneck", "shortcut": "B", "stride_in": "1x1"}  # as in the authors' release
_WIDE: dict[str, Any] = {"order": "preact", "shortcut": "B", "stem_width": 16}
LATER: dict[str, tuple[str, str, dict[str, Any]]] = {  # name -> title, the variant that it changes, and how
    "resnet164_cifar": ("ResNet-164 (CIFAR)", "resnet110_cifar", _DEEP),
    "resnet1001_cifar": ("ResNet-1001 (CIFAR)", "resnet110_cifar", _DEEP | {"depths": (111,) * 3}),
    "preresnet164_cifar": ("ResNet-164, pre-activated (CIFAR)", "resnet164_cifar", {"order": "preact"}),
    "preresnet1001_cifar": ("ResNet-1001, pre-activated (CIFAR)", "resnet1001_cifar", {"order": "preact"}),
    "preresnet18_cifar": ("ResNet-18, pre-activated (CIFAR)", "resnet18_cifar", _V2 | {"closing_norm": False}),
    "wrn16_4_cifar": ("WRN-16-4 (CIFAR)", "resnet20_cifar", _WIDE | {"depths": (2,) * 3, "widths": (64, 128, 256)}),
    "wrn28_10_cifar": ("WRN-28-10 (CIFAR)", "resnet20_cifar", _WIDE | {"depths": (4,) * 3, "widths": (160, 320, 640)}),
    "resnet50c": ("ResNet-50-C", "resnet50", {"stem": "deep"}),
    "resnet50d": ("ResNet-50-D", "resnet50", _D),
    "resnet50t": ("ResNet-50-T", "resnet50", _D | {"stem": "tiered"}),
    "resnet50s": ("ResNet-50-S", "resnet50", {"stem": "deep", "stem_width": 128}),
    "seresnet50": ("SE-ResNet-50", "resnet50", {"attention": "se"}),
    "ecaresnet50d": ("ECA-ResNet-50-D", "resnet50d", {"attention": "eca"}),
    "resnetblur50": ("ResNet-50, blurred", "resnet50", {"anti_alias": "blur"}),
    "resnetaa50": ("ResNet-50, halved by means", "resnet50", {"anti_alias": "average"}),
    "resnet50_gn": ("ResNet-50, group norm", "resnet50", {"norm": "group"}),
    "resnetrs50": ("ResNet-RS-50", "resnet50d", {"pool": "conv", "attention": "se", "reduction": 4}),
    "resnetv2_50": ("ResNet-50 v2", "resnet50", _V2),
    "resnetv2_50x1_bit": ("BiT ResNet-50x1", "resnetv2_50", {"norm": "group", "standardised": True, "pool": "zeros"}),
}
