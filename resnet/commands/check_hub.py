"""python -m resnet check-hub: curated models, and one of each kind, checked on a machine that reaches the Hub."""

from __future__ import annotations

import argparse
import dataclasses
import platform
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from resnet.commands.console import Subcommands, print_json
from resnet.papers.curated import CURATED, FAMILY
from resnet.util.errors import InputError
from resnet.util.numbers import significant

if TYPE_CHECKING:
    from resnet.inference.check_hub import Checked

ENTRIES = (*CURATED, *FAMILY)


def add(commands: Subcommands) -> None:
    total = sum(entry.megabytes for entry in ENTRIES) / 1e3
    parser = commands.add_parser(
        "check-hub", help="download the curated models and one of each kind; check hashes, names, a picture's label",
        description=f"Downloads {len(CURATED)} curated models and one of each of {len(FAMILY)} kinds ({total:.1f} GB) "
                    "into huggingface_hub's cache and checks each; of kinds that no net here computes only the header "
                    "is read, which must be refused.")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="only these of them")
    parser.add_argument("--json", action="store_true", help="a list of one JSON object per model")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print a row per model; status 2 where one is not as expected, or the Hub is not there."""
    unknown = sorted(set(args.models) - {entry.reference for entry in ENTRIES})
    if unknown:
        raise InputError("not_curated", name=unknown[0][:80], known=", ".join(entry.reference for entry in ENTRIES))
    chosen = tuple(entry for entry in ENTRIES if entry.reference in (args.models or [entry.reference]))
    _ask_once(chosen[0].reference)
    from resnet.inference.check_hub import check_hub

    rows = []
    for row in check_hub(chosen, lambda name: print(f"fetching {name}", file=sys.stderr)):
        rows.append(row)
        if not args.json:
            print(line(row), flush=True)
    if args.json:
        print_json([dataclasses.asdict(row) for row in rows])
    else:
        print(_report())
    failed = sum(bool(row.problem) for row in rows)
    if failed:
        raise InputError("check_failed", failed=failed, n=len(rows))


def _ask_once(reference: str) -> None:
    """A Hub that is away is told of within seconds, before torch is imported; the header is remembered."""
    from resnet.hub.ref import ModelRef
    from resnet.hub.remote import AWAY
    from resnet.hub.store import current

    try:
        current().header(ModelRef.parse(reference, trusted=True))
    except InputError as error:
        if error.key in AWAY:
            raise


def line(row: Checked) -> str:
    """reference, megabytes, commit, label and per cent, batch norms' shift, kind, verdict."""
    seen = f"{row.label.partition(',')[0]} {100 * row.probability:.1f} %" if row.label else ""
    verdict = f"refused, as it should be: {row.refusal}" if row.refusal else "hash, names and label as expected"
    return (f"{row.reference:<48} {row.bytes / 1e6:>6.1f} MB  {row.commit[:7]:<7}  {seen:<24}  "
            f"{_fingerprint(row):<13}  {row.kind:<26}  {row.problem or verdict}")


def _fingerprint(row: Checked) -> str:
    """How far batch norm's inputs lie from what it remembers, and what would lie nearer."""
    if row.shift is None:
        return ""
    return f"shift {significant(row.shift, 2)}" + (f", less with {row.better}" if row.better else "")


def _report() -> str:
    """What to send to this project's developers."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision", "huggingface_hub"))
    return ("\nTo report: this table, whole; of each row that is not as expected also the output of\n"
            "python -m resnet trace REFERENCE --json; and this line:\n"
            f"Python {platform.python_version()}, {versions}, {platform.machine()}")
