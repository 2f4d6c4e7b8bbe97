"""Panel 10: shortcut, zero scale, norm and start told apart, from ablation.csv."""

import math
from collections.abc import Iterator

from resnet.audit.checks import Audit, Figure, drawing, exactly, mean, rows_of, said, words
from resnet.lab.ablation_log import LEARNS, RECORDED
from resnet.ui.compare.ablation import PANEL
from resnet.util.text import text

DEEP = 56
KINDS = {"plain": ("False", "he"), "dirac": ("False", "dirac"), "looks_linear": ("False", "looks_linear"),
         "muted": ("False", "skipinit"), "residual": ("True", "he"), "skipinit": ("True", "skipinit"),
         "fixup": ("True", "fixup")}  # in ablation.csv
Losses = dict[tuple[str, str, int], list[float]]  # of a kind, with norm or not, at a depth: of its best rate, by seed


def audits() -> Iterator[Audit]:
    shown, losses = drawing(PANEL), _losses()
    yield Audit("ablation, lead", (shown.told,), tuple(_lead(shown.told, losses)), frozenset({str(DEEP), "2"}))
    told = words((shown.html or [""])[0]).partition(" Measured here")[0]
    yield Audit("ablation, findings", (told,), tuple(_findings(told, losses)), frozenset({str(DEEP), "2"}))


def _losses() -> Losses:
    kinds = {kind: name for name, kind in KINDS.items()}
    by_rate: dict[tuple[str, str, int], dict[str, list[float]]] = {}
    for row in rows_of(RECORDED):
        net = kinds[row["shortcut"], row["start"]], row["norm"], int(row["depth"])
        by_rate.setdefault(net, {}).setdefault(row["lr"], []).append(float(row["loss"] or "inf"))
    return {net: min(rates.values(), key=mean) for net, rates in by_rate.items()}


def _lead(lead: str, losses: Losses) -> Iterator[Figure]:
    found = said(lead, "compare.ablation.numbers")
    for key, norm in (("without", "False"), ("norm", "True")):
        training = [_name(kind, norm) for kind in KINDS if max(losses[kind, norm, DEEP]) < LEARNS]
        yield exactly(f"train at {DEEP} layers, {key}", found[key], ", ".join(training))
    for key, shortcut in (("plain", "False"), ("residual", "True")):
        nets = {(kind, norm): series for (kind, norm, depth), series in losses.items()
                if depth == DEEP and KINDS[kind][0] == shortcut}
        best = min(nets, key=lambda net: max(nets[net]))
        yield exactly(f"best, {key}", found[key], _name(*best))
        yield exactly(f"best, {key}, loss", found[f"{key}_loss"], _span(nets[best]))


def _findings(told: str, losses: Losses) -> Iterator[Figure]:
    shortcut, zero, norm, start = (said(told, f"compare.ablation.finding_{one}")
                                   for one in ("shortcut", "zero", "norm", "start"))
    for found, kinds in ((shortcut, ("residual", "plain")), (zero, ("skipinit", "fixup", "muted", "muted_norm")),
                         (norm, ("plain_norm", "residual_norm")),
                         (start, ("dirac", "looks_linear", "dirac_norm", "looks_linear_norm"))):
        for kind in kinds:
            yield exactly(f"depth of {kind}", found[kind], _reach(kind, losses))
    best = min(("dirac", "looks_linear"), key=lambda kind: max(losses[kind, "True", DEEP]))
    for what, shown, kind in (("plain + BN", norm["plain_loss"], "plain"), ("best start", start["started_loss"], best),
                              ("residual + BN", norm["residual_loss"], "residual")):
        yield exactly(f"{what}, loss", shown, _span(losses[kind, "True", DEEP]))


def _reach(kind: str, losses: Losses) -> str:
    """Up to which depth a kind trains, as the page says it."""
    name, norm = (kind.removesuffix("_norm"), "True") if kind.endswith("_norm") else (kind, "False")
    reached = 0
    for depth in sorted({depth for *_, depth in losses}):
        if max(losses[name, norm, depth]) >= LEARNS:
            break
        reached = depth
    return text("compare.ablation.up_to", depth=reached) if reached else text("compare.ablation.nowhere")


def _name(kind: str, norm: str) -> str:
    told = text(f"compare.ablation.kind_{kind}")
    return text("compare.ablation.named_norm", kind=told) if norm == "True" else told


def _span(losses: list[float]) -> str:
    low, high = (f"{loss:.3g}" if math.isfinite(loss) else text("compare.ablation.ran_away")
                 for loss in (min(losses), max(losses)))
    return low if low == high else f"{low}–{high}"
