"""An image classification data set on the Hub: parquet files, whose columns are found by their features."""

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from resnet.checkpoint import are_labels
from resnet.training.pictures import Part, Pictures, held, held_note
from resnet.util.errors import InputError
from resnet.util.note import Note

if TYPE_CHECKING:
    import pyarrow

CONVERTED = "refs/convert/parquet"  # the branch where the Hub's bot keeps other formats as parquet
TESTED = ("validation", "valid", "val", "test")  # the test part of many sets has no labels, so it comes last
FILE = re.compile(r"(?:(?P<config>[^/].*)/)?(?P<split>train|validation|valid|val|test)"
                  r"(?:-\d+-of-\d+(?:-\w+)?|/[\w-]+)?\.parquet")
USUAL = ("default", "data", "plain_text", "")  # configurations that are meant where several are there
LABELS = ("label", "labels", "fine_label", "class", "target")
SECONDS = 10.0
Files = dict[str, list[str]]  # by split


@contextmanager
def _sound(file: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError) as error:  # ArrowInvalid is a ValueError
        raise InputError("damaged_data", file=file) from error


@dataclass(frozen=True)
class Cells:
    """Pictures in rows of a row group of a parquet file."""

    file: Path
    group: int
    column: str
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def read(self) -> Iterator["Path | bytes"]:
        import pyarrow.parquet as parquet

        with _sound(str(self.file)):
            column = parquet.ParquetFile(self.file).read_row_group(self.group, columns=[self.column])[self.column]
        for row in self.rows:
            yield (column[row].as_py() or {}).get("bytes") or b""

    def name(self, index: int) -> str:
        return f"{self.file.name}, row group {self.group}, row {self.rows[index]}"

    def stamp(self) -> str:
        state = self.file.stat()
        return repr([self.file.resolve(), state.st_size, self.group, self.column, self.rows])


@dataclass(frozen=True)
class _Row:
    """Where a picture stands."""

    file: Path
    group: int
    row: int


def on_the_hub(repository: str, held_out: float, seed: int) -> Pictures:
    """The training and the test part of `owner/name`; without the latter a seeded share of each class is held out.

    `$RESNET_DATA` is looked into first, as for the data sets that are known by name.

    Raises:
        InputError: the Hub has no such data set or fails, or there are no parquet files with pictures and classes.
    """
    places, notes = _files(repository)
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise InputError("no_pyarrow", title=repository) from error
    with _sound(repository):
        schema = parquet.read_schema(places["train"][0])
    image, label, names = _columns(schema, repository)
    with _sound(repository):
        labels = {split: _labels(files, label) for split, files in places.items()}
    classes = names or _names([value for rows in labels.values() for value in rows.values()])
    if len(classes) < 2:
        raise InputError("data_classes", path=repository, n=len(classes))
    if strange := [name for name in classes if not are_labels([name])]:
        raise InputError("class_name", name=strange[0])
    train, tested = (_by_class(labels.get(split, {}), classes) for split in ("train", "test"))
    alone = not any(tested.values())
    if alone:
        train, tested = held(train, held_out, seed, lambda row: f"{row.file.name}/{row.group}/{row.row}")
        notes += (held_note(held_out, seed),)
    parts = _part(train, classes, image), _part(tested, classes, image)
    return Pictures(repository, repository, classes, *parts, held=alone, notes=notes)


def _files(repository: str) -> tuple[dict[str, list[Path]], tuple[Note, ...]]:
    """The parquet files of the parts "train" and, where there is one, "test"."""
    root = Path(os.environ.get("RESNET_DATA") or os.devnull) / repository
    if root.is_dir():
        names = [file.relative_to(root).as_posix() for file in root.rglob("*.parquet")]
        chosen, notes = _chosen(names, repository)
        return {split: [root / name for name in files] for split, files in chosen.items()}, notes
    for revision in ("main", CONVERTED):
        names = _listed(repository, revision)
        if any(FILE.fullmatch(name) for name in names):
            chosen, notes = _chosen(names, repository)
            return {split: [_fetched(repository, name, revision) for name in files]
                    for split, files in chosen.items()}, notes
    raise InputError("data_no_parquet", repository=repository)


