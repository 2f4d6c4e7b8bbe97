"""Panel 9: the shares of the slice that are better than guessing, from surface.csv."""

from collections.abc import Iterator
from math import log

from resnet.audit.checks import Audit, drawing, exactly, mean, rows, said
from resnet.ui.compare.surface import PANEL, pairs


def audits() -> Iterator[Audit]:
    for key, pair in pairs().items():
        lead = drawing(PANEL, nets=key).lead
        found = said(lead, "compare.surface.lead")
        figures = [exactly(f"{found[kind]}, points below 2.30 nats, %", found[f"{kind}_below"],
                           _below(pair.named(kind == "plain"))) for kind in ("plain", "residual")]
        yield Audit(f"surface, {key}", (lead,), tuple(figures), frozenset({"2.30"}))


def _below(name: str | None) -> str:
    return f"{100 * mean(float(row['loss']) < log(10) for row in rows(name or '', 'surface.csv')):.3g}"
