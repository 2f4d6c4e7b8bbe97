"""Where do BN, ReLU and the addition go? The five orders drawn, published errors, and our own runs."""

from dataclasses import dataclass

import gradio as gr

from resnet.papers.tables import ORDER_ERRORS, SHORTCUT_ERRORS, OrderError
from resnet.tracing.block_diagram import block_map
from resnet.tracing.trace import trace
from resnet.training.recipe import Recipe
from resnet.training.runs import Run, recorded, to_csv
from resnet.ui.compare.frame import Frame, below_html, heading_html, numbers_table
from resnet.ui.page.language import language, word
from resnet.ui.page.panel import Tab
from resnet.ui.page.sharing import parse_controls, to_query
from resnet.ui.wall.guard import guarded_view
from resnet.util.errors import InputError
from resnet.util.html import escape
from resnet.util.numbers import machine
from resnet.util.text import text

SHOWS = {"orders": ORDER_ERRORS, "shortcuts": SHORTCUT_ERRORS}
DATA = "cifar10"


@dataclass(frozen=True)
class OrdersView:
    """show is "orders" (He et al. 2016, table 2) or "shortcuts" (table 1)."""

    show: str = "orders"

    def __post_init__(self):
        if self.show not in SHOWS:
            raise InputError("choice", field="show", value=self.show, allowed=", ".join(SHOWS))

    def defaults(self) -> dict:
        return {"show": "orders"}


@dataclass(frozen=True)
class Measured:
    """Final test errors, in per cent, of our runs with one order, a seed each."""

    order: str
    runs: tuple[Run, ...]

    @property
    def errors(self) -> list[float]:
        return [run.final.test_error for run in self.runs]

    @property
    def mean(self) -> float:
        return sum(self.errors) / len(self.errors)


def measured(runs: "tuple[Run, ...] | None" = None) -> list[Measured]:
    """Our runs of the orders: the recipe that most orders share, each order's seeds together.

    A comparison needs at least two orders by one recipe; else nothing is returned.
    """
    groups: dict[Recipe, dict[str, list[Run]]] = {}
    for run in recorded() if runs is None else runs:
        config = run.info.architecture
        if run.info.data == DATA and not config.plain and config.depth == 20:
            groups.setdefault(run.recipe, {}).setdefault(config.order, []).append(run)
    best = max(groups.values(), key=len, default={})
    return [Measured(row.name, tuple(best[row.name])) for row in ORDER_ERRORS if row.name in best] * (len(best) > 1)


@guarded_view(outputs=4)
def show_orders(show: str, request: gr.Request = None) -> tuple:
    """The control -> heading, chart, drawings and what stands under them, and the view's query string."""
    from resnet.charts.orders import orders_chart

    lang = language(request)
    view = parse_controls(OrdersView, show)
    found = measured() if view.show == "orders" else []
    published, ours = _published(view, lang), _ours(found, lang)
    rows = [_label(view.show, row.name, lang) for row in SHOWS[view.show]]
    drawings = _drawings(lang) if view.show == "orders" else ""
    return (heading_html("orders", _lead(view, found, lang), lang), orders_chart(published, ours, rows, lang),
            drawings + _below([*published, *ours], found, lang), to_query("compare", view, "orders"))


def fill(view: OrdersView, lang: str) -> list:
    return [view.show]


def build() -> Tab:
    """The components, inside the panel."""
    frame = Frame("orders")
    with frame.knobs():
        show = gr.Radio([(word(f"compare.orders.show_{name}"), name) for name in SHOWS], value="orders",
                        label=word("compare.orders.show"))
    with frame.result():
        chart = gr.Plot(show_label=False, elem_id="orders", elem_classes="chart")
        below = gr.HTML()
    return Tab("compare", OrdersView, [show], [*frame.outputs, chart, below], show_orders, fill, [show.input],
               panel="orders")


def verdict(found: list[Measured], lang: str) -> str:
    """Whether the seeds' spread lets our nets be ranked."""
    if not found:
        return text("compare.orders.none", lang)
    ordered = sorted(found, key=lambda one: one.mean)
    best, worst = ordered[0], ordered[-1]
    spread = max(max(one.errors) - min(one.errors) for one in found)
    apart = min(worst.errors) > max(best.errors) and worst.mean - best.mean > spread
    alone = any(len(one.errors) == 1 for one in found)
    key = "one_seed" if alone else "apart" if apart else "too_shallow"
    return text(f"compare.orders.{key}", lang, epochs=best.runs[0].info.recipe["epochs"],
                best=_label("orders", best.order, lang), best_error=f"{best.mean:.2f}",
                worst=_label("orders", worst.order, lang), worst_error=f"{worst.mean:.2f}", spread=f"{spread:.2f}")


def _lead(view: OrdersView, found: list[Measured], lang: str) -> str:
    if view.show == "shortcuts":
        return text("compare.orders.lead_shortcuts", lang)
    return f'{text("compare.orders.lead", lang)} {verdict(found, lang)}'


def _label(show: str, name: str, lang: str) -> str:
    return text(f"compare.orders.{show}.{name}", lang)


def _published(view: OrdersView, lang: str) -> list:
    from resnet.charts.orders import Mark

    return [Mark(_label(view.show, row.name, lang), depth, error, error, error, row.cite)
            for row in SHOWS[view.show] for depth, error in ((110, row.error110), (164, row.error164))
            if error is not None]


def _ours(found: list[Measured], lang: str) -> list:
    from resnet.charts.orders import Mark

    return [Mark(_label("orders", one.order, lang), 20, one.mean, min(one.errors), max(one.errors),
                 text("compare.orders.ours", lang, n=len(one.runs))) for one in found]


def _drawings(lang: str) -> str:
    """Each order's block, drawn from the trace of a net that has it."""
    parts = [f'<figure class="order"><figcaption>{escape(_label("orders", row.name, lang))}</figcaption>'
             f'<div class="scroll map" tabindex="0">{_drawing(row, lang)}</div></figure>' for row in ORDER_ERRORS]
    return f'<h3>{escape(text("compare.orders.drawn", lang))}</h3><div class="orders">{"".join(parts)}</div>'


def _drawing(row: OrderError, lang: str) -> str:
    return block_map(trace("resnet20_cifar", order=row.name), "layer1.1", lang)


def _below(marks: list, found: list[Measured], lang: str) -> str:
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
    csv = to_csv([dict(zip(columns, row, strict=True)) for row in rows])
    digits = [[f"{cell:.2f}" if isinstance(cell, float) else cell for cell in row] for row in rows]  # as the papers
    table = numbers_table(heads, digits, text("compare.panels.orders", lang))
    return below_html(source, table, ("orders.csv", csv), lang)


def _range(mark) -> tuple:
    """Lowest and highest, which the papers do not print."""
    return (mark.low, mark.high) if mark.low < mark.high else ("", "")
