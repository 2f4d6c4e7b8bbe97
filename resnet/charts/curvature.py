"""The largest eigenvalue of the Hessian along training."""

from collections.abc import Sequence

import plotly.graph_objects as go

from resnet.charts.style import layout, shade
from resnet.lab.trainings import Training
from resnet.util.text import text

DASHES = ("solid", "dot", "dash", "longdash")  # by seed


def curvature_chart(trainings: Sequence[Training], norm: str, lang: str = "en") -> go.Figure:
    """A line per training, named by net and seed, under one treatment of batch norm; a logarithmic axis."""
    figure = go.Figure(layout=layout(400))
    for training in trainings:
        bends = training.bent(norm)
        figure.add_scatter(
            x=[bend.epoch for bend in bends], y=[bend.eigenvalue for bend in bends], mode="lines+markers",
            name=text("compare.surface.line", lang, net=training.title, seed=training.seed),
            line={"color": shade(training.plain, training.info.architecture.depth),
                  "dash": DASHES[training.seed % len(DASHES)]},
            hovertemplate="%{y:.3g}")
    figure.update_xaxes(title=text("compare.surface.epoch", lang))
    figure.update_yaxes(title=text("compare.surface.eigenvalue", lang), type="log")
    figure.update_layout(margin={"r": 20, "t": 108}, title={
        "text": text(f"compare.surface.bent_{norm}", lang), "font": {"size": 14}, "x": 0, "xref": "paper",
        "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 6}}, legend={"x": 0, "xanchor": "left"})
    return figure
