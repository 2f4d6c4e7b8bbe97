"""python -m resnet classify --out: a row for each of many pictures, in a parquet file."""

import argparse
import os
import sys
from collections.abc import Generator
from contextlib import closing, suppress
from datetime import timedelta
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from resnet.commands.classify import tell
from resnet.commands.console import load_with_bar, print_json
from resnet.util.errors import InputError
from resnet.util.fields import settings
from resnet.util.files import write_file
from resnet.util.machine import processors

if TYPE_CHECKING:
    from resnet.inference.many import Asked, Table
    from resnet.inference.pool import Decoders
    from resnet.inference.sources import Plan, Source
    from resnet.training.workers import Workers

PLAN = "plan.json"
PATIENCE = timedelta(days=7)  # for the slowest of torchrun's processes
BETWEEN_LINES = 30  # seconds, in a log
TERMINAL = 0.5  # seconds, on a screen


def run(args: argparse.Namespace) -> int:
    """Write the rows with a bar on standard error; under torchrun the processes share the units of the source."""
    if bool(args.data) == bool(args.images) or len(args.images) > 1:
        raise InputError("one_source")
    if find_spec("pyarrow") is None:
        raise InputError("table_pyarrow")
    import torch

    from resnet.inference.many import Table
    from resnet.inference.pool import Decoders
    from resnet.training.workers import joined

    decoders = Decoders(max(1, processors() // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))
    asked = _asked(args)
    with joined(torch.device("cpu"), PATIENCE) as workers:
        table = Table(args.out, _source(args, workers), asked)
        finished = table.is_finished()
        if not finished:
            _write(table, decoders, workers)
    if workers.rank == 0:
        rows, bad = table.counted() if finished else table.finish()
        _say(args, rows, bad, finished)
    return 0


def _asked(args: argparse.Namespace) -> "Asked":
    """What is wanted, checked before the model is fetched."""
    from resnet.inference.many import Asked
    from resnet.inference.predict import check_top_k
    from resnet.training.workers import pick_device
    from resnet.util.precision import check_precision

    check_precision(args.precision)
    check_top_k(args.top_k)
    loaded = load_with_bar(args.model).read_as(settings(args.set))
    if os.environ.get("RANK", "0") == "0" and not args.json:
        tell(loaded, args.test_size)
    return Asked(loaded, pick_device(args.device), args.top_k, args.features, args.precision, args.test_size)


def _source(args: argparse.Namespace, workers: "Workers") -> "Source":
    """The folder; or a data set by the plan that the first process makes, or made before it was stopped."""
    from resnet.hub.parquet import data_place
    from resnet.inference.many import parts_of
    from resnet.inference.sources import FolderSource, ParquetSource, plan

    if not args.data:
        return FolderSource(Path(args.images[0]))
    file = parts_of(args.out) / PLAN
    if workers.rank == 0 and not _planned(file, args):
        write_file(file, plan(data_place(args.data), args.split).to_json())
    workers.meet()
    planned = _planned(file, args)
    assert planned is not None  # it was written before all processes went on
    return ParquetSource(data_place(args.data, planned.commit), planned)


def _planned(file: Path, args: argparse.Namespace) -> "Plan | None":
    from resnet.inference.sources import Plan

    with suppress(OSError, ValueError, TypeError, LookupError):
        found = Plan.from_json(file.read_text("utf-8"))
        return found if (found.name, found.split) == (args.data, args.split) else None
    return None


def _write(table: "Table", decoders: "Decoders", workers: "Workers") -> None:
    """This process's share; what others then lack, since the folder has changed meanwhile, the first one makes."""
    from resnet.inference.many import Net

    net = Net(table.asked)
    total = sum(unit.size for unit in islice(table.source.units(), workers.rank, None, workers.world))
    _draw(table.write(net, decoders, workers.rank, workers.world), total, workers)
    workers.meet()
    if workers.rank == 0 and workers.world > 1:
        for _ in table.write(net, decoders):
            pass


def _draw(done: Generator[tuple[int, bool], None, None], total: int, workers: "Workers") -> None:
    """Pictures, their rate and the time left, on a screen twice a second, in a log twice a minute."""
    from tqdm import tqdm

    pause = TERMINAL if sys.stderr.isatty() else BETWEEN_LINES
    share = f"1 of {workers.world} processes" if workers.world > 1 else ""
    with closing(done), tqdm(total=total, unit=" pictures", mininterval=pause, desc=share,
                             disable=workers.rank > 0) as bar:
        for n, before in done:
            if before and not bar.disable:  # what a stopped run had done says nothing of this one's rate
                bar.initial += n
            bar.update(n)


def _say(args: argparse.Namespace, rows: int, bad: int, finished: bool) -> None:
    if args.json:
        print_json({"out": str(args.out), "n": rows, "bad": bad})
    else:
        print(f"{args.out}{' is there already' if finished else ''}: {rows:,} rows, {bad:,} of them bad pictures")
