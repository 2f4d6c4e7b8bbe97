"""A race's layers while they learn, as heat maps: a column for every look, a row for every layer, from the image."""

from collections.abc import Sequence
from math import isfinite, log10

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from resnet.charts.style import layout, shade, titled
from resnet.charts.surface import COLOURS
from resnet.config import net_title
from resnet.lab.race_layers import LayerState
from resnet.lab.race_log import Race
from resnet.util.text import text

MEASURES = ("norm", "cosine", "ratio")  # fields of LayerState
LINEAR = {"cosine"}


def layers_chart(race: Race, measure: str, lang: str = "en") -> go.Figure:
    """One measure of both nets' layers, with colours that mean the same in both."""
    depth = race.settings.depth
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.04,
                           subplot_titles=[f"<b>{net_title(plain, depth)}</b>" for plain in (True, False)])
    figure.update_layout(layout(400))
    span = _span(race.layers, measure)
    for column, plain in enumerate((True, False), 1):
        states = [state for state in race.layers if state.plain == plain and getattr(state, measure) is not None]
        figure.add_trace(_map(states, measure, span, lang), row=1, col=column)
    for plain in (True, False):
        figure.update_annotations(font={"size": 13, "color": shade(plain, depth)},
                                  selector={"text": f"<b>{net_title(plain, depth)}</b>"})
    figure.update_xaxes(**layout()["xaxis"] | {"showgrid": False, "type": "category", "nticks": 4, "tickangle": 0})
    figure.update_yaxes(**layout()["yaxis"] | {"showgrid": False, "autorange": "reversed", "showticklabels": False})
    figure.update_xaxes(title=text("compare.race.layers.step", lang))
    figure.update_yaxes(title=text("compare.race.layers.layer", lang), col=1)
    figure.update_layout(margin={"l": 30, "r": 64, "t": 62}, hovermode="closest",
                         coloraxis={"colorscale": COLOURS, "cmin": span[0], "cmax": span[1],
                                    "colorbar": _bar(measure, span)})
    return titled(figure, text(f"compare.race.layers.{measure}", lang))


def _map(states: Sequence[LayerState], measure: str, span: tuple[float, float], lang: str) -> go.Heatmap:
    columns = list(dict.fromkeys(state.iteration for state in states))
    layers = list(dict.fromkeys(state.layer for state in states))
    values = {(state.layer, state.iteration): getattr(state, measure) for state in states}
    rows = [[values[layer, iteration] for iteration in columns] for layer in layers]
    return go.Heatmap(x=[str(iteration - 1) for iteration in columns], y=layers, coloraxis="coloraxis",
                      z=[[_height(value, measure, span) for value in row] for row in rows], customdata=rows,
                      hovertemplate=text("compare.race.layers.hover", lang, layer="%{y}", step="%{x}",
                                         value="%{customdata:.3g}") + "<extra></extra>")


def _span(states: Sequence[LayerState], measure: str) -> tuple[float, float]:
    """What the colours span; cosines from 0, which is where gradients are unlike."""
    if measure in LINEAR:
        return 0.0, 1.0
    found = [log10(value) for state in states if (value := getattr(state, measure)) and isfinite(value)]
    return min(found, default=0.0), max(found, default=1.0)


def _height(value: float, measure: str, span: tuple[float, float]) -> float | None:
    """None, a hole, for what is no number once a net has run away."""
    if not isfinite(value):
        return None
    return max(value, 0.0) if measure in LINEAR else log10(value) if value > 0 else span[0]


def _bar(measure: str, span: tuple[float, float]) -> dict:
    """Ticks at values, not at their logarithms."""
    if measure in LINEAR:
        return {"thickness": 12}
    steps = (1, 2, 5) if span[1] - span[0] < 2 else (1, 3)
    ticks = [power + log10(step) for power in range(int(span[0]) - 1, int(span[1]) + 2) for step in steps
             if span[0] <= power + log10(step) <= span[1]]
    return {"thickness": 12, "tickvals": ticks, "ticktext": [f"{10**tick:.2g}" for tick in ticks]}
