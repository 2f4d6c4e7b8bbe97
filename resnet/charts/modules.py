"""Other blocks: error by cardinality at equal cost, and what factorised windows leave of a window's cost."""

from collections.abc import Sequence

import plotly.graph_objects as go

from resnet.charts.style import MUTED, SHADES, layout, row_labels, shade
from resnet.papers.modules import Cardinality, Factorised
from resnet.util.text import text


def cardinality_chart(rows: Sequence[Cardinality], lang: str = "en") -> go.Figure:
    """Published error by the number of groups, in steps; a line for each depth, named at its end."""
    figure = go.Figure(layout=layout(400))
    settings = list(dict.fromkeys((row.groups, row.width) for row in rows))
    for depth in sorted({row.depth for row in rows}):
        shown = [row for row in rows if row.depth == depth]
        colour = shade(False, depth)
        figure.add_scatter(
            x=list(range(len(shown))), y=[row.error for row in shown], mode="lines+markers+text",
            text=[f"{row.error:.1f}" for row in shown], textposition="top center", showlegend=False, cliponaxis=False,
            line={"color": colour, "width": 2}, marker={"color": colour, "size": 9}, hoverinfo="text",
            hovertext=[f"{row.groups}×{row.width}d: {row.error:.1f} %" for row in shown])
        figure.add_annotation(x=len(shown) - 1, y=shown[-1].error, xanchor="left", xshift=12, showarrow=False,
                              text=f"<b>{text('compare.modules.layers', lang, depth=depth)}</b>",
                              font={"color": colour, "size": 13})
    figure.update_xaxes(title=text("compare.modules.groups", lang), tickvals=list(range(len(settings))), tickangle=0,
                        ticktext=[f"{groups}<br>× {width}" for groups, width in settings])
    figure.update_yaxes(title=text("charts.top1_error", lang), range=[20.8, 24.4])
    figure.update_layout(hovermode="closest", margin={"r": 84, "b": 72})
    return figure


def factorised_chart(rows: Sequence[Factorised], lang: str = "en") -> go.Figure:
    """A bar for each replacement: how much of the window's cost is left, in per cent."""
    figure = go.Figure(layout=layout(120 + 56 * len(rows)))
    names = [named(row) for row in rows]
    figure.add_bar(x=[100 * row.left for row in rows], y=names, orientation="h", marker={"color": SHADES[False][1]},
                   text=[f"{100 * row.left:.0f} %" for row in rows], textposition="outside", cliponaxis=False,
                   width=0.3, hoverinfo="skip", showlegend=False)
    figure.add_vline(x=100, line={"color": MUTED, "width": 1, "dash": "dot"})
    figure.update_xaxes(title=text("compare.modules.left", lang), range=[0, 108])
    row_labels(figure, names, first=-0.75)
    figure.update_layout(hovermode="closest")
    return figure


def named(row: Factorised) -> str:
    """ "5×5 → 3×3 + 3×3"."""
    return f"{_window(row.window)} → {' + '.join(map(_window, row.parts))}"


def _window(sides: tuple[int, int]) -> str:
    return f"{sides[0]}×{sides[1]}"
