"""Where do BN, ReLU and the addition go? The five orders drawn, published errors, and our own runs."""

from dataclasses import dataclass

from resnet.ui.compare.layout import Charts, Drawing, Html, Knobs, Result, panel
from resnet.ui.compare.orders_summary import (
    SHOWS,
    below,
    drawings,
    label,
    lead,
    numbers,
    our_marks,
    our_runs,
    published_marks,
)
from resnet.ui.page.sharing import View
from resnet.util.fields import option


@dataclass(frozen=True)
class OrdersView(View):
    """show is "orders" (He et al. 2016, table 2) or "shortcuts" (table 1)."""

    show: str = option("orders", choices=tuple(SHOWS), label="compare.orders.show", titles=True)


def draw(view: OrdersView, lang: str) -> Drawing:
    """Published errors, and of the orders our own and their blocks."""
    from resnet.charts.orders import orders_chart

    found = our_runs() if view.show == "orders" else []
    published, ours = published_marks(view.show, lang), our_marks(found, lang)
    rows = [label(view.show, row.name, lang) for row in SHOWS[view.show]]
    blocks = drawings(lang) if view.show == "orders" else ""
    return Drawing(lead(view.show, lang), [orders_chart(published, ours, rows, lang)],
                   [blocks + below([*published, *ours], found, lang)], numbers=numbers(view.show, found, lang))


PANEL = panel("orders", OrdersView, draw, Result(Charts("orders"), Knobs("show"), Html()))
