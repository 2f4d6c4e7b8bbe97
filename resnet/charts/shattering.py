"""df/dx of random rectifier nets: its size and its correlation by depth beside the laws, and along the line."""

from collections.abc import Iterable, Sequence
from math import log10

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from resnet.charts.style import MUTED, SHADES, layout, titled
from resnet.lab.shattering import (
    KINDS,
    LAGS,
    MAX_DEPTH,
    PAIRS,
    POINTS,
    REACH,
    LineGradient,
    ShatteringResult,
    law,
    noises,
    published,
)
from resnet.util.numbers import readable
from resnet.util.text import text

DOTS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40, 44, 50)  # depths with a dot
FLOOR, NAMED = 1e-3, 0.02  # of the correlations drawn; where the exponential laws are named
LAWS = {"plain_centred": "1/2<sup>L</sup>", "residual_centred": "(3/4)<sup>L</sup>"}
MARGIN = {"r": 128, "l": 62}
ALONG = 560  # pixels high


def colour(kind: str) -> str:
    return SHADES[not KINDS[kind].skip][1]


def size_chart(found: Sequence[ShatteringResult], pairs: str, beta: float, lang: str = "en") -> go.Figure:
    """Root mean square of df/dx by depth: dots measured; lines derived for wide nets."""
    figure = go.Figure(layout=layout(380))
    which = 0 if pairs == "independent" else 1
    ends = []
    for one in found:
        depths = [row.depth for row in one.rows]
        if pairs == "independent":
            _line(figure, depths, [law(one.kind, depth, beta)[0] for depth in depths], text(_key("derived"), lang))
        _dots(figure, one, [(row.depth, row.size[which]) for row in one.rows], lang)
        ends.append((one.rows[-1].size[which], one.kind))
    _names(figure, ends, 1.5, lang)
    figure.update_xaxes(title=text(_key("depth"), lang), range=[0, MAX_DEPTH + 0.5])
    figure.update_yaxes(title=text(_key("size"), lang), type="log", exponentformat="power", dtick=1)
    return _finished(figure, text(_key("size_title"), lang))


def likeness_chart(found: Sequence[ShatteringResult], pairs: str, beta: float, lang: str = "en") -> go.Figure:
    """Correlation of df/dx at two points by depth, as far as it can be told from zero, beside the laws."""
    figure = go.Figure(layout=layout(380))
    depths = list(range(1, MAX_DEPTH + 1))
    for kind, name in LAWS.items():
        values = [law(kind, depth)[1] for depth in depths]
        _line(figure, depths, values, name)
        figure.add_annotation(x=log10(NAMED) / log10(values[0]), y=log10(NAMED), text=name, showarrow=False,
                              xanchor="left", xshift=8)
    _published_power(figure, depths, beta)
    for kind in ("plain", "residual", "residual_bn"):
        _line(figure, depths, [law(kind, depth, beta)[1] for depth in depths], text(_key("derived"), lang))
    ends = []
    for one in found:
        seen = [(row.depth, row.correlation[PAIRS.index(pairs)]) for row in one.told(pairs)]
        _dots(figure, one, seen, lang)
        if len(seen) == MAX_DEPTH:
            ends.append((seen[-1][1], one.kind))
    _names(figure, ends, 0.3, lang)
    figure.update_xaxes(title=text(_key("depth"), lang), range=[0, MAX_DEPTH + 0.5])
    figure.update_yaxes(title=text(_key("correlation"), lang), type="log", range=[log10(FLOOR), 0.06],
                        tickvals=[1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001])
    return _finished(figure, text(_key("likeness_title"), lang))


def along_chart(looks: Sequence[tuple[str, LineGradient]], lang: str = "en") -> go.Figure:
    """df/dx of one net of each kind along the line, one above the other, in units of its root mean square."""
    figure = make_subplots(rows=len(looks), cols=1, shared_xaxes=True, vertical_spacing=0.06,
                           subplot_titles=[kind_name(kind, lang) for kind, _ in looks])
    figure.update_layout(layout(ALONG))
    x = [REACH * (2 * i / (POINTS - 1) - 1) for i in range(POINTS)]
    for row, (kind, look) in enumerate(looks, 1):
        figure.add_scatter(x=x, y=look.gradient, mode="lines", row=row, col=1, showlegend=False,
                           line={"color": colour(kind), "width": 1.2, "shape": "hvh"},
                           hovertemplate=f"{kind_name(kind, lang)}: %{{y:.3g}}<extra></extra>")
    plain = layout()["xaxis"]
    figure.update_xaxes(**plain | {"showgrid": False})
    figure.update_yaxes(**plain | {"nticks": 4, "range": [-3.4, 3.4]})
    figure.update_xaxes(title=text(_key("x"), lang), row=len(looks), col=1)
    figure.update_annotations(font={"size": 12}, x=0, xanchor="left")
    figure.update_layout(margin={"r": 12, "l": 62, "t": 58}, hovermode="closest")
    return titled(figure, text(_key("along_title"), lang, depth=looks[0][1].depth if looks else ""))


