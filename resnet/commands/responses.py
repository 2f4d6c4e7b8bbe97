"""python -m resnet responses: how loud each layer of a trained net is, recorded beside its weights."""

import argparse

from resnet.commands.console import Subcommands
from resnet.util.errors import InputError


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("responses", help="deviation of each layer's response (He et al. 2015, figure 7)")
    parser.add_argument("model", metavar="MODEL", help="a bundled name, or a folder in the layout of weights/<name>/")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N test images")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Measure and write responses.csv."""
    from resnet.commands.lesions import record_folder
    from resnet.hub.load import load
    from resnet.lab.images import images_for
    from resnet.lab.responses import record

    if args.limit is not None and not 1 <= args.limit <= 100_000:
        raise InputError("range", field="limit", value=args.limit, limit="100,000")
    folder, loaded = record_folder(args.model), load(args.model)
    for layer, deviation in record(folder, loaded.model, images_for(loaded.info, "test", args.limit)).items():
        print(f"{layer:<20} {deviation:.4f}")
