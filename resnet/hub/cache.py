"""Where a Hub repository's weights lie here: in huggingface_hub's cache, by commit, found sound, and cleared in time.

What was fetched whole has a mark, whose time is that of its last use. Where the disk gets full, what this app
fetched and was used least recently goes; what other tools keep there (as links into `blobs`) is left alone.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from resnet.hub.header import Header
from resnet.hub.ref import ModelRef
from resnet.util.errors import InputError
from resnet.util.files import CONFIG_FILE, INDEX_FILE, WEIGHTS_FILE
from resnet.util.lru import LRU

MARK, PART = ".complete", ".part"
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
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{ref.repo.replace('/', '--')}"


def _is_commit(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{40}", text) is not None


class SoundFiles:
    """Files that were hashed and found to be the Hub's: once in a process, unless they change."""

    def __init__(self):
        self._known: LRU[bool] = LRU(SOUND)

    def complete(self, folder: Path, header: Header) -> bool:
        """Whether all was fetched, and is still sound: a mark, since no file's absence tells that it was looked for."""
        return (folder / MARK).exists() and all(self.is_whole(folder / name, header) for name in header.sizes)

    def is_whole(self, file: Path, header: Header) -> bool:
        """There, of its size, and by its hash the Hub's: a disk forgets."""
        if not file.is_file() or (facts := file.stat()).st_size != header.sizes[file.name]:
            return False
        state = file, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
        if not self._known.peek(state):
            with open(file, "rb") as stream:
                if not is_sound(stream, header.tags.get(file.name, "")):
                    return False
            self._known.put(state, True)
        return True


def mark_used(folder: Path) -> None:
    """Remember on the disk that a snapshot was asked for now, if it is one of ours and can be written."""
    with suppress(OSError):
        os.utime(folder / MARK)


def make_room(place: Path, needed: int, busy: Collection[Path]) -> bool:
    """Whether `needed` bytes are free, if need be after what was used least recently is gone.

    Args:
        place: a snapshot's folder, which may not exist yet; it stays, and so do those in `busy`.
    """
    there = next(parent for parent in place.parents if parent.exists())
    old = iter(_by_last_use(place.parent.parent.parent, {place, *busy}))
    while shutil.disk_usage(there).free < needed:
        folder = next(old, None)
        if folder is None:
            return False
        (folder / MARK).unlink(missing_ok=True)  # first, so that half of it is never taken for the whole
        shutil.rmtree(folder, ignore_errors=True)
    return True


def _by_last_use(cache: Path, kept: set[Path]) -> list[Path]:
    """The snapshots that this app fetched or began to fetch, the one used least recently first."""
    used: dict[Path, float] = {}
    for folder in cache.glob("models--*/snapshots/*"):
        ours = [*folder.glob(MARK), *folder.glob(f".*{PART}")]
        if ours and folder not in kept and not any(file.is_symlink() for file in folder.iterdir()):
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
