"""The Trace tab's smaller panels: cost by stage, and the receptive field on a picture."""

from html import escape

from resnet.records import Trace
from resnet.text import text
from resnet.ui.examples import photo_file
from resnet.ui.numbers import short


def stages_html(trace: Trace, lang: str) -> str:
    """Parameters and multiply-adds of each of the paper's parts, as bars with their numbers."""
    head = "".join(f'<th scope="col"{span}>{escape(text(f"trace.{key}", lang))}</th>'
                   for key, span in (("part", ""), ("params", ' colspan="2"'), ("macs", ' colspan="2"')))
    most = [max(getattr(stage, key) for stage in trace.stages) or 1 for key in ("params", "macs")]
    rows = "".join(
        f'<tr><th scope="row">{stage.group}</th>{_bar(stage.params, most[0], trace.params)}'
        f"{_bar(stage.macs, most[1], trace.macs)}</tr>" for stage in trace.stages)
    return (f"<div><h3>{escape(text('trace.by_stage', lang))}</h3>"
            f'<table class="bars stages"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>')


def _bar(count: int, most: int, total: int) -> str:
    share = f"{100 * count / total:.1f} %" if total else ""
    return (f'<td class="bar"><span style="width:{100 * count / most:.1f}%"></span></td>'
            f'<td class="number" title="{count:,}">{short(count)} · {share}</td>')


def field_html(trace: Trace, lang: str) -> str:
    """The receptive field of one value after each stage, drawn to scale over a photograph of the input's size."""
    height, width = trace.input[2:]
    stages = [stage for stage in trace.stages if stage.blocks or stage.group == "conv1"]
    boxes = "".join(_field(stage.receptive_field, height, width, i) for i, stage in enumerate(stages))
    key = "".join(
        f'<li class="tone-{i}"><b>{stage.group}</b> {stage.receptive_field:,} px'
        f"{'' if stage.receptive_field <= max(height, width) else ' ' + escape(text('trace.field_over', lang))}</li>"
        for i, stage in enumerate(stages))
    alt = escape(text("trace.field_alt", lang, last=f"{stages[-1].receptive_field:,}", height=height, width=width))
    return (f"<div><h3>{escape(text('trace.field_title', lang))}</h3>"
            f'<div class="field"><svg viewBox="0 0 {width} {height}" role="img" aria-label="{alt}">'
            f'<image href="gradio_api/file={escape(photo_file("cheetah1.jpg"))}" width="{width}" height="{height}" '
            f'preserveAspectRatio="xMidYMid slice"/>{boxes}</svg>'
            f'<div><ol>{key}</ol><p class="note">{escape(text("trace.field_note", lang))}</p></div></div></div>')


def _field(side: int, height: int, width: int, tone: int) -> str:
    """A square round the centre; what lies outside the picture is padding and is not drawn."""
    return (f'<rect class="tone-{tone}" x="{(width - side) / 2:g}" y="{(height - side) / 2:g}" width="{side}" '
            f'height="{side}" vector-effect="non-scaling-stroke"/>')
