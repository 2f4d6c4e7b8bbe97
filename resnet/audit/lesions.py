"""Panel 4: the errors after lesions from lesions.csv, the paths from paths.csv; the worst lesion is done again."""

from collections.abc import Iterator

from resnet.audit.checks import Audit, Figure, drawing, exactly, fresh_error, mean, rows, said, share
from resnet.hub.load import bundled
from resnet.lab.twins import Twins, all_twins
from resnet.ui.compare.lesions import PANEL
from resnet.util.numbers import readable

ALONE = ("drop", "halve", "swap")
HALVING = {"layer2.0", "layer3.0"}  # the blocks that halve the map, which are not among several dropped at random
Rows = list[dict[str, str]]


def audits() -> Iterator[Audit]:
    for key, pair in all_twins().items():
        for show in (*ALONE, "several", "paths"):
            lead = drawing(PANEL, nets=key, show=show).lead
            yield Audit(f"lesions, {key}, {show}", (lead,), tuple(_figures(lead, pair, show)), frozenset({"110"}))


def _figures(lead: str, pair: Twins, show: str) -> Iterator[Figure]:
    if show == "paths":
        yield from _paths(lead, pair)
        return
    for name in pair.names:
        yield from (_several if show == "several" else _alone)(lead, name, show)


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
    products = [float(row["product"]) for row in lengths]
    blocks = len(lengths) - 1
    median = next(i for i in range(blocks + 1) if sum(products[:i + 1]) >= sum(products) / 2)
    first, last = float(lengths[0]["magnitude"]), float(lengths[-1]["magnitude"])
    ratio = said(lead, "compare.lesions.paths_fall" if last < first else "compare.lesions.paths_grow")["ratio"]
    for what, shown, recorded in (("blocks", found["blocks"], blocks), ("paths", found["paths"], f"{2**blocks:,}"),
                                  ("mean length", found["mean"], f"{blocks / 2:g}"),
                                  ("median", found["median"], median),
                                  ("ratio", ratio, readable(max(first, last) / min(first, last)))):
        yield exactly(f"{found['net']}, {what}", shown, recorded)
