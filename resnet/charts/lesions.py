"""What blocks do: the error without each of them, without several, and the gradient by length of path."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from resnet.charts.style import MUTED, layout, shade
from resnet.lab.lesions import Effect
from resnet.lab.paths import PathLength
from resnet.surgery import BlockSite
from resnet.util.text import text


@dataclass(frozen=True)
class Shown:
    """A net in a figure: its title, kind and depth, its blocks, and what was measured of it; `before`, by blocks, is
    the same with the statistics of training, where the norms have others."""

    title: str
    plain: bool
    depth: int
    sites: tuple[BlockSite, ...]
    effects: tuple[Effect, ...]
    before: dict[tuple[str, ...], Effect]
    together: Effect | None = None

    @property
    def colour(self) -> str:
        return shade(self.plain, self.depth)


def sweep_chart(nets: Sequence[Shown], intact: dict[str, float], lang: str = "en") -> go.Figure:
    """A dot per block and net: the error in per cent after the lesion of this block alone; a diamond where
    the block halves the map, a ring for blocks chosen together, a dotted line at the error of the whole net; from
    a dot to where it stood before its norms were re-estimated, a thin line."""
    figure = go.Figure(layout=layout(430))
    for net in nets:
        halving = {site.name for site in net.sites if site.halves}
        figure.add_scatter(
            x=_columns([effect.blocks[0] for effect in net.effects]), y=[effect.error for effect in net.effects],
            mode="markers", name=net.title, hovertemplate=f"{net.title}: %{{y:.3g}} %<extra></extra>",
            error_y=_moves(net), marker={"color": net.colour, "size": 11,
                    "symbol": ["diamond" if effect.blocks[0] in halving else "circle" for effect in net.effects]})
        figure.add_hline(intact[net.title], line={"color": net.colour, "width": 1.4, "dash": "dot"})
    for net in nets:
        if net.together:
            label = text("compare.lesions.together", lang)
            figure.add_scatter(
                x=[[label], [text("compare.lesions.chosen", lang)]], y=[net.together.error], mode="markers",
                showlegend=False, hovertemplate=f"{net.title}: %{{y:.3g}} %<extra></extra>",
                marker={"color": net.colour, "size": 13, "symbol": "circle-open", "line": {"width": 3}})
    figure.add_scatter(x=[None], y=[None], mode="markers", name=text("compare.lesions.halving", lang),
                       marker={"color": MUTED, "size": 10, "symbol": "diamond"})
    figure.add_scatter(x=[None], y=[None], mode="lines", name=text("compare.lesions.whole", lang),
                       line={"color": MUTED, "width": 1.4, "dash": "dot"})
    figure.update_xaxes(title=text("compare.lesions.block_axis", lang), tickangle=0, dividercolor="#e6eaee")
    figure.update_yaxes(title=text("compare.lesions.error_axis", lang), range=[0, 102])
    figure.update_layout(hovermode="x unified", margin={"r": 16})
    return figure


def _moves(net: Shown) -> dict | None:
    """How far re-estimation has moved each dot, as a line back to where it stood."""
    if not net.before:
        return None
    moved = [net.before[effect.blocks].error - effect.error if effect.blocks in net.before else 0
             for effect in net.effects]
    return {"type": "data", "symmetric": False, "array": [max(move, 0) for move in moved], "width": 0,
            "arrayminus": [max(-move, 0) for move in moved], "color": net.colour, "thickness": 1.2}


def several_chart(nets: Sequence[Shown], intact: dict[str, float], lang: str = "en") -> go.Figure:
    """Error against the number of blocks dropped at random: the mean as a line, lowest to highest as whiskers."""
    figure = go.Figure(layout=layout(430))
    for net in nets:
        counts = sorted({len(effect.blocks) for effect in net.effects})
        groups = [[effect.error for effect in net.effects if len(effect.blocks) == count] for count in counts]
        means = [sum(group) / len(group) for group in groups]
        figure.add_scatter(
            x=[0, *counts], y=[intact[net.title], *means], name=net.title, mode="lines+markers",
            line={"color": net.colour, "width": 2.4}, marker={"color": net.colour, "size": 7},
            error_y={"type": "data", "array": [0, *(max(g) - m for g, m in zip(groups, means, strict=True))],
                     "arrayminus": [0, *(m - min(g) for g, m in zip(groups, means, strict=True))],
                     "color": net.colour, "thickness": 1, "width": 3},
            hovertemplate=f"{net.title}: %{{y:.3g}} %<extra></extra>")
    figure.update_xaxes(title=text("compare.lesions.count_axis", lang))
    figure.update_yaxes(title=text("compare.lesions.error_axis", lang), range=[0, 102])
    figure.update_layout(margin={"r": 16})
    return figure


def paths_chart(net: Shown, rows: Sequence[PathLength], lang: str = "en") -> go.Figure:
    """By length of path, one above the other: how many there are, the gradient of a typical one (the median, with
    its 95 % interval), and the product of both."""
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.09, subplot_titles=[
        text(f"compare.lesions.{part}", lang) for part in ("paths_count", "paths_gradient", "paths_product")])
    figure.update_layout(layout(560))
    lengths = [row.length for row in rows]
    figure.add_bar(x=lengths, y=[row.count for row in rows], marker={"color": MUTED}, showlegend=False, row=1, col=1,
                   hovertemplate="%{y:.3g}<extra></extra>")
    for place, scaled in ((2, [(1, row) for row in rows]), (3, [(row.count, row) for row in rows])):
        figure.add_scatter(
            x=lengths, y=[scale * row.median for scale, row in scaled], mode="markers", showlegend=False,
            error_y={"type": "data", "symmetric": False, "color": net.colour, "thickness": 1.4, "width": 4,
                     "array": [scale * (row.high - row.median) for scale, row in scaled],
                     "arrayminus": [scale * (row.median - row.low) for scale, row in scaled]},
            marker={"color": net.colour, "size": 7}, row=place, col=1, hovertemplate="%{y:.3g}<extra></extra>")
    grid = layout()["xaxis"]
    figure.update_xaxes(**grid | {"showgrid": False})
    figure.update_yaxes(**grid | {"exponentformat": "power", "nticks": 5, "rangemode": "tozero"})
    if max(row.median for row in rows) > 30 * min(row.median for row in rows) > 0:
        figure.update_yaxes(type="log", row=2, col=1)
    figure.update_xaxes(title=text("compare.lesions.length_axis", lang), row=3, col=1)
    figure.update_annotations(font={"size": 13}, x=0, xanchor="left")
    figure.update_layout(margin={"r": 16}, bargap=0.25, hovermode="x unified")
    return figure


def _columns(blocks: Sequence[str]) -> list[list[str]]:
    """ "layer2.1" -> its stage and its place in it, for an axis of two rows."""
    return [[block.partition(".")[0] for block in blocks], [block.partition(".")[2] for block in blocks]]