def autocorrelation_chart(looks: Sequence[tuple[str, LineGradient]], lang: str = "en") -> go.Figure:
    """The mean autocorrelation of df/dx along the line, by lag, beside white and brown noise."""
    figure = go.Figure(layout=layout(ALONG))
    lags = list(range(LAGS + 1))
    for name, values in noises().items():
        told = text(_key(name), lang)
        figure.add_scatter(x=lags, y=values, mode="lines", name=told, line={"color": MUTED, "width": 1.4},
                           showlegend=False, hovertemplate=f"{told}: %{{y:.3g}}<extra></extra>")
        at = 2 if name == "white" else 22
        figure.add_annotation(x=at, y=values[at], text=told, showarrow=False, xanchor="left", yshift=12)
    for kind, look in looks:
        points = list(zip(lags, look.autocorrelation, strict=True))
        _dots(figure, ShatteringResult(kind, (), ()), points, lang, legend=True)
    step = 2 * REACH / (POINTS - 1)
    figure.update_xaxes(title=text(_key("lag"), lang, step=f"{step:.3f}"), range=[-0.5, LAGS + 0.5])
    figure.update_yaxes(title=text(_key("autocorrelation"), lang), range=[-0.25, 1.05])
    figure.update_layout(margin={"r": 12, "l": 62, "t": 58},
                         legend={"x": 1, "y": 1, "xanchor": "right", "yanchor": "top", "orientation": "v"})
    return titled(figure, text(_key("autocorrelation_title"), lang, depth=looks[0][1].depth if looks else ""))


def kind_name(kind: str, lang: str) -> str:
    return text(_key(kind), lang)


def _key(name: str) -> str:
    return f"compare.gradients.{name}"


def _published_power(figure: go.Figure, depths: Sequence[int], beta: float) -> None:
    """The published law of shortcuts with batch norm, from where it is a correlation."""
    points = [(depth, value) for depth in depths if (value := published("residual_bn", depth, beta)) and value <= 1]
    _line(figure, [x for x, _ in points], [y for _, y in points], "1/(β√L)", "dot")
    if len(points) > 5:
        x, y = points[len(points) // 2]
        figure.add_annotation(x=x, y=log10(y), text="1/(β√L)", showarrow=False, yshift=10)


def _line(figure: go.Figure, x: Sequence[int], y: Sequence[float], name: str, dash: str = "solid") -> None:
    figure.add_scatter(x=list(x), y=list(y), mode="lines", name=name, showlegend=False,
                       line={"color": MUTED, "width": 1.4, "dash": dash},
                       hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>")


def _dots(figure: go.Figure, one: ShatteringResult, points: Iterable[tuple[int, float]], lang: str,
          legend: bool = False) -> None:
    """Measured values; of depths, those in DOTS."""
    shown = [(x, y) for x, y in points if legend or x in DOTS]
    name, hue = kind_name(one.kind, lang), colour(one.kind)
    figure.add_scatter(
        x=[x for x, _ in shown], y=[y for _, y in shown], mode="lines+markers" if legend else "markers", name=name,
        showlegend=legend, line={"color": hue, "width": 1}, hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>",
        marker={"color": hue, "size": 6 if legend else 8, "line": {"width": 2, "color": hue},
                "symbol": _symbol(one.kind)})


def _symbol(kind: str) -> str:
    """Filled with batch norm, a diamond with the mean taken off, an open circle with no norm."""
    if KINDS[kind].batch_norm:
        return "circle"
    return "diamond-open" if KINDS[kind].centred else "circle-open"


def _names(figure: go.Figure, ends: Sequence[tuple[float, str]], gap: float, lang: str) -> None:
    """Kinds' names at the right end, pushed apart where they would collide; `gap` in powers of ten."""
    floor = -100.0
    for value, kind in sorted(ends):
        floor = max(log10(value), floor + gap)
        figure.add_annotation(x=MAX_DEPTH, y=floor, text=f"<b>{kind_name(kind, lang)}</b><br><b>{readable(value)}</b>",
                              xanchor="left", xshift=8, showarrow=False, align="left",
                              font={"color": colour(kind), "size": 12})


def _finished(figure: go.Figure, title: str) -> go.Figure:
    figure.update_layout(margin=MARGIN)
    return titled(figure, title)
