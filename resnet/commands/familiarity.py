"""python -m resnet familiarity: how strange a picture is to a trained net, recorded beside its weights."""

import argparse

from resnet.commands.console import Subcommands
from resnet.commands.lesions import record_folder


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("familiarity", help="what pictures are strange to a net, by its batch norms")
    parser.add_argument("model", metavar="MODEL",
                        help="a bundled name, or a folder in the layout of weights/<name>/; gets two files")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Measure and write both files, and the table of the model card."""
    from resnet.hub.load import load
    from resnet.lab import familiarity

    folder, loaded = record_folder(args.model), load(args.model)
    for row in familiarity.record(folder, loaded):
        print(f"{row.pictures:<14} n {row.n:,} against {row.m:,}  AUC {row.auc:.4f}  found {100 * row.found:.1f} %",
              flush=True)
