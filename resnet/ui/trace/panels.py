"""The Trace tab's panels: what a checkpoint is, cost, memory, where the net breaks, receptive fields."""

from resnet.config import variant_title
from resnet.tracing.breaks import Finding, findings
from resnet.tracing.cost import Step, reconcile
from resnet.tracing.memory import memory
from resnet.ui.page.examples import photo_url
from resnet.ui.trace.view import TraceReading
from resnet.util.html import escape
from resnet.util.numbers import percent, short, size
from resnet.util.text import text

MEMORY = ("weights", "gradients", "optimiser", "activations")


def recognised_html(reading: TraceReading) -> str:
    """What a checkpoint was recognised as, how, and how little of it was read."""
    found, lang = reading.recognised, reading.lang
    if found is None:
        return ""
    read = text("recognised.read", lang, read=size(found.bytes_read), size=size(found.file_size))
    notes = "".join(f"<li>{escape(note.sentence(lang))}</li>" for note in found.notes)
    heading = text("recognised.heading", lang, variant=variant_title(found.variant))
    return (f'<section class="recognised"><h3>{escape(heading)}'
            f"<small>{escape(found.name)} · {escape(read)}</small></h3><ul>{notes}</ul></section>")


def reconciled_html(reading: TraceReading) -> str:
    """From the published figure to every way of counting this net, and the layers behind each step."""
    lang = reading.lang
    steps = "".join(
        f"<li><b>{_from_to(step)}</b> {escape(step.sentence(lang))}</li>"
        for step in reconcile(reading.trace.config, reading.view.size))
    return (f"<details><summary>{escape(text('trace.reconciled', lang))}</summary>"
            f'<ol class="steps">{steps}</ol></details>')


def _from_to(step: Step) -> str:
    return short(step.after) if step.before is None else f"{short(step.before)} → {short(step.after)}"


def stages_html(reading: TraceReading) -> str:
    """Parameters and operations of each of the paper's parts, as bars with their numbers."""
    result, lang, counts = reading.trace, reading.lang, reading.cost.by_group
    head = "".join(f'<th scope="col"{span}>{escape(text(f"trace.{key}", lang))}</th>' for key, span in (
        ("part", ""), ("params", ' colspan="2"'), (reading.cost.unit, ' colspan="2"')))
    most = max(stage.params for stage in result.stages), max(counts.values())
    rows = "".join(
        f'<tr data-at="{stage.group}"><th scope="row">{stage.group}</th>{_bar(stage.params, most[0], result.params)}'
        f"{_bar(counts[stage.group], most[1], reading.cost.total)}</tr>" for stage in result.stages)
    return (f"<div><h3>{escape(text('trace.by_stage', lang))}</h3>"
            f'<table class="bars stages"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>')


def _bar(count: int, most: int, total: int) -> str:
    share = percent(count / total) if total else ""
    return (f'<td class="bar"><span style="width:{100 * count / (most or 1):.1f}%"></span></td>'
            f'<td class="number" title="{count:,}">{short(count)} · {share}</td>')


def memory_html(reading: TraceReading) -> str:
    """Bytes for inference and training, in two precisions, for the view's batch."""
    lang, batch = reading.lang, reading.view.batch
    names = {key: escape(text(f"trace.memory_{key}", lang)) for key in ("use", *MEMORY, "total")}
    head = "".join(f'<th scope="col">{name}</th>' for name in names.values())
    rows = "".join(
        f'<tr><th scope="row">{escape(text(f"trace.{use}_{precision}", lang))}</th>' + "".join(
            f'<td class="number" data-is="{names[key]}">{size(bytes_) if bytes_ else "–"}</td>'
            for key in (*MEMORY, "total") for bytes_ in [getattr(taken, key)]) + "</tr>"
        for use in ("inference", "training") for precision in ("fp32", "bf16")
        for taken in [memory(reading.trace, batch, precision, training=use == "training")])
    return (f'<div><h3>{escape(text("trace.memory_title", lang, batch=f"{batch:,}"))}</h3>'
            f'<div class="scroll" tabindex="0">'
            f'<table class="rows memory narrow"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
            f'<p class="note">{escape(text("trace.memory_says", lang))}</p></div>')


def breaks_html(reading: TraceReading) -> str:
    """Where the net breaks or loses something at this size, each with its fix; what is merely good to know folds."""
    lang = reading.lang
    found = findings(reading.trace.config, reading.trace)
    grave = [finding for finding in found if finding.level != "note"]
    notes = [finding for finding in found if finding.level == "note"]
    title_ = escape(text("breaks.title", lang, height=reading.view.height, width=reading.view.width))
    head = _findings(grave, lang) or f'<p class="note good">{escape(text("breaks.nothing", lang))}</p>'
    more = (f"<details><summary>{escape(text('breaks.good_to_know', lang, n=len(notes)))}</summary>"
            f"{_findings(notes, lang)}</details>") if notes else ""
    return f"<div><h3>{title_}</h3>{head}{more}</div>"


def _findings(found: list[Finding], lang: str) -> str:
    items = "".join(f'<li class="{finding.level}">{escape(finding.sentence(lang))} '
                    f'<span class="fix">{escape(finding.fix(lang))}</span></li>' for finding in found)
    return f'<ul class="findings">{items}</ul>' if items else ""


def field_html(reading: TraceReading) -> str:
    """The receptive field of one value after each stage, drawn to scale over a photograph of the input's size."""
    trace, lang = reading.trace, reading.lang
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
            f'<image href="{photo_url("cat")}" width="{width}" height="{height}" '
            f'preserveAspectRatio="xMidYMid slice"/>{boxes}</svg>'
            f'<div><ol>{key}</ol><p class="note">{escape(text("trace.field_note", lang))}</p></div></div></div>')


def _field(side: int, height: int, width: int, tone: int) -> str:
    """A square around the centre; what lies outside the picture is padding and is not drawn."""
    return (f'<rect class="tone-{tone}" x="{(width - side) / 2:g}" y="{(height - side) / 2:g}" width="{side}" '
            f'height="{side}" vector-effect="non-scaling-stroke"/>')
