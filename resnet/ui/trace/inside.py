"""What is inside a block: its drawing, and each convolution's arithmetic written out with its numbers."""

from resnet.tracing.block_diagram import block_map
from resnet.tracing.records import CONVOLUTIONS, Block, Layer, Trace
from resnet.ui.trace.view import TraceReading
from resnet.util.html import escape
from resnet.util.numbers import by
from resnet.util.text import text

COLUMNS = ("layer", "output", "params", "macs", "field")


def inside_html(reading: TraceReading) -> str:
    """The block, or the single layer, that the view looks into: drawn and calculated."""
    trace, lang = reading.trace, reading.lang
    focus, block = nearest_focus(trace, reading.view.focus), opened_block(trace, reading.view.focus)
    layers = [layer for layer in (block.layers if block else trace.layers)
              if layer.type in (*CONVOLUTIONS, "Linear") and (block or layer.name.partition(".")[0] == focus)]
    group = block.group if block else layers[0].group
    picture = f'<div class="scroll map" tabindex="0">{block_map(trace, focus, lang)}</div>' if block else ""
    heading = f"<h3>{escape(focus)} <small>{escape(text('inside.in', lang, group=group))}</small></h3>"
    return heading + picture + _table(trace, layers, lang)


def nearest_focus(trace: Trace, focus: str) -> str:
    """`focus` if this net has it, else its first block: another net keeps what it can of the view."""
    names = {block.name for block in trace.blocks} | {"conv1", "fc"}
    return focus if focus in names else trace.blocks[0].name


def opened_block(trace: Trace, focus: str) -> Block | None:
    """The block that is looked into; None for a single layer."""
    name = nearest_focus(trace, focus)
    return next((block for block in trace.blocks if block.name == name), None)


def _table(trace: Trace, layers: list[Layer], lang: str) -> str:
    head = "".join(f'<th scope="col">{text(f"inside.{column}", lang)}</th>' for column in COLUMNS)
    body = "".join(_row(trace, layer, lang) for layer in layers)
    return (f'<div class="scroll" tabindex="0"><table class="rows sums narrow"><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")


def _row(trace: Trace, layer: Layer, lang: str) -> str:
    cells = (_output(layer), _params(layer, lang), _macs(layer), _field(trace, layer))
    return f'<tr data-at="{layer.place}"><th scope="row">{layer.name}</th>' + "".join(
        f'<td data-is="{text(f"inside.{column}", lang)}"><span class="sum">{sum_}</span> <b>{result}</b>{note}</td>'
        for column, (sum_, result, note) in zip(COLUMNS[1:], cells, strict=True)) + "</tr>"


def _output(layer: Layer) -> tuple[str, str, str]:
    if layer.type == "Linear":
        return "", f"{layer.output[-1]:,}", ""
    sides = zip(layer.input[2:], layer.output[2:], strict=True)
    sums = [f"⌊({side} + 2·{layer.padding} − {layer.kernel}) / {layer.stride}⌋ + 1 =" for side, _ in sides]
    same = layer.input[2] == layer.input[3]
    return (sums[0] if same else "<br>".join(sums)), by(layer.output[2:], " × "), ""


def _params(layer: Layer, lang: str) -> tuple[str, str, str]:
    weights, sum_ = _weights(layer)
    if layer.params > weights:
        sum_ += f" + {layer.output[1]}"
    note = ""
    if layer.groups and layer.groups > 1:
        whole = text("inside.grouped", lang, groups=layer.groups, whole=f"{weights * layer.groups:,}")
        note = f'<br><span class="note">{escape(whole)}</span>'
    return f"{sum_} =", f"{layer.params:,}", note


def _macs(layer: Layer) -> tuple[str, str, str]:
    weights, _ = _weights(layer)
    size = by(layer.output[2:], " · ")
    batch = f"{layer.output[0]} · " if layer.output[0] > 1 else ""
    return f"{batch}{weights:,}{' · ' + size if size else ''} =", f"{layer.macs:,}", ""


def _weights(layer: Layer) -> tuple[int, str]:
    """How many weights, and as which product."""
    if layer.type == "Linear":
        return layer.input[-1] * layer.output[-1], f"{layer.input[-1]} · {layer.output[-1]}"
    groups, side = layer.groups or 1, layer.kernel or 1
    inputs = layer.input[1] // groups
    share = f"({layer.input[1]} / {groups})" if groups > 1 else str(inputs)
    kernel = f" · {side} · {side}" if side > 1 else ""
    return layer.output[1] * inputs * side**2, f"{layer.output[1]} · {share}{kernel}"


def _field(trace: Trace, layer: Layer) -> tuple[str, str, str]:
    if layer.type == "Linear" or layer.on_shortcut or layer.in_gate:
        return "", f"{layer.receptive_field:,} px", ""
    jump = 1
    for earlier in trace.layers:
        if earlier.name == layer.name:
            break
        if not earlier.on_shortcut and earlier.stride:
            jump *= earlier.stride
    before = layer.receptive_field - ((layer.kernel or 1) - 1) * jump
    return f"{before} + ({layer.kernel} − 1) · {jump} =", f"{layer.receptive_field:,} px", ""
