"""Panel 8: the race that was recorded, from race.csv."""

from collections.abc import Iterator

from resnet.audit.checks import Audit, Figure, drawing, exactly, mean, rows_of, said
from resnet.lab.race_log import RECORDED, WINDOW
from resnet.ui.compare.race import PANEL


def audits() -> Iterator[Audit]:
    lead = drawing(PANEL, None).lead
    yield Audit("race, recorded", (lead,), tuple(_figures(lead)), frozenset({"38"}))


def _figures(lead: str) -> Iterator[Figure]:
    found = said(lead, "compare.race.verdict")
    laps = rows_of(RECORDED)
    yield exactly("iterations", found["iterations"], f"{int(laps[-1]['iteration']):,}")
    yield exactly("seconds", found["seconds"], f"{float(laps[-1]['elapsed']):.0f}")
    for kind in ("plain", "residual"):
        loss = mean(float(lap[f"{kind}_loss"]) for lap in laps[-WINDOW:])
        yield exactly(f"{kind}, training loss", found[f"{kind}_loss"], f"{loss:.3g}")
    tested = [lap for lap in laps if lap["plain_test"]][-1]
    found = said(lead, "compare.race.test")
    for kind in ("plain", "residual"):
        yield exactly(f"{kind}, test error, %", found[kind], f"{float(tested[f'{kind}_test']):.3g}")
