"""Responses in words: whether figure 7 is repeated, the example by numbers, the source line, the table and the file."""

from collections.abc import Sequence

from resnet.data import DATA
from resnet.lab.responses import ITEMS, Responses
from resnet.lab.twins import ships
from resnet.lab.verdict import Comparison, compared
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.util.csv import csv_text
from resnet.util.html import escape
from resnet.util.text import text

CLEAR = 0.01  # by which share a mean must be smaller to be called smaller


def lead(found: Sequence[Responses], lang: str) -> str:
    """Whether residual nets respond less than plain ones of their depth."""
    if not found:
        return text("compare.responses.none", lang)
    pairs = by_kind(found)
    if not pairs:
        return text("compare.responses.lead_alone", lang)
    return text(f"compare.responses.lead_{'softer' if all(_means(pair).below for pair in pairs) else 'louder'}", lang)


def numbers(found: Sequence[Responses], lang: str) -> str:
    """Whether the means over layers are in the order of figure 7, and the means."""
    if not found:
        return ""
    comma = text("compare.grow.comma", lang)
    means = comma.join(f"{one.title} {one.mean:.3g}" for one in found)
    return " ".join(filter(None, (_verdict("kind", by_kind(found), lang), _verdict("depth", by_depth(found), lang),
                                  text("compare.responses.means", lang, means=means))))


Pair = tuple[Responses, Responses]


def by_kind(found: Sequence[Responses]) -> list[Pair]:
    """(residual, plain) nets of one depth: in figure 7 the first responds less."""
    return [(one, other) for one in _residual(found) for other in found if other.plain and other.depth == one.depth]


def by_depth(found: Sequence[Responses]) -> list[Pair]:
    """(deeper, shallower) residual nets: in figure 7 the first responds less."""
    ordered = sorted(_residual(found), key=lambda one: one.depth)
    return [(deep, shallow) for shallow, deep in zip(ordered, ordered[1:], strict=False) if deep.depth > shallow.depth]


def _verdict(comparison: str, pairs: Sequence[Pair], lang: str) -> str:
    """Whether figure 7 is repeated by all pairs, and with how many seeds; "" where there are none."""
    if not pairs:
        return ""
    seeds = _means(pairs[0]).words(lang)
    broken = [text("compare.responses.no_less", lang, quiet=pair[0].title, loud=pair[1].title)
              for pair in pairs if not _means(pair).below]
    if not broken:
        return text(f"compare.responses.holds_{comparison}", lang, seeds=seeds)
    return text("compare.responses.fails", lang, why=text("compare.grow.comma", lang).join(broken), seeds=seeds,
                clear=f"{100 * CLEAR:g}")


def _means(pair: Pair) -> Comparison:
    """Of two nets' means over their layers, a seed each."""
    quiet, loud = pair
    return compared([quiet.mean], [loud.mean], CLEAR)


def _residual(found: Sequence[Responses]) -> list[Responses]:
    return [one for one in found if not one.plain]


def example_html(value: float, goal: float, moved: float, lang: str) -> str:
    """The tutorials' example: what a plain layer and a residual branch must learn, before and after a move."""
    def row(name: str, before: float, after: float) -> list[str]:
        change = (text("compare.responses.percent", lang, change=f"{100 * abs(after - before) / abs(before):.3g}")
                  if abs(before) > 1e-9 else text("compare.responses.no_percent", lang))
        return [text(f"compare.responses.{name}", lang), f"{before:.3g}", f"{after:.3g}", change]

    rows = [row("mapping", goal, moved), row("branch", round(goal - value, 6), round(moved - value, 6))]
    table = numbers_table([text(f"compare.responses.aside_columns.{column}", lang)
                           for column in ("what", "before", "after", "change")], rows,
                          text("compare.responses.aside_table", lang))
    return (f'{table}<p class="note">{escape(text("compare.responses.aside_shows", lang))} '
            f'{escape(text("compare.responses.aside_hides", lang, move=f"{moved - goal:+.3g}".replace("-", "−")))}</p>')


def below(found: Sequence[Responses], data: str, lang: str) -> str:
    """The source line, every layer's deviation as a table and as a file; "" without nets."""
    if not found:
        return ""
    rows = [[f"{one.title}, {layer}", value, [name for name, _ in one.ranked].index(layer) + 1]
            for one in found for layer, value in zip(one.layers, one.deviations, strict=True)]
    columns = [text(f"compare.responses.columns.{column}", lang) for column in ("net", "deviation", "rank")]
    table = numbers_table(columns, rows, text("compare.responses.alt", lang))
    parts = [text(f"compare.responses.{'live' if ships(data) else 'recorded'}", lang, n=f"{found[0].n:,}",
                  data=DATA[data].title, most=f"{ITEMS[-1]:,}",
                  files=text("compare.comma", lang).join(f"weights/{one.name}" for one in found)),
             text("compare.responses.response", lang), text("compare.responses.published", lang)]
    return below_html(text("compare.sentences", lang).join(parts), table, (f"responses-{data}.csv", _csv(found)),
                      lang)


def _csv(found: Sequence[Responses]) -> str:
    return csv_text(("net", "layer", "deviation", "n"), (
        (one.name, layer, value, one.n) for one in found
        for layer, value in zip(one.layers, one.deviations, strict=True)), digits=6)
