"""A net made deeper: its error at the moment of insertion, and the function classes drawn from it."""

from collections.abc import Sequence
from math import cos, radians, sin
from statistics import fmean

import plotly.graph_objects as go

from resnet.charts.style import layout, shade
from resnet.lab.deepen import Moment
from resnet.surgery import ARMS
from resnet.util.html import escape
from resnet.util.text import text

Arms = dict[str, list[Sequence[Moment]]]  # by arm and seed
SYMBOLS = {"zero": "circle", "shortcut": "square-open", "dirac": "diamond-open", "fresh": "circle"}
WIDTH, HEIGHT, LEFT, MIDDLE, REACH = 440, 250, 92, 112, 250  # of a drawing; where f stands; px of the largest distance


def deepen_chart(arms: Arms, depth: int, lang: str = "en") -> go.Figure:
    """Test error in per cent by the number of inserted blocks: the mean over the seeds, with whiskers from the
    lowest to the highest; a line per arm, named at its end."""
    figure = go.Figure(layout=layout(340))
    ends = []
    for arm, runs in arms.items():
        name, colour = text(f"compare.deepen.arm_{arm}", lang), shade(ARMS[arm], depth)
        groups = [[moment.error for moment in moments] for moments in zip(*runs, strict=True)]
        means = [fmean(group) for group in groups]
        figure.add_scatter(
            x=[moment.inserted for moment in runs[0]], y=means, mode="lines+markers",
            name=name, showlegend=False, line={"color": colour, "width": 2.4},
            error_y={"type": "data", "symmetric": False, "thickness": 1, "width": 3, "color": colour,
                     "array": [max(group) - mean for group, mean in zip(groups, means, strict=True)],
                     "arrayminus": [mean - min(group) for group, mean in zip(groups, means, strict=True)]},
            marker={"color": colour, "size": 9, "symbol": SYMBOLS[arm], "line": {"width": 2, "color": colour}},
            hovertemplate=f"{name}: %{{y:.3g}} %<extra></extra>")
        ends.append((means[-1], runs[0][-1].inserted, name, colour))
    floor = -100.0
    for error, inserted, name, colour in sorted(ends):
        floor = max(error, floor + 18)
        figure.add_annotation(x=inserted, y=floor, text=f"<b>{name}</b><br><b>{error:.3g} %</b>", xanchor="left",
                              xshift=10, showarrow=False, align="left", font={"color": colour, "size": 13})
    figure.update_xaxes(title=text("compare.deepen.inserted_axis", lang), dtick=1,
                        range=[-0.15, max(inserted for _, inserted, _, _ in ends) + 0.15])
    figure.update_yaxes(title=text("compare.lesions.error_axis", lang), range=[-2, 102])
    figure.update_layout(margin={"r": 136})
    return figure


def classes_html(arms: Arms, lang: str = "en") -> str:
    """Nested classes beside classes that are not, as two drawings; distances from the trained net f are the
    measured ones, to one scale; the sizes of the shapes mean nothing."""
    largest = max((moment.distance for runs in arms.values() for run in runs for moment in run), default=0) or 1
    first = {arm: runs[0] for arm, runs in arms.items()}
    return ('<div class="classes">'
            + _figure("residual", _nested(first["zero"], first["shortcut"], largest, lang), lang)
            + _figure("plain", _apart(first["fresh"], first["dirac"], largest, lang), lang) + "</div>")


def _nested(moments: Sequence[Moment], fresh: Sequence[Moment], largest: float, lang: str) -> str:
    """Every class holds the one before; the starts stand where they were measured, those of fresh blocks as rings."""
    step = 118 / max(len(moments) - 1, 1)
    shapes = [_ellipse(LEFT + 0.86 * step * i, MIDDLE, 46 + step * i, 34 + 0.52 * step * i, i, len(moments))
              for i in reversed(range(len(moments)))]
    dots = [_dot(LEFT + REACH * moment.distance / largest, MIDDLE) for moment in moments]
    start = text("compare.deepen.start", lang, distance=_number(moments[-1].distance))
    rings = [_ring(LEFT + REACH * moment.distance / largest) for moment in fresh[1:]]
    return "".join([*shapes, *dots, *rings, _label(LEFT, MIDDLE - 12, "f"), _label(LEFT + 10, MIDDLE + 18, start),
                    _ruler(largest, lang)])


def _apart(fresh: Sequence[Moment], dirac: Sequence[Moment], largest: float, lang: str) -> str:
    """Each class round the point where its net starts, at its distance from f; the directions are free."""
    parts = [_ellipse(LEFT, MIDDLE, 46, 34, 0, len(fresh))]
    for i, moment in enumerate(fresh[1:], 1):
        angle = radians(0 if len(fresh) == 2 else -18 + 36 * (i - 1) / (len(fresh) - 2))
        reach = REACH * moment.distance / largest
        x, y = LEFT + reach * cos(angle), MIDDLE + reach * sin(angle)
        parts += [_ellipse(x, y, 38 + 2 * i, 24 + 1.5 * i, i, len(fresh)), _dot(x, y)]
    ring = _ring(LEFT + REACH * dirac[-1].distance / largest)
    return "".join([*parts, ring, _dot(LEFT, MIDDLE), _label(LEFT, MIDDLE - 14, "f"), _ruler(largest, lang),
                    _label(LEFT - 36, MIDDLE + 52, text("compare.deepen.ring", lang,
                                                        distance=_number(dirac[-1].distance)))])


def _figure(kind: str, drawing: str, lang: str) -> str:
    caption = escape(text(f"compare.deepen.classes_{kind}", lang))
    return (f'<figure class="{kind}"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{caption}">{drawing}'
            f"</svg><figcaption>{caption}</figcaption></figure>")


def _ellipse(x: float, y: float, rx: float, ry: float, i: int, of: int) -> str:
    """Deeper classes have stronger outlines."""
    return (f'<ellipse class="class" cx="{x:.1f}" cy="{y:.1f}" rx="{rx:.1f}" ry="{ry:.1f}" '
            f'stroke-opacity="{0.45 + 0.55 * i / max(of - 1, 1):.2f}"/>')


def _dot(x: float, y: float) -> str:
    return f'<circle class="start" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'


def _ring(x: float) -> str:
    return f'<circle class="ring" cx="{x:.1f}" cy="{MIDDLE}" r="8"/>'


def _label(x: float, y: float, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def _ruler(largest: float, lang: str) -> str:
    """The scale of the distances, under a drawing."""
    y, end = HEIGHT - 26, LEFT + REACH
    ends = "".join(f'<line class="ruler" x1="{x}" x2="{x}" y1="{y - 4}" y2="{y + 4}"/>' for x in (LEFT, end))
    return (f'<line class="ruler" x1="{LEFT}" x2="{end}" y1="{y}" y2="{y}"/>{ends}'
            f'<text class="soft" x="{LEFT}" y="{y + 17}" text-anchor="middle">0</text>'
            f'<text class="soft" x="{end}" y="{y + 17}" text-anchor="middle">{_number(largest)}</text>'
            f'<text class="soft" x="{LEFT + REACH / 2}" y="{y + 17}" text-anchor="middle">'
            f'{escape(text("compare.deepen.distance", lang))}</text>')


def _number(value: float) -> str:
    return f"{value:.2g}"
