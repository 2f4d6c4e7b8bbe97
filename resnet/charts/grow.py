"""The arms of a deepened net while they are trained further."""

import plotly.graph_objects as go

from resnet.charts.style import layout, shade
from resnet.lab.grow import ITERATIONS, Growth
from resnet.surgery import ARMS
from resnet.util.text import text

DASHES = {"zero": "dash", "shortcut": "dot", "dirac": "dot", "fresh": "dash"}


def growth_chart(growth: Growth, depth: int, lang: str = "en") -> go.Figure:
    """Training loss in nats of each arm's batch, by iteration, named at the ends, pushed apart where they collide."""
    figure = go.Figure(layout=layout(320))
    top = max([1.0, *(loss for losses in growth.losses.values() for loss in losses)])
    floor = -top
    for arm, losses in sorted(growth.losses.items(), key=lambda item: item[1][-1:]):
        name, colour = text(f"compare.deepen.arm_{arm}", lang), shade(ARMS[arm], depth)
        figure.add_scatter(x=list(range(1, len(losses) + 1)), y=losses, mode="lines", name=name, showlegend=False,
                           line={"color": colour, "width": 2, "dash": DASHES[arm]},
                           hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>")
        if losses:
            floor = max(losses[-1], floor + 0.1 * top)
            figure.add_annotation(x=len(losses), y=floor, text=f"<b>{name}</b>", xanchor="left", xshift=8,
                                  showarrow=False, font={"color": colour, "size": 13})
    figure.update_xaxes(title=text("charts.iteration", lang), range=[1, ITERATIONS])
    figure.update_yaxes(title=text("charts.train_loss", lang), range=[0, 1.04 * top])
    figure.update_layout(margin={"r": 132})
    return figure
