"""python -m resnet surface: the loss around a trained net, recorded beside its weights."""

import argparse
from pathlib import Path

from resnet.commands.console import Subcommands


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("surface", help="loss on a plane through a trained net's weights (Li et al. 2018)")
    parser.add_argument("model", metavar="MODEL", help="a bundled name, or a folder in the layout of weights/<name>/")
    parser.add_argument("--grid", type=int, default=21, metavar="N", help="points a side, odd (21)")
    parser.add_argument("--span", type=float, default=1.0, metavar="X", help="from -X to X along both directions (1)")
    parser.add_argument("--n", type=int, default=1_000, metavar="N", help="the first N training images (1,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the two directions (0)")
    parser.add_argument("--norm", default="fixed",
                        help="batch norm's statistics: fixed (the default), or reestimated on the images at each point")
    parser.add_argument("--precision", default="fp32", help="fp32 (the default) or bf16")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for surface.csv; else beside the weights")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Measure the points that the file lacks; a stopped run goes on with the same command."""
    from resnet.commands.lesions import record_folder
    from resnet.hub.load import load
    from resnet.lab.images import images_for
    from resnet.lab.surface import FILE, Slice, record
    from resnet.training.workers import pick_device
    from resnet.util.errors import InputError

    where = Slice(args.grid, args.span, args.n, args.seed, args.norm)
    if args.precision not in ("fp32", "bf16"):
        raise InputError("choice", field="precision", value=args.precision[:80], allowed="fp32, bf16")
    loaded = load(args.model)
    split = images_for(loaded.info, "train", where.n)
    out, new = args.out or record_folder(args.model), 0
    for height in record(out, loaded.model, split, where, args.precision, pick_device(args.device)):
        print(f"({height.a:+.3f}, {height.b:+.3f})  loss {height.loss:.4f}  error {height.error:.2f} %", flush=True)
        new += 1
    print(f"{out / FILE}: {where.grid**2:,} points, {new:,} of them new")
