"""python -m resnet lesions: what each block of a trained net does, recorded beside its weights."""

import argparse
from pathlib import Path

from resnet.commands.console import Subcommands
from resnet.util.errors import InputError


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("lesions", help="error after dropping, halving, swapping blocks; gradient by path")
    parser.add_argument("model", metavar="MODEL",
                        help="a bundled name, or a folder in the layout of weights/<name>/; gets three CSV files")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N test images")
    parser.add_argument("--samples", type=int, default=1_000, metavar="N", help="paths of each length")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Measure what the three files lack; a stopped run goes on with the same command."""
    from resnet.hub.load import load
    from resnet.lab import lesions, paths
    from resnet.lab.images import images_for

    for field in ("limit", "samples"):
        if (value := getattr(args, field)) is not None and not 1 <= value <= 100_000:
            raise InputError("range", field=field, value=value, limit="100,000")
    folder, loaded = record_folder(args.model), load(args.model)
    test = images_for(loaded.info, "test", args.limit)
    for calibration in (None, images_for(loaded.info, "train", lesions.CALIBRATION)):
        for row in lesions.record(folder, loaded.model, test, calibration):
            norms = f"norms re-estimated on {row.calibration:,}" if calibration else "norms as trained"
            print(f"{row.operation:<6} {'+'.join(row.blocks):<30} n {row.n:,}  {norms}  error {row.error:6.2f} %  "
                  f"loss {row.loss:.4f}", flush=True)
    if loaded.info.architecture.plain:  # one path only
        return
    for row in paths.record(folder, loaded.model, images_for(loaded.info, "train"), args.samples):
        print(f"length {row.length:>3}  paths {row.count:>15,}  gradient {row.median:.3e} "
              f"({row.low:.3e} to {row.high:.3e})  product {row.product:.3e}", flush=True)


def record_folder(model: str) -> Path:
    """Where the record goes; raises InputError for a model that has no folder here."""
    from resnet.hub.ref import WEIGHTS

    folder = next((path for path in (WEIGHTS / model, Path(model)) if path.is_dir()), None)
    if folder is None:
        raise InputError("record_folder", name=model[:80])
    return folder
