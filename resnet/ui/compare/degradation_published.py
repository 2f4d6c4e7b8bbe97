"""What He et al. published of depth, beside our own nets: ImageNet's degradation, and where depth stops paying."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from resnet.config import VARIANTS, variant_title
from resnet.data import DATA
from resnet.papers.tables import PUBLISHED, Published, published
from resnet.training.runs import series_of
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.util.csv import csv_text
from resnet.util.html import escape
from resnet.util.text import text

if TYPE_CHECKING:
    from resnet.charts.depth import Family

CIFAR = tuple(f"resnet{depth}_cifar" for depth in (20, 32, 44, 56, 110, 1202))
DEEP_BY_B = ("resnet34", "resnet50", "resnet101", "resnet152")
QUANTITIES = ("imagenet_top1_10crop", "imagenet_top5_10crop", "imagenet_top1", "imagenet_top5", "cifar10")


def error(variant: str, quantity: str = "imagenet_top1_10crop", shortcut: str | None = None) -> float:
    """The published error in per cent; of several, that with this shortcut, or else the first."""
    return next(row.value for row in published(variant, quantity) if shortcut in (None, row.shortcut))


def figures(data: str, lang: str) -> list:
    """ImageNet and CIFAR-10 as published, and the twins of `data` as measured here."""
    from resnet.charts.depth import depth_chart

    depth = text("compare.published.depth", lang)
    ours = text("compare.published.ours", lang, data=DATA[data].title)
    return [depth_chart(_imagenet(lang), text("compare.published.imagenet", lang),
                        (depth, text("charts.top1_error", lang))),
            depth_chart([_family("ResNet", CIFAR, "cifar10", "A")], text("compare.published.cifar", lang),
                        (depth, text("compare.published.test_error", lang))),
            depth_chart(_ours(data, lang), ours, (depth, text("compare.published.test_error", lang)))]


def _imagenet(lang: str) -> "list[Family]":
    return [_family(text("compare.published.plain", lang), ("plain18", "plain34"), QUANTITIES[0], "none"),
            _family("ResNet A", ("resnet18", "resnet34"), QUANTITIES[0], "A"),
            _family("ResNet B", DEEP_BY_B, QUANTITIES[0], "B")]


def _family(name: str, variants: Iterable[str], quantity: str, shortcut: str) -> "Family":
    from resnet.charts.depth import Depth, Family

    points = []
    for variant in variants:
        value = error(variant, quantity, shortcut)
        points.append(Depth(VARIANTS[variant].depth, value, value, value))
    return Family(name, shortcut == "none", tuple(points))


def _ours(data: str, lang: str) -> "list[Family]":
    """Final test errors of the comparison's nets, with the range of their seeds."""
    from resnet.charts.depth import Depth, Family

    found = []
    for plain in (True, False):
        series = [one for one in series_of(data) if one.main and one.plain == plain]
        ends = [(one.depth, one.values("test_error")[-1]) for one in series]
        found.append(Family(text("compare.published.plain", lang) if plain else "ResNet", plain, tuple(
            Depth(depth, sum(seeds) / len(seeds), min(seeds), max(seeds)) for depth, seeds in sorted(ends))))
    return [family for family in found if family.errors]


def told_html(lang: str) -> str:
    """What the papers' tables say of depth, and what that does not say; every figure from resnet.papers."""
    nets = {"plain18": error("plain18"), "plain34": error("plain34"), "resnet18": error("resnet18"),
            "resnet34": error("resnet34", shortcut="A"), "resnet152": error("resnet152")}
    depths = {"deep": error("resnet110_cifar", "cifar10"), "deepest": error("resnet1202_cifar", "cifar10")}
    sentences = [_say("degrades", lang, **nets), _say("stops", lang, **depths), _say("rate", lang)]
    return "".join(f'<p class="note">{escape(sentence)}</p>' for sentence in sentences)


def below(data: str, lang: str) -> str:
    """The source line, the published figures as a table and as a file."""
    rows = [row for row in PUBLISHED if row.quantity in QUANTITIES]
    table = [[variant_title(row.variant), row.shortcut, _say(row.quantity, lang), f"{row.value:.2f}", row.cite]
             for row in rows]
    columns = ("net", "shortcut", "quantity", "error", "source")
    heads = [text(f"compare.published.columns.{column}", lang) for column in columns]
    source = _say("source", lang, published="; ".join(dict.fromkeys(row.cite for row in rows)), data=DATA[data].title)
    return below_html(source, numbers_table(heads, table, _say("title", lang)),
                      ("published-depth.csv", csv_text(columns, map(_csv_row, rows))), lang)


def _csv_row(row: Published) -> tuple:
    return row.variant, row.shortcut, row.quantity, row.value, row.source


def _say(key: str, lang: str, **values: str | float) -> str:
    return text(f"compare.published.{key}", lang, **values)
