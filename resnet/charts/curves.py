"""Training curves of recorded runs: a line per net, its seeds as a band."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import plotly.graph_objects as go

from resnet.charts.style import MUTED, layout, shade
from resnet.papers.tables import Published
from resnet.training.runs import Series
from resnet.util.text import text

SPLITS = (("train", "dash", 1.6, 0.09), ("test", "solid", 2.6, 0.2))  # stroke, width, opacity of the seeds' band
EARLY = 1 / 3  # of all epochs, whose heights the vertical range leaves out
LINE = 0.06  # of the vertical range, for a line of a label: enough on a phone, whose legend leaves less height
TICK = 0.035  # of the horizontal range, for a published figure at its right end


@dataclass(frozen=True)
class Axes:
    """What is drawn against what.

    metric      "error" in per cent or "loss" in nats
    x           "epoch", "iteration" or "seconds" (drawn in minutes)
    smoothing   weight of the past in the exponential mean, 0 to below 1; the curve itself stays, faintly
    whole       the vertical range holds the first third of the epochs too
    """

    metric: str = "error"
    x: str = "epoch"
    smoothing: float = 0.0
    whole: bool = False

    def places(self, series: Series) -> list[float]:
        """Mean over the seeds of where the epochs end."""
        return [value / (60 if self.x == "seconds" else 1) for value in series.mean(self.x)]


def curves(nets: Sequence[Series], axes: Axes = Axes(), lang: str = "en") -> go.Figure:
    """Training (dashed) and test (solid) curves, seeds averaged, and the papers' final test errors as ticks."""
    figure = go.Figure(layout=layout())
    for series in nets:
        for split, dash, width, shading in SPLITS:
            _band(figure, series, split, axes, shading)
            _curve(figure, series, split, axes, lang, {"dash": dash, "width": width})
    ends = [place for series in nets for place in (axes.places(series)[0], axes.places(series)[-1])] or [0, 1]
    printed = _ticks(figure, nets, axes, (min(ends), max(ends)), lang)
    top = _top(nets, axes, printed)
    _legend(figure, nets, axes, bool(printed), lang)
    _direct_labels(figure, nets, axes, (max(ends), top), lang)
    if top < _top(nets, replace(axes, whole=True), printed):
        figure.add_annotation(x=1, xref="paper", y=1, yref="paper", xanchor="right", yanchor="top", showarrow=False,
                              text=text("charts.cut", lang), font={"size": 12})
    figure.update_xaxes(title=text(f"charts.{axes.x}", lang), range=[min(ends), max(ends)])
    figure.update_yaxes(title=text(f"charts.{axes.metric}", lang), range=[0, top])
    return figure


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """Exponential mean of what came so far: each value counts `weight` times the next one."""
    past = total = 0.0
    out = []
    for value in values:
        past, total = weight * past + value, weight * total + 1
        out.append(past / total)
    return out


def _curve(figure: go.Figure, series: Series, split: str, axes: Axes, lang: str, line: dict) -> None:
    """The mean of the seeds; its own numbers are told on hovering, smoothed or not."""
    values, colour = series.mean(f"{split}_{axes.metric}"), shade(series.plain, series.depth)
    name = f"{series.label(lang)}, {text(f'charts.{split}', lang)}"
    if axes.smoothing:
        figure.add_scatter(x=axes.places(series), y=values, mode="lines", showlegend=False, hoverinfo="skip",
                           opacity=0.3, line={"color": colour, "width": 1, "dash": line["dash"]})
    figure.add_scatter(x=axes.places(series), y=smoothed(values, axes.smoothing), name=name, customdata=values,
                       mode="lines", showlegend=False, line={"color": colour} | line,
                       hovertemplate=f"{name}: %{{customdata:.3g}}<extra></extra>")


def _band(figure: go.Figure, series: Series, split: str, axes: Axes, shading: float) -> None:
    """From the lowest to the highest seed."""
    if len(series.runs) == 1:
        return
    values, places = series.values(f"{split}_{axes.metric}"), axes.places(series)
    red, green, blue = (int(shade(series.plain, series.depth)[i:i + 2], 16) for i in (1, 3, 5))
    figure.add_scatter(
        x=[*places, *reversed(places)], y=[*map(max, values), *map(min, reversed(values))], mode="none",
        fill="toself", fillcolor=f"rgba({red}, {green}, {blue}, {shading})", showlegend=False, hoverinfo="skip")


def _ticks(figure: go.Figure, nets: Sequence[Series], axes: Axes, span: tuple, lang: str) -> list[Published]:
    """A short line at the right edge for each net whose final error a paper prints."""
    found = []
    for series in nets:
        row = series.printed if axes.metric == "error" else None
        if row and row not in found:
            found.append(row)
            figure.add_scatter(
                x=[span[1] - TICK * (span[1] - span[0]), span[1]], y=[row.value] * 2, mode="lines", showlegend=False,
                line={"color": shade(series.plain, series.depth), "width": 5},
                hovertemplate=f"{series.title}, {row.cite}: {row.value:.2f} %<extra></extra>")
    return found


def _top(nets: Sequence[Series], axes: Axes, printed: Sequence[Published]) -> float:
    """Upper end of the vertical range: never below what a net ends with."""
    heights = [row.value for row in printed]
    for series in nets:
        first = 0 if axes.whole else int(series.epochs * EARLY)
        heights += [max(values) for split, *_ in SPLITS for values in series.values(f"{split}_{axes.metric}")[first:]]
    return 1.04 * max(heights, default=1)


def _legend(figure: go.Figure, nets: Sequence[Series], axes: Axes, ticks: bool, lang: str) -> None:
    """What the strokes mean; the nets are named at their curves."""
    bands = any(len(series.runs) > 1 for series in nets)
    for name, shown, width, opacity in (("test", True, 2, 1), ("train", True, 2, 1), ("band", bands, 9, 0.3),
                                        ("raw", axes.smoothing > 0, 1, 0.5), ("printed", ticks, 5, 1)):
        if shown:
            figure.add_scatter(x=[None], y=[None], mode="lines", name=text(f"charts.{name}_legend", lang),
                               opacity=opacity, line={"color": MUTED, "width": width,
                                                      "dash": "dash" if name == "train" else "solid"})


def _direct_labels(figure: go.Figure, nets: Sequence[Series], axes: Axes, corner: tuple, lang: str) -> None:
    """Names and final test figures in the right margin, pushed apart; a dotted line leads there from a shorter run."""
    (right, top), unit = corner, " %" if axes.metric == "error" else ""
    taken = -top  # up to which height
    for series in sorted(nets, key=lambda series: series.final(f"test_{axes.metric}")):
        value, end = series.final(f"test_{axes.metric}"), axes.places(series)[-1]
        colour = shade(series.plain, series.depth)
        lines = [*re.split(r" (?=\()|(?=（)", series.label(lang)), f"{value:.3g}{unit}"]
        half = LINE * top * len(lines) / 2
        middle = max(value, taken + half)
        taken = middle + half
        if end < right:
            figure.add_scatter(x=[end, right], y=[value] * 2, mode="lines", showlegend=False, hoverinfo="skip",
                               opacity=0.7, line={"color": colour, "width": 1.2, "dash": "dot"})
        figure.add_annotation(
            x=right, y=middle, xanchor="left", xshift=8, showarrow=False, align="left",
            text="<br>".join(f"<b>{line}</b>" for line in lines), font={"color": colour, "size": 13})
