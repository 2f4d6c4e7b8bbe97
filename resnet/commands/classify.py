"""python -m resnet classify: what is on a picture."""

import argparse
import sys

from resnet.commands.console import Subcommands, add_set, load_with_bar, print_json
from resnet.util.fields import settings


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("classify", help="what is on a picture, by trained weights")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="JPEG, PNG or WebP files")
    parser.add_argument("--model", required=True, metavar="MODEL",
                        help="a bundled name, a Hub repository (owner/name[@revision]), a folder or a file")
    parser.add_argument("--top-k", type=int, default=5, metavar="K")
    parser.add_argument("--precision", default="auto", help="auto (what is quickest here), fp32 or bf16")
    parser.add_argument("--test-size", action="store_true",
                        help="timm's larger test size, where the repository names one, instead of that of training")
    add_set(parser)
    parser.add_argument("--json", action="store_true", help="a list of one JSON object per picture")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the most probable classes of each picture."""
    chosen = settings(args.set)
    loaded = load_with_bar(args.model).read_as(chosen)  # before torch is imported: a Hub that fails is told at once
    from resnet.inference.predict import classify as answer

    if loaded.steps and not args.json:
        _tell(loaded, args.test_size)
    answers = [answer(image, loaded, args.top_k, args.precision, test_size=args.test_size) for image in args.images]
    results = [{"image": image, "model": args.model, "precision": found.precision, "predictions": [
        {"label": p.label, "probability": p.probability} for p in found.predictions]}
        for image, found in zip(args.images, answers, strict=True)]
    if args.json:
        print_json(results)
        return
    for result in results:
        print(result["image"])
        for prediction in result["predictions"]:
            print(f"  {100 * prediction['probability']:6.2f} %  {prediction['label']}")


def _tell(loaded, test_size: bool) -> None:
    """What was recognised and assumed; of how pictures are made only for the size of training."""
    for note in loaded.notes:
        if not (test_size and note.key.startswith(("scaled_", "steps_"))):
            print(f"{loaded.ref}: {note.sentence()}", file=sys.stderr)
