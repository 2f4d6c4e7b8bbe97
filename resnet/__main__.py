"""python -m resnet COMMAND: what the page does, on the command line.

A command is two functions: `_add_<name>` declares its arguments, `<name>` runs it and imports what
it needs. Bad input ends with status 2 and one line on standard error.
"""

import argparse
import dataclasses
import json
import os
import sys
from contextlib import closing
from pathlib import Path

from resnet.errors import InputError


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
        sys.stdout.flush()
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
    for add in (_add_trace, _add_classify, _add_evaluate, _add_train):
        add(commands)
    return parser


def _print_json(data) -> None:
    print(json.dumps(data, ensure_ascii=False))


# trace -------------------------------------------------------------------------------------------


def _add_trace(commands) -> None:
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
    parser.set_defaults(run=trace)


def trace(args) -> None:
    """Print a net's trace as a table, as JSON, as the tutorials' listing or as code, or what breaks."""
    from resnet.tracing import trace_recognised

    changes = settings(args.set)
    if args.classes is not None:
        changes["classes"] = args.classes
    size = None if args.breaks else args.size  # what cannot be traced is a finding too
    result, found = trace_recognised(args.net, size, args.batch, trusted=True, **changes)
    if args.json:
        _print_json(result.to_dict() | ({"recognised": found.to_dict()} if found else {}))
    elif args.listing:
        print(result.listing())
    elif args.code or args.breaks:
        print(_as_code(result) if args.code else _findings(result.config, args.size, args.batch))
    else:
        from resnet.anatomy.cost import cost  # imports torch, which a Hub that fails should not wait for

        counted = cost(result, args.count, "all" if args.all_operations else "conv_fc")
        print("\n".join([layer_table(result, counted), *(_recognised(found) if found else ())]))


def _as_code(result) -> str:
    from resnet.anatomy.codegen import code

    return code(result.config, result.input[2:]).rstrip("\n")


def _findings(config, size, batch: int) -> str:
    from resnet.anatomy.breaks import where_it_breaks

    return "\n".join(f"{finding.level:<8} {finding.sentence()}\n         {finding.fix()}"
                     for finding in where_it_breaks(config, size, batch))


def _recognised(found) -> list[str]:
    """What a checkpoint was recognised as, and how, for the end of the table."""
    share = 100 * found.bytes_read / found.file_size
    return [f"recognised       as {found.variant}; {found.bytes_read:,} bytes read, {share:.3g} % of "
            f"{found.file_size:,} in {len(found.header.files)} file(s)",
            *(f"                 {note.sentence()}" for note in found.notes)]


def settings(pairs: list[str]) -> dict[str, str]:
    """["stride_in=1x1"] -> {"stride_in": "1x1"}.

    Raises:
        InputError: not of the form KEY=VALUE.
    """
    for pair in pairs:
        if not pair.partition("=")[0].isidentifier() or "=" not in pair:
            raise InputError("not_a_setting", pair=pair[:80])
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}


OPERATIONS = {"macs": "multiply-adds", "flops": "FLOPs"}


def layer_table(result, counted) -> str:
    """A row per layer and the totals, aligned; shapes without the batch. `counted` is the trace's Cost."""
    head = ("layer", "type", "part", "output", "params", OPERATIONS[counted.unit], "receptive field")
    rows = [(layer.name, layer.type, layer.group, "x".join(map(str, layer.output[1:])),
             f"{layer.params:,}", f"{count.count:,}", f"{layer.receptive_field:,} px")
            for layer, count in zip(result.layers, counted.layers, strict=True)]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) if i < 4 else cell.rjust(width)
                       for i, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
             for row in (head, *rows)]
    return "\n".join([*lines, "", *_totals(result, counted)])


def _totals(result, counted) -> list[str]:
    scope = {"conv_fc": "convolutions and fc", "all": "all operations"}[counted.scope]
    return [
        f"{result.name}, input {'x'.join(map(str, result.input))}",
        f"parameters       {result.params:,}",
        f"{OPERATIONS[counted.unit]:<16} {counted.total:,} ({scope}, whole batch)",
        f"receptive field  {result.receptive_field:,} px",
        f"activations      {result.peak_activation_bytes / 1e6:,.2f} MB at the peak (inference, fp32)",
    ]


# classify ----------------------------------------------------------------------------------------


def _add_classify(commands) -> None:
    parser = commands.add_parser("classify", help="what is on a picture, by trained weights")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="JPEG, PNG or WebP files")
    parser.add_argument("--model", required=True, metavar="MODEL", help="a bundled name, or a folder")
    parser.add_argument("--top-k", type=int, default=5, metavar="K")
    parser.add_argument("--precision", default="auto", help="auto (bf16 where it pays), fp32 or bf16")
    parser.add_argument("--json", action="store_true", help="a list of one JSON object per picture")
    parser.set_defaults(run=classify)


