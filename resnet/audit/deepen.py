"""Panel 5: the errors with inserted blocks, from lab/recorded/deepen.csv, and measured again on fewer images."""

from collections.abc import Iterator

from resnet.audit.checks import Audit, Figure, chance, drawing, exactly, rows_of, said
from resnet.lab.race_log import RECORDED
from resnet.ui.compare.deepen_summary import FREE, ITEMS
from resnet.ui.compare.grow import PANEL

NETS = {"zero": "resnet20_fashion_mnist", "shortcut": "resnet20_fashion_mnist",
        "fresh": "plain20_fashion_mnist", "dirac": "plain20_fashion_mnist"}
SMALL = 1e-4  # of a logit: what rounding may change


def audits() -> Iterator[Audit]:
    lead, again = (drawing(PANEL, items=items).told for items in (ITEMS[-1], ITEMS[0]))
    figures = [*_identity("zero", lead, again), *_identity("dirac", lead, again), *_fresh(lead, again)]
    yield Audit("deepen", (lead,), tuple(figures), frozenset({f"{FREE:g}"}))


def _identity(arm: str, lead: str, again: str) -> Iterator[Figure]:
    """An arm whose blocks start as the identity: its errors, and by how much a logit changes."""
    count = PANEL.view().count
    shown, fresh = (said(told, f"compare.deepen.lead_{arm}", count=str(count)) for told in (lead, again))
    yield from _errors(arm, shown["before"], fresh["before"], 0)
    yield from _errors(arm, shown["error"], fresh["error"], count)
    yield Figure(f"{arm}, largest change of a logit", shown["largest"], "", float(fresh["largest"]), SMALL)
    yield exactly(f"{arm}, blocks", shown["count"], count)


def _fresh(lead: str, again: str) -> Iterator[Figure]:
    """Fresh blocks, with a shortcut and without."""
    shown, fresh = (said(told, "compare.deepen.numbers") for told in (lead, again))
    count = PANEL.view().count
    for arm, prefix in (("shortcut", ""), ("fresh", "plain_")):
        for key, inserted in (("first", 1), ("last", count)):
            yield from _errors(arm, shown[prefix + key], fresh[prefix + key], inserted)
    yield exactly("fresh blocks", shown["count"], count)
    yield exactly("seeds", shown["seeds"], len(_recorded("fresh", 1)))


def _errors(arm: str, shown: str, fresh: str, inserted: int) -> Iterator[Figure]:
    """One error, or the lowest and the highest of several seeds."""
    errors = sorted(_recorded(arm, inserted))
    for end in (0, -1) if "–" in shown else (0,):
        yield Figure(f"{arm}, {inserted} blocks, %", shown.split("–")[end], f"{errors[end]:.3g}",
                     float(fresh.split("–")[end]), chance(errors[end], ITEMS[0]), ITEMS[0])


def _recorded(arm: str, inserted: int) -> list[float]:
    """Error in per cent, one a seed, at the panel's first view."""
    view = PANEL.view()
    return [float(row["error"]) for row in rows_of(RECORDED.parent / "deepen.csv")
            if (row["net"], row["arm"], row["after"]) == (NETS[arm], arm, view.after)
            and (int(row["items"]), int(row["inserted"])) == (ITEMS[-1], inserted)]
