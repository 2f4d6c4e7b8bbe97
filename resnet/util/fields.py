"""A record's fields <-> text: one set of rules for links, JSON, CSV, controls and the command line.

A field's annotation says what a value is, postponed or not; its `option` what it may be.
"""

import dataclasses
import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from resnet.util.errors import InputError

Record = TypeVar("Record")
MAX_TEXT = 200  # characters of a value
MAX_NUMBER = 2**53  # beyond it a browser's number field is no longer exact, and JSON gives up


def option(default: Any = dataclasses.MISSING, *, choices: "Sequence | Callable[[Any], Sequence] | None" = None,
           low: float | None = None, high: float | None = None,
           refusal: "Callable[[Any, tuple], InputError] | None" = None, **more: Any) -> Any:
    """A dataclass field that says what it may hold.

    Args:
        choices: all values, or a function from the record to them; of a tuple field, those of its items.
        low, high: the smallest and the largest number; of a tuple field, of its items.
        refusal: (value, what is allowed) -> the error, where `choice` and `between` are not the sentence.
        more: kept in the field's metadata for whoever draws the field.
    """
    metadata = {"choices": choices, "low": low, "high": high, "refusal": refusal} | more
    return dataclasses.field(default=default, metadata={key: value for key, value in metadata.items()
                                                        if value is not None})


@cache
def hints(kind: type) -> dict[str, Any]:
    """The types of a record's fields, by name, in order."""
    found = get_type_hints(kind)
    return {field.name: found[field.name] for field in dataclasses.fields(kind)}


def choices_of(record: Any, name: str) -> tuple | None:
    """What a record's field may be; None where anything of its type may stand."""
    return _choices(record, record.__dataclass_fields__[name])


def _choices(record: Any, field: dataclasses.Field) -> tuple | None:
    found = field.metadata.get("choices")
    if found is None:
        return None
    return tuple(found if isinstance(found, Iterable) else found(record))


# What a record holds -----------------------------------------------------------------------------


def check(record: Any, error: str = "between") -> None:
    """Hold every field against its option.

    Args:
        error: the key of the sentence on a number out of range; it may name the field, value, low, high and limit.

    Raises:
        InputError: the option's own, else `choice` or `error`, with the field's name.
    """
    for field in dataclasses.fields(record):
        check_field(record, field, error)


def check_field(record: Any, field: dataclasses.Field, error: str = "between") -> None:
    """One field of `check`."""
    value, allowed = getattr(record, field.name), _choices(record, field)
    refusal = field.metadata.get("refusal")
    for item in value if isinstance(value, (tuple, list)) else (value,):
        if allowed is not None and item not in allowed:
            raise refusal(item, allowed) if refusal else InputError(
                "choice", field=field.name, value=str(item)[:40], allowed=", ".join(map(str, allowed)))
        low, high = field.metadata.get("low", -math.inf), field.metadata.get("high", math.inf)
        if isinstance(item, (int, float)) and not low <= item <= high:  # nor is NaN
            raise refusal(item, (low, high)) if refusal else _out_of_range(error, field.name, item, low, high)


def _out_of_range(error: str, name: str, value: float, low: float, high: float) -> InputError:
    least, most, found = (f"{one:,}" if isinstance(one, int) else f"{one:g}" for one in (low, high, value))
    return InputError(error, field=name, value=(found if error == "between" else str(value))[:80], low=least,
                      high=most, limit=most)


def check_types(record: Any, error: str) -> None:
    """Hold every field against its annotation, for records that are not made from texts.

    Raises:
        InputError: `error`, which may name the field and value.
    """
    for name, hint in hints(type(record)).items():
        if not fits(getattr(record, name), hint):
            raise InputError(error, field=name, value=str(getattr(record, name))[:80])


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type `hint`, one of those that `parse` takes; an int is a float, a bool is neither."""
    if get_origin(hint) in (Union, types.UnionType):
        return any(fits(value, one) for one in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and _length_fits(len(value), hint) and all(
            fits(item, get_args(hint)[0]) for item in value)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def _length_fits(length: int, hint: Any) -> bool:
    return ... in get_args(hint) or length == len(get_args(hint))


# From text and to it -----------------------------------------------------------------------------


def parse(name: str, hint: Any, value: Any, error: str | None = None, ours: bool = False) -> Any:
    """A value from a link, a control, JSON or CSV as the type `hint`: int, float, bool, str, X | None or tuple[X, ...].

    Args:
        error: the key of one sentence for whatever is wrong, which may name the field and value.
        ours: written by this program, not by a stranger: texts and numbers of any length, infinite ones and NaN too.

    Raises:
        InputError: it cannot be one; the sentence names the field.
    """
    try:
        return _parse(name, hint, value, ours)
    except InputError:
        if error is None:
            raise
        raise InputError(error, field=name, value=str(value)[:80]) from None


def _parse(name: str, hint: Any, value: Any, ours: bool) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        return None if value is None else _parse(name, _other_than_none(hint), value, ours)
    if get_origin(hint) is tuple:
        return _parse_tuple(name, hint, value, ours)
    if ours and hint is not bool:
        return _recorded(name, hint, value)
    return {int: whole_number, float: number, bool: truth, str: short_text}[hint](name, value)


def _other_than_none(hint: Any) -> Any:
    return next(one for one in get_args(hint) if one is not type(None))


def _parse_tuple(name: str, hint: Any, value: Any, ours: bool) -> tuple:
    """Items stand between commas; numbers also as "224x224". Empty names are none."""
    kind = get_args(hint)[0]
    if isinstance(value, str):
        items = value.split(",") if kind is str else value.replace("x", ",").split(",") if value else ()
    else:
        items = value or ()
    if not isinstance(items, (list, tuple)) or not (kind is str or _length_fits(len(items), hint)):
        raise InputError("link_value", field=name, value=str(value)[:40])
    return tuple(_parse(name, kind, item, ours) for item in items if kind is not str or item != "")


def _recorded(name: str, hint: Any, value: Any) -> Any:
    try:
        if value is None:
            raise TypeError
        return hint(value)
    except (TypeError, ValueError):
        raise InputError("number", field=name, value=str(value)[:40]) from None


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
    """The inverse of `parse`, as links, settings and files have it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(map(spell, value)) if isinstance(value, (tuple, list)) else str(value)


# Whole records -----------------------------------------------------------------------------------


def from_mapping(kind: type[Record], values: Mapping[str, Any], ours: bool = False) -> Record:
    """A record from texts or plain values by field; names that it does not have are left alone.

    Args:
        ours: as in `parse`.

    Raises:
        InputError: a value that its field cannot hold. TypeError: a value without which there is no record is missing.
    """
    return kind(**{name: parse(name, hint, values[name], ours=ours) for name, hint in hints(kind).items()
                   if name in values})


def known_only(kind: type, values: Mapping[str, Any]) -> None:
    """Raises InputError for the first name that is no field of `kind`."""
    for name in values:
        if name not in hints(kind):
            raise InputError("unknown_setting", key=str(name)[:80], known=", ".join(hints(kind)))


def settings(pairs: Iterable[str]) -> dict[str, str]:
    """["stride_in=1x1"] -> {"stride_in": "1x1"}.

    Raises:
        InputError: not of the form KEY=VALUE.
    """
    pairs = list(pairs)
    for pair in pairs:
        if not pair.partition("=")[0].isidentifier() or "=" not in pair:
            raise InputError("not_a_setting", pair=pair[:80])
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}
