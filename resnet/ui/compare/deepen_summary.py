"""Inserted blocks in words: the sentence of what to see, the source line, the table and the file."""

from collections.abc import Sequence

from resnet.lab.deepen import Moment
from resnet.lab.twins import Twins
from resnet.surgery import MOST
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.util.csv import records_csv
from resnet.util.text import text

ITEMS = (200, 500)
CALIBRATION = 250  # training images, the same for all arms
SEED = 0
COLUMNS = ("inserted", "error", "loss", "distance", "largest", "changed")
Found = dict[str, Sequence[Moment]]  # by arm, for 0 and more inserted blocks


def lead(found: Found, depth: int, lang: str) -> str:
    """What each arm did to the function, with its numbers."""
    return " ".join(text(f"compare.deepen.lead_{arm}", lang, depth=depth, count=rows[-1].inserted,
                         before=f"{rows[0].error:.3g}", error=f"{rows[-1].error:.3g}",
                         largest=f"{rows[-1].largest:.2g}") for arm, rows in found.items())


def below(found: Found, twins: Twins, after: str, items: int, lang: str) -> str:
    """The source line, the numbers as a table and as a file."""
    return below_html(_source(twins, after, items, lang), _table(found, lang),
                      (f"deepen-{twins.key}-{after}.csv", _csv(found)), lang)


def _source(twins: Twins, after: str, items: int, lang: str) -> str:
    return text("compare.deepen.source", lang, n=f"{items:,}", calibration=CALIBRATION, seed=SEED, most=MOST,
                bound=ITEMS[-1], after=after, files=", ".join(f"weights/{name}" for name in twins.names))


def _table(found: Found, lang: str) -> str:
    rows = [[f"{text(f'compare.deepen.arm_{arm}', lang)}, {moment.inserted}",
             *(getattr(moment, column) for column in COLUMNS[1:])] for arm, rows in found.items() for moment in rows]
    return numbers_table([text(f"compare.deepen.columns.{column}", lang) for column in COLUMNS], rows,
                         text("compare.deepen.alt", lang))


def _csv(found: Found) -> str:
    moments = (moment for rows in found.values() for moment in rows)
    return records_csv(("arm", "inserted", "n", *COLUMNS[1:]), moments, digits=6)
