"""python -m resnet path: the path that a training took through its weights, and how sharply the loss bends on it."""

import argparse
from pathlib import Path

from resnet.commands.console import Subcommands


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("path", help="the path of a training that kept its epochs, and the Hessian along it")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of `resnet train ... --keep-epochs`")
    parser.add_argument("--grid", type=int, default=17, metavar="N", help="points a side of the path's plane (17)")
    parser.add_argument("--n", type=int, default=250, metavar="N", help="the first N training images, of the plane")
    parser.add_argument("--batch", type=int, default=100, metavar="N", help="the first N, of the Hessian (100)")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"), help="of the plane (fp32)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for what is found; else FOLDER")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Measure what the files lack; a stopped run goes on with the same command."""
    from resnet.checkpoint import save_info
    from resnet.hub.load import load
    from resnet.lab import curvature, weight_path
    from resnet.lab.images import images_for
    from resnet.lab.plane import NORMS
    from resnet.training.resume import kept_weights

    info, out = load(str(args.folder)).info, args.out or args.folder
    save_info(out, info)
    nets, split = kept_weights(args.folder, info.architecture), images_for(info, "train", max(args.n, args.batch))
    for step in weight_path.record_path(out, nets):
        print(f"epoch {step.epoch:>3}  x {step.x:8.3f}  y {step.y:8.3f}  off the plane {step.off:8.3f}", flush=True)
    for norm in NORMS:
        for point in weight_path.record_plane(out, nets, split, norm, args.grid, args.n, args.precision):
            print(f"{norm}  ({point.x:+.3f}, {point.y:+.3f})  loss {point.loss:.4f}", flush=True)
    for row in curvature.record(out, nets, split, args.batch):
        print(f"epoch {row.epoch:>3}  {row.norm:<11}  largest eigenvalue {row.eigenvalue:.4g}", flush=True)
