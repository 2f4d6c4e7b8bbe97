"""A record's fields <-> text: one set of rules for links, JSON, CSV, controls and the command line.

A field's annotation says what a value is, postponed or not; its `option` what it may be.
"""

import dataclasses
import math
import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from resnet.util.errors import InputError

Record = TypeVar("Record")
MAX_TEXT = 200  # characters of a value
MAX_NUMBER = 2**53  # beyond it a browser's number field is no longer exact, and JSON gives up


def option(default: Any = dataclasses.MISSING, *, choices: "Sequence | Callable[[Any], Sequence] | None" = None,
           low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """A dataclass field that says what it may hold.

    Args:
        choices: all values, or a function from the record to them; of a tuple field, those of its items.
        low, high: the smallest and the largest number.
        more: kept in the field's metadata for whoever draws the field.
    """
    metadata = {"choices": choices, "low": low, "high": high} | more
    return dataclasses.field(default=default, metadata={key: value for key, value in metadata.items()
                                                        if value is not None})


@cache
def hints(kind: type) -> dict[str, Any]:
    """The types of a record's fields, by name, in order."""
    found = get_type_hints(kind)
    return {field.name: found[field.name] for field in dataclasses.fields(kind)}


def choices_of(record: Any, name: str) -> tuple | None:
    """What a record's field may be; None where anything of its type may stand."""
    found = next(field for field in dataclasses.fields(record) if field.name == name).metadata.get("choices")
    return tuple(found(record)) if callable(found) else None if found is None else tuple(found)


def check(record: Any) -> None:
    """Hold every field against its option.

    Raises:
        InputError: `choice` or `between`, with the field's name.
    """
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        allowed = choices_of(record, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            if allowed is not None and item not in allowed:
                raise InputError("choice", field=field.name, value=str(item)[:40], allowed=", ".join(map(str, allowed)))
            low, high = field.metadata.get("low", -math.inf), field.metadata.get("high", math.inf)
            if isinstance(item, (int, float)) and not low <= item <= high:
                raise InputError("between", field=field.name, value=f"{item:g}", low=f"{low:g}", high=f"{high:g}")


def parse(name: str, hint: Any, value: Any) -> Any:
    """A value from a link, a control, JSON or CSV as the type `hint`: int, float, bool, str, X | None or tuple[X, ...].

    Raises:
        InputError: it cannot be one; the sentence names the field.
    """
    if get_origin(hint) in (Union, types.UnionType):
        return None if value is None else parse(name, next(one for one in get_args(hint) if one is not type(None)),
                                                value)
    if get_origin(hint) is tuple:
        items = value.split(",") if isinstance(value, str) else value or ()
        if not isinstance(items, (list, tuple)):
            raise InputError("link_value", field=name, value=str(value)[:40])
        return tuple(parse(name, get_args(hint)[0], item) for item in items if item != "")
    return {int: whole_number, float: number, bool: truth, str: short_text}[hint](name, value)


def whole_number(name: str, value: Any) -> int:
    """Empty, fractional and boundless ones are refused."""
    try:
        if isinstance(value, bool) or (isinstance(value, str) and len(value) > 12):
            raise ValueError
        found = float(value)
        if found != int(found) or abs(found) > MAX_NUMBER:
            raise ValueError
        return int(found)
    except (TypeError, ValueError, OverflowError):
        if value is None or value == "":
            raise InputError("number_empty", field=name) from None
        raise InputError("whole_number", field=name, value=str(value)[:40]) from None


def number(name: str, value: Any) -> float:
    """A finite one."""
    try:
        if isinstance(value, bool) or (isinstance(value, str) and len(value) > 24) or not math.isfinite(float(value)):
            raise ValueError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError("number", field=name, value=str(value)[:40]) from None


def truth(name: str, value: Any) -> bool:
    """True, False, or either as a word."""
    found = {"true": True, "false": False}.get(str(value).lower())
    if found is None:
        raise InputError("choice", field=name, value=str(value)[:40], allowed="true, false")
    return found


def short_text(name: str, value: Any) -> str:
    """Printable, at most MAX_TEXT characters."""
    if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
        raise InputError("link_value", field=name, value=str(value)[:40])
    return value


def spell(value: Any) -> str:
    """The inverse of `parse`, as links and files have it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(map(spell, value)) if isinstance(value, tuple) else str(value)


def from_mapping(kind: type[Record], values: Mapping[str, Any]) -> Record:
    """A record from texts or plain values by field; names that it does not have are left alone.

    Raises:
        InputError: a value that its field cannot hold.
    """
    return kind(**{name: parse(name, hint, values[name]) for name, hint in hints(kind).items() if name in values})
