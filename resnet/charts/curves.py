"""Training curves of recorded runs."""

from collections.abc import Sequence

import plotly.graph_objects as go

from resnet.charts.style import MUTED, layout, shade
from resnet.runs import Run
from resnet.text import text


def curves(runs: Sequence[Run], metric: str = "error", axis: str = "epoch", lang: str = "en") -> go.Figure:
    """Training (dashed) and test (solid) curves of recorded runs.

    Args:
        metric: "error" in per cent or "loss" in nats.
        axis: "epoch", "iteration" or "seconds" (drawn in minutes).
    """
    figure = go.Figure(layout=layout())
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
                           line={"color": MUTED, "dash": dash, "width": 2})


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

