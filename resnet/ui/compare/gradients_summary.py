"""Gradients in words: the sentence of what to see, what is claimed by whom, the source line, the table and the file."""

from collections.abc import Sequence

from resnet.lab.gradients import BATCH, IMAGES, READOUTS, Gradients
from resnet.lab.shattering import (
    CLOUD,
    KINDS,
    MAX_DEPTH,
    PAIRS,
    POINTS,
    RUNS,
    WIDTHS,
    DepthResult,
    Settings,
    ShatteringResult,
    law,
    published,
)
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.util.csv import csv_text
from resnet.util.html import escape
from resnet.util.numbers import readable
from resnet.util.text import text

TABLED = (1, 2, 4, 6, 8, 10, 16, 24, 32, 40, 50)
FULL_COLUMNS = ("kind_depth", "size", "correlation", "error", "law", "published")
TWIN_COLUMNS = ("net", "first_norm", "last_norm", "cosine", "error")
FAINT = 16  # layers at which plain nets' correlation is told
VANISHED = 0.1  # of its size at one layer
CALM = 3  # times that gradients may grow with depth to be called calm


def lead_full(found: Sequence[ShatteringResult], pairs: str, lang: str) -> str:
    """Size against likeness: do plain nets' gradients vanish with depth, or are they only ever less alike?"""
    plain = [one for one in found if not KINDS[one.kind].skip]
    held = next(one for one in found if one.kind == "residual_bn").rows[-1].correlation[PAIRS.index(pairs)]
    if min(_size(one.rows[-1], pairs) / _size(one.rows[0], pairs) for one in plain) < VANISHED:
        return text("compare.gradients.lead_vanish", lang)
    unlike = all(one.rows[FAINT - 1].correlation[PAIRS.index(pairs)] < held for one in plain)
    return text(f"compare.gradients.lead_{'shatter' if unlike else 'alike'}", lang)


def numbers_full(found: Sequence[ShatteringResult], pairs: str, lang: str) -> str:
    """Plain nets' likeness where it is nearly gone, shortcuts' in the deepest nets; and the sizes there."""
    sizes = {one.kind: readable(_size(one.rows[-1], pairs)) for one in found}
    kept = {f"{one.kind}_kept": _correlation(one, MAX_DEPTH if KINDS[one.kind].skip else FAINT, pairs, lang)
            for one in found}
    return text("compare.gradients.numbers_full", lang, depth=MAX_DEPTH, faint=FAINT, **sizes, **kept)


def claims_full(found: Sequence[ShatteringResult], beta: float, lang: str) -> str:
    """Published, derived here, measured here, conjectured: each by its name."""
    measured = {one.kind: {row.depth: readable(row.correlation[0]) for row in one.rows} for one in found}
    values = {"beta": f"{beta:g}", "depth": MAX_DEPTH, "measured": measured["residual_bn"][MAX_DEPTH],
              "derived": readable(law("residual_bn", MAX_DEPTH, beta)[1]),
              "published": readable(published("residual_bn", MAX_DEPTH, beta) or 0)}
    values |= {f"{kind}_{depth}": measured[kind][depth] for kind in ("plain", "plain_centred") for depth in (4, 8, 16)}
    return _claims("full", values, lang)


def below_full(found: Sequence[ShatteringResult], settings: Settings, pairs: str, lang: str) -> str:
    place, size = PAIRS.index(pairs), 0 if pairs == "independent" else 1
    rows = [[f"{text(f'compare.gradients.{one.kind}', lang)}, {row.depth}", row.size[size], row.correlation[place],
             row.error[place], law(one.kind, row.depth, settings.beta)[1],
             published(one.kind, row.depth, settings.beta) or ""]
            for one in found for row in one.rows if row.depth in TABLED]
    table = numbers_table(_columns(FULL_COLUMNS, lang), rows, text("compare.gradients.alt_full", lang))
    source = text("compare.gradients.source_full", lang, width=settings.width, runs=settings.runs, seed=settings.seed,
                  points=POINTS, cloud=CLOUD, depth=MAX_DEPTH, beta=f"{settings.beta:g}",
                  operations=readable(settings.operations / 1e9),
                  most=readable(Settings(runs=RUNS[-1], width=WIDTHS[-1]).operations / 1e9))
    name = f"gradients-width{settings.width}-seed{settings.seed}.csv"
    return below_html(source, table, (name, csv_full(found)), lang)


