"""The five orders in words: our runs of them, what they show, the drawings, the source line, the table and the file."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from resnet.lab.verdict import compared
from resnet.papers.tables import ORDER_ERRORS, SHORTCUT_ERRORS, OrderError
from resnet.tracing.block_diagram import block_map
from resnet.tracing.trace import trace
from resnet.training.recipe import Recipe
from resnet.training.runs import Run, recorded
from resnet.ui.compare.frame import below_html, maps, numbers_table
from resnet.util.csv import csv_text
from resnet.util.html import escape
from resnet.util.numbers import machine
from resnet.util.text import text

if TYPE_CHECKING:
    from resnet.charts.orders import Mark

SHOWS = {"orders": ORDER_ERRORS, "shortcuts": SHORTCUT_ERRORS}
CLEAR = {"orders": "preact", "shortcuts": "identity"}  # the rows that leave the shortcut clear
DATA, DEEP = "cifar10", 110


@dataclass(frozen=True)
class OrderRuns:
    """Final test errors, in per cent, of our runs with one order, a seed each."""

    order: str
    runs: tuple[Run, ...]

    @property
    def errors(self) -> list[float]:
        return [run.final.test_error for run in self.runs]

    @property
    def mean(self) -> float:
        return sum(self.errors) / len(self.errors)


def our_runs(runs: "tuple[Run, ...] | None" = None) -> list[OrderRuns]:
    """Our runs of the orders: the recipe that most orders share, each order's seeds together.

    A comparison needs at least two orders by one recipe; else nothing is returned.
    """
    groups: dict[Recipe, dict[str, list[Run]]] = {}
    for run in recorded() if runs is None else runs:
        config = run.info.architecture
        if run.info.data == DATA and not config.plain and config.depth == 20:
            groups.setdefault(run.recipe, {}).setdefault(config.order, []).append(run)
    best = max(groups.values(), key=len, default={})
    if len(best) < 2:
        return []
    return [OrderRuns(row.name, tuple(best[row.name])) for row in ORDER_ERRORS if row.name in best]


def verdict(found: list[OrderRuns], lang: str) -> str:
    """Whether the seeds' spread lets our nets be ranked."""
    if not found:
        return text("compare.orders.none", lang)
    ordered = sorted(found, key=lambda one: one.mean)
    best, worst = ordered[0], ordered[-1]
    spread = max(max(one.errors) - min(one.errors) for one in found)
    ends = compared(worst.errors, best.errors)
    enough = all(compared(one.errors, best.errors).enough for one in found)
    key = "apart" if ends.higher and ends.difference > spread else "too_shallow"
    return text(f"compare.orders.{key if enough else 'one_seed'}", lang, epochs=best.runs[0].info.recipe["epochs"],
                best=label("orders", best.order, lang), best_error=f"{best.mean:.2f}",
                worst=label("orders", worst.order, lang), worst_error=f"{worst.mean:.2f}", spread=f"{spread:.2f}")


def lead(show: str, lang: str) -> str:
    """Whether the published nets that leave the shortcut clear are the best."""
    best = dict.fromkeys(min(errors, key=errors.__getitem__) for errors in _errors(show).values())
    if set(best) == {CLEAR[show]}:
        return text(f"compare.orders.lead_{show}", lang)
    return text("compare.orders.lead_other", lang,
                best=text("compare.comma", lang).join(label(show, name, lang) for name in best))


def numbers(show: str, found: list[OrderRuns], lang: str) -> str:
    """The published errors of the clear one against the best and the worst of the others, and what our own runs
    show."""
    errors = _errors(show)[DEEP]
    ordered = sorted(errors, key=lambda name: (name != CLEAR[show], errors[name]))
    values: dict[str, str] = {}
    for place, name in (("clear", ordered[0]), ("next", ordered[1]), ("last", ordered[-1])):
        values |= {place: label(show, name, lang), f"{place}_error": f"{errors[name]:.2f}"}
    published = text("compare.orders.numbers", lang, depth=DEEP, **values)
    return f"{published} {verdict(found, lang)}" if show == "orders" else published


def _errors(show: str) -> dict[int, dict[str, float]]:
    """The published errors in per cent, by the net's depth and the row's name."""
    by_depth = {depth: {row.name: error for row in SHOWS[show] if (error := getattr(row, f"error{depth}")) is not None}
                for depth in (DEEP, 164)}
    return {depth: errors for depth, errors in by_depth.items() if errors}


def label(show: str, name: str, lang: str) -> str:
    """A row of a table in words."""
    return text(f"compare.orders.{show}.{name}", lang)


def published_marks(show: str, lang: str) -> "list[Mark]":
    """The papers' errors of a table."""
    from resnet.charts.orders import Mark

    return [Mark(label(show, row.name, lang), depth, error, error, error, row.cite)
            for row in SHOWS[show] for depth, error in ((110, row.error110), (164, row.error164))
            if error is not None]


def our_marks(found: list[OrderRuns], lang: str) -> "list[Mark]":
    """Our errors, with the seeds' range."""
    from resnet.charts.orders import Mark

    return [Mark(label("orders", one.order, lang), 20, one.mean, min(one.errors), max(one.errors),
                 text("compare.orders.ours", lang, n=len(one.runs))) for one in found]


def drawings(lang: str) -> str:
    """Each order's block, drawn from the trace of a net that has it."""
    drawn = maps({label("orders", row.name, lang): _drawing(row, lang) for row in ORDER_ERRORS})
    return f'<h3>{escape(text("compare.orders.drawn", lang))}</h3><div class="orders">{drawn}</div>'


def _drawing(row: OrderError, lang: str) -> str:
    return block_map(trace("resnet20_cifar", order=row.name), "layer1.1", lang)


def below(marks: "list[Mark]", found: list[OrderRuns], lang: str) -> str:
    """The source line, the marks as a table and as a file."""
    columns = ("detail", "net", "error", "low", "high", "source")
    rows = [[mark.label, f"ResNet-{mark.depth}", mark.error, *_range(mark), mark.source] for mark in marks]
    source = text("compare.orders.source", lang, published="; ".join(dict.fromkeys(
        mark.source for mark in marks if mark.depth > 20)))
    if found:
        info, counts = found[0].runs[0].info, [len(one.runs) for one in found]
        source += " " + text("compare.orders.source_ours", lang, epochs=info.recipe["epochs"],
                             seeds="–".join(map(str, sorted({min(counts), max(counts)}))),
                             hardware=machine(info.hardware, lang),
                             files=", ".join(run.source for one in found for run in one.runs[:1]))
    heads = [text(f"compare.orders.columns.{column}", lang) for column in columns]
    digits = [[f"{cell:.2f}" if isinstance(cell, float) else cell for cell in row] for row in rows]  # as the papers
    table = numbers_table(heads, digits, text("compare.panels.orders", lang))
    return below_html(source, table, ("orders.csv", csv_text(columns, rows)), lang)


def _range(mark: "Mark") -> tuple:
    """Lowest and highest, which the papers do not print."""
    return (mark.low, mark.high) if mark.low < mark.high else ("", "")
