"""Loss surfaces in words: the sentence of what to see, the source line, the table and the file."""

from collections.abc import Sequence

from resnet.lab.surface import Surface
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.util.csv import csv_text
from resnet.util.text import text

COLUMNS = ("net", "centre", "half", "edge", "below")
GUESSING = 2.302585  # nats: every one of ten classes equally probable


def lead(surfaces: Sequence[Surface], lang: str) -> str:
    """How much of the slice is better than guessing, for both."""
    plain, residual = surfaces
    return text("compare.surface.lead", lang, plain=plain.title, residual=residual.title,
                plain_below=f"{100 * share_below(plain, GUESSING):.3g}",
                residual_below=f"{100 * share_below(residual, GUESSING):.3g}")


def below(surfaces: Sequence[Surface], key: str, lang: str) -> str:
    """The source line, medians on rings of the slice as a table, and all points as a file."""
    return below_html(_source(surfaces, lang), _table(surfaces, lang), (f"surface-{key}.csv", _csv(surfaces)), lang)


def share_below(surface: Surface, loss: float) -> float:
    """Of the grid's points."""
    losses = [value for row in surface.losses for value in row]
    return sum(value < loss for value in losses) / len(losses)


def _source(surfaces: Sequence[Surface], lang: str) -> str:
    surface = surfaces[0]
    where = surface.slice
    files = ", ".join(f"weights/{name}/surface.csv" for name in reversed([one.info.name for one in surfaces]))
    return text("compare.surface.source", lang, n=f"{where.n:,}", grid=where.grid, seed=where.seed,
                precision=surface.precision, files=files) + " " + text("compare.surface.limits", lang)


def _table(surfaces: Sequence[Surface], lang: str) -> str:
    rows = [[surface.title, surface.centre, ring(surface, 0.5), ring(surface, 1.0),
             100 * share_below(surface, GUESSING)] for surface in surfaces]
    return numbers_table([text(f"compare.surface.columns.{column}", lang) for column in COLUMNS], rows,
                         text("compare.surface.alt", lang))


def ring(surface: Surface, share: float) -> float:
    """The median loss on the square ring at this share of the span; the nearest that the grid has."""
    half = surface.slice.grid // 2
    reach = round(share * half)
    losses = sorted(value for i, row in enumerate(surface.losses) for j, value in enumerate(row)
                    if max(abs(i - half), abs(j - half)) == reach)
    return losses[len(losses) // 2]


def _csv(surfaces: Sequence[Surface]) -> str:
    return csv_text(("net", "a", "b", "loss", "error"), (
        (one.title, a, b, one.losses[i][j], one.errors[i][j])
        for one in surfaces for i, a in enumerate(one.slice.ticks) for j, b in enumerate(one.slice.ticks)), digits=6)
