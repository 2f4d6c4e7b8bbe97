"""Error by depth: a line for each family of nets that differ in depth only."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

import plotly.graph_objects as go

from resnet.charts.style import layout, shade, titled

ROOM = 0.16  # of the errors' span, above and below for the numbers
SIDE = 0.16  # of the depths' span, left and right
APART = 1.45  # of a depth, to the next that the axis names


@dataclass(frozen=True)
class Depth:
    """An error in per cent at a number of weighted layers; low and high are its seeds', or the error itself."""

    depth: int
    error: float
    low: float
    high: float


@dataclass(frozen=True)
class Family:
    """Nets of one kind: what they are called, whether they are plain, and their errors, shallow before deep."""

    name: str
    plain: bool
    errors: tuple[Depth, ...]


def depth_chart(families: Sequence[Family], title: str, axes: tuple[str, str]) -> go.Figure:
    """Errors over depth (logarithmic), each number beside its mark; a legend where there are several families.

    axes    what the horizontal and the vertical axis are called
    """
    figure = titled(go.Figure(layout=layout(330)), title)
    points = [point for family in families for point in family.errors]
    low, high = min((point.low for point in points), default=0.0), max((point.high for point in points), default=1.0)
    room = ROOM * (high - low or 1.0)
    for family in families:
        _line(figure, family, last=family == families[-1])
    depths = _ticks(sorted({point.depth for point in points}))
    ends = [log10(point.depth) for point in points] or [0.0, 1.0]
    side = SIDE * (max(ends) - min(ends))
    figure.update_xaxes(title=axes[0], type="log", tickvals=depths, ticktext=[str(depth) for depth in depths],
                        range=[min(ends) - side, max(ends) + side])
    figure.update_yaxes(title=axes[1], range=[low - room, high + room])
    figure.update_layout(hovermode="closest", margin={"r": 12, "t": 76}, showlegend=len(families) > 1,
                         legend={"x": 0, "xanchor": "left"})
    return figure


def _ticks(depths: list[int]) -> list[int]:
    """Those far enough from the one before to be named on the axis."""
    kept: list[int] = []
    for depth in depths:
        if not kept or depth > APART * kept[-1]:
            kept.append(depth)
    return kept


def _line(figure: go.Figure, family: Family, last: bool) -> None:
    colour = shade(family.plain, family.errors[-1].depth)
    figure.add_scatter(
        x=[point.depth for point in family.errors], y=[point.error for point in family.errors], name=family.name,
        mode="lines+markers+text", text=[f"{point.error:.2f}" for point in family.errors],
        textposition=_sides(family, last), cliponaxis=False,
        error_y={"type": "data", "symmetric": False, "array": [point.high - point.error for point in family.errors],
                 "arrayminus": [point.error - point.low for point in family.errors], "color": colour},
        line={"color": colour, "width": 2}, marker={"color": colour, "size": 8},
        hovertemplate=f"{family.name}, %{{x}}: %{{y:.2f}} %<extra></extra>")


def _sides(family: Family, last: bool) -> list[str]:
    """Where the numbers stand: those of plain nets above, of residual ones below their falling line, unless another
    line begins there."""
    if family.plain:
        return ["top center"] * len(family.errors)
    return ["bottom left"] * (len(family.errors) - 1) + ["bottom left" if last else "top right"]
