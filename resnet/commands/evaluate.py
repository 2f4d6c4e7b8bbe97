"""python -m resnet evaluate: accuracy and loss on a test set."""

import argparse

from resnet.commands.console import Subcommands, add_set, print_json
from resnet.util.fields import settings


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("evaluate", help="accuracy and loss of a trained net on a test set")
    parser.add_argument("model", metavar="MODEL", help="a bundled name, or a folder in the layout of weights/<name>/")
    parser.add_argument("--data", required=True, metavar="NAME", help="fashion_mnist or cifar10")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N test images")
    parser.add_argument("--precision", default="fp32", help="fp32 (the default, as on the model cards), bf16 or auto")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    add_set(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print a net's score on the test images; under torchrun the processes share them out."""
    from copy import deepcopy
    from dataclasses import asdict

    from resnet.hub.load import load
    from resnet.training.evaluate import evaluate_model
    from resnet.training.workers import joined, pick_device

    loaded, device = load(args.model).read_as(settings(args.set)), pick_device(args.device)
    with joined(device) as workers:
        net = deepcopy(loaded.model).to(device)
        score = evaluate_model(net, loaded.info, args.data, args.limit, args.precision, workers)
    if workers.rank == 0 and args.json:
        print_json({"model": args.model, "data": args.data, **asdict(score)})
    elif workers.rank == 0:
        print(f"{args.model} on {args.data}: accuracy {100 * score.accuracy:.2f} %, loss {score.loss:.4f} "
              f"(n {score.n:,})")
