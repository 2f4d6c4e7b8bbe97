"""A Trace -> HTML: the figures on top, the table of layers, the tutorials' listing, the source."""

from resnet.tracing.cost import badge, published_of
from resnet.tracing.records import Layer, Trace
from resnet.ui.trace.view import TraceReading
from resnet.util.csv import csv_text
from resnet.util.html import escape
from resnet.util.numbers import by, short, signed, size
from resnet.util.text import text

FOLD_ABOVE = 700  # layers: beyond that a page of rows helps nobody; the CSV has them all
COLUMNS = ("layer", "part", "type", "window", "output", "params", "macs", "field", "memory")


def figures_html(reading: TraceReading) -> str:
    """The four numbers on top, each with what the papers say of it."""
    result, lang = reading.trace, reading.lang
    values = (
        (text("trace.params", lang), f"{result.params:,}", _badge(reading, "params")),
        (text(f"trace.{reading.cost.unit}", lang), short(reading.cost.total), _badge(reading, "macs")),
        (text("trace.memory", lang), size(result.peak_activation_bytes), ("", text("trace.memory_note", lang))),
        (text("trace.field", lang), f"{result.receptive_field:,} px", ("", _field_note(result, lang))),
    )
    return '<div class="figures">' + "".join(
        f'<div class="figure"><span class="label">{label}</span>'
        f'<span class="value">{value}</span><span class="note {tone}">{escape(note)}</span></div>'
        for label, value, (tone, note) in values) + "</div>"


def _badge(reading: TraceReading, quantity: str) -> tuple[str, str]:
    """(tone, words): equal to the published figure, or by how much not; the reasons stand further down."""
    plain = (reading.cost.unit, reading.cost.scope) == ("macs", "conv_fc")
    found = badge(reading.trace.config, reading.view.size, quantity) if quantity == "params" or plain else None
    if found is None:
        return "", text(f"trace.{quantity}_note_{reading.cost.scope if quantity == 'macs' else 'all'}", reading.lang)
    values = {"source": found.figure.cite, "value": short(found.figure.value)}
    if found.equal:
        return "good", text("trace.equal", reading.lang, **values)
    return "warn", text("trace.differs", reading.lang, **values, difference=signed(found.difference))


def source_html(reading: TraceReading) -> str:
    """How the numbers came about, and whose the published ones are."""
    sources = sorted({figure.source for quantity in ("params", "macs")
                      if (figure := published_of(reading.trace.config, quantity))})
    source = text("trace.source", reading.lang, ms=f"{reading.milliseconds:.0f}", version=_torch_version())
    source += "".join(text("trace.published", reading.lang, source=cited) for cited in sources)
    return f'<p class="source">{escape(source)}</p>'


def listing_html(reading: TraceReading) -> str:
    """The tutorials' view: the shape that leaves each top-level module."""
    return (f"<details><summary>{text('trace.listing', reading.lang)}</summary>"
            f"<pre>{escape(reading.trace.listing())}</pre></details>")


def layers_csv(result: Trace) -> str:
    """The table as a file: exact numbers, shapes as 1x64x112x112."""
    head = ("name", "type", "part", "block", "kernel", "stride", "padding", "groups", "input", "output", "params",
            "macs", "receptive_field", "activation_bytes")
    return csv_text(head, (
        (layer.name, layer.type, layer.group, layer.block, layer.kernel, layer.stride, layer.padding, layer.groups,
         by(layer.input, "x"), by(layer.output, "x"), layer.params, layer.macs, layer.receptive_field,
         layer.activation_bytes) for layer in result.layers))


def _field_note(result: Trace, lang: str) -> str:
    side = max(result.input[2:])
    for stage in result.stages:
        if stage.receptive_field > side:
            return text("trace.field_wider", lang, part=stage.group)
    return text("trace.field_within", lang)


def table_html(reading: TraceReading) -> str:
    """A row per layer; operations as the view counts them."""
    result, lang = reading.trace, reading.lang
    counts = {layer.name: layer.count for layer in reading.cost.layers}
    heads = [escape(text(f"trace.columns.{reading.cost.unit if column == 'macs' else column}", lang))
             for column in COLUMNS]
    head = "".join(f'<th scope="col">{words}</th>' for words in heads)
    body = "".join(_row(row, counts[row.name], heads) if isinstance(row, Layer) else _gap(row, lang)
                   for row in _folded(result))
    search = text("trace.search", lang)
    return (f'<div class="bar-line"><h3>{text("trace.layers", lang, n=f"{len(result.layers):,}")}</h3>'
            f'<input type="search" data-filter="#layers" placeholder="{escape(search)}" aria-label="{escape(search)}">'
            "</div>"
            '<div class="scroll tall" tabindex="0"><table class="rows narrow" id="layers">'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")


def _folded(result: Trace) -> list:
    """All layers, or in a very deep net each stage's first two blocks and its last, with counts between."""
    if len(result.layers) <= FOLD_ABOVE:
        return list(result.layers)
    rows: list = []
    for stage in result.stages:
        blocks = stage.blocks
        folded = {block.name for block in blocks[2:-1]}
        for layer in stage.layers:
            if layer.block not in folded:
                rows.append(layer)
            elif layer.block == blocks[2].name and layer.name == blocks[2].layers[0].name:
                rows.append(len(folded))
    return rows


def _gap(blocks: int, lang: str) -> str:
    return f'<tr class="gap"><td colspan="{len(COLUMNS)}">{text("trace.folded", lang, n=blocks)}</td></tr>'


def _row(layer: Layer, count: int, heads: list[str]) -> str:
    """`heads` are the columns' names, which a phone writes before each value."""
    window = f"{layer.kernel}×{layer.kernel}" if layer.kernel else ""
    if layer.stride and layer.stride > 1:
        window += f" /{layer.stride}"
    if layer.groups and layer.groups > 1:
        window += f" ·{layer.groups}"
    words = (layer.group, layer.type, window, by(layer.output[1:]))
    numbers = (f"{layer.params:,}" if layer.params else "", f"{count:,}" if count else "",
               f"{layer.receptive_field:,}", size(layer.activation_bytes))
    cells = [*((word, "") for word in words), *((number, ' class="number"') for number in numbers)]
    return f'<tr data-at="{layer.place}"><th scope="row">{layer.name}</th>' + "".join(
        f'<td data-is="{name}"{kind}>{value}</td>'
        for name, (value, kind) in zip(heads[1:], cells, strict=True)) + "</tr>"


def _torch_version() -> str:
    import torch

    return torch.__version__.partition("+")[0]
