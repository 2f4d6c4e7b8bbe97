"""Accuracy against cost: published top-1 over multiply-adds, parameters as area; and what a shortcut is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

import plotly.graph_objects as go

from resnet.charts.placing import Disc, place_names
from resnet.charts.style import MUTED, SHADES, layout, row_labels
from resnet.config import variant_title
from resnet.papers.released import Released
from resnet.papers.tables import Published
from resnet.util.text import text

HEIGHT, MARGIN = 560, {"l": 56, "r": 24, "t": 16, "b": 52}
WIDTHS = (566, 730, 908)  # pixels inside the axes on pages of 1024, 1200 and 1440, the narrowest with names first
COSTS = (log10(0.22), log10(26))
AREA = 9.0  # square pixels of marker per million parameters
RESIDUAL, PLAIN = SHADES[False][1], SHADES[True][1]


@dataclass(frozen=True)
class Point:
    """A net in the figure; macs are multiply-adds at its own size."""

    entry: Released
    macs: int

    @property
    def colour(self) -> str:
        return RESIDUAL if self.entry.family == "residual" else MUTED


def accuracy_chart(points: Sequence[Point], before: Sequence[Point] = (), lang: str = "en") -> go.Figure:
    """Filled discs for `points`, diamonds for those whose weights were ported, rings for the same nets by an older
    recipe (`before`), joined to theirs."""
    figure = go.Figure(layout=layout(HEIGHT))
    for point in before:
        _stem(figure, point, points)
    ports = [point for point in points if point.entry.origin != "own"]
    _discs(figure, before, "circle-open", "", lang)
    _discs(figure, [point for point in points if point not in ports], "circle", "own" if ports else "", lang)
    _discs(figure, ports, "diamond", "ported", lang)
    shown = [point.entry.accuracy for point in (*points, *before)]
    span = (min(shown) - 1.6, max(shown) + 1.6)
    _names(figure, points, span)
    figure.update_xaxes(title=text("charts.gmacs", lang), type="log", tickvals=[0.3, 0.5, 1, 2, 5, 10, 20], range=COSTS)
    figure.update_yaxes(title=text("charts.top1", lang), range=span)
    figure.update_layout(hovermode="closest", margin=MARGIN | {"t": 40 if ports else MARGIN["t"]},
                         legend={"itemsizing": "constant"})
    return figure


def shortcut_chart(rows: Sequence[Published], lang: str = "en") -> go.Figure:
    """A line per net: its error with its shortcuts and, where it was published, without them."""
    figure = go.Figure(layout=layout(310))
    names = list(dict.fromkeys(row.variant for row in rows))
    for variant in names:
        pair = [row.value for row in rows if row.variant == variant]
        if len(pair) == 2:
            figure.add_scatter(x=pair, y=[variant_title(variant)] * 2, mode="lines", showlegend=False, hoverinfo="skip",
                               line={"color": MUTED, "width": 2})
    for removed, colour in ((False, RESIDUAL), (True, PLAIN)):
        shown = [row for row in rows if (row.shortcut == "none") == removed]
        label = text(f"compare.accuracy.{'removed' if removed else 'kept'}", lang)
        figure.add_scatter(
            x=[row.value for row in shown], y=[variant_title(row.variant) for row in shown], mode="markers+text",
            name=label, text=[f"{row.value:.1f} %" for row in shown], textposition="bottom center",
            marker={"color": colour, "size": 12}, hoverinfo="text",
            hovertext=[f"{label}: {row.value:.1f} %, {row.cite}" for row in shown])
    figure.update_xaxes(title=text("charts.top1_error", lang), range=[20, 33])
    row_labels(figure, [variant_title(name) for name in names], first=-0.8)
    figure.update_layout(hovermode="closest")
    return figure


def _discs(figure: go.Figure, shown: Sequence[Point], symbol: str, name: str, lang: str) -> None:
    """One kind of marker; named in the legend, where it has a name."""
    if shown:
        figure.add_scatter(
            x=[point.macs / 1e9 for point in shown], y=[point.entry.accuracy for point in shown], mode="markers",
            marker={"size": [_diameter(point) for point in shown], "color": [point.colour for point in shown],
                    "symbol": symbol, "opacity": 1 if symbol == "circle-open" else 0.72, "line": {"width": 1.5}},
            name=text(f"charts.{name}", lang) if name else "", showlegend=bool(name),
            hovertext=[_hover(point, lang) for point in shown], hoverinfo="text")


def _names(figure: go.Figure, points: Sequence[Point], span: tuple[float, float]) -> None:
    """Each net's name beside its disc, on a short line where there is no room next to it."""
    discs = tuple(Disc(point.entry.name, (log10(point.macs / 1e9) - COSTS[0]) / (COSTS[1] - COSTS[0]),
                       (span[1] - point.entry.accuracy) / (span[1] - span[0]), _diameter(point) / 2)
                  for point in points)
    for point, place in zip(points, place_names(discs, WIDTHS, HEIGHT - MARGIN["t"] - MARGIN["b"]), strict=True):
        there = ({"showarrow": True, "ax": place.dx, "ay": place.dy, "arrowhead": 0, "arrowwidth": 1,
                  "arrowcolor": MUTED, "standoff": _diameter(point) / 2}
                 if place.line else {"showarrow": False, "xshift": place.dx, "yshift": -place.dy})
        figure.add_annotation(x=log10(point.macs / 1e9), y=point.entry.accuracy, text=point.entry.name,
                              font={"size": 12, "color": point.colour}, **there)


def _stem(figure: go.Figure, point: Point, points: Sequence[Point]) -> None:
    """A thin line from a net's ring to its disc."""
    for other in points:
        if other.entry.name == point.entry.name:
            figure.add_scatter(x=[point.macs / 1e9, other.macs / 1e9], mode="lines", showlegend=False,
                               y=[point.entry.accuracy, other.entry.accuracy], hoverinfo="skip",
                               line={"color": MUTED, "width": 1, "dash": "dot"})


def _diameter(point: Point) -> float:
    return 2 * (AREA * point.entry.params / 1e6 / 3.14159) ** 0.5


def _hover(point: Point, lang: str) -> str:
    entry = point.entry
    return text("charts.accuracy_hover", lang, name=entry.name, accuracy=f"{entry.accuracy:.1f}",
                macs=f"{point.macs / 1e9:.3g}", params=f"{entry.params / 1e6:.3g}", pixels=entry.pixels,
                origin=text(f"compare.accuracy.origin_{entry.origin}", lang))
