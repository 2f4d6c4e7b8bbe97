"""Accuracy and cost in words: the sentence of what to see, the source line, tables, file, links to Trace."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from resnet.config import variant_title
from resnet.papers.released import Released, released
from resnet.papers.tables import Published
from resnet.tracing.trace import trace
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.util.csv import csv_text
from resnet.util.html import escape
from resnet.util.text import text

if TYPE_CHECKING:
    from resnet.charts.accuracy import Point


@lru_cache(maxsize=64)
def macs(entry: Released) -> int:
    """Multiply-adds at the entry's size: counted by our trace where we build the net."""
    return entry.macs or trace(entry.variant, (entry.pixels, entry.pixels)).macs


def lead(recipe: str, lang: str) -> str:
    """Whether ResNet-50 does better with less than VGG-16; of another recipe, whether it brings more than depth."""
    before, vgg = _named("ResNet-50"), _named("VGG-16")
    if recipe == "V1":
        share = f"{100 * macs(before) / macs(vgg):.0f}"
        better = before.accuracy > vgg.accuracy
        return text(f"compare.accuracy.lead_v1{'' if better else '_not'}", lang, share=share)
    now = next(entry.accuracy for entry in released(recipe) if entry.name == "ResNet-50")
    more = now > _named("ResNet-152").accuracy
    return text(f"compare.accuracy.lead_{'recipe' if more else 'depth'}", lang)


def numbers(recipe: str, lang: str) -> str:
    """What that rests on."""
    now = {entry.name: entry.accuracy for entry in released(recipe)}
    if recipe == "V1":
        return text("compare.accuracy.numbers_v1", lang, resnet=f"{now['ResNet-50']:.1f}", vgg=f"{now['VGG-16']:.1f}",
                    next=f"{now['ResNeXt-50 32x4d']:.1f}")
    before = _named("ResNet-50").accuracy
    return text("compare.accuracy.numbers_recipe", lang, before=f"{before:.1f}", now=f"{now['ResNet-50']:.1f}",
                gain=f"{now['ResNet-50'] - before:.1f}", deeper=f"{_named('ResNet-152').accuracy - before:.1f}")


def _named(name: str) -> Released:
    return next(entry for entry in released("V1") if entry.name == name)


def below(points: "Sequence[Point]", rows: Sequence[Published], lang: str) -> str:
    """Links to Trace, the source line, both charts' numbers as tables, and the first's as a file."""
    columns = ("net", "recipe", "origin", "top1", "pixels", "gmacs", "params", "source")
    table = [[point.entry.name, text(f"compare.accuracy.recipe_{point.entry.recipe}", lang),
              text(f"compare.accuracy.origin_{point.entry.origin}", lang), point.entry.accuracy, point.entry.pixels,
              round(point.macs / 1e9, 3), round(point.entry.params / 1e6, 2), point.entry.source] for point in points]
    aside = [[variant_title(row.variant), text(f"compare.accuracy.{_kept(row)}", lang), row.value, row.cite]
             for row in rows]
    heads, aside_heads = ([text(f"compare.accuracy.columns.{column}", lang) for column in names]
                          for names in (columns, ("net", "shortcuts", "error", "source")))
    source = text("compare.accuracy.source", lang, sources="; ".join(sorted({point.entry.source for point in points})),
                  shortcuts="; ".join(sorted({row.cite for row in rows})))
    if any(point.entry.origin != "own" for point in points):
        source += text("compare.sentences", lang) + text("compare.accuracy.recipes_v1", lang)
    tables = (numbers_table(heads, table, text("compare.panels.accuracy", lang))
              + numbers_table(aside_heads, aside, text("compare.accuracy.aside", lang)))
    return _links(points, lang) + below_html(source, tables, ("accuracy-and-cost.csv", csv_text(columns, table)), lang)


def _kept(row: Published) -> str:
    return "removed" if row.shortcut == "none" else "kept"


def _links(points: "Sequence[Point]", lang: str) -> str:
    """Each net that we build, open in Trace."""
    ours = dict.fromkeys(point.entry.variant for point in points if point.entry.variant)
    links = " · ".join(f'<a href="?variant={variant}&lang={lang}">{escape(variant_title(variant))}</a>'
                       for variant in ours)
    return f'<p class="take">{escape(text("compare.accuracy.open", lang))} {links}</p>'
