"""python -m resnet evaluate: accuracy and loss on a test set."""

import argparse
import sys

from resnet.commands.console import Subcommands, add_set, print_json, tell_readings
from resnet.util.fields import settings
from resnet.util.note import Note


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("evaluate", help="accuracy and loss of a trained net on a test set")
    parser.add_argument("model", metavar="MODEL",
                        help="a bundled name, a Hub repository, a folder or a .safetensors file")
    parser.add_argument("--data", required=True, metavar="NAME",
                        help="what `train --data` takes: a data set's name, a folder, owner/name")
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

    from resnet.hub.labels import are_numbers
    from resnet.hub.load import load
    from resnet.inference.batches import most_at_once
    from resnet.inference.predict import look_of
    from resnet.training.evaluate import BATCH, evaluate_model
    from resnet.training.pictures import source_of
    from resnet.training.recipe import Recipe
    from resnet.training.workers import joined, pick_device

    loaded, device = load(args.model).read_as(settings(args.set)), pick_device(args.device)
    batch = min(BATCH, most_at_once(loaded.info.architecture, loaded.steps.size, device)) if loaded.steps else BATCH
    recipe = Recipe.from_dict({"epochs": 1} | loaded.info.recipe | {"data": args.data})
    data = source_of(args.data, recipe.held_out, recipe.seed)
    with joined(device) as workers:
        if workers.rank == 0:
            tell_readings(loaded)
        net = deepcopy(loaded.model).to(device)
        score = evaluate_model(net, loaded.info, data, args.limit, args.precision, workers, look_of(loaded), batch)
    if workers.rank == 0 and are_numbers(loaded.info.labels):
        print(Note("order_assumed", {"title": data.title}).sentence(), file=sys.stderr)
    if workers.rank == 0 and args.json:
        print_json({"model": args.model, "data": args.data, **asdict(score)})
    elif workers.rank == 0:
        print(f"{args.model} on {args.data}: accuracy {100 * score.accuracy:.2f} %, loss {score.loss:.4f} "
              f"(n {score.n:,})")
