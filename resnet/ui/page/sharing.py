"""The state of a tab is one frozen record that goes to and from the query string.

A view's fields are the tab's controls, in their order; only what differs from its `defaults()` is in
the link. What comes in is checked like any stranger's input: by type here, by meaning in the record.
"""

import dataclasses
from collections.abc import Mapping
from math import isfinite
from typing import TypeVar
from urllib.parse import urlencode

from resnet.util.errors import InputError

View = TypeVar("View")
MAX_VALUE = 200  # characters
MAX_NUMBER = 2**53  # beyond it a browser's number field is no longer exact, and JSON gives up


def to_query(tab: str, view, panel: str = "") -> str:
    """ "tab=compare&panel=degradation&metric=loss": the place, and every field that differs from its default."""
    place = {"tab": tab, "panel": panel} if panel else {"tab": tab}
    default = view.defaults()
    changed = {field.name: _spell(getattr(view, field.name)) for field in dataclasses.fields(view)
               if getattr(view, field.name) != default[field.name]}
    return urlencode(place | changed, safe=",")


def from_query(kind: type[View], parameters: Mapping[str, str]) -> View:
    """The view that a link describes; unknown parameters are not ours and left alone.

    Raises:
        InputError: a value of the wrong type, too long, or refused by the view itself.
    """
    values = {field.name: parse(field.name, field.type, parameters[field.name])
              for field in dataclasses.fields(kind) if field.name in parameters}
    return kind(**values)


def parse_controls(kind: type[View], *values) -> View:
    """The view that a tab's controls hold, in the order of its fields.

    Raises:
        InputError: as from_query.
    """
    fields = dataclasses.fields(kind)
    return kind(*(parse(field.name, field.type, value) for field, value in zip(fields, values, strict=True)))


def parse(name: str, kind: type, value) -> "int | float | str | tuple[str, ...]":
    """A control's or a link's value as the field's type.

    Raises:
        InputError: it cannot be one.
    """
    if kind is int:
        return whole_number(name, value)
    if kind is float:
        return number(name, value)
    if kind is str:
        if not isinstance(value, str) or len(value) > MAX_VALUE or not value.isprintable():
            raise InputError("link_value", field=name, value=str(value)[:40])
        return value
    items = value.split(",") if isinstance(value, str) else value or ()
    if not isinstance(items, (list, tuple)):
        raise InputError("link_value", field=name, value=str(value)[:40])
    return tuple(parse(name, str, item) for item in items if item)


def whole_number(name: str, value) -> int:
    """An int from a number field or a link; empty, fractional and boundless ones are refused."""
    try:
        if isinstance(value, bool) or (isinstance(value, str) and len(value) > 12):
            raise ValueError
        number = float(value)
        if number != int(number) or abs(number) > MAX_NUMBER:
            raise ValueError
        return int(number)
    except (TypeError, ValueError, OverflowError):
        if value is None or value == "":
            raise InputError("number_empty", field=name) from None
        raise InputError("whole_number", field=name, value=str(value)[:40]) from None


def number(name: str, value) -> float:
    """A finite float from a slider or a link."""
    try:
        if isinstance(value, bool) or (isinstance(value, str) and len(value) > 24) or not isfinite(float(value)):
            raise ValueError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError("number", field=name, value=str(value)[:40]) from None


def _spell(value) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(value) if isinstance(value, tuple) else str(value)
