"""Panel 4: the errors after lesions from lesions.csv, the paths from paths.csv; the worst lesion is done again."""

from collections.abc import Iterator

from resnet.audit.checks import Audit, Figure, drawing, exactly, fresh_error, mean, rows, said, share, words
from resnet.hub.load import bundled
from resnet.hub.ref import WEIGHTS
from resnet.lab.lesions import FILES
from resnet.lab.twins import Twins, all_twins
from resnet.ui.compare.lesions import PANEL
from resnet.util.numbers import readable

ALONE = ("drop", "halve", "swap")
HALVING = {"layer2.0", "layer3.0"}  # the blocks that halve the map, which are not among several dropped at random
Rows = list[dict[str, str]]


def audits() -> Iterator[Audit]:
    for key, pair in all_twins().items():
        for show in (*ALONE, "several", "paths"):
            shown = drawing(PANEL, nets=key, show=show)
            told = f"{shown.told} {words((shown.html or [''])[0]).partition('Measured here')[0]}"
            yield Audit(f"lesions, {key}, {show}", (told,), tuple(_figures(told, pair, show)), frozenset({"110"}))


def _figures(lead: str, pair: Twins, show: str) -> Iterator[Figure]:
    if show == "paths":
        yield from _paths(lead, pair)
        return
    for name in pair.names:
        yield from (_several if show == "several" else _alone)(lead, name, show)
    if show in ALONE and all((WEIGHTS / name / FILES["reestimated"]).exists() for name in pair.names):
        yield from _treatments(lead, pair, show)


def _treatments(lead: str, pair: Twins, show: str) -> Iterator[Figure]:
    """What the lesions cost on average with either treatment of batch norm, and what re-estimation repairs."""
    plain, residual = (next(name for name in pair.names if bundled()[name].architecture.plain is kind)
                       for kind in (True, False))
    errors = {(name, norms): _errors(name, norms, show) for name in (plain, residual) for norms in FILES}
    if not all(errors.values()):
        return
    found = said(lead, "compare.lesions.costs", plain_net=bundled()[plain].title,
                 residual_net=bundled()[residual].title)
    both = errors[plain, "running"].keys() & errors[residual, "running"].keys()
    for kind, name in (("plain", plain), ("residual", residual)):
        for norms in FILES:
            cost = mean([errors[name, norms][blocks] for blocks in both]) - _errors(name, norms, "none")[""]
            yield exactly(f"{bundled()[name].title}, {norms}: cost", found[f"{kind}_{norms}"], f"{cost:.1f}")
        yield from _repaired(lead, name, errors[name, "running"], errors[name, "reestimated"])


def _repaired(lead: str, name: str, before: dict[str, float], after: dict[str, float]) -> Iterator[Figure]:
    title = bundled()[name].title
    found = said(lead, "compare.lesions.stale", "compare.lesions.not_stale", net=title)
    moved, worst = max(after, key=lambda blocks: before[blocks] - after[blocks]), max(after, key=after.__getitem__)
    for key, recorded in (("block", moved), ("before", f"{before[moved]:.3g}"), ("after", f"{after[moved]:.3g}"),
                          ("worst", worst), ("worst_before", f"{before[worst]:.3g}"),
                          ("worst_after", f"{after[worst]:.3g}")):
        yield exactly(f"{title}, re-estimated: {key}", found[key], recorded)


def _errors(name: str, norms: str, show: str) -> dict[str, float]:
    """Block -> error in per cent without it, on the most images that were used."""
    single = [row for row in rows(name, FILES[norms]) if row["operation"] == show and "+" not in row["blocks"]]
    most = max((int(row["n"]) for row in single), default=0)
    return {row["blocks"]: float(row["error"]) for row in single if int(row["n"]) == most}


