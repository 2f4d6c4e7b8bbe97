"""python -m resnet audit: every figure of the page's sentences against its record and a fresh run."""

import argparse
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from resnet.commands.console import Subcommands
from resnet.util.errors import InputError

if TYPE_CHECKING:
    from resnet.audit.checks import Audit, Figure

HEAD = ("figure", "shown", "recorded", "fresh", "±", "n", "agrees")


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("audit", help="every figure on the page against its record and a small fresh run")
    parser.add_argument("places", nargs="*", metavar="PLACE", help=f"some of {', '.join(_places())}; all, where none")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print a table as it is measured; returns 1 where a figure disagrees or nobody accounts for it."""
    for place in args.places:
        if place not in _places():
            raise InputError("unknown_panel", name=place[:40], known=", ".join(_places()))
    print(_line(HEAD))
    wrong = total = 0
    for audit in _audits(args.places or _places()):
        print(f"\n{audit.place}")
        for figure in audit.figures:
            print(_row(figure), flush=True)
        for number in audit.unaccounted:
            print(_line((f"{number}: no row accounts for it", number, "", "", "", "", "NO")))
        wrong += sum(not figure.agrees for figure in audit.figures) + len(audit.unaccounted)
        total += len(audit.figures) + len(audit.unaccounted)
    print(f"\n{total - wrong} of {total} figures agree")
    return int(wrong > 0)


def _places() -> list[str]:
    """The files of resnet.audit that hold a place each."""
    import resnet.audit

    return sorted(module.name for module in iter_modules(resnet.audit.__path__) if module.name != "checks")


def _audits(places: list[str]) -> "Iterator[Audit]":
    """Those of each place; one whose sentences are not as it knows them has a figure that disagrees."""
    from resnet.audit.checks import Audit, Figure, NotSaidError

    for place in places:
        try:
            yield from import_module(f"resnet.audit.{place}").audits()
        except NotSaidError as error:
            yield Audit(place, (), (Figure(str(error), "not on the page", "?"),))


def _row(figure: "Figure") -> str:
    fresh = ("", "", "") if figure.fresh is None else (
        f"{figure.fresh:.4g}", f"{figure.within:.2g}", f"{figure.n:,}" if figure.n else "")
    return _line((figure.what, figure.shown, figure.recorded, *fresh, "yes" if figure.agrees else "NO"))


def _line(cells: tuple[str, ...]) -> str:
    what, *numbers, agrees = cells
    return f"{what:<58.58}" + "".join(f"{cell:>16.16}" for cell in numbers[:2]) + "".join(
        f"{cell:>10}" for cell in numbers[2:]) + f"{agrees:>8}"
