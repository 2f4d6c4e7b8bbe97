"""The path that a training took over the loss, on the plane of its two principal components."""

import plotly.graph_objects as go

from resnet.charts.style import layout, shade
from resnet.charts.surface import Map, headed, heights
from resnet.lab.trainings import Training
from resnet.util.text import text


def path_chart(training: Training, norm: str, span: tuple[float, float], scale: str, lang: str = "en") -> go.Figure:
    """The epochs as a line over the heights, the initial weights as a ring, the trained net as the cross."""
    figure = go.Figure(layout=layout(400))
    plane, steps = training.planes[norm], training.steps
    heights(figure, Map(plane.across, plane.up, plane.losses, ("x", "y")), span, scale, lang)
    colour = shade(training.plain, training.info.architecture.depth)
    figure.add_scatter(
        x=[step.x for step in steps], y=[step.y for step in steps], mode="lines+markers", showlegend=False,
        line={"color": colour, "width": 2}, customdata=[step.epoch for step in steps],
        marker={"size": 7, "color": colour, "line": {"width": 1, "color": "#ffffff"}},
        hovertemplate=f"{text('compare.surface.epoch', lang)} %{{customdata}}<extra></extra>")
    for step, symbol, size in ((steps[0], "circle-open", 14), (steps[-1], "cross-thin", 14)):
        figure.add_scatter(x=[step.x], y=[step.y], mode="markers", hoverinfo="skip", showlegend=False,
                           marker={"symbol": symbol, "size": size, "color": "#10202e",
                                   "line": {"width": 2, "color": "#10202e"}})
    for axis, share, update in (("x", steps[0].share_x, figure.update_xaxes), ("y", steps[0].share_y,
                                                                                figure.update_yaxes)):
        update(title=text(f"compare.surface.axis_{axis}", lang, share=f"{100 * share:.3g}"), showgrid=False)
    return headed(figure, training.title, text(f"compare.surface.drawn_{norm}", lang), colour)
