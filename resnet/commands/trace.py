"""python -m resnet trace: shapes, parameters and cost, layer by layer."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from resnet.commands.console import Subcommands, print_json
from resnet.util.fields import settings
from resnet.util.numbers import by

if TYPE_CHECKING:
    from resnet.config import ResNetConfig
    from resnet.hub.recognise import Recognised
    from resnet.tracing.cost import Cost
    from resnet.tracing.records import Trace
    from resnet.tracing.trace import Size


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("trace", help="shapes, parameters and cost, layer by layer")
    parser.add_argument("net", metavar="VARIANT_OR_MODEL",
                        help="resnet50, plain34, resnet20_cifar, ...; or a bundled model, a Hub repository "
                             "(owner/name[@revision]), a folder or a .safetensors file, of which the header is read")
    parser.add_argument("--size", nargs=2, type=int, metavar=("H", "W"), help="input in pixels")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--classes", type=int)
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
                        help="any field of the config, e.g. stride_in=1x1 depths=3,4,6,3")
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--json", action="store_true", help="one JSON object")
    view.add_argument("--listing", action="store_true", help="the output shape of each top-level module")
    view.add_argument("--code", action="store_true", help="PyTorch code of exactly this net; needs torch only")
    view.add_argument("--breaks", action="store_true", help="what breaks or is lost at this size, with the fix")
    parser.add_argument("--count", choices=("macs", "flops"), default="macs", help="a multiply-add is one, or two")
    parser.add_argument("--all-operations", action="store_true", help="count batch norm, ReLU, additions, pooling too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print a net's trace as a table, as JSON, as the tutorials' listing or as code, or what breaks."""
    from resnet.hub.trace import answer, trace_recognised

    changes = settings(args.set)
    if args.classes is not None:
        changes["classes"] = args.classes
    size = None if args.breaks else args.size  # what cannot be traced is a finding too
    result, found = trace_recognised(args.net, size, args.batch, trusted=True, **changes)
    if args.json:
        print_json(answer(result, found))
    elif args.listing:
        print(result.listing())
    elif args.code or args.breaks:
        print(_as_code(result) if args.code else _findings(result.config, args.size, args.batch))
    else:
        from resnet.tracing.cost import cost  # imports torch, which a Hub that fails should not wait for

        counted = cost(result, args.count, "all" if args.all_operations else "conv_fc")
        print("\n".join([layer_table(result, counted), *(_recognised(found) if found else ())]))


def _as_code(result: Trace) -> str:
    from resnet.tracing.codegen import code

    return code(result.config, result.input[2:]).rstrip("\n")


def _findings(config: ResNetConfig, size: Size, batch: int) -> str:
    from resnet.tracing.breaks import where_it_breaks

    return "\n".join(f"{finding.level:<8} {finding.sentence()}\n         {finding.fix()}"
                     for finding in where_it_breaks(config, size, batch))


def _recognised(found: Recognised) -> list[str]:
    """What a checkpoint was recognised as, and how, for the end of the table."""
    share = 100 * found.bytes_read / found.file_size
    return [f"recognised       as {found.variant}; {found.bytes_read:,} bytes read, {share:.3g} % of "
            f"{found.file_size:,} in {len(found.header.files)} file(s)",
            *(f"                 {note.sentence()}" for note in found.notes)]


OPERATIONS = {"macs": "multiply-adds", "flops": "FLOPs"}


def layer_table(result: Trace, counted: Cost) -> str:
    """A row per layer and the totals, aligned; shapes without the batch. `counted` is the trace's Cost."""
    head = ("layer", "type", "part", "output", "params", OPERATIONS[counted.unit], "receptive field")
    rows = [(layer.name, layer.type, layer.group, by(layer.output[1:], "x"),
             f"{layer.params:,}", f"{count.count:,}", f"{layer.receptive_field:,} px")
            for layer, count in zip(result.layers, counted.layers, strict=True)]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) if i < 4 else cell.rjust(width)
                       for i, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
             for row in (head, *rows)]
    return "\n".join([*lines, "", *_totals(result, counted)])


def _totals(result: Trace, counted: Cost) -> list[str]:
    scope = {"conv_fc": "convolutions and fc", "all": "all operations"}[counted.scope]
    return [
        f"{result.name}, input {by(result.input, 'x')}",
        f"parameters       {result.params:,}",
        f"{OPERATIONS[counted.unit]:<16} {counted.total:,} ({scope}, whole batch)",
        f"receptive field  {result.receptive_field:,} px",
        f"activations      {result.peak_activation_bytes / 1e6:,.2f} MB at the peak (inference, fp32)",
    ]
