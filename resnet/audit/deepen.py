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
    lead, again = (drawing(PANEL, items=items).lead for items in (ITEMS[-1], ITEMS[0]))
    figures = [figure for arm in NETS for figure in _figures(arm, lead, again)]
    yield Audit("deepen", (lead.replace("–", " "),), tuple(figures), frozenset({f"{FREE:g}", "2"}))


def _figures(arm: str, lead: str, again: str) -> Iterator[Figure]:
    count = PANEL.view().count
    shown, fresh = (said(told, f"compare.deepen.lead_{arm}", count=str(count)) for told in (lead, again))
    for key, inserted in (("before", 0), ("first", 1), ("error", count)):
        if key not in shown:
            continue
        errors = sorted(_recorded(arm, inserted))
        ends = dict.fromkeys((0, -1)) if "–" in shown[key] else (0,)
        for end in ends:
            measured, within = float(fresh[key].split("–")[end]), chance(errors[end], ITEMS[0])
            yield Figure(f"{arm}, {key}, %", shown[key].split("–")[end], f"{errors[end]:.3g}", measured, within,
                         ITEMS[0])
    if "largest" in shown:
        yield Figure(f"{arm}, largest change of a logit", shown["largest"], "", float(fresh["largest"]), SMALL)
    yield exactly(f"{arm}, blocks", shown["count"], count)


def _recorded(arm: str, inserted: int) -> list[float]:
    """Error in per cent, one a seed, at the panel's first view."""
    view = PANEL.view()
    return [float(row["error"]) for row in rows_of(RECORDED.parent / "deepen.csv")
            if (row["net"], row["arm"], row["after"]) == (NETS[arm], arm, view.after)
            and (int(row["items"]), int(row["inserted"])) == (ITEMS[-1], inserted)]
