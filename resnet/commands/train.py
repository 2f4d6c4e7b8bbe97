"""python -m resnet train: a variant, from scratch or from anyone's weights, on a data set or pictures of one's own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from resnet.commands.console import Subcommands, print_json
from resnet.util.fields import hints, settings

if TYPE_CHECKING:
    from tqdm import tqdm

    from resnet.checkpoint import ModelInfo
    from resnet.training.pictures import Preparing
    from resnet.training.resume import Row
    from resnet.training.train import TrainingProgress

    Records = Generator[TrainingProgress | Preparing, None, ModelInfo]

TOLD = {
    "data": "cifar10, cifar100, fashion_mnist or mnist; a folder with a folder for each class (below train/ and val/, "
            "or a share is held out); or an image classification data set on the Hub, owner/name",
    "init": "start from this model's weights with a new head: a bundled name, a Hub repository, a folder or a file",
    "freeze": "epochs at first in which only the head learns",
    "layer_decay": "each earlier stage learns by this share of the rate of the stage behind it",
    "mixup": "parameter of the Beta distribution that images are mixed by; 0 mixes none",
    "held_out": "share of each class that is tested on, where a folder has no val/; drawn by the seed",
}


def add(commands: Subcommands) -> None:
    from resnet.training.recipe import Recipe

    parser = commands.add_parser("train", help="train a variant; resumes where a stopped run left off")
    parser.add_argument("net", nargs="?", metavar="VARIANT", help="resnet20_cifar, plain56_cifar, ...")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="gets the layout of weights/<name>/; runs/<name>")
    parser.add_argument("--recipe", type=Path, metavar="FILE",
                        help="config.json of a trained net: repeat its run, or train another variant in its way")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
                        help="any field of the net's config, e.g. shortcut=B order=preact")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--no-weights", action="store_true", help="leave config.json and history.csv only")
    parser.add_argument("--half", action="store_true",
                        help="store fp16 weights where the test accuracy moves by 0.05 points at most")
    parser.add_argument("--keep", action="store_true", help="keep the checkpoint when all is done")
    parser.add_argument("--keep-epochs", action="store_true",
                        help="keep every epoch's weights in FOLDER/epochs, as fp16; `resnet path` reads them")
    parser.add_argument("--json", action="store_true", help="one JSON object at the end")
    recipe = parser.add_argument_group("recipe")
    for name, hint in hints(Recipe).items():
        option, told = f"--{name.replace('_', '-')}", TOLD.get(name)
        if hint is bool:
            recipe.add_argument(option, action=argparse.BooleanOptionalAction, help=told)
        else:
            recipe.add_argument(option, type=hint, help=told)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Train with a bar on standard error, then write the folder; under torchrun the processes share the work."""
    from resnet.training.experiment import plan
    from resnet.training.experiment import run as trained
    from resnet.training.recipe import Recipe
    from resnet.training.workers import joined, pick_device

    given = {name: value for name in hints(Recipe) if (value := getattr(args, name)) is not None}
    experiment, device = plan(args.net, given, args.recipe, settings(args.set)), pick_device(args.device)
    out = args.out or Path("runs") / experiment.name
    with joined(device) as workers:
        records = trained(experiment, out, device, workers, not args.no_weights, args.keep, args.half,
                          args.keep_epochs)
        info = _with_bar(records, experiment.recipe.batch, workers.rank > 0)
    if workers.rank == 0 and args.json:
        print_json({"name": info.name, "out": str(out), "results": info.results, "seconds": info.seconds})
    elif workers.rank == 0:
        print(f"{info.name} in {out}: " + ", ".join(
            f"{split} accuracy {100 * score['accuracy']:.2f} % (n {score['n']:,})"
            for split, score in info.results.items()))


def _with_bar(records: Records, batch: int, silent: bool) -> ModelInfo:
    """Draw training records as a bar in images, with a line per epoch; the generator's value."""
    from tqdm import tqdm

    from resnet.training.pictures import Preparing

    with (closing(records), tqdm(unit=" images", unit_scale=True, disable=silent or None) as bar,
          tqdm(unit=" pictures", leave=False, delay=0.5, disable=silent or None) as preparing):
        while True:
            try:
                progress = next(records)
            except StopIteration as end:
                return end.value
            if isinstance(progress, Preparing):
                _prepare(preparing, progress, silent)
                continue
            if bar.total is None:  # a resumed run starts within the bar
                bar.total, bar.initial = progress.iterations * batch, (progress.iteration - 1) * batch
                bar.n = bar.initial
            bar.set_postfix_str(f"epoch {progress.epoch}, loss {progress.loss:.3f}", refresh=False)
            bar.update(progress.iteration * batch - bar.n)
            if progress.row and not silent:
                tqdm.write(_epoch_line(progress.row), file=sys.stderr)


def _prepare(bar: tqdm, progress: Preparing, silent: bool) -> None:
    """Pictures that are decoded once, before the first epoch, and what was left out of them."""
    bar.total = progress.total
    bar.update(progress.done - bar.n)
    for note in () if silent else progress.notes:
        bar.write(note.sentence(), file=sys.stderr)


def _epoch_line(row: Row) -> str:
    return (f"epoch {row.epoch}: test error {row.test_error:.2f} %, training error {row.train_error:.2f} %, "
            f"{row.seconds:,.0f} s")
