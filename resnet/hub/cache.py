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

from resnet.hub.header import CONFIG, INDEX, WHOLE, Header
from resnet.hub.remote import parse_reference
from resnet.util.errors import InputError

MARK, PART = ".complete", ".part"
_hashed: set[tuple] = set()  # files that this process found sound, as they were then


def snapshot(header: Header) -> Path:
    """Where huggingface_hub's cache keeps a repository at the commit of its header."""
    from huggingface_hub import constants

    if not re.fullmatch(r"[0-9a-f]{40}", header.revision):
        raise InputError("hub_odd", file=CONFIG)
    return _cached(parse_reference(header.reference)[0], Path(constants.HF_HUB_CACHE)) / "snapshots" / header.revision


def _cached(repository: str, cache: Path) -> Path:
    return cache / f"models--{repository.replace('/', '--')}"


def last_snapshot(reference: str) -> Path | None:
    """The folder with weights that a reference led to when this app or another tool last asked the Hub."""
    from huggingface_hub import constants

    repository, revision = parse_reference(reference)
    folder = _cached(repository, Path(constants.HF_HUB_CACHE))
    try:
        commit = (folder / "refs" / revision).read_text("ascii").strip()
    except (OSError, ValueError):
        commit = revision
    found = folder / "snapshots" / commit
    sound = re.fullmatch(r"[0-9a-f]{40}", commit) and any((found / name).exists() for name in (WHOLE, INDEX))
    return found if sound else None


def complete(folder: Path, header: Header) -> bool:
    """Whether all was fetched, and is still sound: a mark, since no file's absence tells that it was looked for."""
    return (folder / MARK).exists() and all(is_whole(folder / name, header) for name in header.sizes)


def is_whole(file: Path, header: Header) -> bool:
    """There, of its size, and by its hash the Hub's: a disk forgets. Hashed once in a process, unless it changes."""
    if not file.is_file() or (facts := file.stat()).st_size != header.sizes[file.name]:
        return False
    state = file, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
    if state not in _hashed:
        with open(file, "rb") as stream:
            if not is_sound(stream, header.tags.get(file.name, "")):
                return False
        _hashed.add(state)
    return True


def used(folder: Path) -> None:
    """Remember that a snapshot was asked for now, if it is one of ours and can be written."""
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
    used = {}
    for folder in cache.glob("models--*/snapshots/*"):
        ours = [*folder.glob(MARK), *folder.glob(f".*{PART}")]
        if ours and folder not in kept and not any(file.is_symlink() for file in folder.iterdir()):
            with suppress(OSError):
                used[folder] = max(file.stat().st_mtime for file in ours)
    return sorted(used, key=used.get)


def is_sound(stream, tag: str) -> bool:
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
