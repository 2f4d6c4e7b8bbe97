"""Which nets train at all, and how deep: a row for every way to start, a mark for every depth and seed."""

from collections.abc import Iterable

import plotly.graph_objects as go

from resnet.charts.style import MUTED, layout, row_labels, shade, titled
from resnet.lab.ablation import KINDS, Arm
from resnet.lab.ablation_log import CHANCE
from resnet.util.text import text

SYMBOLS = ("circle", "square", "diamond")  # shallow to deep
TOP = 2.6  # nats: further right, and where a net ran away, a cross stands at the edge
Mark = tuple[Arm, int, float]  # an arm, its depth, a loss


def ablation_chart(marks: Iterable[Mark], norm: bool, lang: str = "en") -> go.Figure:
    """Training loss in nats of the arms with or without norm; guessing's loss is the dotted line."""
    figure = go.Figure(layout=layout(460))
    shown = [mark for mark in marks if mark[0].norm == norm]
    for place, depth in enumerate(sorted({depth for _, depth, _ in shown})):
        _depth(figure, [mark for mark in shown if mark[1] == depth], SYMBOLS[min(place, 2)], lang)
    figure.add_vline(CHANCE, line={"color": MUTED, "width": 1.4, "dash": "dot"})
    figure.add_annotation(x=CHANCE, y=len(KINDS) - 0.7, text=text("compare.ablation.chance", lang), showarrow=False,
                          xanchor="right", xshift=-5)
    row_labels(figure, [kind_name(kind, lang) for kind in KINDS], -0.75)
    figure.update_xaxes(title=text("charts.train_loss", lang), range=[0, TOP + 0.08])
    figure.update_layout(hovermode="closest", margin={"t": 66})
    return titled(figure, text(f"compare.ablation.with_norm_{'on' if norm else 'off'}", lang))


def kind_name(kind: str, lang: str) -> str:
    return text(f"compare.ablation.kind_{kind}", lang)


def _depth(figure: go.Figure, marks: list[Mark], symbol: str, lang: str) -> None:
    name = text("compare.ablation.layers", lang, depth=marks[0][1])
    figure.add_scatter(
        x=[min(loss, TOP) for _, _, loss in marks], y=[kind_name(arm.kind, lang) for arm, _, _ in marks],
        mode="markers", name=name, showlegend=False, cliponaxis=False,
        customdata=[_told(loss, lang) for _, _, loss in marks], hovertemplate=f"{name}: %{{customdata}}<extra></extra>",
        marker={"size": 10, "color": [shade(not arm.shortcut, depth) for arm, depth, _ in marks],
                "symbol": [symbol if loss <= TOP else "x-thin" for _, _, loss in marks],
                "line": {"width": [0 if loss <= TOP else 2 for _, _, loss in marks],
                         "color": [shade(not arm.shortcut, depth) for arm, depth, _ in marks]}})
    figure.add_scatter(x=[None], y=[None], mode="markers", name=name, marker={"symbol": symbol, "color": MUTED,
                                                                              "size": 9})


def _told(loss: float, lang: str) -> str:
    return f"{loss:.3g}" if loss < 1e4 else text("compare.ablation.ran_away", lang)
