"""Measurements of a trained net, kept as a CSV file beside its weights."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from resnet.util.errors import InputError

Row = TypeVar("Row")


def csv_text(head: Sequence[str], rows: Iterable[Sequence]) -> str:
    """The lines of a file: names of the columns, then a line per row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def read_rows(file: Path, command: str, parse: Callable[[dict[str, str]], Row]) -> tuple[Row, ...]:
    """The file's rows, each parsed from its texts by column.

    Raises:
        InputError: it is damaged; `command` of python -m resnet measures it again.
    """
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            return tuple(parse(row) for row in csv.DictReader(lines))
    except (OSError, csv.Error, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputError("damaged_record", file=f"{file.parent.name}/{file.name}", command=command) from error