def _chosen(names: Sequence[str], repository: str) -> tuple[Files, tuple[Note, ...]]:
    """The files of one configuration, by part; the others are named."""
    configurations: dict[str, Files] = defaultdict(lambda: defaultdict(list))
    for name in sorted(names):
        if found := FILE.fullmatch(name):
            configurations[found["config"] or ""][found["split"]].append(name)
    able = sorted(name for name, splits in configurations.items() if "train" in splits)
    if not able:
        raise InputError("data_no_parquet", repository=repository)
    taken = next((name for name in USUAL if name in able), able[0])
    splits = configurations[taken]
    test = next((name for name in TESTED if name in splits), None)
    notes = (Note("configuration_taken", {"name": taken, "others": ", ".join(sorted({*able} - {taken}))}, "training"),)
    return ({"train": splits["train"]} | ({"test": splits[test]} if test else {}), notes if len(able) > 1 else ())


def _listed(repository: str, revision: str) -> list[str]:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        found = HfApi().dataset_info(repository, revision=revision, timeout=SECONDS)
        return [file.rfilename for file in found.siblings or ()]
    except RevisionNotFoundError:
        return []
    except RepositoryNotFoundError as error:
        raise InputError("data_absent", repository=repository) from error
    except Exception as error:  # the client raises its own, the transport's and OSError
        raise InputError("data_unreachable", title=repository, repository=repository) from error


def _fetched(repository: str, name: str, revision: str) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(repository, name, repo_type="dataset", revision=revision))
    except Exception as error:  # as in `_listed`
        raise InputError("data_unreachable", title=repository, repository=repository) from error


def _columns(schema: "pyarrow.Schema", repository: str) -> tuple[str, str, tuple[str, ...]]:
    """The column of pictures, that of classes, and the classes' names where the features tell them."""
    told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    features = told.get("info", {}).get("features", {})
    image = next((name for name, one in features.items() if one.get("_type") == "Image"), None) or next(
        (field.name for field in schema if str(field.type).startswith("struct<bytes: binary")), None)
    known = [name for name, one in features.items() if one.get("_type") == "ClassLabel"]
    label = next((name for name in LABELS if name in (known or schema.names)), known[0] if known else None)
    if image is None or label is None:
        raise InputError("data_columns", repository=repository, names=", ".join(schema.names)[:200])
    return image, label, tuple(features[label].get("names") or ()) if label in known else ()


def _labels(files: Sequence[Path], column: str) -> dict[_Row, object]:
    """The class of each row."""
    import pyarrow.parquet as parquet

    found: dict[_Row, object] = {}
    for path in files:
        file = parquet.ParquetFile(path)
        for group in range(file.num_row_groups):
            values = file.read_row_group(group, columns=[column])[column].to_pylist()
            found |= {_Row(path, group, row): value for row, value in enumerate(values)}
    return found


def _names(values: Sequence[object]) -> tuple[str, ...]:
    """Of classes whose features do not name them: texts are names, numbers are counted from 0."""
    if all(isinstance(value, str) for value in values):
        return tuple(sorted({str(value) for value in values}))
    return tuple(f"class_{i}" for i in range(1 + max((value for value in values if type(value) is int), default=0)))


def _by_class(rows: dict[_Row, object], classes: Sequence[str]) -> dict[str, list[_Row]]:
    """Rows whose class is none (-1 in test parts without labels) are left out."""
    found: dict[str, list[_Row]] = {name: [] for name in classes}
    for row, value in rows.items():
        if isinstance(value, str):
            if value in found:
                found[value].append(row)
        elif type(value) is int and 0 <= value < len(classes):
            found[classes[value]].append(row)
    return found


def _part(rows: dict[str, list[_Row]], classes: Sequence[str], image: str) -> Part:
    """In the order of the files, so that each row group is read once."""
    labels = {row: label for label, name in enumerate(classes) for row in rows[name]}
    groups: dict[tuple[Path, int], list[int]] = defaultdict(list)
    for row in sorted(labels, key=lambda row: (row.file, row.group, row.row)):
        groups[row.file, row.group].append(row.row)
    cells = tuple(Cells(file, group, image, tuple(found)) for (file, group), found in groups.items())
    return Part(cells, tuple(labels[_Row(one.file, one.group, row)] for one in cells for row in one.rows))
