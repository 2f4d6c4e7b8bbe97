"""Panel 14: what is read behind the blocks, from readout.csv; the whole nets again on fewer images."""

from collections.abc import Iterator

from resnet.audit.checks import Audit, Figure, chance, drawing, exactly, fresh_error, mean, rows, said, words
from resnet.hub.load import bundled
from resnet.lab.readout import FILE, pairs
from resnet.lab.twins import Twins
from resnet.ui.compare.refine import PANEL
from resnet.util.text import sentences

LAST = "compare.refine.formed_last"


def audits() -> Iterator[Audit]:
    for key, pair in pairs().items():
        shown = drawing(PANEL, nets=key)
        told = words((shown.html or ["", ""])[1])
        residual = pair.named(False) or ""
        figures = [figure for name in pair.names for figure in _formed(shown.told, name)]
        yield Audit(f"refine, {key}", (shown.told, told),
                    (*figures, _ratio(shown.told, residual), *_agreed(shown.told, pair), *_halves(told, residual)))


def _whole(name: str, step: str = "1", times: str = "1") -> list[dict[str, str]]:
    return [row for row in rows(name, FILE) if (row["step"], row["times"]) == (step, times)]


def _formed(lead: str, name: str) -> list[Figure]:
    title, found = bundled()[name].title, _whole(name)
    shown = said(lead, "compare.refine.formed", LAST, net=title)
    at, last = found[int(shown["block"]) - 1], found[-1]
    error = fresh_error(name)
    figures = [exactly(f"{title}, blocks", shown["blocks"], len(found)),
               exactly(f"{title}, block", shown["block"], _first(found)),
               exactly(f"{title}, there", shown["there"], f"{float(at['direct']):.1f}"),
               Figure(f"{title}, whole", shown["whole"], f"{float(last['direct']):.1f}",
                      None if error is None else 100 - error, chance(float(last["direct"]), 500), 500)]
    if "later" in shown:
        later = found[int(shown["block"]):]
        figures += [exactly(f"{title}, later blocks", shown["later"], len(later)),
                    exactly(f"{title}, turned", shown["turned"], f"{mean(float(row['turned']) for row in later):.1f}")]
    return figures


def _first(found: list[dict[str, str]]) -> int:
    """The first block behind which the classifier has nine tenths of its final accuracy."""
    return next(n for n, row in enumerate(found, 1) if row["direct"] and
                float(row["direct"]) >= 0.9 * float(found[-1]["direct"]))


def _ratio(lead: str, name: str) -> Figure:
    shown = said(lead, "compare.refine.small", "compare.refine.large", net=bundled()[name].title)
    return exactly("|F| / |x|", shown["ratio"], f"{mean(float(row['ratio']) for row in _whole(name)):.2f}")


def _agreed(lead: str, pair: Twins) -> list[Figure]:
    shown = said(lead, "compare.refine.before")
    parts = [tuple(_before(pair.named(kind) or "") for kind in (False, True)) for pair in pairs().values()]
    kinds = [(one > other) - (one < other) for one, other in parts]
    mine = {"refine": 1, "build": -1, "alike": 0}
    kind = next(mine[key] for key in mine if _says(lead, f"compare.refine.verdict_{key}"))
    return [exactly("pairs", shown["pairs"], len(kinds)), exactly("agreed", shown["agreed"], kinds.count(kind)),
            *(exactly("one block before the end", shown[name], f"{_before(net):.1f}") for name, net in (
                ("there", pair.named(False) or ""), ("twin_there", pair.named(True) or "")))]


def _says(lead: str, key: str) -> bool:
    return lead.startswith(sentences("en")[key])


def _before(name: str) -> float:
    """What the classifier reads one block before the end."""
    return float(_whole(name)[-2]["direct"])


def _halves(told: str, name: str) -> list[Figure]:
    shown = said(told, "compare.refine.halves_kept", "compare.refine.halves_lost", net=bundled()[name].title)
    return [exactly(f"correct, {what}", shown[what], f"{float(_whole(name, *run)[-1]['direct']):.1f}")
            for what, run in (("whole", ("1", "1")), ("half", ("0.5", "1")), ("halves", ("0.5", "2")))]
