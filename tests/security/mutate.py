"""Values of JSON and their text, hurt at random."""

import copy
import json
import math
import random
from typing import Any

ODD = (None, True, False, 0, -1, 1, 0.5, 2**31, 2**53 + 1, 10**30, 1e308, math.nan, -math.inf, "", " ", "\0", "a\nb",
       "\ud800", "\u202e", "é", "%s{name}", "=1+1", "<script>alert(1)</script>", "../../etc/passwd", "/etc/passwd",
       "http://127.0.0.1:1/", "x" * 5_000, "1e400", "１２", "-0", [], {}, [[]], [None], [0, -1],
       {"path": "/etc/passwd"}, {"a": {"b": []}})
PIECES = ("0", "-", ".", ",", "9" * 20, "e999", "%00", "%ff", "&", "=", "#", "?", "/", "..", "\\", "@", ":", "\"", "'",
          "{", "}", "[", "]", "null", "NaN", "true", " ", "\n", "\0", "é", "图", "\u202e", "\ud800", "<b>", "x" * 300)


def text(chance: random.Random, value: str) -> str:
    """One change at one place."""
    at, length = chance.randrange(len(value) + 1), chance.choice((1, 2, 8))
    before, cut, after = value[:at], value[at:at + length], value[at + length:]
    return before + chance.choice(("", cut * 2, cut[::-1], cut.swapcase(), cut + chance.choice(PIECES),
                                   chance.choice(PIECES))) + after


def number(chance: random.Random, value: float) -> Any:
    return chance.choice((value + 1, value - 1, -value, value * 2, value / 2, value * 1_000_000, str(value)))


def value(chance: random.Random, sound: Any) -> Any:
    """A copy of a JSON value with a few changes anywhere in it."""
    whole = [copy.deepcopy(sound)]
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        _hurt(chance, *chance.choice(_places(whole)), whole)
    return whole[0] if whole else None


def _places(container: Any) -> list[tuple[Any, Any]]:
    """Where a value stands, for every value inside: (list or table, index or key)."""
    keys = list(container) if isinstance(container, dict) else range(len(container))
    return [place for key in keys for place in
            [(container, key), *(_places(container[key]) if isinstance(container[key], (list, dict)) else ())]]


def _hurt(chance: random.Random, container: Any, key: Any, whole: list) -> None:
    old = container[key]
    match chance.randrange(7):
        case 0:
            container[key] = copy.deepcopy(chance.choice(ODD))
        case 1 if container is not whole:
            del container[key]
        case 2:
            other, where = chance.choice(_places(whole))
            container[key] = copy.deepcopy(other[where])
        case 3 if isinstance(container, dict):
            container[text(chance, key)] = container.pop(key)
        case 4:
            container[key] = chance.choice(([old], {"a": old}, [old, old]))
        case _ if isinstance(old, str):
            container[key] = text(chance, old)
        case _ if type(old) in (int, float):
            container[key] = number(chance, old)


def written(chance: random.Random, found: Any) -> str:
    """A value as JSON, sometimes hurt once more as a text."""
    told = json.dumps(found)
    return text(chance, told) if chance.random() < 0.1 else told
