"""A loss surface as contours from above and as a relief; two nets' figures share axes, heights and colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, log10

import plotly.graph_objects as go

from resnet.charts.style import FONT, MUTED, layout, shade
from resnet.lab.surfaces import GUESSING, Surface
from resnet.lab.trainings import Plane
from resnet.util.text import text

CEILING = 10.0  # nats, of the linear scale; guessing among ten classes costs 2.3
TONES = ("#f4f7f9", "#cfdae2", "#a3b8c7", "#7593a8", "#4b6f88", "#2b4d66", "#142f43")  # low to high, one neutral hue
COLOURS = [[i / (len(TONES) - 1), tone] for i, tone in enumerate(TONES)]
# Of reliefs, which stand on the page itself: neither end of the scale is the paper's colour in either mode.
RELIEF_COLOURS = [[0, "#d3e0ea"], [0.5, "#8fb0c6"], [1, "#557f9c"]]
HEADROOM = 0.03  # of the height above a relief's ceiling, where a plane of equal heights would flicker
LEVELS = 12


def height_range(surfaces: "Sequence[Surface | Plane]", scale: str) -> tuple[float, float]:
    """What heights and colours span, for all surfaces together; log10 of the loss on the "log" scale."""
    losses = [loss for surface in surfaces for row in surface.losses for loss in row if isfinite(loss)]
    if scale == "log":
        return log10(min(losses)), log10(max(losses))
    return 0.0, min(CEILING, max(losses))


def contours(surface: Surface, span: tuple[float, float], scale: str, lang: str = "en") -> go.Figure:
    """Seen from above; the trained net is the cross in the middle, the thick line where guessing would be as good."""
    figure = go.Figure(layout=layout(400))
    ticks = surface.slice.ticks
    heights(figure, Map(ticks, ticks, surface.losses, ("a", "b")), span, scale, lang)
    colour = shade(surface.plain, surface.info.architecture.depth)
    edge = _height(GUESSING, span, scale)
    figure.add_contour(
        x=ticks, y=ticks, z=_heights(surface.losses, span, scale), autocontour=False, hoverinfo="skip", showscale=False,
        contours={"start": edge, "end": edge, "size": 1, "coloring": "lines"},
        colorscale=[[0, colour], [1, colour]], line={"width": 2.5})
    figure.add_scatter(x=[0], y=[0], mode="markers", hoverinfo="skip", showlegend=False,
                       marker={"symbol": "cross-thin", "size": 11, "line": {"width": 2, "color": "#10202e"}})
    figure.update_xaxes(title=text("compare.surface.a", lang), showgrid=False)
    figure.update_yaxes(title=text("compare.surface.b", lang), showgrid=False, scaleanchor="x", constrain="domain")
    inside = text("compare.surface.inside", lang, norm=text(f"compare.surface.drawn_{surface.slice.norm}", lang),
                  share=f"{100 * surface.share_below():.3g}")
    return headed(figure, surface.title, inside, colour)


@dataclass(frozen=True)
class Map:
    """Losses over a plane: losses[i][j] at (across[i], up[j]); names of the two coordinates."""

    across: Sequence[float]
    up: Sequence[float]
    losses: Sequence[Sequence[float]]
    names: tuple[str, str]


def heights(figure: go.Figure, over: Map, span: tuple[float, float], scale: str, lang: str) -> None:
    """Coloured from low to high, with contour lines."""
    (low, high), (across, up) = span, over.names
    figure.add_contour(
        x=over.across, y=over.up, z=_heights(over.losses, span, scale), zmin=low, zmax=high, colorscale=COLOURS,
        autocontour=False,
        # as an image under the lines: filled paths would meet style.css's rules for the nets' colours
        contours={"start": low, "end": high, "size": (high - low) / LEVELS, "coloring": "heatmap"},
        line={"width": 0.6, "color": MUTED}, colorbar=_colour_bar(span, scale, lang),
        customdata=_transposed(over.losses),
        hovertemplate=f"{across} %{{x:.2f}}, {up} %{{y:.2f}}<br><b>%{{customdata:.3g}}</b><extra></extra>")


def headed(figure: go.Figure, title: str, remark: str, colour: str) -> go.Figure:
    """With the net's name and a remark above the plot; returns the figure."""
    told = f"<b>{title}</b><br><span style='font-size:12px'>{remark}</span>"
    figure.add_annotation(text=told, x=0, y=1, xref="paper", yref="paper", yanchor="bottom",
                          xanchor="left", align="left", yshift=4, showarrow=False, font={"color": colour, "size": 14})
    figure.update_layout(margin={"r": 20, "t": 48}, hovermode="closest")
    return figure


