"""python -m resnet readout: what can be read behind each block of a trained net, recorded beside its weights."""

import argparse

from resnet.commands.console import Subcommands
from resnet.util.errors import InputError


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("readout", help="the answer as it forms: accuracy behind each block, branches scaled")
    parser.add_argument("model", metavar="MODEL",
                        help="a bundled name, or a folder in the layout of weights/<name>/; gets two files")
    parser.add_argument("--limit", type=int, default=2_000, metavar="N", help="the first N test images (2,000)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Measure what the record lacks; a stopped run goes on with the same command."""
    from resnet.commands.lesions import record_folder
    from resnet.hub.load import load
    from resnet.lab import readout
    from resnet.lab.images import images_for

    if not 1 <= args.limit <= 100_000:
        raise InputError("range", field="limit", value=args.limit, limit="100,000")
    folder, loaded = record_folder(args.model), load(args.model)
    train, test = images_for(loaded.info, "train", readout.TRAIN), images_for(loaded.info, "test", args.limit)
    for rows in readout.record(folder, loaded.model, train, test):
        last = rows[-1]
        print(f"step {last.step:g} x {last.times}  n {last.n:,}  accuracy {last.direct:.2f} %  by block "
              + " ".join(f"{row.nearest:.0f}" for row in rows), flush=True)
