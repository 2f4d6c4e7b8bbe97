"""The training losses of a race, as far as it went."""

from collections.abc import Sequence
from math import isnan

import plotly.graph_objects as go

from resnet.charts.style import layout, shade
from resnet.config import net_title
from resnet.lab.race_log import Race
from resnet.util.numbers import readable
from resnet.util.text import text

End = tuple[tuple[float, float], str, str]  # of a line: its last point, its name, its colour
POINTS = 400  # a line; a longer one is thinned
NAME = 0.15  # of the plot's height: a name of two lines
TOP = 3.0  # nats; guessing among ten classes costs 2.3, and a net that runs away would hide the rest


def race_chart(race: Race, lang: str = "en") -> go.Figure:
    """Training loss in nats (mean of the last 25 batches) by iteration, both nets dashed and labelled at their ends."""
    figure = go.Figure(layout=layout(380))
    step = max(1, -(-len(race.laps) // POINTS))
    ends: list[End] = []
    for plain in (True, False):
        points = list(zip((lap.iteration for lap in race.laps), race.losses(plain), strict=True))
        kept = [point for point in points[::-1][::step][::-1] if not isnan(point[1])]  # the last one always
        name = net_title(plain, race.settings.depth)
        colour = shade(plain, race.settings.depth)
        figure.add_scatter(x=[x for x, _ in kept], y=[y for _, y in kept], mode="lines", name=name, showlegend=False,
                           line={"color": colour, "width": 2.2, "dash": "dash"},
                           hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>")
        if kept:
            ends.append((kept[-1], f"<b>{name}</b><br><b>{kept[-1][1]:.3g}</b>", colour))
    last = race.laps[-1].iteration if race.laps else 0
    top, highest = 1.04 * min(TOP, _highest(race)), _highest(race)
    for (x, y), told, colour in _apart(ends, top):
        figure.add_annotation(x=x, y=y, text=told, xanchor="left", xshift=8, showarrow=False, align="left",
                              font={"color": colour, "size": 13})
    if highest > top:
        figure.add_annotation(text=text("compare.race.cut", lang, top=f"{TOP:g}", highest=readable(highest)), x=0, y=1,
                              xref="paper", yref="paper", xanchor="left", yanchor="bottom", showarrow=False)
    figure.update_xaxes(title=text("charts.iteration", lang), range=[1, max(50, last)])
    figure.update_yaxes(title=text("charts.train_loss", lang), range=[0, top])
    return figure


def _highest(race: Race) -> float:
    losses = [loss for plain in (True, False) for loss in race.losses(plain) if not isnan(loss)]
    return max([2.4, *losses])


def _apart(ends: Sequence[End], top: float) -> list[End]:
    """Where the names stand: at their lines' ends, pushed apart where these are near, inside the plot."""
    inside: list[End] = [((x, min(y, top)), told, colour) for (x, y), told, colour in ends]
    inside.sort(key=lambda end: end[0][1])
    if len(inside) < 2:
        return inside
    (low, *_), (high, *_) = inside
    half = NAME * top / 2
    middle = min(max((low[1] + high[1]) / 2, half), top - half)
    heights = min(low[1], middle - half), max(high[1], middle + half)
    return [((x, height), told, colour) for ((x, _), told, colour), height in zip(inside, heights, strict=True)]
