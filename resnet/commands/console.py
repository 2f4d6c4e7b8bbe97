"""What the commands share: JSON on standard output, key=value settings."""

import argparse
import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resnet.hub.loaded import LoadedModel

Subcommands = argparse._SubParsersAction  # what `add` of each command is given


def print_json(data: Any) -> None:
    print(json.dumps(data, ensure_ascii=False))


def load_with_bar(reference: str) -> "LoadedModel":
    """A model for this machine's owner, with a bar on standard error while weights are downloaded."""
    from tqdm import tqdm

    from resnet.hub.ref import ModelRef
    from resnet.hub.store import current

    with (closing(current().obtain(ModelRef.parse(reference, trusted=True))) as steps,
          tqdm(unit="B", unit_scale=True, delay=0.5, leave=False, disable=None) as bar):
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                return end.value
            bar.total = progress.total
            bar.update(progress.done - bar.n)


def tell_readings(loaded: "LoadedModel") -> None:
    """On standard error, what batch norm's statistics say of the tensors' readings, and what was set by hand."""
    told = [note.sentence() for note in loaded.notes if note.key.startswith("fingerprint_")]
    for sentence in [*told, *(f"{one} is set." for one in loaded.by_hand)]:
        print(f"{loaded.ref}: {sentence}", file=sys.stderr)


def add_set(parser: argparse.ArgumentParser) -> None:
    """The option `--set` of commands that load weights."""
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
                        help="what the tensors leave open, whatever batch norm's statistics say: zero_pad=both, "
                             "stride_in=1x1, activation=silu, normalisation=half, channels=bgr, ...")
