"""python -m resnet COMMAND: what the page does, on the command line.

Bad input ends with status 2 and one line on standard error.
"""

import argparse
import os
import sys

from resnet.commands import (
    audit,
    check_hub,
    classify,
    evaluate,
    export,
    familiarity,
    lesions,
    path,
    publish,
    readout,
    responses,
    surface,
    trace,
    train,
)
from resnet.util.errors import InputError


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    args = _parser().parse_args(argv)
    try:
        status = args.run(args)
        sys.stdout.flush()
        return status or 0
    except InputError as error:
        if os.environ.get("LOCAL_RANK", "0") == "0":  # under torchrun one process of a machine speaks
            print(f"resnet {args.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # a stopped training goes on with the same command
        return 130
    except BrokenPipeError:  # `| head` has enough; python's last flush must not complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("resnet", description="Residual networks: traced, trained and tried out.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (trace, classify, evaluate, lesions, familiarity, responses, readout, surface, path, train, export,
                    publish, check_hub, audit):
        command.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
