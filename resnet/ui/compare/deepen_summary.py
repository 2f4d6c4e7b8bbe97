"""Inserted blocks in words: the sentence of what to see, the source line, the table and the file."""

from collections.abc import Sequence

from resnet.lab import deepen
from resnet.lab.deepen import CALIBRATION, SEEDS, Moment, seeds_of
from resnet.lab.twins import Twins
from resnet.surgery import FRESH, MOST
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.util.csv import csv_text
from resnet.util.text import text

ITEMS = (200, deepen.ITEMS)
SEED = SEEDS[0]
FREE = 0.5  # points of error that an insertion may cost and still be called free
COLUMNS = ("inserted", "error", "loss", "distance", "largest", "changed")
Found = dict[str, list[Sequence[Moment]]]  # by arm and seed, for 0 and more inserted blocks


def lead(found: Found, lang: str) -> str:
    """Of identity starts, with and without a shortcut; and of the shortcut, among fresh blocks."""
    start, shortcut = verdict(found)
    return text("compare.deepen.lead", lang, start=text(f"compare.deepen.start_{start}", lang),
                shortcut=text(f"compare.deepen.shortcut_{shortcut}", lang))


def numbers(found: Found, depth: int, lang: str) -> str:
    """The errors of fresh blocks, and of the identity starts."""
    values = {"free": f"{FREE:g}", "seeds": len(SEEDS), "count": found["fresh"][0][-1].inserted,
              "first": _range(found["shortcut"], 1), "last": _range(found["shortcut"], -1),
              "plain_first": _range(found["fresh"], 1), "plain_last": _range(found["fresh"], -1)}
    arms = [text(f"compare.deepen.lead_{arm}", lang, depth=depth, count=run[-1].inserted, before=f"{run[0].error:.3g}",
                 error=f"{run[-1].error:.3g}", largest=f"{run[-1].largest:.2g}")
            for arm, (run, *_) in found.items() if arm not in FRESH]
    return " ".join([text("compare.deepen.numbers", lang, **values), *arms])


def verdict(found: Found) -> tuple[str, str]:
    """Where an identity start is free: "both", with a "residual" or a "plain" block, "none"; and what the shortcut
    does among fresh blocks: "free", "softens", "delays", "nothing"."""
    free = [_cost(found[arm]) <= FREE for arm in ("zero", "dirac")]
    start = "both" if all(free) else "residual" if free[0] else "plain" if free[1] else "none"
    better = [max(run[count].error for run in found["shortcut"]) < min(run[count].error for run in found["fresh"])
              for count in range(1, len(found["fresh"][0]))]
    shortcut = "free" if _cost(found["shortcut"]) <= FREE else "softens" if all(better) else (
        "delays" if better[0] else "nothing")
    return start, shortcut


def _cost(runs: Sequence[Sequence[Moment]]) -> float:
    """Points of error that the blocks add, with the worst seed."""
    return max(run[-1].error - run[0].error for run in runs)


def _range(runs: Sequence[Sequence[Moment]], place: int) -> str:
    """An error in per cent; where seeds differ, the lowest and the highest."""
    errors = sorted(run[place].error for run in runs)
    low, high = f"{errors[0]:.3g}", f"{errors[-1]:.3g}"
    return low if low == high else f"{low}–{high}"


def below(found: Found, twins: Twins, after: str, items: int, lang: str) -> str:
    """The source line, the numbers as a table and as a file."""
    return below_html(_source(twins, after, items, lang), _table(found, lang),
                      (f"deepen-{twins.key}-{after}.csv", _csv(found)), lang)


def _source(twins: Twins, after: str, items: int, lang: str) -> str:
    return text("compare.deepen.source", lang, n=f"{items:,}", calibration=CALIBRATION, most=MOST,
                seeds=", ".join(map(str, SEEDS)), bound=ITEMS[-1], after=after,
                files=", ".join(f"weights/{name}" for name in twins.names))


def _runs(found: Found) -> list[tuple[str, int, Moment]]:
    """(arm, seed, moment) of all."""
    return [(arm, seed, moment) for arm, runs in found.items()
            for seed, run in zip(seeds_of(arm), runs, strict=True) for moment in run]


def _table(found: Found, lang: str) -> str:
    rows = [[f"{text(f'compare.deepen.arm_{arm}', lang)} ({seed}), {moment.inserted}",
             *(getattr(moment, column) for column in COLUMNS[1:])] for arm, seed, moment in _runs(found)]
    return numbers_table([text(f"compare.deepen.columns.{column}", lang) for column in COLUMNS], rows,
                         text("compare.deepen.alt", lang))


def _csv(found: Found) -> str:
    columns = ("inserted", "n", *COLUMNS[1:])
    return csv_text(("arm", "seed", *columns), ((arm, seed, *(getattr(moment, column) for column in columns))
                                                for arm, seed, moment in _runs(found)), digits=6)
