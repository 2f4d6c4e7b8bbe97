"""The training losses of a race, as far as it went."""

from math import isnan

import plotly.graph_objects as go

from resnet.charts.style import layout, shade
from resnet.config import net_title
from resnet.lab.race_log import Race
from resnet.util.text import text

POINTS = 400  # a line; a longer one is thinned
TOP = 3.0  # nats; guessing among ten classes costs 2.3, and a net that runs away would hide the rest


def race_chart(race: Race, lang: str = "en") -> go.Figure:
    """Training loss in nats (mean of the last 25 batches) by iteration, both nets dashed and labelled at their ends."""
    figure = go.Figure(layout=layout(380))
    step = max(1, -(-len(race.laps) // POINTS))
    for plain in (True, False):
        points = list(zip((lap.iteration for lap in race.laps), race.losses(plain), strict=True))
        kept = [point for point in points[::-1][::step][::-1] if not isnan(point[1])]  # the last one always
        name = net_title(plain, race.settings.depth)
        colour = shade(plain, race.settings.depth)
        figure.add_scatter(x=[x for x, _ in kept], y=[y for _, y in kept], mode="lines", name=name, showlegend=False,
                           line={"color": colour, "width": 2.2, "dash": "dash"},
                           hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>")
        if kept:
            x, y = kept[-1]
            figure.add_annotation(x=x, y=min(y, TOP), text=f"<b>{name}</b><br><b>{y:.3g}</b>", xanchor="left", xshift=8,
                                  showarrow=False, align="left", font={"color": colour, "size": 13})
    last = race.laps[-1].iteration if race.laps else 0
    figure.update_xaxes(title=text("charts.iteration", lang), range=[1, max(50, last)])
    figure.update_yaxes(title=text("charts.train_loss", lang), range=[0, min(TOP, _highest(race)) * 1.04])
    return figure


def _highest(race: Race) -> float:
    losses = [loss for plain in (True, False) for loss in race.losses(plain) if not isnan(loss)]
    return max([2.4, *losses])
