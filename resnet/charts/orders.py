"""Errors of nets that differ in one detail: a row per detail, a mark per depth, published or recorded here."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from resnet.charts.style import layout, row_labels, shade
from resnet.util.text import text

MARGIN = 0.15  # of the errors' span, on either side for the outermost numbers
NUMBER = 0.25  # of the axis, the room of a number on a phone
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


def orders_chart(published: Sequence[Mark], ours: Sequence[Mark], rows: Sequence[str], lang: str = "en") -> go.Figure:
    """rows are the labels from top to bottom; a row without a mark stays empty.

    Where there are marks of ours they have an axis beside that of the published ones: nets so much shallower and
    trained so much shorter err twice as often, and on one axis neither could be read.
    """
    columns = [marks for marks in (published, ours) if marks]
    titles = [text("charts.published", lang), text("charts.recorded", lang)] if len(columns) > 1 else None
    figure = make_subplots(cols=len(columns), shared_yaxes=True, horizontal_spacing=0.06, subplot_titles=titles)
    figure.update_layout(layout(110 + 48 * len(rows)))
    figure.update_annotations(font={"size": 13}, yshift=2)
    for column, marks in enumerate(columns, 1):
        _marks(figure, marks, column)
        figure.update_xaxes(range=_range(marks), col=column)
    grid = layout()["xaxis"]
    title = text("compare.orders.columns.error" if titles else "charts.cifar_error", lang)  # two must fit a phone
    figure.update_xaxes(**grid | {"nticks": 5, "title": {"text": title, "standoff": 10}})
    figure.update_yaxes(**grid | {"categoryorder": "array", "categoryarray": list(rows)})
    row_labels(figure, rows, first=-0.7)
    figure.update_layout(hovermode="closest", legend={"y": 1.1} if titles else {})
    return figure


def _marks(figure: go.Figure, marks: Sequence[Mark], column: int) -> None:
    for depth in sorted({mark.depth for mark in marks}):
        shown = [mark for mark in marks if mark.depth == depth]
        figure.add_scatter(
            x=[mark.error for mark in shown], y=[mark.label for mark in shown], mode="markers+text",
            name=f"ResNet-{depth}", text=[f"{mark.error:.2f}" for mark in shown],
            textposition=[_below(mark, marks) for mark in shown],
            error_x={"type": "data", "symmetric": False, "array": [mark.high - mark.error for mark in shown],
                     "arrayminus": [mark.error - mark.low for mark in shown], "color": shade(False, depth)},
            marker={"color": shade(False, depth), "size": 11, "symbol": SYMBOLS.get(depth, "circle")},
            hovertext=[f"{mark.error:.2f} %, {mark.source}" for mark in shown], hoverinfo="text", row=1, col=column)


def _below(mark: Mark, marks: Sequence[Mark]) -> str:
    """Where the number stands: below its mark, aside from a row's other mark that is too close."""
    low, high = _range(marks)
    near = [other.error for other in marks if other.label == mark.label
            and 0 < abs(other.error - mark.error) < NUMBER * (high - low)]
    if not near:
        return "bottom center"
    return "bottom left" if mark.error < near[0] else "bottom right"


def _range(marks: Sequence[Mark]) -> list[float]:
    low, high = min(mark.low for mark in marks), max(mark.high for mark in marks)
    room = MARGIN * (high - low or 1.0)
    return [low - room, high + room]
