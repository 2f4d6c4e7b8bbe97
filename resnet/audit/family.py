"""Trace's table of ResNet-18 to ResNet-152, against what torchvision ships beside its weights."""

from collections.abc import Iterator
from typing import Any

from resnet.audit.checks import Audit, Figure, words
from resnet.ui.trace.family import FAMILY, family_html


def audits() -> Iterator[Audit]:
    told = words(family_html("en"))
    yield Audit("trace, Table 1", (), tuple(figure for variant in FAMILY for figure in _figures(told, variant)))


def _figures(told: str, variant: str) -> Iterator[Figure]:
    meta = _meta(variant)
    params = f"{meta['num_params']:,}"
    yield Figure(f"{variant}, parameters", params if params in told else "–", params)
    today = told.partition("multiply-adds, as released ")[2].split(" parameters", 1)[0].split(" G")
    shown = today[FAMILY.index(variant)].strip()
    yield Figure(f"{variant}, 10⁹ multiply-adds", shown, "", meta["_ops"], 0.006)


def _meta(variant: str) -> dict[str, Any]:
    from torchvision import models

    return getattr(models, f"ResNet{variant.removeprefix('resnet')}_Weights").IMAGENET1K_V1.meta
