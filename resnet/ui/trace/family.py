"""Table 1 of He et al. 2015 at once: ResNet-18, 34, 50, 101 and 152 by their traces, beside what the paper prints."""

from functools import lru_cache

from resnet.config import variant_title
from resnet.papers.tables import Published, published
from resnet.tracing.cost import paper_net
from resnet.tracing.records import Stage, Trace
from resnet.tracing.trace import trace
from resnet.util.html import escape
from resnet.util.numbers import by, short
from resnet.util.text import text

FAMILY = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


@lru_cache(maxsize=4)
def family_html(lang: str) -> str:
    """Output sizes, blocks, multiply-adds and parameters, a column a net; closed until it is asked for."""
    figures = [published(variant, "macs")[0] for variant in FAMILY]
    paper, today = [trace(paper_net(figure)) for figure in figures], [trace(variant) for variant in FAMILY]
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in (_say("part", lang), *_heads(lang)))
    body = "".join([*_stages(today, lang), *_totals(paper, today, figures, lang)])
    return (f"<details><summary>{escape(_say('title', lang))}</summary>"
            f'<div class="scroll" tabindex="0"><table class="rows family narrow"><thead><tr>{head}</tr></thead>'
            f'<tbody>{body}</tbody></table></div>'
            f'<p class="source">{escape(_say("source", lang, cite=figures[0].cite))}</p></details>')


def _heads(lang: str) -> list[str]:
    return [_say("output", lang), *map(variant_title, FAMILY)]


def _stages(nets: list[Trace], lang: str) -> list[str]:
    """A row for each part: its output size, and what it is made of in each net."""
    rows = []
    for stages in zip(*(net.stages for net in nets), strict=True):
        sizes = {by(stage.output[2:]) or "1×1" for stage in stages}
        rows.append(_row(lang, stages[0].group, *sizes, *map(_made_of, stages)))
    return rows


def _made_of(stage: Stage) -> str:
    """ "3×3, 64 · 3×3, 64 — × 2" for a stage of blocks, the convolution or the classes of another part."""
    layers = stage.blocks[0].layers if stage.blocks else stage.layers
    found = [f"{layer.kernel}×{layer.kernel}, {layer.output[1]}" if layer.type == "Conv2d" else f"{layer.output[1]:,}-d"
             for layer in layers if layer.type in ("Conv2d", "Linear") and not layer.on_shortcut]
    return "<br>".join(found) + (f"<br><b>× {len(stage.blocks)}</b>" if stage.blocks else "")


def _totals(paper: list[Trace], today: list[Trace], figures: list[Published], lang: str) -> list[str]:
    return [_row(lang, _say("macs_printed", lang), "", *(short(figure.value) for figure in figures)),
            _row(lang, _say("macs_paper", lang), "", *(short(net.macs) for net in paper)),
            _row(lang, _say("macs_today", lang), "", *(short(net.macs) for net in today)),
            _row(lang, _say("params_paper", lang), "", *(f"{net.params:,}" for net in paper)),
            _row(lang, _say("params_today", lang), "", *(f"{net.params:,}" for net in today))]


def _row(lang: str, name: str, *cells: str) -> str:
    return f'<tr><th scope="row">{escape(name)}</th>' + "".join(
        f'<td class="number" data-is="{escape(head)}">{cell}</td>'
        for head, cell in zip(_heads(lang), cells, strict=True)) + "</tr>"


def _say(key: str, lang: str, **values: str) -> str:
    return text(f"trace.family.{key}", lang, **values)
