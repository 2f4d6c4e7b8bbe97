"""What stands above the map: the net, a sentence of how it is built, and what the block that is open computes."""

from resnet.config import VARIANTS, variant_title
from resnet.tracing.equation import equations
from resnet.tracing.records import Trace
from resnet.ui.trace.inside import opened_block
from resnet.ui.trace.view import TraceReading
from resnet.util.html import escape
from resnet.util.text import text


def heading_html(reading: TraceReading) -> str:
    """Title, sentence and equations."""
    title = text("page.titles.net", reading.lang, net=net_title(reading.view.variant))
    return (f'<h2>{escape(title)}</h2><p class="lead">{escape(_lead(reading.trace, reading.lang))}</p>'
            f"{_equations(reading)}")


def net_title(name: str) -> str:
    """ "ResNet-50", or a model's own name."""
    return variant_title(name) if name in VARIANTS else name


def _lead(trace: Trace, lang: str) -> str:
    stages = [stage for stage in trace.stages if stage.blocks]
    key = "trace.lead_plain" if trace.config.shortcut == "none" else "trace.lead"
    return text(key, lang, blocks=sum(len(stage.blocks) for stage in stages), stages=len(stages))


def _equations(reading: TraceReading) -> str:
    block = opened_block(reading.trace, reading.view.focus)
    if block is None:
        return ""
    lines = "".join(f'<span class="sum">{escape(line)}</span>' for line in equations(reading.trace, block))
    legend = escape(text("trace.equation", reading.lang))
    return f'<p class="equation" data-at="{block.place}"><b>{block.name}</b>{lines}<small>{legend}</small></p>'