def classify(args) -> None:
    """Print the most probable classes of each picture."""
    from resnet.hub import load
    from resnet.predict import classify as answer

    loaded = load(args.model)
    results = [{"image": image, "model": args.model, "predictions": [
        {"label": p.label, "probability": p.probability}
        for p in answer(image, loaded, args.top_k, args.precision).predictions]} for image in args.images]
    if args.json:
        _print_json(results)
        return
    for result in results:
        print(result["image"])
        for prediction in result["predictions"]:
            print(f"  {100 * prediction['probability']:6.2f} %  {prediction['label']}")


# evaluate ----------------------------------------------------------------------------------------


def _add_evaluate(commands) -> None:
    parser = commands.add_parser("evaluate", help="accuracy and loss of a trained net on a test set")
    parser.add_argument("model", metavar="MODEL", help="a bundled name, or a folder in the layout of weights/<name>/")
    parser.add_argument("--data", required=True, metavar="NAME", help="fashion_mnist or cifar10")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N test images")
    parser.add_argument("--precision", default="fp32", help="fp32 (the default, as on the model cards), bf16 or auto")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=evaluate)


def evaluate(args) -> None:
    """Print a net's score on the test images; under torchrun the processes share them out."""
    from copy import deepcopy

    from resnet.evaluate import evaluate_model
    from resnet.hub import load
    from resnet.workers import joined, pick_device

    loaded, device = load(args.model), pick_device(args.device)
    with joined(device) as workers:
        net = deepcopy(loaded.model).to(device)
        score = evaluate_model(net, loaded.info, args.data, args.limit, args.precision, workers)
    if workers.rank == 0 and args.json:
        _print_json({"model": args.model, "data": args.data, "n": score.n, "accuracy": score.accuracy,
                     "loss": score.loss})
    elif workers.rank == 0:
        print(f"{args.model} on {args.data}: accuracy {100 * score.accuracy:.2f} %, loss {score.loss:.4f} "
              f"(n {score.n:,})")


# train -------------------------------------------------------------------------------------------


def _add_train(commands) -> None:
    from resnet.recipe import Recipe

    parser = commands.add_parser("train", help="train a variant; resumes where a stopped run left off")
    parser.add_argument("net", nargs="?", metavar="VARIANT", help="resnet20_cifar, plain56_cifar, ...")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="gets the layout of weights/<name>/; runs/<name>")
    parser.add_argument("--recipe", type=Path, metavar="FILE",
                        help="config.json of a trained net: repeat its run, or train another variant in its way")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
                        help="any field of the net's config, e.g. shortcut=B order=preact")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--no-weights", action="store_true", help="leave config.json and history.csv only")
    parser.add_argument("--keep", action="store_true", help="keep the checkpoint when all is done")
    parser.add_argument("--json", action="store_true", help="one JSON object at the end")
    recipe = parser.add_argument_group("recipe")
    for field in dataclasses.fields(Recipe):
        option = f"--{field.name.replace('_', '-')}"
        if field.type is bool:
            recipe.add_argument(option, action=argparse.BooleanOptionalAction)
        else:
            recipe.add_argument(option, type=field.type)
    parser.set_defaults(run=train)


def train(args) -> None:
    """Train with a bar on standard error, then write the folder; under torchrun the processes share the work."""
    from resnet.experiment import plan, run
    from resnet.recipe import Recipe
    from resnet.workers import joined, pick_device

    given = {field.name: getattr(args, field.name) for field in dataclasses.fields(Recipe)}
    given = {key: value for key, value in given.items() if value is not None}
    experiment, device = plan(args.net, given, args.recipe, settings(args.set)), pick_device(args.device)
    out = args.out or Path("runs") / experiment.name
    with joined(device) as workers:
        records = run(experiment, out, device, workers, not args.no_weights, args.keep)
        info = _with_bar(records, experiment.recipe.batch, workers.rank > 0)
    if workers.rank == 0 and args.json:
        _print_json({"name": info.name, "out": str(out), "results": info.results, "seconds": info.seconds})
    elif workers.rank == 0:
        print(f"{info.name} in {out}: " + ", ".join(
            f"{split} accuracy {100 * score['accuracy']:.2f} % (n {score['n']:,})"
            for split, score in info.results.items()))


def _with_bar(records, batch: int, silent: bool):
    """Draw training records as a bar in images, with a line per epoch; the generator's value."""
    from tqdm import tqdm

    with closing(records), tqdm(unit=" images", unit_scale=True, disable=silent or None) as bar:
        while True:
            try:
                progress = next(records)
            except StopIteration as end:
                return end.value
            if bar.total is None:  # a resumed run starts within the bar
                bar.total, bar.initial = progress.iterations * batch, (progress.iteration - 1) * batch
                bar.n = bar.initial
            bar.set_postfix_str(f"epoch {progress.epoch}, loss {progress.loss:.3f}", refresh=False)
            bar.update(progress.iteration * batch - bar.n)
            if progress.row and not silent:
                tqdm.write(_epoch_line(progress.row), file=sys.stderr)


def _epoch_line(row) -> str:
    return (f"epoch {row.epoch}: test error {row.test_error:.2f} %, training error {row.train_error:.2f} %, "
            f"{row.seconds:,.0f} s")


if __name__ == "__main__":
    sys.exit(main())
