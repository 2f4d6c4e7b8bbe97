"""python -m resnet check-hub: the curated models, fetched and checked, on a machine that reaches the Hub."""

import argparse
import dataclasses
import sys

from resnet.commands.console import Subcommands, print_json
from resnet.papers.curated import CURATED
from resnet.util.errors import InputError


def add(commands: Subcommands) -> None:
    total = sum(entry.megabytes for entry in CURATED) / 1e3
    parser = commands.add_parser(
        "check-hub", help="download the curated models and check hashes, names and a reference picture's label",
        description=f"Downloads {len(CURATED)} models ({total:.1f} GB) into huggingface_hub's cache and checks each.")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="only these of the curated ones")
    parser.add_argument("--json", action="store_true", help="a list of one JSON object per model")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print a row per model; status 2 where one is not as expected, or the Hub is not there."""
    unknown = sorted(set(args.models) - {entry.reference for entry in CURATED})
    if unknown:
        raise InputError("not_curated", name=unknown[0][:80], known=", ".join(entry.reference for entry in CURATED))
    chosen = tuple(entry for entry in CURATED if entry.reference in (args.models or [entry.reference]))
    _ask_once(chosen[0].reference)
    from resnet.inference.check_hub import check_hub

    rows = []
    for row in check_hub(chosen, lambda name: print(f"fetching {name}", file=sys.stderr)):
        rows.append(row)
        if not args.json:
            print(_line(row), flush=True)
    if args.json:
        print_json([dataclasses.asdict(row) for row in rows])
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


def _line(row) -> str:
    """reference, megabytes, commit, label and per cent, verdict."""
    seen = f"{row.label.partition(',')[0]} {100 * row.probability:.1f} %" if row.label else ""
    return (f"{row.reference:<32} {row.bytes / 1e6:>6.1f} MB  {row.commit[:7]:<7}  {seen:<24}  "
            f"{row.problem or 'hash, names and label as expected'}")
