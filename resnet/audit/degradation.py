"""Panel 1: final errors of the twins from their histories, and what the papers print of depth."""

from collections.abc import Iterator

from resnet.audit.checks import (
    Audit,
    Figure,
    config,
    drawing,
    exactly,
    fresh_error,
    mean,
    said,
    seeds,
    seeds_of,
    share,
    words,
)
from resnet.papers.tables import published
from resnet.ui.compare.degradation import PANEL

PRINTED = {"plain18": ("plain18", "none"), "plain34": ("plain34", "none"), "resnet18": ("resnet18", "A"),
           "resnet34": ("resnet34", "A"), "resnet152": ("resnet152", "B")}


def audits() -> Iterator[Audit]:
    for data in ("cifar10", "fashion_mnist"):
        shown = drawing(PANEL, data=data)
        figures = [figure for plain in (True, False) for figure in _depths(shown.told, data, plain)]
        figures += _source(words((shown.html or [""])[0]), data)
        yield Audit(f"degradation, {data}", (shown.told,), tuple(figures))
        if data == "cifar10":
            told = words((shown.html or ["", ""])[1])
            yield Audit("degradation, published", (told,), tuple(_published(told)),
                        frozenset({"34", "18", "152", "19.4", "50,000", "0.1", "0.01", "80", "4.2"}))


def _depths(lead: str, data: str, plain: bool) -> Iterator[Figure]:
    found = said(lead, "compare.degradation.numbers_depths", deep="plain-56" if plain else "ResNet-56")
    kind = "plain" if plain else "resnet"
    for end, depth in (("deep", 56), ("shallow", 20)):
        name = f"{kind}{depth}_{data}"
        for split in ("train", "test"):
            ends = [float(seed[-1][f"{split}_error"]) for seed in seeds_of(name)]
            yield share(f"{found[end]}, {split} error, %", found[f"{end}_{split}"], mean(ends),
                        fresh_error(name, split))
    yield from seeds(found["seeds"], seeds_of(f"{kind}56_{data}"), seeds_of(f"{kind}20_{data}"))


def _source(told: str, data: str) -> Iterator[Figure]:
    found, record = said(told, "compare.degradation.source"), config(f"plain56_{data}")
    yield exactly("test images", found["n"], f"{record['results']['test']['n']:,}")
    yield exactly("training images", found["train_n"], f"{record['recipe']['train_eval']:,}")
    yield exactly("epochs", found["epochs"], record["recipe"]["epochs"])


def _published(told: str) -> Iterator[Figure]:
    found = said(told, "compare.published.degrades")
    for key, (variant, shortcut) in PRINTED.items():
        yield exactly(f"{key}, top-1 error, %", found[key], next(
            row.value for row in published(variant, "imagenet_top1_10crop") if row.shortcut == shortcut))
    found = said(told, "compare.published.stops")
    for key, variant in (("deep", "resnet110_cifar"), ("deepest", "resnet1202_cifar")):
        yield exactly(f"{variant}, test error, %", found[key], published(variant, "cifar10")[0].value)
