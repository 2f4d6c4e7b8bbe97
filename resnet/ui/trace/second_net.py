"""A second net under the first: what the comparison says, its map, its parts, and the layers that differ."""

from dataclasses import replace

from resnet.config import VARIANTS, config_of, variant_title
from resnet.tracing.diagram import network_map, shape_label
from resnet.tracing.difference import Difference, LayerRow, PartRow, difference
from resnet.tracing.records import Trace
from resnet.tracing.trace import trace
from resnet.ui.trace.view import TraceReading
from resnet.util.html import escape
from resnet.util.numbers import by, short, signed
from resnet.util.text import text

SHOWN = 60  # layers; beyond that the sentence and the parts say it better


def second_net_html(reading: TraceReading) -> str:
    """The view's second net, given the same input and classes; nothing where there is none."""
    view, lang = reading.view, reading.lang
    if not view.beside:
        return ""
    config = config_of(view.beside, classes=view.classes, in_channels=view.in_channels)
    other = _titled(trace(config, size=view.size, batch=view.batch), view.beside)
    found = difference(_titled(reading.trace, view.variant), other)
    marked = escape(text("difference.marked", lang))
    says = "".join(f"<li>{escape(statement.sentence(lang))}</li>" for statement in found.statements)
    heading = escape(text("difference.title", lang, a=found.a, b=found.b))
    return (f'<section><h3>{heading}</h3><ul class="says">{says}</ul>'
            f'<div class="scroll map" tabindex="0">{network_map(other, lang, "", view.fold, _changed(found))}</div>'
            f'<p class="note">{marked}</p>{_parts_table(found, lang)}{_layers_table(found, lang)}</section>')


def _changed(found: Difference) -> frozenset[str]:
    """The second net's blocks that hold a layer of another size or kind."""
    return frozenset(row.b.block for row in found.changed if row.b)


def _titled(result: Trace, name: str) -> Trace:
    return replace(result, name=variant_title(name) if name in VARIANTS else name)


def _parts_table(found: Difference, lang: str) -> str:
    names = (f'<th scope="col">{escape(name)}</th>' for name in (found.a, found.b))
    pair = "".join(names) + f'<th scope="col">{text("difference.difference", lang)}</th>'
    head = (f'<tr><th rowspan="2" scope="col">{text("difference.part", lang)}</th>'
            + "".join(f'<th colspan="3" scope="colgroup">{text(f"trace.{key}", lang)}</th>'
                      for key in ("params", "macs"))
            + f"</tr><tr>{pair}{pair}</tr>")
    rows = "".join(_part_row(row, found, lang) for row in found.parts) + _total_row(found, lang)
    return (f'<div class="scroll" tabindex="0"><table class="rows pairs narrow"><thead>{head}</thead>'
            f"<tbody>{rows}</tbody></table></div>")


def _part_row(row: PartRow, found: Difference, lang: str) -> str:
    shapes = " / ".join(dict.fromkeys(by(output) for output in row.outputs if output))
    cells = _triple("params", row.params, found, lang) + _triple("macs", row.macs, found, lang)
    return f'<tr><th scope="row">{row.part} <small>{shapes}</small></th>{cells}</tr>'


def _total_row(found: Difference, lang: str) -> str:
    return f'<tr class="total"><th scope="row">{text("difference.total", lang)}</th>' + \
        _triple("params", found.params, found, lang) + _triple("macs", found.macs, found, lang) + "</tr>"


def _triple(quantity: str, pair: tuple[int, int], found: Difference, lang: str) -> str:
    """Both nets' counts and the difference, each with what a phone writes before it."""
    of, gap = text(f"trace.{quantity}", lang), text("difference.difference", lang)
    counts = "".join(f'<td class="number" title="{count:,}" data-is="{escape(f"{of}, {name}")}">{short(count)}</td>'
                     for count, name in zip(pair, (found.a, found.b), strict=True))
    return f'{counts}<td class="number" data-is="{gap}">{signed(pair[1] - pair[0])}</td>'


def _layers_table(found: Difference, lang: str) -> str:
    changed = found.changed
    if not changed:
        return ""
    rows = "".join(_layer_row(row, lang) for row in changed[:SHOWN])
    if len(changed) > SHOWN:
        more = text("difference.more", lang, n=f"{len(changed) - SHOWN:,}")
        rows += f'<tr class="gap"><td colspan="4">{more}</td></tr>'
    head = "".join(f'<th scope="col">{escape(word)}</th>' for word in
                   (text("difference.layer", lang), found.a, found.b, text("difference.difference", lang)))
    return (f'<details><summary>{text("difference.changed", lang, n=f"{len(changed):,}", all=f"{len(found.layers):,}")}'
            f'</summary><div class="scroll tall" tabindex="0"><table class="rows"><thead><tr>{head}</tr></thead>'
            f"<tbody>{rows}</tbody></table></div></details>")


def _layer_row(row: LayerRow, lang: str) -> str:
    sides = "".join(
        f"<td>{f'{shape_label(layer.output)} · {layer.params:,}' if layer else '–'}</td>" for layer in (row.a, row.b))
    what = ", ".join(text(f"difference.differs.{kind}", lang) for kind in row.differs)
    return f'<tr><th scope="row">{row.name}</th>{sides}<td>{what}</td></tr>'
