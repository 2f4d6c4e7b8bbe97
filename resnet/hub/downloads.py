"""A Hub repository's weights -> files here: shared by all who wait, checked, resumed, given up on request.

huggingface_hub's `hf_hub_download` resumes too, but tries five times before it says that nobody
answers, doesn't compare what came with its hash, and can't be stopped; so files are fetched here, by
the readers of resnet.hub.remote, into the place in its cache where other tools find them.
"""

import errno
import hashlib
import os
import threading
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from filelock import Timeout

from resnet.hub.cache import (
    BESIDE,
    SoundFiles,
    is_sound,
    lock_of,
    make_room,
    mark_used,
    missing,
    part_of,
    replace_file,
    repository,
    snapshot,
    write_mark,
)
from resnet.hub.header import POINTER, SMALL, Header
from resnet.hub.ref import ModelRef
from resnet.hub.remote import HUB_SECONDS, HubFiles
from resnet.util.deadline import Deadline
from resnet.util.errors import InputError
from resnet.util.files import INDEX_FILE, WEIGHTS_FILE
from resnet.util.machine import memory

MAX_BYTES = min(2_000_000_000, memory() // 4)  # of a repository's weights: they are to be loaded
RESERVE = 1_000_000_000  # bytes of the disk that stay free
AT_ONCE, WAITING = 2, 8  # downloads that run, and that may stand in line
PACE_BYTES, PACE_SECONDS = 200_000, 20.0  # slower than that is given up
REPORT_SECONDS = 0.2


@dataclass(frozen=True)
class Progress:
    """done and total are bytes of weights; waiting: others are served first."""

    done: int
    total: int
    waiting: bool = False


class Downloads:
    """The downloads of a process, by the folder that each fills; `files` knows what need not be fetched again."""

    def __init__(self):
        self.files = SoundFiles()
        self.running: dict[Path, Download] = {}
        self.lock = threading.Lock()
        self.slots = threading.BoundedSemaphore(AT_ONCE)

    def fetch(self, ref: ModelRef, header: Header) -> Generator[Progress, None, Path]:
        """The folder with what a header describes: downloaded if need be, yielding about five times a second.

        All who ask for the same commit share one download. Closing the generator leaves it, and the last
        to leave stops it; what came so far is kept, and the next download goes on from there.

        Raises:
            InputError: no plain ResNet with a classifier, too large or too costly, no room, or the Hub fails.
        """
        folder = snapshot(ref, header.revision)
        if self.files.complete(folder):
            mark_used(folder)
        else:
            self._check(ref, header, folder)
            yield from self._wait(self._join(ref, header, folder))
        return folder

    def _wait(self, download: "Download") -> Iterator[Progress]:
        try:
            while not download.finished.wait(REPORT_SECONDS):
                yield Progress(download.done, download.header.file_size, download.waiting)
        finally:
            download.leave()
        if download.error is not None:
            raise download.error

    def _check(self, ref: ModelRef, header: Header, folder: Path) -> None:
        """Raises InputError for what would be downloaded in vain."""
        from resnet.hub.affordable import check_affordable  # imports torch
        from resnet.hub.recognise import recognise_header

        found = recognise_header(header)
        found.check_loadable()
        if ref.limited:
            check_affordable(found.config, [found.config.input_size])
        if header.file_size > MAX_BYTES:
            raise InputError("too_many_bytes", size=f"{header.file_size / 1e9:.1f}", limit=f"{MAX_BYTES / 1e9:.2g}")
        with self.lock:
            others = [download for download in self.running.values() if download.folder != folder]
        coming = sum(missing(place, sizes) for place, sizes in (
            (folder, header.sizes), *((other.folder, other.header.sizes) for other in others)))
        if not make_room(folder, coming + RESERVE):
            raise _no_room(header)

    def _join(self, ref: ModelRef, header: Header, folder: Path) -> "Download":
        """The running download of this commit, or a new one."""
        with self.lock:
            download = before = self.running.get(folder)
            if download is None or download.stop.is_set():
                if len(self.running) >= AT_ONCE + WAITING:
                    raise InputError("downloads_busy", n=AT_ONCE)
                download = self.running[folder] = Download(self, ref, header, folder, before)
                download.start()
            download.guests += 1
        return download


def _no_room(header: Header) -> InputError:
    return InputError("disk_full", size=f"{header.file_size / 1e6:,.0f}")


class Download(threading.Thread):
    """One repository at one commit on its way into `folder`; `before` was stopped, and must first let go of it."""

    def __init__(self, downloads: Downloads, ref: ModelRef, header: Header, folder: Path, before: "Download | None"):
        super().__init__(name="download", daemon=True)
        self.downloads, self.ref, self.header, self.folder, self.before = downloads, ref, header, folder, before
        self.done, self.guests, self.waiting = 0, 0, True
        self.tags: dict[str, str] = {}
        self.error: Exception | None = None
        self.stop, self.finished = threading.Event(), threading.Event()

    def leave(self) -> None:
        with self.downloads.lock:
            self.guests -= 1
            if self.guests <= 0:
                self.stop.set()

    def run(self) -> None:
        try:
            self._in_turn()
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            self.error = _no_room(self.header) if full else InputError("cannot_store", reason=error.strerror or "?")
        except Exception as error:
            self.error = error
        finally:
            with self.downloads.lock:
                if self.downloads.running.get(self.folder) is self:
                    del self.downloads.running[self.folder]
            self.finished.set()

    def _in_turn(self) -> None:
        if self.before is not None:
            self.before.join()
        with self._alone():
            while not self.downloads.slots.acquire(timeout=REPORT_SECONDS):
                self._ask_stop()
            try:
                self.waiting = False
                if not self.downloads.files.complete(self.folder):  # another process may have fetched it meanwhile
                    self._fetch_all()
            finally:
                self.downloads.slots.release()

    def _alone(self) -> AbstractContextManager:
        """The lock of the folder, which another process may have."""
        lock = lock_of(self.folder)
        while True:
            with suppress(Timeout):
                return lock.acquire(timeout=REPORT_SECONDS)
            self._ask_stop()

    def _ask_stop(self) -> None:
        if self.stop.is_set():
            raise InputError("download_cancelled")

    def _fetch_all(self) -> None:
        """The small files first: they are few bytes, and a refusal comes at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (*BESIDE, *([] if WEIGHTS_FILE in self.header.sizes else [INDEX_FILE])):
            self._small(name)
        for name, size in self.header.sizes.items():
            self._large(name, size)
        write_mark(self.folder, self.tags)
        self._remember_revision()

    def _files(self) -> HubFiles:
        return HubFiles(self.ref, Deadline(HUB_SECONDS), self.header.revision)

    def _small(self, name: str) -> None:
        found = self._files().read(name, 0, SMALL)
        if found is None:
            (self.folder / name).unlink(missing_ok=True)
            return
        data, size = found
        if size > SMALL or data.startswith(POINTER):
            raise InputError("lfs_pointer" if size <= SMALL else "file_too_large", file=name, limit=SMALL // 10**6)
        replace_file(self.folder / name, data)
        self.tags[name] = hashlib.sha256(data).hexdigest()

    def _large(self, name: str, size: int) -> None:
        """One file, from where the last try ended, checked by its size and its hash."""
        target, self.tags[name] = self.folder / name, self.header.tags.get(name, "")
        if self.downloads.files.is_whole(target, self.tags[name], size):
            self.done += size
            return
        part = part_of(target)
        part.touch()
        with open(part, "r+b") as stream:
            tag = self._pour(name, size, stream)
            if not is_sound(stream, tag):
                stream.truncate(0)
                raise InputError("hub_corrupt", file=name)
        os.replace(part, target)

    def _pour(self, name: str, size: int, stream: BinaryIO) -> str:
        """The rest of a file behind what is there already; returns its entity tag."""
        files, kept = self._files(), stream.seek(0, os.SEEK_END)
        kept = kept if kept < size else 0
        with files.stream(name, kept) as (first, stated, chunks):
            if stated not in (None, size):
                raise InputError("hub_size", file=name, told=stated, found=size)
            tag = files.tags.get(name, "")
            if tag != self.header.tags.get(name, tag):
                raise InputError("hub_changed", file=name)
            stream.seek(first)
            stream.truncate()
            self.done += first
            received = self._copy(chunks, stream, size - first, name)
        if first + received != size:
            raise InputError("hub_cut", file=name)
        return tag

    def _copy(self, chunks: Iterator[bytes], stream: BinaryIO, most: int, name: str) -> int:
        """Bytes written; ends with an error when told to stop, at a crawl, and where more comes than was said."""
        received, mark, pace = 0, 0, Deadline(PACE_SECONDS, "hub_crawl")
        for chunk in chunks:
            self._ask_stop()
            received += len(chunk)
            if received > most:
                raise InputError("hub_size", file=name, told=most, found=received)
            stream.write(chunk)
            self.done += len(chunk)
            if received - mark >= PACE_BYTES:
                mark, pace = received, Deadline(PACE_SECONDS, "hub_crawl")
            pace.left()
        return received

    def _remember_revision(self) -> None:
        """As huggingface_hub does, so that the repository is found when there is no Hub."""
        if self.ref.revision != self.header.revision:
            note = repository(self.ref) / "refs" / self.ref.revision
            note.parent.mkdir(parents=True, exist_ok=True)
            replace_file(note, self.header.revision.encode())