def csv_full(found: Sequence[ShatteringResult]) -> str:
    """Every kind, depth and sort of pairs."""
    return csv_text(("kind", "depth", "pairs", "size", "correlation", "standard_error"), (
        (one.kind, row.depth, pairs, _size(row, pairs), row.correlation[place], row.error[place])
        for one in found for row in one.rows for place, pairs in enumerate(PAIRS)), digits=6)


def lead_twins(found: Sequence[Gradients], lang: str) -> str:
    """Whether the gradients at the first block grow with depth, in nets as initialised or trained."""
    growth = {plain: nets[-1].norms[1] / nets[0].norms[1] for plain in (True, False) if (nets := _deep(found, plain))}
    state = "trained" if found and found[0].net.name else "fresh"
    if max(growth.values(), default=0) < CALM:
        outcome = "calm"
    else:
        outcome = "explode" if growth.get(True, 0) > CALM * growth.get(False, 1) else "grow"
    return text(f"compare.gradients.{state}_{outcome}", lang)


def numbers_twins(found: Sequence[Gradients], lang: str) -> str:
    """Each kind's gradient at its first block, in the shallowest net of 20 layers or more and in the deepest."""
    norms = []
    for nets in (_deep(found, plain) for plain in (True, False)):
        if nets:
            key = "lead_norms" if len(nets) > 1 else "lead_norm"
            norms.append(text(f"compare.gradients.{key}", lang, shallow=nets[0].net.title, deep=nets[-1].net.title,
                             before=readable(nets[0].norms[1]), after=readable(nets[-1].norms[1])))
    return text("compare.gradients.numbers_twins", lang, norms=text("compare.grow.comma", lang).join(norms))


def _deep(found: Sequence[Gradients], plain: bool) -> list[Gradients]:
    return [one for one in found if one.net.plain == plain and one.net.depth >= 20]


def claims_twins(lang: str) -> str:
    return _claims("twins", {}, lang)


def below_twins(found: Sequence[Gradients], seed: int, lang: str) -> str:
    rows = [[one.net.title, one.norms[1], one.norms[-1], one.correlation, one.error] for one in found]
    table = numbers_table(_columns(TWIN_COLUMNS, lang), rows, text("compare.gradients.alt_twins", lang))
    files = ", ".join(f"weights/{one.net.name}" for one in found if one.net.name)
    source = text("compare.gradients.source_twins", lang, batch=BATCH, images=IMAGES, readouts=READOUTS, seed=seed)
    source += " " + (text("compare.gradients.source_files", lang, files=files) if files
                     else text("compare.gradients.source_fresh", lang))
    name = "gradients-trained.csv" if files else f"gradients-fresh-seed{seed}.csv"
    return below_html(source, table, (name, csv_twins(found)), lang)


def csv_twins(found: Sequence[Gradients]) -> str:
    """A row per layer; the likeness is the net's."""
    return csv_text(("net", "layer", "norm", "cosine", "standard_error"), (
        (one.net.title, layer, norm, one.correlation, one.error)
        for one in found for layer, norm in zip(one.layers, one.norms, strict=True)), digits=6)


def _claims(nets: str, values: dict, lang: str) -> str:
    """A list of claims, each opened by what sort of claim it is."""
    items = "".join(f"<li><b>{escape(text(f'compare.gradients.claim_{sort}', lang))}</b> "
                    f"{escape(text(f'compare.gradients.{nets}_{sort}', lang, **values))}</li>"
                    for sort in ("published", "derived", "conjectured") if nets == "full" or sort != "derived")
    return f'<ul class="claims">{items}</ul>'


def _correlation(one: ShatteringResult, depth: int, pairs: str, lang: str) -> str:
    """Of nets so deep, or that it cannot be told from zero."""
    if len(one.told(pairs)) >= depth:
        return readable(one.rows[depth - 1].correlation[PAIRS.index(pairs)])
    return text("compare.gradients.zero", lang)


def _size(row: DepthResult, pairs: str) -> float:
    return row.size[0 if pairs == "independent" else 1]


def _columns(names: Sequence[str], lang: str) -> list[str]:
    return [text(f"compare.gradients.columns.{name}", lang) for name in names]
