"""Where a Hub repository's weights lie here: in huggingface_hub's cache, by commit, found sound, and cleared in time.

What was fetched whole has a mark, which lists its files with the Hub's tags, and whose time is that of its last use.
Whoever writes into a snapshot, or deletes it, holds its lock, since several processes may share the cache. Where the
disk gets full, what this app fetched and was used least recently goes; what other tools keep there (as links into
`blobs`) is left alone.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from resnet.hub.header import PROCESSOR
from resnet.hub.ref import ModelRef
from resnet.util.errors import InputError
from resnet.util.files import CONFIG_FILE, INDEX_FILE, WEIGHTS_FILE
from resnet.util.lru import LRU

MARK, PART = ".complete", ".part"
BESIDE = (CONFIG_FILE, PROCESSOR)  # what a repository may have beside its weights
SOUND = 4_096  # files that are remembered to be sound


def snapshot(ref: ModelRef, commit: str) -> Path:
    """Where huggingface_hub's cache keeps a repository at a commit.

    Raises:
        InputError: what the Hub calls a commit is none.
    """
    if not _is_commit(commit):
        raise InputError("hub_odd", file=CONFIG_FILE)
    return repository(ref) / "snapshots" / commit


def last_snapshot(ref: ModelRef) -> Path | None:
    """The folder with weights that a reference led to when this app or another tool last asked the Hub."""
    folder = repository(ref)
    try:
        commit = (folder / "refs" / ref.revision).read_text("ascii").strip()
    except (OSError, ValueError):
        commit = ref.revision
    found = folder / "snapshots" / commit
    return found if _is_commit(commit) and any((found / name).exists() for name in (WEIGHTS_FILE, INDEX_FILE)) else None


def repository(ref: ModelRef) -> Path:
    """A file of a repository is kept as a repository of its own, of which it is the model.safetensors."""
    from huggingface_hub import constants

    place = f"{ref.repo}/{ref.inside}" if ref.inside else ref.repo
    return Path(constants.HF_HUB_CACHE) / f"models--{place.replace('/', '--')}"


def _is_commit(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{40}", text) is not None


class SoundFiles:
    """Files that were hashed and found to be the Hub's: once in a process, unless they change."""

    def __init__(self):
        self._known: LRU[bool] = LRU(SOUND)

    def complete(self, folder: Path) -> bool:
        """Whether all was fetched, and is still as it came; what the repository had not must not have appeared."""
        tags = read_mark(folder)
        return tags is not None and all(
            self.is_whole(folder / name, tags[name]) if name in tags else not (folder / name).exists()
            for name in {*tags, *BESIDE})

    def is_whole(self, file: Path, tag: str, size: int | None = None) -> bool:
        """There, of its size where one is told, and by its hash the Hub's: a disk forgets."""
        try:
            facts = file.stat()
            if size not in (None, facts.st_size):
                return False
            state = file, tag, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
            if not self._known.peek(state):
                with open(file, "rb") as stream:
                    if not is_sound(stream, tag):
                        return False
                self._known.put(state, True)
        except OSError:
            return False
        return True


def lock_of(folder: Path) -> FileLock:
    """Of a snapshot, for all threads and processes; beside those that huggingface_hub keeps."""
    repository = folder.parent.parent
    place = repository.parent / ".locks" / repository.name
    place.mkdir(parents=True, exist_ok=True)
    return FileLock(place / f"{folder.name}.lock", thread_local=False)


def write_mark(folder: Path, tags: Mapping[str, str]) -> None:
    """All is there: {file: the Hub's tag}, in one step."""
    replace_file(folder / MARK, json.dumps(tags).encode())


def read_mark(folder: Path) -> dict[str, str] | None:
    """None where not all is there, or no mark of this kind."""
    try:
        tags = json.loads((folder / MARK).read_bytes())
    except (OSError, ValueError):
        return None
    return tags if isinstance(tags, dict) and all(isinstance(tag, str) for tag in tags.values()) else None


def replace_file(file: Path, data: bytes) -> None:
    """Write beside it, then rename: whoever reads it meanwhile finds the old one or the new one."""
    part = file.with_name(f".{file.name}.{os.getpid()}.{time.monotonic_ns()}{PART}")
    part.write_bytes(data)
    os.replace(part, file)


def missing(folder: Path, sizes: Mapping[str, int]) -> int:
    """Bytes of the files that have not come yet, neither whole nor in part."""
    return sum(max(0, size - max(_size(folder / name), _size(part_of(folder / name)))) for name, size in sizes.items())


def part_of(file: Path) -> Path:
    """Where a file lies while it comes."""
    return file.with_name(f".{file.name}{PART}")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def mark_used(folder: Path) -> None:
    """Remember on the disk that a snapshot was asked for now, if it is one of ours and can be written."""
    with suppress(OSError):
        os.utime(folder / MARK)


def make_room(place: Path, needed: int) -> bool:
    """Whether `needed` bytes are free, if need be after what was used least recently is gone.

    Args:
        place: a snapshot's folder, which may not exist yet; it stays, and so do those that are being written.
    """
    there = next(parent for parent in place.parents if parent.exists())
    old = iter(_by_last_use(place.parent.parent.parent, place))
    while shutil.disk_usage(there).free < needed:
        folder = next(old, None)
        if folder is None:
            return False
        with suppress(Timeout, OSError), lock_of(folder).acquire(blocking=False):
            (folder / MARK).unlink(missing_ok=True)  # first, so that half of it is never taken for the whole
            shutil.rmtree(folder, ignore_errors=True)
    return True


def _by_last_use(cache: Path, kept: Path) -> list[Path]:
    """The snapshots that this app fetched or began to fetch, the one used least recently first."""
    used: dict[Path, float] = {}
    for folder in cache.glob("models--*/snapshots/*"):
        ours = [*folder.glob(MARK), *folder.glob(f".*{PART}")]
        if ours and folder != kept and not any(file.is_symlink() for file in folder.iterdir()):
            with suppress(OSError):
                used[folder] = max(file.stat().st_mtime for file in ours)
    return sorted(used, key=used.__getitem__)


def is_sound(stream: BinaryIO, tag: str) -> bool:
    """The Hub's tag of a large file is its SHA-256; of one kept in git, git's SHA-1; another tells nothing."""
    size = stream.seek(0, os.SEEK_END)
    if re.fullmatch(r"[0-9a-f]{64}", tag):
        digest = hashlib.sha256()
    elif re.fullmatch(r"[0-9a-f]{40}", tag):
        digest = hashlib.sha1(b"blob %d\0" % size)
    else:
        return True
    stream.seek(0)
    while piece := stream.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest() == tag
