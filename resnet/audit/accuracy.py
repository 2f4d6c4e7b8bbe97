"""Panel 7: published accuracies, against the figures that torchvision ships beside its weights."""

from collections.abc import Iterator
from typing import Any

from resnet.audit.checks import Audit, Figure, drawing, said
from resnet.papers.released import RECIPES, released
from resnet.ui.compare.accuracy import PANEL


def audits() -> Iterator[Audit]:
    for recipe in RECIPES:
        lead = drawing(PANEL, recipe=recipe).told
        figures = _of_v1(lead) if recipe == "V1" else _of_recipe(lead, recipe)
        yield Audit(f"accuracy, {recipe}", (lead,), tuple(figures), frozenset({"32", "100", "90", "102"}))


def _of_v1(lead: str) -> Iterator[Figure]:
    found = said(lead, "compare.accuracy.numbers_v1") | said(lead, "compare.accuracy.lead_v1")
    for key, name, theirs in (("resnet", "ResNet-50", "ResNet50"), ("vgg", "VGG-16", "VGG16"),
                              ("next", "ResNeXt-50 32x4d", "ResNeXt50_32X4D")):
        yield _published(name, found[key], "V1", _meta(theirs, "V1"))
    ours, vgg = (_meta(name, "V1")["_ops"] for name in ("ResNet50", "VGG16"))
    yield Figure("ResNet-50's share of VGG-16's multiply-adds, %", found["share"], "", 100 * ours / vgg, 0.5)


def _of_recipe(lead: str, recipe: str) -> Iterator[Figure]:
    found = said(lead, "compare.accuracy.numbers_recipe")
    old, new = _accuracy("ResNet-50", "V1"), _accuracy("ResNet-50", recipe)
    yield _published("ResNet-50", found["before"], "V1", _meta("ResNet50", "V1"))
    yield _published("ResNet-50", found["now"], recipe, _meta("ResNet50", "V2") if recipe == "V2" else None)
    yield Figure("gain by the recipe, points", found["gain"], f"{new - old:.1f}")
    yield Figure("gain by depth, points", found["deeper"], f"{_accuracy('ResNet-152', 'V1') - old:.1f}")


def _published(name: str, shown: str, recipe: str, meta: dict[str, Any] | None) -> Figure:
    theirs = meta["_metrics"]["ImageNet-1K"]["acc@1"] if meta else None
    return Figure(f"{name}, {recipe}, top-1, %", shown, f"{_accuracy(name, recipe):.1f}", theirs, 0.051)


def _accuracy(name: str, recipe: str) -> float:
    return next(entry.accuracy for entry in released(recipe) if entry.name == name)


def _meta(name: str, version: str) -> dict[str, Any]:
    from torchvision import models

    return getattr(models, f"{name}_Weights")[f"IMAGENET1K_{version}"].meta
