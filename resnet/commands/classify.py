"""python -m resnet classify: what is on a picture, or on a million."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from resnet.commands.console import Subcommands, add_set, load_with_bar, print_json
from resnet.util.errors import InputError
from resnet.util.fields import settings

if TYPE_CHECKING:
    from resnet.hub.loaded import LoadedModel


def add(commands: Subcommands) -> None:
    parser = commands.add_parser(
        "classify", help="what is on a picture, or on each of a folder, by trained weights",
        description="Prints the answers for some pictures; with --out writes a row for each of very many, alone or "
                    "under torchrun, and goes on where a stopped run left off.")
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="JPEG, PNG or WebP files; with --out a folder")
    parser.add_argument("--model", required=True, metavar="MODEL",
                        help="a bundled name, a Hub repository (owner/name[@revision]), a folder or a file")
    parser.add_argument("--top-k", type=int, default=5, metavar="K")
    parser.add_argument("--precision", default="auto", help="auto (what is quickest here), fp32 or bf16")
    parser.add_argument("--test-size", action="store_true",
                        help="timm's larger test size, where the repository names one, instead of that of training")
    add_set(parser)
    parser.add_argument("--json", action="store_true", help="a list of one JSON object per picture")
    many = parser.add_argument_group("many pictures")
    many.add_argument("--out", type=Path, metavar="FILE", help="NAME.parquet; any other name is a folder of such files")
    many.add_argument("--features", action="store_true", help="also what the classifier reads of each picture")
    many.add_argument("--from", dest="data", metavar="DATASET",
                      help="a data set's parquet files instead of a folder: a repository on the Hub (owner/name"
                           "[@revision]), which is read row group by row group, or a folder")
    many.add_argument("--split", default="", metavar="NAME", help="of the data set: train, test; else all")
    many.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Answers for some pictures, or a table of many."""
    if args.out is not None:
        from resnet.commands.classify_many import run as run_many

        return run_many(args)
    if args.data or args.features:
        raise InputError("needs_out")
    return _some(args)


def _some(args: argparse.Namespace) -> int:
    """Print the most probable classes of each picture; 2 where one of them is bad, which costs its answer only."""
    for image in args.images:
        if Path(image).is_dir():
            raise InputError("folder_needs_out", folder=image[:80])
    if not args.images:
        raise InputError("picture_none")
    chosen = settings(args.set)
    loaded = load_with_bar(args.model).read_as(chosen)  # before torch is imported: a Hub that fails is told at once
    if not args.json:
        tell(loaded, args.test_size)
    results = [_answer(image, loaded, args) for image in args.images]
    bad = [result["error"] for result in results if "error" in result]
    if len(bad) == len(results):
        raise bad[0]
    if args.json:
        print_json([result | ({"error": str(result["error"])} if "error" in result else {}) for result in results])
    else:
        _print(results)
    return 2 if bad else 0


def _answer(image: str, loaded: "LoadedModel", args: argparse.Namespace) -> dict:
    """A bad setting is as bad for all, and so ends the command like the only picture's."""
    from resnet.inference.predict import classify

    try:
        found = classify(image, loaded, args.top_k, args.precision, test_size=args.test_size)
    except InputError as error:
        return {"image": image, "model": args.model, "error": error}
    return {"image": image, "model": args.model, "precision": found.precision,
            "predictions": [{"label": p.label, "probability": p.probability} for p in found.predictions]}


def _print(results: list[dict]) -> None:
    for result in results:
        if "error" in result:
            print(f"{result['image']}: {result['error']}", file=sys.stderr)
            continue
        print(result["image"])
        for prediction in result["predictions"]:
            print(f"  {100 * prediction['probability']:6.2f} %  {prediction['label']}")


def tell(loaded: "LoadedModel", test_size: bool) -> None:
    """What was recognised and assumed of foreign weights; of how pictures are made only for the size of training."""
    for note in loaded.notes if loaded.steps else ():
        if not (test_size and note.key.startswith(("scaled_", "steps_"))):
            print(f"{loaded.ref}: {note.sentence()}", file=sys.stderr)
