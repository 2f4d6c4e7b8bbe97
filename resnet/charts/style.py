"""What all figures share: colours, font and layout.

Figures are transparent and their inks are mapped to the page's by style.css, so one figure serves both modes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Shallow, middle, deep. style.css lightens the same colours in dark mode: change them together.
SHADES = {False: ("#4a9bd1", "#0072b2", "#034c78"), True: ("#e58a3c", "#d55e00", "#933f00")}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', sans-serif"
INK = "#1a202c"
MUTED = "#75889a"  # reference lines, laws, and what is neither residual nor plain


def shade(plain: bool, depth: int) -> str:
    """The colour of a net: its kind's hue, darker when deeper."""
    return SHADES[plain][0 if depth <= 32 else 1 if depth < 56 else 2]


def row_labels(figure: "go.Figure", rows: Sequence[str], first: float) -> None:
    """Names of rows inside the plot, above their lines, so that a phone's width is left to the numbers."""
    for row in rows:
        figure.add_annotation(xref="paper", x=0, y=row, text=row, xanchor="left", yshift=13, showarrow=False,
                              font={"size": 12, "color": INK})
    figure.update_yaxes(showticklabels=False, range=[len(rows) - 0.45, first])
    figure.update_layout(margin={"l": 16, "r": 24})


def layout(height: int = 460) -> dict:
    """The look of every figure: thin grid, no frame, a legend above the right end."""
    axis = {"showgrid": True, "gridcolor": "#e6eaee", "zeroline": False, "showline": False, "ticks": "",
            "fixedrange": False, "title": {"standoff": 10}}
    return {
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": INK},
        "margin": {"l": 56, "r": 96, "t": 40, "b": 52}, "height": height, "autosize": True,
        "hovermode": "x unified", "xaxis": axis, "yaxis": axis | {"ticksuffix": ""},
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom", "font": {"size": 12},
                   "itemclick": False, "itemdoubleclick": False},
        "dragmode": "zoom",
    }


def titled(figure: "go.Figure", title: str) -> "go.Figure":
    """A figure among several says what it shows; returns the figure."""
    figure.update_layout(title={"text": title, "font": {"size": 14}, "x": 0, "xref": "container", "y": 1,
                                "yref": "container", "yanchor": "top", "pad": {"t": 6, "l": 2}})
    return figure
