"""The answer as it forms: what can be read behind each block, what each block adds, and branches scaled."""

from collections.abc import Sequence

import plotly.graph_objects as go

from resnet.charts.style import MUTED, layout, shade, titled
from resnet.hub.load import bundled
from resnet.lab.readout import Course
from resnet.util.text import text


def forming_chart(courses: Sequence[Course], lang: str = "en") -> go.Figure:
    """Accuracy behind each block: by the nearest class mean (thin), and in the last stage by the classifier."""
    figure = titled(go.Figure(layout=layout(390)), text("charts.refine.forming", lang))
    for course in courses:
        title, hue = _look(course)
        numbers = range(1, len(course.rows) + 1)
        _line(figure, [*numbers], [row.nearest for row in course.rows], hue,
              text("charts.refine.nearest", lang, net=title), thin=True)
        read = [(n, row.direct) for n, row in zip(numbers, course.rows, strict=True) if row.direct is not None]
        _line(figure, [n for n, _ in read], [value for _, value in read], hue,
              text("charts.refine.direct", lang, net=title))
    _stages(figure, courses)
    figure.update_xaxes(title=text("charts.refine.block", lang))
    figure.update_yaxes(title=text("charts.refine.accuracy", lang), range=[0, 103])
    return _below(figure)


def change_chart(courses: Sequence[Course], lang: str = "en") -> go.Figure:
    """How much each block changes: |y - x| / |x|, and of a residual one its branch, |F(x)| / |x|."""
    figure = titled(go.Figure(layout=layout(390)), text("charts.refine.change", lang))
    top = 0.0
    for course in courses:
        title, hue = _look(course)
        for kind, label, thin in (("change", "change_by", True), ("ratio", "ratio", False)):
            found = [(n, getattr(row, kind)) for n, row in enumerate(course.rows, 1) if getattr(row, kind) is not None]
            top = max([top, *(value for _, value in found)])
            if found:
                _line(figure, [n for n, _ in found], [value for _, value in found], hue,
                      text(f"charts.refine.{label}", lang, net=title), thin)
    _stages(figure, courses)
    figure.update_xaxes(title=text("charts.refine.block", lang))
    figure.update_yaxes(title=text("charts.refine.share", lang), range=[0, 1.08 * top])
    return _below(figure)


def step_chart(courses: Sequence[Course], halves: Course | None, chosen: float, lang: str = "en") -> go.Figure:
    """Accuracy of the whole net against the factor of its branches; a diamond where two half steps lead."""
    figure = titled(go.Figure(layout=layout(340)), text("charts.refine.steps", lang))
    title, hue = _look(courses[0])
    steps = [course.rows[0].step for course in courses]
    _line(figure, steps, [course.accuracy for course in courses], hue, title)
    if halves:
        figure.add_scatter(x=[1.0], y=[halves.accuracy], mode="markers", name=text("charts.refine.halves", lang),
                           marker={"symbol": "diamond-open", "size": 12, "color": MUTED, "line": {"width": 2}},
                           hovertemplate="%{y:.2f} %<extra></extra>")
    figure.add_vline(x=chosen, line={"color": MUTED, "width": 1, "dash": "dot"})
    figure.update_xaxes(title=text("charts.refine.step", lang), tickvals=steps)
    figure.update_yaxes(title=text("charts.refine.accuracy", lang), range=[0, 103])
    return _below(figure)


def _look(course: Course) -> tuple[str, str]:
    info = bundled()[course.name]
    return info.title, shade(info.architecture.plain, info.architecture.depth)


def _line(figure: go.Figure, x: Sequence[float], y: Sequence[float | None], hue: str, name: str,
          thin: bool = False) -> None:
    figure.add_scatter(x=x, y=y, name=name, mode="lines+markers", line={"color": hue, "width": 1 if thin else 2.4},
                       marker={"color": hue, "size": 4 if thin else 7, "symbol": "circle-open" if thin else "circle"},
                       hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>")


def _stages(figure: go.Figure, courses: Sequence[Course]) -> None:
    """A thin line where a stage begins."""
    rows = courses[0].rows
    for n, (row, after) in enumerate(zip(rows, rows[1:], strict=False), 1):
        if row.block.partition(".")[0] != after.block.partition(".")[0]:
            figure.add_vline(x=n + 0.5, line={"color": MUTED, "width": 0.5})


def _below(figure: go.Figure) -> go.Figure:
    figure.update_layout(hovermode="closest", margin={"r": 16, "t": 40, "b": 110},
                         legend={"y": -0.32, "yanchor": "top", "x": 0, "xanchor": "left"})
    return figure
