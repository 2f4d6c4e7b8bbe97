"""Errors of nets that differ in one detail: a row per detail, a mark per depth, published or recorded here."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from resnet.charts.style import layout, row_labels, shade
from resnet.text import text

SYMBOLS = {20: "circle", 110: "diamond", 164: "square"}


@dataclass(frozen=True)
class Mark:
    """An error in per cent at a depth; low and high are the seeds' range where there is more than one."""

    label: str
    depth: int
    error: float
    low: float
    high: float
    source: str


def orders_chart(marks: Sequence[Mark], rows: Sequence[str], lang: str = "en") -> go.Figure:
    """rows are the labels from top to bottom; a row without a mark stays empty."""
    figure = go.Figure(layout=layout(110 + 48 * len(rows)))
    for depth in sorted({mark.depth for mark in marks}):
        shown = [mark for mark in marks if mark.depth == depth]
        figure.add_scatter(
            x=[mark.error for mark in shown], y=[mark.label for mark in shown], mode="markers+text",
            name=f"ResNet-{depth}", text=[f"{mark.error:.2f}" for mark in shown], textposition="bottom center",
            error_x={"type": "data", "symmetric": False, "array": [mark.high - mark.error for mark in shown],
                     "arrayminus": [mark.error - mark.low for mark in shown], "color": shade(False, depth)},
            marker={"color": shade(False, depth), "size": 11, "symbol": SYMBOLS.get(depth, "circle")},
            hovertext=[f"{mark.error:.2f} %, {mark.source}" for mark in shown], hoverinfo="text")
    figure.update_yaxes(categoryorder="array", categoryarray=list(rows))
    row_labels(figure, rows, first=-0.7)
    figure.update_xaxes(title=text("charts.cifar_error", lang))
    figure.update_layout(hovermode="closest")
    return figure
