"""What each block adds, in words: where the answer stands, how large a branch is, and what half steps do."""

from statistics import fmean

from resnet.data import DATA
from resnet.hub.load import bundled
from resnet.lab.readout import COLUMNS, KEPT, SMALL, Course, course, pairs, recorded
from resnet.lab.twins import Twins
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.util.csv import csv_text
from resnet.util.text import text


def lead(twins: Twins, lang: str) -> str:
    """Which of the pair leaves its last block less to do."""
    return _say(f"verdict_{verdict(twins)}" if both(twins) else "none", lang)


def numbers(twins: Twins, lang: str) -> str:
    """What can be read one block before the end, whether so in every pair, and how large branches are."""
    courses = both(twins)
    if not courses:
        return ""
    residual, plain = courses
    agreed = [key for key, pair in pairs().items() if verdict(pair) == verdict(twins)]
    said = [_say("before", lang, net=_title(residual), twin=_title(plain), agreed=len(agreed),
                 pairs=len(pairs()), there=f"{residual.before:.1f}", twin_there=f"{plain.before:.1f}"),
            *(_formed(one, lang) for one in courses), _sizes(residual, lang)]
    return text("compare.sentences", lang).join(said)


def both(twins: Twins) -> tuple[Course, Course] | None:
    """The residual net's course and the plain one's, whole."""
    residual, plain = (course(twins.named(kind) or "") for kind in (False, True))
    return (residual, plain) if residual and plain else None


def verdict(twins: Twins) -> str:
    """ "refine": one block before the end more can be read in the residual net than in the plain one; "build": less;
    "alike"."""
    courses = both(twins)
    if not courses or courses[0].before == courses[1].before:
        return "alike"
    return "refine" if courses[0].before > courses[1].before else "build"


def _formed(one: Course, lang: str) -> str:
    """From which block on the classifier reads nearly what it reads at the end."""
    place = one.rows.index(one.formed) + 1
    said = {"net": _title(one), "block": place, "blocks": len(one.rows), "there": f"{one.formed.direct:.1f}",
            "whole": f"{one.accuracy:.1f}"}
    if not one.later:
        return _say("formed_last", lang, **said)
    turned = fmean(row.turned or 0.0 for row in one.later)
    return _say("formed", lang, later=len(one.later), turned=f"{turned:.1f}", **said)


def _sizes(one: Course, lang: str) -> str:
    ratio = one.ratio or 0.0
    return _say("small" if ratio < SMALL else "large", lang, ratio=f"{ratio:.2f}", net=_title(one))


def step_lead(name: str, step: float, lang: str) -> str:
    """What two half steps do to a net's accuracy, and what the chosen factor does."""
    whole, half, halves, scaled = course(name), course(name, 0.5), course(name, 0.5, 2), course(name, step)
    said = []
    if whole and half and halves:
        kept = whole.accuracy - halves.accuracy <= KEPT * (whole.accuracy - half.accuracy)
        said.append(_say("halves_kept" if kept else "halves_lost", lang, net=bundled()[name].title,
                         whole=f"{whole.accuracy:.1f}", half=f"{half.accuracy:.1f}", halves=f"{halves.accuracy:.1f}"))
    if scaled and step != 1:
        said.append(_say("scaled", lang, step=f"{step:g}", accuracy=f"{scaled.accuracy:.1f}"))
    return text("compare.sentences", lang).join(said)


def below(twins: Twins, lang: str) -> str:
    """The source line, the whole nets' blocks as a table, and all that is recorded of the pair as a file."""
    courses = both(twins)
    if not courses:
        return ""
    first = courses[0].rows[0]
    columns = [text(f"compare.refine.columns.{column}", lang) for column in (
        "block", "nearest", "direct", "settled", "turned", "ratio", "change")]
    table = numbers_table(columns, [_row(one, place) for one in courses for place in range(len(one.rows))],
                          _say("alt", lang))
    source = _say("source", lang, n=f"{first.n:,}", train=f"{first.train:,}", data=DATA[twins.data].title,
                  files=text("compare.comma", lang).join(f"weights/{one.name}/readout.csv" for one in courses))
    csv = csv_text(("net", *COLUMNS), ((name, *(getattr(row, column) for column in COLUMNS))
                                       for name in twins.names for row in recorded(name)), digits=6)
    return below_html(source, table, (f"readout-{twins.key}.csv", csv), lang)


def _row(one: Course, place: int) -> list:
    row = one.rows[place]
    values = [row.nearest, row.direct, row.settled, row.turned, row.ratio, row.change]
    return [f"{_title(one)}, {row.block}", *("–" if value is None else value for value in values)]


def _title(one: Course) -> str:
    return bundled()[one.name].title


def _say(key: str, lang: str, **values: object) -> str:
    return text(f"compare.refine.{key}", lang, **values)