def relief(surface: Surface, span: tuple[float, float], scale: str, lang: str = "en") -> go.Figure:
    """The same heights in three dimensions; style.css cannot reach its letters, so they are grey in both modes.

    All reliefs of a page are turned together (figure.js).
    """
    figure = go.Figure(layout=layout(400))
    ticks = surface.slice.ticks
    figure.add_surface(
        x=ticks, y=ticks, z=_heights(surface.losses, span, scale), cmin=span[0], cmax=span[1],
        colorscale=RELIEF_COLOURS, showscale=False, contours={"z": _lines(span)},
        lighting={"ambient": 0.75, "diffuse": 0.5, "specular": 0.02, "roughness": 1},
        customdata=_transposed(surface.losses),
        hovertemplate="a %{x:.2f}, b %{y:.2f}<br><b>%{customdata:.3g}</b><extra></extra>")
    axis = {"color": MUTED, "gridcolor": MUTED, "showbackground": False, "title": {"font": {"size": 12}}}
    marks = _marks(span, scale)
    figure.update_scenes(
        xaxis=axis | {"title": {"text": "a"}}, yaxis=axis | {"title": {"text": "b"}},
        zaxis=axis | {"title": {"text": text("compare.surface.loss", lang)},
                      "range": [span[0], span[1] + HEADROOM * (span[1] - span[0])],
                      "tickvals": [at for at, _ in marks], "ticktext": [name for _, name in marks]},
        aspectmode="manual", aspectratio={"x": 1, "y": 1, "z": 0.75},
        camera={"eye": {"x": 1.3, "y": -1.3, "z": 0.85}, "center": {"x": 0, "y": 0, "z": -0.1}})
    figure.update_layout(font={"family": FONT, "color": MUTED})
    norm = text(f"compare.surface.drawn_{surface.slice.norm}", lang)
    headed(figure, surface.title, norm, shade(surface.plain, surface.info.architecture.depth))
    return figure.update_layout(margin={"l": 0, "r": 0, "b": 0}, meta={"turns": "together"})


def _lines(span: tuple[float, float]) -> dict:
    """Contour lines on a relief, at equal heights, none at the ceiling."""
    low, high = span
    step = (high - low) / LEVELS
    return {"show": True, "start": low + step, "end": high - step, "size": step, "color": MUTED, "width": 1}


def _heights(losses: Sequence[Sequence[float]], span: tuple[float, float], scale: str) -> list[list[float | None]]:
    """[b][a], as plotly reads a grid; a loss that is no number is a hole, one above the ceiling lies on it."""
    return [[_height(loss, span, scale) for loss in row] for row in _transposed(losses)]


def _height(loss: float, span: tuple[float, float], scale: str) -> float | None:
    if not isfinite(loss):
        return None
    return log10(loss) if scale == "log" else min(loss, span[1])


def _transposed(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _colour_bar(span: tuple[float, float], scale: str, lang: str) -> dict:
    marks = _marks(span, scale)
    return {"title": {"text": text("compare.surface.loss", lang), "side": "right"}, "thickness": 10, "outlinewidth": 0,
            "tickvals": [at for at, _ in marks], "ticktext": [name for _, name in marks]}


def _marks(span: tuple[float, float], scale: str) -> list[tuple[float, str]]:
    """(height, name) of the marked losses: powers of ten, or every second nat with "≥" at the ceiling."""
    low, high = span
    if scale == "log":
        return [(power, f"{10.0**power:,g}") for power in range(-6, 30) if low <= power <= high]
    marks = [(float(nats), str(nats)) for nats in range(0, int(high) + 1, 2)]
    return [(at, f"≥ {name}" if at == CEILING else name) for at, name in marks]
