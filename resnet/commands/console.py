"""What the commands share: JSON on standard output, key=value settings."""

import argparse
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

from resnet.util.errors import InputError

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


def add_set(parser: argparse.ArgumentParser) -> None:
    """The option `--set` of commands that load weights."""
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
                        help="what the tensors leave open, whatever batch norm's statistics say: zero_pad=both, "
                             "stride_in=1x1, activation=silu, normalisation=half, channels=bgr, ...")


def settings(pairs: list[str]) -> dict[str, str]:
    """["stride_in=1x1"] -> {"stride_in": "1x1"}.

    Raises:
        InputError: not of the form KEY=VALUE.
    """
    for pair in pairs:
        if not pair.partition("=")[0].isidentifier() or "=" not in pair:
            raise InputError("not_a_setting", pair=pair[:80])
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}
