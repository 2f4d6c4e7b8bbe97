"""How loud each layer is: figure 7 of He et al. 2015, of our own nets."""

from collections.abc import Sequence

import plotly.graph_objects as go

from resnet.charts.style import layout, shade
from resnet.lab.responses import Responses
from resnet.util.text import text


def responses_chart(found: Sequence[Responses], ranked: bool, lang: str = "en") -> go.Figure:
    """Standard deviation of each layer's response, by layer in order or by rank; a line per net, named at its end."""
    figure = go.Figure(layout=layout(400))
    longest = max((len(one.layers) for one in found), default=1)
    for one in found:
        rows = one.ranked if ranked else tuple(zip(one.layers, one.deviations, strict=True))
        hue = shade(one.plain, one.depth)
        figure.add_scatter(
            x=list(range(1, len(rows) + 1)), y=[value for _, value in rows], customdata=[layer for layer, _ in rows],
            mode="lines+markers", name=one.title, showlegend=False, line={"color": hue, "width": 1.6},
            marker={"color": hue, "size": 5}, hovertemplate=f"{one.title}, %{{customdata}}: %{{y:.3g}}<extra></extra>")
        figure.add_annotation(x=len(rows), y=rows[-1][1], text=f"<b>{one.title}</b>", xanchor="left", xshift=6,
                              yshift=_aside(one, longest) * ranked, showarrow=False,
                              font={"color": hue, "size": 13})
    top = max((value for one in found for value in one.deviations), default=1.0)
    figure.update_xaxes(title=text(f"compare.responses.{'rank' if ranked else 'layer'}", lang),
                        range=[0, 1.02 * longest])
    figure.update_yaxes(title=text("compare.responses.deviation", lang), range=[0, 1.05 * top])
    figure.update_layout(hovermode="closest")
    return figure


def _aside(one: Responses, longest: int) -> int:
    """Pixels upwards for a name at the end of a ranked line, beside which a deeper twin's goes on."""
    return -12 if not one.plain else 12 if len(one.layers) == longest else 28
