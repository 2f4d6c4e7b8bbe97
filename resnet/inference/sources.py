"""Where many pictures come from: a folder's files, or parquet files; in units, each of which can be asked for alone."""

import hashlib
import json
import mimetypes
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from resnet.hub.parquet import Place
from resnet.util.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 1024  # pictures that are in memory as rows, and of a folder in a unit
BUFFER = 1 << 22  # bytes of a parquet file that are read at once


@dataclass(frozen=True)
class Given:
    """A picture: what it is called, its file or that file's bytes, and what the data set says it is."""

    name: str
    file: "Path | bytes"
    target: str | None = None


@dataclass(frozen=True)
class Unit:
    """Some pictures; `name` changes when it is other ones."""

    name: str
    size: int
    pictures: Callable[[], Iterator[Given]]


class Source(Protocol):
    """name: as it was asked for; commit: a repository's, or ""; has_targets: whether it says what pictures are."""

    @property
    def name(self) -> str: ...

    @property
    def commit(self) -> str: ...

    @property
    def has_targets(self) -> bool: ...

    def units(self) -> Iterator[Unit]: ...


# A folder ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FolderSource:
    """The files below a folder, in the order of their names, a thousand a unit; never all of them in memory."""

    folder: Path
    commit: str = ""
    has_targets: bool = False

    @property
    def name(self) -> str:
        return str(self.folder)

    def units(self) -> Iterator[Unit]:
        """Raises InputError where there is no such folder."""
        files, number = walk(self.folder), 0
        while names := list(islice(files, ROWS)):
            yield Unit(f"{number:06}-{digest(names)}", len(names), partial(_files, names))
            number += 1


def walk(folder: "Path | str") -> Iterator[str]:
    """The paths of a folder's pictures, folders below it included.

    Hidden files are none, nor is what another kind of file is called like; links to folders are not followed.
    """
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError("folder_missing", folder=str(folder)[:80]) from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from walk(entry.path)
        elif entry.is_file() and not entry.name.startswith(".") and _may_be_picture(entry.name):
            yield entry.path


def _may_be_picture(name: str) -> bool:
    kind, packed = mimetypes.guess_type(name)
    return not packed and (kind is None or kind.startswith("image/"))


def _files(names: Sequence[str]) -> Iterator[Given]:
    for name in names:
        yield Given(os.fsencode(name).decode("utf-8", "replace"), Path(name))


def digest(names: Sequence[str]) -> str:
    return hashlib.sha256(os.fsencode("\0".join(names))).hexdigest()[:12]


# Parquet files -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What a run reads, so that its other processes, and its next try, read the same.

    files   each with the rows of its row groups
    image, target   columns; names: of the target's numbers
    """

    name: str
    split: str
    commit: str
    files: tuple[tuple[str, tuple[int, ...]], ...]
    image: str
    target: str = ""
    names: tuple[str, ...] = ()

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Raises ValueError, TypeError or KeyError where it is none."""
        told = json.loads(text)
        files = tuple((file, tuple(groups)) for file, groups in told.pop("files"))
        return cls(files=files, names=tuple(told.pop("names")), **told)


def plan(place: Place, split: str) -> Plan:
    """Reads each file's footer.

    Raises:
        InputError: no such files, one is damaged, or no column holds pictures.
    """
    files, columns = [], ("", "", ())
    for file in place.files(split):
        parquet = opened(place, file)
        groups = tuple(parquet.metadata.row_group(i).num_rows for i in range(parquet.num_row_groups))
        columns = columns if files else columns_of(parquet.schema_arrow, place.name)
        files.append((file, groups))
    return Plan(place.name, split, place.commit, tuple(files), *columns)


def opened(place: Place, file: str) -> Any:
    """pyarrow's reader, which holds some megabytes of a row group, however large that is."""
    from pyarrow.parquet import ParquetFile

    try:
        return ParquetFile(place.open(file), buffer_size=BUFFER, pre_buffer=False)
    except (OSError, ValueError) as error:
        raise _damaged(error, file) from error


def columns_of(schema: "pa.Schema", name: str) -> tuple[str, str, tuple[str, ...]]:
    """(the column of pictures, that of labels or "", their names), by the features that the file states, or by type."""
    stated = json.loads((schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    images = [field.name for field in schema if _holds_pictures(field.type)]
    images.sort(key=lambda column: stated.get(column, {}).get("_type") != "Image")
    if not images:
        raise InputError("no_image_column", name=name[:80], columns=", ".join(schema.names)[:200])
    labels = [column for column, feature in stated.items() if feature.get("_type") == "ClassLabel"] or ["label"]
    target = labels[0] if labels[0] in schema.names else ""
    return images[0], target, tuple(stated.get(target, {}).get("names") or ())


def _holds_pictures(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return pa.types.is_struct(kind) and any(kind.field(i).name == "bytes" for i in range(kind.num_fields))


@dataclass(frozen=True)
class ParquetSource:
    """A plan's rows, a row group a unit."""

    place: Place
    plan: Plan

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def commit(self) -> str:
        return self.plan.commit

    @property
    def has_targets(self) -> bool:
        return bool(self.plan.target)

    def units(self) -> Iterator[Unit]:
        number = 0
        for file, groups in self.plan.files:
            reader = cache(partial(opened, self.place, file))  # its footer is read once, and where it is needed
            for group, size in enumerate(groups):
                mark = digest([self.name, self.commit, file, str(group), str(size)])
                yield Unit(f"{number:06}-{mark}", size, partial(self._rows, reader, file, group, sum(groups[:group])))
                number += 1

    def _rows(self, reader: Callable[[], Any], file: str, group: int, first: int) -> Iterator[Given]:
        """A row group's pictures, called by their rows in the file."""
        columns, row = [self.plan.image, *filter(None, [self.plan.target])], first
        try:
            for batch in reader().iter_batches(64, [group], columns):
                cells = batch.column(self.plan.image).field("bytes")
                targets = batch.column(columns[-1]).to_pylist() if self.has_targets else [None] * len(batch)
                for cell, target in zip(cells, targets, strict=True):
                    yield Given(f"{file}#{row}", cell.as_py() or b"", self._named(target))
                    row += 1
        except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError, and so is InputError
            raise _damaged(error, file) from error

    def _named(self, target: object) -> str | None:
        names = self.plan.names
        if isinstance(target, int) and 0 <= target < len(names):
            return names[target]
        return None if target is None else str(target)


def _damaged(error: Exception, file: str) -> InputError:
    return error if isinstance(error, InputError) else InputError("damaged_data", file=file[:80])
