"""Tidy numbers -> plotly figures, all in one visual language.

Colour is the kind of net, shade its depth; dashed is training, solid is test. Figures are
transparent and their inks are mapped to the page's by style.css, so one figure serves both modes.
"""

from collections.abc import Sequence

import plotly.graph_objects as go

from resnet.runs import Run
from resnet.text import text

# Shallow, middle, deep. style.css lightens the same colours in dark mode: change them together.
SHADES = {False: ("#4a9bd1", "#0072b2", "#024c78"), True: ("#e58a3c", "#d55e00", "#933f00")}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', sans-serif"
INK = "#1a202c"


def shade(plain: bool, depth: int) -> str:
    """The colour of a net: its kind's hue, darker when deeper."""
    return SHADES[plain][0 if depth <= 32 else 1 if depth < 56 else 2]


def curves(runs: Sequence[Run], metric: str = "error", axis: str = "epoch", lang: str = "en") -> go.Figure:
    """Training (dashed) and test (solid) curves of recorded runs.

    Args:
        metric: "error" in per cent or "loss" in nats.
        axis: "epoch", "iteration" or "seconds" (drawn in minutes).
    """
    figure = go.Figure(layout=_layout())
    scale = 60 if axis == "seconds" else 1
    for run in runs:
        x = [getattr(row, axis) / scale for row in run.rows]
        for split, dash, width in (("train", "dash", 1.6), ("test", "solid", 2.6)):
            y = [getattr(row, f"{split}_{metric}") for row in run.rows]
            name = f"{run.title}, {text(f'charts.{split}', lang)}"
            figure.add_scatter(
                x=x, y=y, name=name, mode="lines", showlegend=False,
                line={"color": shade(run.plain, run.depth), "dash": dash, "width": width},
                hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>")
    _split_legend(figure, lang)
    _direct_labels(figure, runs, metric, axis, scale, lang)
    ends = [getattr(row, axis) / scale for run in runs for row in (run.rows[0], run.rows[-1])] or [0, 1]
    figure.update_xaxes(title=text(f"charts.{axis}", lang), range=[min(ends), max(ends)])
    figure.update_yaxes(title=text(f"charts.{metric}", lang), rangemode="tozero")
    return figure


def _split_legend(figure: go.Figure, lang: str) -> None:
    """What dashed and solid mean; the nets are named at their curves."""
    for split, dash in (("test", "solid"), ("train", "dash")):
        figure.add_scatter(x=[None], y=[None], mode="lines", name=text(f"charts.{split}_legend", lang),
                           line={"color": "#75889a", "dash": dash, "width": 2})


def _direct_labels(figure: go.Figure, runs: Sequence[Run], metric: str, axis: str, scale: float, lang: str) -> None:
    """The final test figures at the right end of their curves, pushed apart where they would collide."""
    if not runs:
        return
    top = max(getattr(row, f"{split}_{metric}") for run in runs for row in run.rows for split in ("train", "test"))
    gap, floor = top * 0.1, -top
    unit = " %" if metric == "error" else ""
    for run in sorted(runs, key=lambda run: getattr(run.final, f"test_{metric}")):
        value = getattr(run.final, f"test_{metric}")
        floor = max(value, floor + gap)
        figure.add_annotation(
            x=getattr(run.final, axis) / scale, y=floor, xanchor="left", xshift=8, showarrow=False,
            text=f"<b>{run.title}</b><br><b>{value:.3g}{unit}</b>", align="left",
            font={"color": shade(run.plain, run.depth), "size": 13})


def _layout() -> dict:
    axis = {"showgrid": True, "gridcolor": "#e6eaee", "zeroline": False, "showline": False, "ticks": "",
            "fixedrange": False, "title": {"standoff": 10}}
    return {
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": INK},
        "margin": {"l": 56, "r": 96, "t": 40, "b": 52}, "height": 460, "autosize": True,
        "hovermode": "x unified", "xaxis": axis, "yaxis": axis | {"ticksuffix": ""},
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom", "font": {"size": 12},
                   "itemclick": False, "itemdoubleclick": False},
        "dragmode": "zoom",
    }