def _alone(lead: str, name: str, show: str) -> Iterator[Figure]:
    found = said(lead, f"compare.lesions.lead_{show}", net=bundled()[name].title)
    single = [row for row in rows(name, "lesions.csv") if row["operation"] == show and "+" not in row["blocks"]]
    n = max(int(row["n"]) for row in single)
    ordered = sorted((row for row in single if int(row["n"]) == n), key=lambda row: float(row["error"]))
    worst = ordered[-1]
    again = fresh_error(name, "test", show, (worst["blocks"],)) if show == "drop" else None
    what = f"{found['net']}, {show}"
    yield share(f"{what}: whole", found["whole"], _whole(name, n), fresh_error(name) if show == "drop" else None)
    yield exactly(f"{what}: least", found["low"], f"{float(ordered[0]['error']):.3g}")
    yield share(f"{what}: most", found["high"], float(worst["error"]), again)
    yield exactly(f"{what}: block", found["block"], worst["blocks"])


def _several(lead: str, name: str, show: str) -> Iterator[Figure]:
    found = said(lead, "compare.lesions.lead_several", net=bundled()[name].title)
    dropped = [row for row in rows(name, "lesions.csv") if row["operation"] == "drop"]
    n = max(int(row["n"]) for row in dropped if "+" in row["blocks"])
    errors: dict[int, list[float]] = {}
    for row in dropped:
        blocks = row["blocks"].split("+")
        if int(row["n"]) == n and not HALVING.intersection(blocks):
            errors.setdefault(len(blocks), []).append(float(row["error"]))
    what, most = f"{found['net']}, several", max(errors)
    yield exactly(f"{what}: whole", found["whole"], f"{_whole(name, n):.3g}")
    yield exactly(f"{what}: one", found["error"], f"{mean(errors[min(errors)]):.3g}")
    yield exactly(f"{what}: most", found["last"], f"{mean(errors[most]):.3g}")
    yield exactly(f"{what}: how many", found["most"], most)
    yield exactly(f"{what}: draws", found["draws"], max(map(len, errors.values())))


def _whole(name: str, n: int) -> float:
    return next(float(row["error"]) for row in rows(name, "lesions.csv")
                if row["operation"] == "none" and int(row["n"]) == n)


def _paths(lead: str, pair: Twins) -> Iterator[Figure]:
    name = next(name for name in pair.names if not bundled()[name].architecture.plain)
    found = said(lead, "compare.lesions.lead_paths", net=bundled()[name].title)
    lengths: Rows = rows(name, "paths.csv")
    blocks = len(lengths) - 1
    first, last = lengths[0], lengths[-1]
    low, high = _half_range(lengths)
    medians = sorted((float(first["median"]), float(last["median"])))
    for what, shown, recorded in (("blocks", found["blocks"], blocks), ("paths", found["paths"], f"{2**blocks:,}"),
                                  ("mean length", found["mean"], f"{blocks / 2:g}"),
                                  ("half", found["half"], _half(lengths, *["median"] * len(lengths))),
                                  ("half by means", found["by_means"], _half(lengths, *["mean"] * len(lengths))),
                                  ("lowest half", found["low"], low), ("highest half", found["high"], high),
                                  ("ratio", found["ratio"], readable(medians[1] / medians[0]))):
        yield exactly(f"{found['net']}, {what}", shown, recorded)


def _half(lengths: Rows, *columns: str) -> int:
    """The smallest length up to which half of number times gradient lies, the gradient of each in its column."""
    carried = [int(row["count"]) * float(row[column]) for row, column in zip(lengths, columns, strict=True)]
    return next(i for i in range(len(carried)) if sum(carried[:i + 1]) >= sum(carried) / 2)


def _half_range(lengths: Rows) -> tuple[int, int]:
    """Where it can lie within the intervals: the short paths at one end of theirs, the long ones at the other."""
    total = len(lengths)
    halves = [_half(lengths, *[ends[0]] * cut, *[ends[1]] * (total - cut))
              for ends in (("low", "high"), ("high", "low")) for cut in range(total + 1)]
    return min(halves), max(halves)
