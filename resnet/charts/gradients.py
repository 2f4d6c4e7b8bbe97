"""Gradients of convolutional nets: the norm layer by layer, and the likeness of two images' gradients by depth."""

from collections.abc import Sequence
from math import ceil, floor, log10

import plotly.graph_objects as go

from resnet.charts.style import MUTED, layout, shade, titled
from resnet.lab.gradients import Gradients
from resnet.util.text import text

NAMED = 20  # layers from which on there is room for a name


def norms_chart(found: Sequence[Gradients], lang: str = "en") -> go.Figure:
    """L2 norm of each 3x3 kernel's gradient, counted from the loss backwards: a line ends at a net's first layer."""
    figure = go.Figure(layout=layout(380))
    for one in found:
        hue = shade(one.net.plain, one.net.depth)
        figure.add_scatter(
            x=list(range(1, len(one.norms) + 1)), y=one.norms[::-1], mode="lines", name=one.net.title,
            showlegend=False, line={"color": hue, "width": 2}, customdata=one.layers[::-1],
            hovertemplate=f"{one.net.title}, %{{customdata}}: %{{y:.3g}}<extra></extra>")
        if one.net.depth >= NAMED:
            figure.add_annotation(x=len(one.norms), y=log10(one.norms[0]), text=f"<b>{one.net.title}</b>",
                                  showarrow=False, font={"color": hue, "size": 12}, **_side(one, found))
    figure.update_xaxes(title=text("compare.gradients.layers_back", lang),
                        range=[0, 1.02 * max(len(one.norms) for one in found)])
    figure.update_yaxes(title=text("compare.gradients.norm", lang), type="log", exponentformat="power",
                        tickvals=_ticks([norm for one in found for norm in one.norms]))
    figure.update_layout(margin={"r": 84, "l": 62}, hovermode="closest")
    return titled(figure, text("compare.gradients.norms_title", lang))


def images_chart(found: Sequence[Gradients], lang: str = "en") -> go.Figure:
    """Mean cosine of two images' input-gradients by depth, with whiskers of two standard errors."""
    figure = go.Figure(layout=layout(380))
    for plain, name in ((True, "plain"), (False, "residual")):
        nets = [one for one in found if one.net.plain == plain]
        hue = shade(plain, 50)
        figure.add_scatter(
            x=[one.net.depth for one in nets], y=[one.correlation for one in nets], mode="lines+markers",
            name=text(f"compare.gradients.nets_{name}", lang), customdata=[one.net.title for one in nets],
            hovertemplate="%{customdata}: %{y:.3g}<extra></extra>", line={"color": hue, "width": 1.4},
            marker={"color": hue, "size": 9},
            error_y={"type": "data", "array": [2 * one.error for one in nets], "color": hue, "thickness": 1.4})
    figure.update_xaxes(title=text("compare.gradients.weighted_depth", lang), rangemode="tozero")
    figure.update_yaxes(title=text("compare.gradients.cosine", lang))
    figure.add_hline(0, line={"color": MUTED, "width": 1})
    figure.update_layout(margin={"r": 16, "l": 62, "t": 62}, hovermode="closest")
    return titled(figure, text("compare.gradients.images_title", lang))


def _side(one: Gradients, found: Sequence[Gradients]) -> dict:
    """Where a name stands: right of its line's end; left where the twin's is far below; two near ones apart."""
    twin = next((other for other in found if other.net.depth == one.net.depth and other.net != one.net), one)
    if one.norms[0] > 2 * twin.norms[0]:
        return {"xanchor": "right", "xshift": -6, "yshift": 6}
    near = twin is not one and one.norms[0] > twin.norms[0] / 2
    return {"xanchor": "left", "xshift": 6, "yshift": 0 if not near else 8 if one.norms[0] > twin.norms[0] else -8}


def _ticks(values: list[float]) -> list[float]:
    """Of a logarithmic axis: powers of ten, with 2 and 5 times them where there are few."""
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return [step * 10.0**power for power in range(low, high + 1) for step in ((1,) if high - low > 2 else (1, 2, 5))]
