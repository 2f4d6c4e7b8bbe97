"""The parquet files of a data set, in a folder here or in a repository on the Hub: their list, and them to be read.

Of the Hub's files only what is asked for is fetched, as ranges of bytes, at one commit; nothing is kept on the disk.
"""

import io
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from resnet.data import DATA, unknown_data
from resnet.hub.ref import ModelRef
from resnet.hub.remote import AWAY, HUB_SECONDS, LISTING, HubFiles
from resnet.util.deadline import Deadline
from resnet.util.errors import InputError

MAX_LISTING = 50_000_000  # bytes: a repository of 100,000 files
READ_SECONDS = 60.0  # for a range of some megabytes
PAUSES = (1, 4, 16, 60)  # seconds, before a range is asked for again: of a million pictures some request fails
PARQUET = ".parquet"
Result = TypeVar("Result")


class Place(Protocol):
    """Where parquet files lie.

    name    as it was asked for
    commit  which of a repository's states; "" for a folder
    """

    name: str
    commit: str

    def files(self, split: str) -> Sequence[str]: ...

    def open(self, file: str) -> Any: ...  # what pyarrow reads


def data_place(name: str, commit: str = "") -> Place:
    """A data set's name here, a repository (owner/name[@revision]) in $RESNET_DATA or on the Hub, or a folder.

    Args:
        commit: of a repository, instead of what its revision means now.

    Raises:
        InputError: it can be none of these; the Hub is not asked.
    """
    if "/" not in name and name not in DATA and not Path(name).is_dir():
        raise unknown_data(name, DATA)
    ref = ModelRef.parse(DATA[name].repository if name in DATA else name, trusted=True)
    root = os.environ.get("RESNET_DATA")
    if ref.kind == "hub" and not (root and (Path(root) / ref.repo).is_dir()):
        return HubPlace(name, ref, commit)
    folder = Path(str(root)) / ref.repo if ref.kind == "hub" else ref.path
    if folder is None or not folder.is_dir():
        raise InputError("folder_missing", folder=name[:80])
    return LocalPlace(name, folder)


@dataclass
class LocalPlace:
    """A folder of this machine."""

    name: str
    folder: Path
    commit: str = ""

    def files(self, split: str) -> list[str]:
        """Those of a split; all where it is "". Raises InputError where there are none."""
        found = [path.relative_to(self.folder).as_posix() for path in self.folder.rglob(f"*{PARQUET}")]
        return of_split(found, split, self.name)

    def open(self, file: str) -> Path:
        return self.folder / file


@dataclass
class HubPlace:
    """A data set's repository at one commit: that of the first answer, where none is given."""

    name: str
    ref: ModelRef
    commit: str = ""

    def files(self, split: str) -> list[str]:
        """As `LocalPlace.files`; a Hub that is away is told of within seconds."""
        reader = DatasetFiles(self.ref, Deadline(HUB_SECONDS), self.commit)
        found = reader.names()
        self.commit = reader.revision or self.commit
        return of_split([name for name in found if name.endswith(PARQUET)], split, self.name)

    def open(self, file: str) -> "RemoteFile":
        return RemoteFile(partial(self._read, file))

    def _read(self, file: str, start: int, stop: int) -> tuple[bytes, int]:
        found = patiently(lambda: DatasetFiles(self.ref, Deadline(READ_SECONDS), self.commit).read(file, start, stop))
        if found is None:
            raise InputError("hub_no_file", file=file[:80], model=self.ref.repo)
        return found


def of_split(files: Sequence[str], split: str, name: str) -> list[str]:
    """In order, the files that are called like a split: data/test-00000-of-00001.parquet, test/0000.parquet."""
    found = sorted(file for file in files if not split or any(part in f"/{file}" for part in (
        f"/{split}-", f"/{split}/", f"/{split}.", f"/{split}_")))
    if not found:
        raise InputError("no_parquet", name=name[:80], split=split[:40] or "*")
    return found


def patiently(read: Callable[[], Result], pauses: Sequence[float] = PAUSES) -> Result:
    """read(), again after each pause while the Hub is away."""
    for pause in pauses:
        try:
            return read()
        except InputError as error:
            if error.key not in AWAY or error.key == "hub_offline":
                raise
        time.sleep(pause)
    return read()


class DatasetFiles(HubFiles):
    """The files of a data set's repository."""

    kind = "dataset"

    def names(self) -> list[str]:
        """Of all files. Raises InputError where the Hub does not tell."""
        with self._in_sentences(LISTING), self._open(LISTING, "", self._listing_url()) as (response, _):
            if self._is_absent(response, LISTING):
                raise InputError("hub_no_dataset", name=self.ref.repo)
            data = self._take(response, MAX_LISTING)
        try:
            told = json.loads(data)
            self.revision = str(told["sha"])
            return [str(entry["rfilename"]) for entry in told["siblings"]]
        except (ValueError, LookupError, TypeError) as error:
            raise InputError("not_json", file=LISTING) from error

    def _is_absent(self, response: Any, name: str) -> bool:
        try:
            return super()._is_absent(response, name)
        except InputError as error:
            if error.key in ("hub_no_repository", "hub_gated", "hub_denied"):
                raise InputError("hub_no_dataset", name=self.ref.repo) from error
            raise


class RemoteFile(io.RawIOBase):
    """A file of which `read(start, stop)` -> (bytes, size of the whole) fetches ranges."""

    def __init__(self, read: Callable[[int, int], tuple[bytes, int]]):
        self._read_range, self._at = read, 0
        self._size = read(0, 4)[1]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        stop = min(self._at + len(buffer), self._size)
        if stop <= self._at:
            return 0
        data, _ = self._read_range(self._at, stop)
        buffer[:len(data)] = data
        self._at += len(data)
        return len(data)
