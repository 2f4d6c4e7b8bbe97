"""What an audit is made of: the figures of a place, taken out of its sentences, and where they can be had again."""

import csv
import html
import json
import os
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from resnet.hub.load import bundled, load
from resnet.hub.ref import WEIGHTS
from resnet.lab.images import images_for
from resnet.lab.lesions import Task, effects
from resnet.lab.twins import ships
from resnet.ui.compare.layout import ComparePanel, Drawing
from resnet.util.text import sentences

FRESH = 500  # images of a fresh run
SURE = 4.0  # standard errors by which a fresh share may differ: one in 16,000 does by chance
NUMBER = re.compile(r"(?<![\w.,×-])\d+(?:,\d{3})*(?:\.\d+)?(?![\w×]|[.,]\d)")  # none in names: plain-56, 3×3


class NotSaidError(LookupError):
    """A sentence that an audit looks for is not on the page."""


@dataclass(frozen=True)
class Figure:
    """A figure of a sentence.

    shown      as the page writes it
    recorded   as the record has it, written alike; "" where the page measures and nothing is recorded
    fresh      measured just now on n images or the like; None where that takes too long or the data are not here
    within     by how much `fresh` may differ from what is shown
    """

    what: str
    shown: str
    recorded: str
    fresh: float | None = None
    within: float = 0.0
    n: int = 0

    @property
    def agrees(self) -> bool:
        """Whether record and fresh run say what the page says; one of them must speak."""
        if not self.recorded and self.fresh is None:
            return False
        near = self.fresh is None or abs(self.fresh - value(self.shown)) <= self.within
        return self.recorded in ("", self.shown) and near


@dataclass(frozen=True)
class Audit:
    """What a place says, and its figures; `constants` are numbers in its sentences that are no measurements."""

    place: str
    sentences: tuple[str, ...]
    figures: tuple[Figure, ...]
    constants: frozenset[str] = frozenset()

    @property
    def unaccounted(self) -> list[str]:
        """Numbers in the sentences that are neither a figure nor a constant."""
        known = self.constants.union(*(NUMBER.findall(figure.shown) for figure in self.figures))
        found = [number for told in self.sentences for number in NUMBER.findall(told)]
        return [number for number in dict.fromkeys(found) if number not in known]


def value(shown: str) -> float:
    """The number that a figure writes: "14,266", "3.50·10⁷"."""
    digits, _, power = shown.replace(",", "").partition("·10")
    return float(digits) * 10 ** int(power.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")) or 0)


# The page ------------------------------------------------------------------------------------------


def drawing(panel: ComparePanel, *extra: Any, **fields: Any) -> Drawing:
    """What a panel shows in English for a view with these fields."""
    *_, last = panel.steps(panel.view(**fields).whole(), "en", *extra)
    return last


def said(told: str, *keys: str, **known: str) -> dict[str, str]:
    """The values in the first of some sentences that `told` has, by their placeholders, those that are known given.

    Raises:
        NotSaidError: it has none of them.
    """
    for key in keys:
        if match := re.search(_pattern(key, known), told):
            return known | match.groupdict()
    raise NotSaidError(f"none of {', '.join(keys)} in: {told[:200]}")


def _pattern(key: str, known: Mapping[str, str]) -> str:
    """A regular expression for what the sentence `key` can be, a group for each placeholder."""
    parts, seen = [], set()
    for literal, name, _, _ in string.Formatter().parse(sentences("en")[key]):
        parts.append(re.escape(literal))
        if name is None:
            continue
        if name in known:
            parts.append(re.escape(known[name]))
        else:
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>.+?)")
            seen.add(name)
    return "".join(parts) + r"(?=\s|$)"


def words(markup: str) -> str:
    """The text of a piece of HTML."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", markup))).strip()


# Records, by readers of their own ------------------------------------------------------------------


def rows(*path: str) -> list[dict[str, str]]:
    """A CSV file under weights/."""
    return rows_of(WEIGHTS.joinpath(*path))


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def config(name: str) -> dict:
    """config.json of a bundled net."""
    return json.loads((WEIGHTS / name / "config.json").read_text("utf-8"))


def seeds_of(name: str) -> list[list[dict[str, str]]]:
    """The histories of a bundled net: its own, and its further seeds' in weights/runs."""
    further = sorted(WEIGHTS.glob(f"runs/{name}_seed*/history.csv"))
    return [rows(name, "history.csv"), *map(rows_of, further)]


def mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


# Fresh runs ----------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def fresh_error(name: str, part: str = "test", operation: str = "none", blocks: tuple[str, ...] = ()) -> float | None:
    """Error in per cent of a bundled net on the first FRESH images, with a lesion; None where they are not here."""
    if not (ships(bundled()[name].data) or os.environ.get("RESNET_DATA")):
        return None
    loaded = load(name)
    [effect] = effects(loaded.model, images_for(loaded.info, part, FRESH), [Task(operation, blocks)])
    return effect.error


def share(what: str, shown: str, recorded: float, fresh: float | None, digits: str = ".3g") -> Figure:
    """A figure in per cent whose fresh run saw FRESH images: it may differ by what so few images allow."""
    return Figure(what, shown, f"{recorded:{digits}}", fresh, chance(recorded, FRESH), 0 if fresh is None else FRESH)


def chance(percent: float, n: int) -> float:
    """By how many points a share of n images may differ from what it is of all, SURE standard errors."""
    part = min(max(percent / 100, 0.01), 0.99)
    return 100 * SURE * (part * (1 - part) / n) ** 0.5


def exactly(what: str, shown: str, recorded: Any) -> Figure:
    """A figure that is not measured again."""
    return Figure(what, shown, str(recorded))


def seeds(told: str, first: list, second: list) -> list[Figure]:
    """The numbers of seeds that a verdict names (resnet.lab.verdict), against the runs of each side."""
    shown = re.findall(r"\d+", told) or ["1", "1"]
    return [exactly("seeds", one, len(runs)) for one, runs in zip(shown, (first, second), strict=True)]
