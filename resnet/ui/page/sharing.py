"""The state of a tab is one frozen record that goes to and from the query string.

A view's fields are the tab's controls, in their order; only what differs from its `defaults()` is in
the link. What comes in is checked like any stranger's input: by type here, by its option in the view.
"""

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

from resnet.util.fields import check_field, from_mapping, hints, parse, spell

AnyView = TypeVar("AnyView", bound="View")


@dataclass(frozen=True)
class View:
    """A tab's state. Of each field resnet.util.fields.option says what it may be, and resnet.ui.page.controls how
    it is shown; `own=` is a function of the view (the fields before it) to the value that stands for the default, and
    `known=` one that tells whether that needs nobody to be asked; until `whole`, the default stays where it is not.

    Raises:
        InputError: a field that is not what its option says.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if not self._stands_in(field) or self._is_known(field):
                self._settle(field)

    def whole(self: AnyView) -> AnyView:
        """This view with all values that stand for defaults, whoever must be asked for them.

        Raises:
            InputError: they cannot be had.
        """
        found: Any = copy.copy(self)
        for field in dataclasses.fields(found):
            found._settle(field)
        return found

    def _settle(self, field: dataclasses.Field) -> None:
        if self._stands_in(field):
            object.__setattr__(self, field.name, field.metadata["own"](self))
        check_field(self, field)

    def _is_known(self, field: dataclasses.Field) -> bool:
        return field.metadata.get("known", _always)(self)

    def _stands_in(self, field: dataclasses.Field) -> bool:
        return "own" in field.metadata and getattr(self, field.name) == field.default

    @classmethod
    def of_link(cls, said: Mapping[str, str]) -> Self:
        """What a link means that says so much; unknown names are not ours and left alone.

        Raises:
            InputError: a value that its field cannot hold.
        """
        return from_mapping(cls, said)

    def defaults(self) -> dict[str, Any]:
        """What a link to this view need not say; nobody is asked for it."""
        return {field.name: field.metadata["own"](self) if "own" in field.metadata and self._is_known(field)
                else field.default for field in dataclasses.fields(self)}


def _always(view: View) -> bool:
    return True


def to_query(tab: str, view: Any, panel: str = "") -> str:
    """ "tab=compare&panel=degradation&metric=loss": the place, and every field that differs from its default."""
    place = {"tab": tab, "panel": panel} if panel else {"tab": tab}
    default = view.defaults()
    changed = {field.name: spell(getattr(view, field.name)) for field in dataclasses.fields(view)
               if getattr(view, field.name) != default[field.name]}
    return urlencode(place | changed, safe=",")


def from_query(kind: type[AnyView], parameters: Mapping[str, str]) -> AnyView:
    """The view that a link describes; unknown parameters are not ours and left alone.

    Raises:
        InputError: a value of the wrong type, too long, or refused by the view itself.
    """
    return kind.of_link(parameters)


def parse_controls(kind: type[AnyView], *values: Any) -> AnyView:
    """The view that a tab's controls hold, in the order of its fields.

    Raises:
        InputError: as from_query.
    """
    return kind(*(parse(name, hint, value) for (name, hint), value in zip(hints(kind).items(), values, strict=True)))
