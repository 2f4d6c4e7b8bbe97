"""Records and rows <-> CSV text: the one writer and the one reader."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_origin

from resnet.util.errors import InputError
from resnet.util.fields import fits, from_mapping, hints

Record = TypeVar("Record")
FORMULA = ("=", "+", "-", "@", "\t")


def csv_text(head: Sequence[str], rows: Iterable[Sequence], digits: int | None = None) -> str:
    """The lines of a file: names of the columns, then a line per row; tuples as a+b+c, None as nothing.

    A text that a spreadsheet would compute stands behind an apostrophe.

    Args:
        digits: significant ones of floats; None keeps all, so that a number is found again.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_cell(name, digits) for name in head])
    writer.writerows([_cell(value, digits) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any, digits: int | None) -> Any:
    if isinstance(value, float) and digits is not None:
        return f"{value:.{digits}g}"
    text = "+".join(value) if isinstance(value, tuple) else value
    return f"'{text}" if isinstance(text, str) and _computes(text) else text


def _computes(text: str) -> bool:
    """Whether a spreadsheet would take a stranger's words for a formula; numbers begin so too."""
    try:
        float(text)
    except ValueError:
        return text.startswith(FORMULA)
    return False


def records_csv(columns: Sequence[str], records: Iterable[Any], digits: int | None = None) -> str:
    """A line per record: its attributes of the columns' names."""
    return csv_text(columns, ([getattr(record, name) for name in columns] for record in records), digits)


def read_rows(lines: Iterable[str]) -> list[dict[str, str]]:
    """A file's rows, by column."""
    return list(csv.DictReader(lines))


def record_of(kind: type[Record], row: Mapping[str, str | None]) -> Record:
    """A record from a row of ours; columns that it has no field for are left alone.

    Raises:
        InputError: a cell that its field cannot hold. TypeError: a column is missing.
    """
    return from_mapping(kind, {name: _value(row[name], hint) for name, hint in hints(kind).items() if name in row},
                        ours=True)


def _value(cell: str | None, hint: Any) -> "str | list[str] | None":
    if not cell and fits(None, hint):
        return None
    return cell.split("+") if cell is not None and get_origin(hint) is tuple else cell


def read_records(file: Path, kind: type[Record], command: str) -> tuple[Record, ...]:
    """A recorded file as a record per row.

    Raises:
        InputError: it is damaged; `command` of python -m resnet measures it again.
    """
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            return tuple(record_of(kind, row) for row in read_rows(lines))
    except (OSError, csv.Error, ValueError, TypeError) as error:
        raise InputError("damaged_record", file=f"{file.parent.name}/{file.name}", command=command) from error
