"""A Trace -> HTML: the figures, the map, the table of layers, the tutorials' listing."""

import base64
import csv
import io
from html import escape

from resnet.config import VARIANTS, config_of
from resnet.diagram import network_map
from resnet.paper import published
from resnet.records import Layer, Trace
from resnet.shapes import trace
from resnet.text import text

COLUMNS = ("layer", "part", "type", "window", "output", "params", "macs", "field", "memory")


def title(variant: str) -> str:
    """ "resnext50_32x4d" -> "ResNeXt-50 32x4d": a variant as the papers write it."""
    kind, *rest = variant.removeprefix("wide_").split("_")
    letters = kind.rstrip("0123456789")
    name = {"resnet": "ResNet", "resnext": "ResNeXt", "plain": "plain", "d2l": "d2l"}.get(letters, letters)
    if variant == "d2l_resnet18":
        return "ResNet-18, 1×64×64 (d2l)"
    name = f"{name}-{kind[len(letters):]}"
    if variant.startswith("wide_"):
        return f"Wide {name}-{rest[0]}"
    return name + "".join(" (CIFAR)" if part == "cifar" else f" {part}" for part in rest)


def trace_html(result: Trace, milliseconds: float, lang: str) -> str:
    """Everything that the Trace tab draws."""
    sources = sorted({figure.source for quantity in ("params", "macs") for figure in published(result.name, quantity)})
    source = text("trace.source", lang, ms=f"{milliseconds:.0f}", version=_torch_version())
    source += "".join(text("trace.published", lang, source=cited) for cited in sources)
    return (f'<div class="figures">{_figures(result, lang)}</div>'
            f'<div class="scroll map">{network_map(result, lang)}</div>'
            f"{_table(result, lang)}"
            f"<details><summary>{text('trace.listing', lang)}</summary><pre>{escape(result.listing())}</pre></details>"
            f'<p class="source">{escape(source)}</p>')


def layers_csv(result: Trace) -> str:
    """The table as a file: exact numbers, shapes as 1x64x112x112."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("name", "type", "part", "block", "kernel", "stride", "padding", "groups", "input", "output",
                     "params", "macs", "receptive_field", "activation_bytes"))
    for layer in result.layers:
        writer.writerow((layer.name, layer.type, layer.group, layer.block, layer.kernel, layer.stride, layer.padding,
                         layer.groups, _by(layer.input), _by(layer.output), layer.params, layer.macs,
                         layer.receptive_field, layer.activation_bytes))
    return out.getvalue()


def download(name: str, content: str, label: str) -> str:
    """A link that carries its file along, so that none is left on the server."""
    data = base64.b64encode(content.encode()).decode()
    return (f'<a class="download" download="{escape(name)}" href="data:text/csv;charset=utf-8;base64,{data}">'
            f"{escape(label)}</a>")


def _figures(result: Trace, lang: str) -> str:
    values = (
        ("params", f"{result.params:,}", _params_note(result, lang)),
        ("macs", _giga(result.macs), _macs_note(result, lang)),
        ("memory", _bytes(result.peak_activation_bytes), ("", text("trace.memory_note", lang))),
        ("field", f"{result.receptive_field:,} px", ("", _field_note(result, lang))),
    )
    return "".join(
        f'<div class="figure"><span class="label">{text(f"trace.{key}", lang)}</span>'
        f'<span class="value">{value}</span><span class="note {tone}">{escape(note)}</span></div>'
        for key, value, (tone, note) in values)


def _params_note(result: Trace, lang: str) -> tuple[str, str]:
    for figure in published(result.name, "params"):
        if figure.shortcut in ("", result.config.shortcut):
            key = "equal" if figure.matches(result.params) else "differs"
            return _noted(key, f"{figure.value / 1e6:.3g} M", figure.cite, lang)
    return "", text("trace.params_note", lang)


def _macs_note(result: Trace, lang: str) -> tuple[str, str]:
    base = VARIANTS.get(result.name)
    for figure in published(result.name, "macs"):
        if base is None or result.input[2:] != base.input_size or result.config != base:
            break
        value = f"{figure.value / 1e9:.3g} G"
        if figure.matches(result.macs):
            return _noted("equal", value, figure.cite, lang)
        paper = trace(config_of(result.name, stride_in="1x1"))
        if figure.matches(paper.macs):
            more = _giga(result.macs - paper.macs)
            return "warn", text("trace.v15", lang, value=value, more=more, source=figure.cite)
        return _noted("differs", value, figure.cite, lang)
    return "", text("trace.macs_note", lang)


def _noted(key: str, value: str, source: str, lang: str) -> tuple[str, str]:
    return {"equal": "good", "differs": "warn"}[key], text(f"trace.{key}", lang, value=value, source=source)


def _field_note(result: Trace, lang: str) -> str:
    side = max(result.input[2:])
    for stage in result.stages:
        if stage.receptive_field > side:
            return text("trace.field_wider", lang, part=stage.group)
    return text("trace.field_within", lang)


def _table(result: Trace, lang: str) -> str:
    head = "".join(f'<th scope="col">{text(f"trace.columns.{column}", lang)}</th>' for column in COLUMNS)
    body = "".join(map(_row, result.layers))
    save = download(f"{result.name}-{_by(result.input)}.csv", layers_csv(result), text("trace.download", lang))
    search = text("trace.search", lang)
    return (f'<div class="bar-line"><h3>{text("trace.layers", lang, n=f"{len(result.layers):,}")}</h3>'
            f'<input type="search" data-filter="#layers" placeholder="{escape(search)}" aria-label="{escape(search)}">'
            f"{save}</div>"
            f'<div class="scroll tall" tabindex="0"><table class="rows" id="layers"><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")


def _row(layer: Layer) -> str:
    window = f"{layer.kernel}×{layer.kernel}" if layer.kernel else ""
    if layer.stride and layer.stride > 1:
        window += f" /{layer.stride}"
    if layer.groups and layer.groups > 1:
        window += f" ·{layer.groups}"
    return (f'<tr><th scope="row">{layer.name}</th><td>{layer.group}</td><td>{layer.type}</td><td>{window}</td>'
            f'<td>{_by(layer.output[1:], "×")}</td>' + "".join(
                f'<td class="number">{value}</td>' for value in (
                    f"{layer.params:,}" if layer.params else "", f"{layer.macs:,}" if layer.macs else "",
                    f"{layer.receptive_field:,}", _bytes(layer.activation_bytes))) + "</tr>")


def _by(shape: tuple[int, ...], sign: str = "x") -> str:
    return sign.join(map(str, shape))


def _giga(count: float) -> str:
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.4g} {letter}"
    return f"{count:,}"


def _bytes(count: float) -> str:
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"


def _torch_version() -> str:
    import torch

    return torch.__version__.partition("+")[0]
