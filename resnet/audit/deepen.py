"""Panel 5: the three arms, which the page measures while one waits, measured again on fewer images."""

from collections.abc import Iterator

from resnet.audit.checks import Audit, Figure, chance, drawing, exactly, said
from resnet.ui.compare.deepen_summary import ITEMS
from resnet.ui.compare.grow import PANEL

SMALL = 1e-4  # of a logit: what rounding may change


def audits() -> Iterator[Audit]:
    lead, again = (drawing(PANEL, items=items).lead for items in (ITEMS[-1], ITEMS[0]))
    yield Audit("deepen", (lead,), tuple(figure for arm in ("zero", "fresh", "dirac")
                                         for figure in _figures(arm, lead, again)))


def _figures(arm: str, lead: str, again: str) -> Iterator[Figure]:
    shown, fresh = (said(told, f"compare.deepen.lead_{arm}") for told in (lead, again))
    for key in ("before", "error"):
        within = chance(float(shown[key]), ITEMS[0])
        yield Figure(f"{arm}, {key}, %", shown[key], "", float(fresh[key]), within, ITEMS[0])
    if "largest" in shown:
        yield Figure(f"{arm}, largest change of a logit", shown["largest"], "", float(fresh["largest"]), SMALL)
    yield exactly(f"{arm}, blocks", shown["count"], PANEL.view().count)
