"""python -m resnet COMMAND: what the page does, on the command line.

A command is two functions: `_add_<name>` declares its arguments, `<name>` runs it and imports what
it needs. Bad input ends with status 2 and one line on standard error.
"""

import argparse
import json
import os
import sys

from resnet.errors import InputError


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
        sys.stdout.flush()
    except InputError as error:
        print(f"resnet {args.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `| head` has enough; python's last flush must not complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("resnet", description="Residual networks: traced, trained and tried out.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_add_trace,):
        add(commands)
    return parser


def _print_json(data) -> None:
    print(json.dumps(data, ensure_ascii=False))


# trace -------------------------------------------------------------------------------------------


def _add_trace(commands) -> None:
    parser = commands.add_parser("trace", help="shapes, parameters and cost, layer by layer")
    parser.add_argument("net", metavar="VARIANT", help="resnet50, plain34, resnet20_cifar, d2l_resnet18, ...")
    parser.add_argument("--size", nargs=2, type=int, metavar=("H", "W"), help="input in pixels")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--classes", type=int)
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
                        help="any field of the config, e.g. stride_in=1x1 depths=3,4,6,3")
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--json", action="store_true", help="one JSON object")
    view.add_argument("--listing", action="store_true", help="the output shape of each top-level module")
    parser.set_defaults(run=trace)


def trace(args) -> None:
    """Print a net's trace as a table, as JSON, or as the tutorials' listing."""
    from resnet import shapes

    changes = settings(args.set)
    if args.classes is not None:
        changes["classes"] = args.classes
    result = shapes.trace(args.net, size=args.size, batch=args.batch, **changes)
    if args.json:
        _print_json(result.to_dict())
    else:
        print(result.listing() if args.listing else layer_table(result))


def settings(pairs: list[str]) -> dict[str, str]:
    """["stride_in=1x1"] -> {"stride_in": "1x1"}.

    Raises:
        InputError: not of the form KEY=VALUE.
    """
    for pair in pairs:
        if not pair.partition("=")[0].isidentifier() or "=" not in pair:
            raise InputError("not_a_setting", pair=pair[:80])
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}


def layer_table(result) -> str:
    """A row per layer and the totals, aligned; shapes without the batch."""
    head = ("layer", "type", "part", "output", "params", "multiply-adds", "receptive field")
    rows = [(layer.name, layer.type, layer.group, "x".join(map(str, layer.output[1:])),
             f"{layer.params:,}", f"{layer.macs:,}", f"{layer.receptive_field:,} px") for layer in result.layers]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) if i < 4 else cell.rjust(width)
                       for i, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
             for row in (head, *rows)]
    return "\n".join([*lines, "", *_totals(result)])


def _totals(result) -> list[str]:
    return [
        f"{result.name}, input {'x'.join(map(str, result.input))}",
        f"parameters       {result.params:,}",
        f"multiply-adds    {result.macs:,} (convolutions and fc, whole batch)",
        f"receptive field  {result.receptive_field:,} px",
        f"activations      {result.peak_activation_bytes / 1e6:,.2f} MB at the peak (inference, fp32)",
    ]


if __name__ == "__main__":
    sys.exit(main())
