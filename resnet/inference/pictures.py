"""Many pictures -> one tensor in a file: each is decoded once, in processes of their own, and then only read.

A training passes its pictures many times, and decoding one takes longer than a step of a small net. They are scaled and
cropped as a single picture is for an answer (`picture.prepare`), so a net is trained on what it will be shown. A
picture that cannot be decoded costs itself and a sentence.
"""

import hashlib
import json
import multiprocessing
import os
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from resnet.inference.picture import decode, prepare
from resnet.util.errors import InputError
from resnet.util.files import cache_folder, write_file
from resnet.util.machine import processors

FEW = 256  # pictures that are decoded sooner than other processes start
GROUP = 64  # files that a process is given at a time


class Group(Protocol):
    """Some pictures that are read one after the other by one process."""

    def __len__(self) -> int: ...

    def read(self) -> Iterator["Path | bytes"]:
        """Each picture's file, or its bytes."""
        ...

    def name(self, index: int) -> str:
        """What users call one of them."""
        ...

    def stamp(self) -> str:
        """Changes with what is in them."""
        ...


@dataclass(frozen=True)
class Files:
    """Pictures in files of their own."""

    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def read(self) -> Iterator["Path | bytes"]:
        return iter(self.paths)

    def name(self, index: int) -> str:
        return str(self.paths[index])

    def stamp(self) -> str:
        states = [path.stat() for path in self.paths if path.exists()]
        return repr([self.paths, [(state.st_size, state.st_mtime_ns) for state in states]])


def in_groups(paths: Sequence[Path]) -> tuple[Files, ...]:
    """Files by the number that a process is given at a time."""
    return tuple(Files(tuple(paths[first:first + GROUP])) for first in range(0, len(paths), GROUP))


@dataclass(frozen=True)
class Gathering:
    """How far it is, in pictures."""

    done: int
    total: int


@dataclass(frozen=True)
class Gathered:
    """images: uint8 [n, channels, height, width], mapped from a file; kept: which of the pictures they are, [n];
    failed: the names of the others, each with what is wrong with it."""

    images: Tensor
    kept: Tensor
    failed: tuple[tuple[str, InputError], ...]


def gather(groups: Sequence[Group], channels: int, size: tuple[int, int]) -> Generator[Gathering, None, Gathered]:
    """All pictures of some groups at (height, width), from the user's cache where they have been gathered before.

    Of processes that ask for the same one gathers, and the others wait.

    Raises:
        InputError: there is not the room on the disk, a group cannot be read, or a decoder broke down.
    """
    shape = (sum(map(len, groups)), channels, *size)
    asked = json.dumps([shape, [group.stamp() for group in groups]])
    file = cache_folder() / "pictures" / f"{hashlib.sha256(asked.encode(errors='replace')).hexdigest()[:32]}.uint8"
    done = file.with_suffix(".json")
    with _made(file.parent, shape), FileLock(file.with_suffix(".lock")):
        if not (file.exists() and done.exists()):
            failed = yield from _gather(groups, shape, file)
            write_file(done, json.dumps([[index, error.key, error.values] for index, error in failed]))
        failed = {index: InputError(key, **values) for index, key, values in json.loads(done.read_text("utf-8"))}
    images = torch.from_file(str(file), shared=False, size=file.stat().st_size, dtype=torch.uint8).view(shape)
    names = _names(groups, failed)
    kept = _moves(shape[0], failed)[0]
    return Gathered(images[:len(kept)], torch.tensor(kept, dtype=torch.int64),
                    tuple((names[index], error) for index, error in failed.items()))


@contextmanager
def _made(folder: Path, shape: tuple[int, ...]) -> Iterator[None]:
    """The folder; a disk that is full or read-only becomes a sentence."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise InputError("pictures_room", n=f"{shape[0]:,}", size=f"{shape[2]}x{shape[3]}", folder=str(folder),
                         gigabytes=f"{np.prod(shape, dtype=float) / 1e9:,.2g}",
                         reason=error.strerror or str(error)) from error


def _gather(groups: Sequence[Group], shape: tuple[int, ...],
            file: Path) -> Generator[Gathering, None, list[tuple[int, InputError]]]:
    """Fill the file; the numbers of those that failed, in order."""
    partial, total = file.with_suffix(".partial"), shape[0]
    with open(partial, "wb") as room:
        if hasattr(os, "posix_fallocate"):  # a mapped file without room ends the process that writes
            os.posix_fallocate(room.fileno(), 0, max(1, int(np.prod(shape))))
        else:
            room.truncate(max(1, int(np.prod(shape))))
    failed: list[tuple[int, InputError]] = []
    done = 0
    for count, broken in _decoded(groups, shape, partial):
        failed, done = failed + broken, done + count
        yield Gathering(done, total)
    failed.sort(key=lambda pair: pair[0])
    images = np.memmap(partial, np.uint8, "r+", shape=shape)
    for hole, source in _moves(total, dict(failed))[1]:
        images[hole] = images[source]
    images.flush()
    os.replace(partial, file)
    return failed


def _moves(total: int, holes: "dict[int, InputError]") -> tuple[list[int], list[tuple[int, int]]]:
    """Holes are filled from the end: (the picture in each place, which pictures go into which hole)."""
    good = total - len(holes)
    spare = [index for index in range(good, total) if index not in holes]
    moves = list(zip((index for index in sorted(holes) if index < good), spare, strict=True))
    kept = list(range(good))
    for hole, source in moves:
        kept[hole] = source
    return kept, moves


def _decoded(groups: Sequence[Group], shape: tuple[int, ...],
             file: Path) -> Iterator[tuple[int, list[tuple[int, InputError]]]]:
    """Decode all groups into the file; (how many pictures, which of them failed) of each as it is done."""
    firsts = np.cumsum([0, *map(len, groups)]).tolist()
    tasks = [(group, first, shape, file) for group, first in zip(groups, firsts, strict=False)]
    if shape[0] <= FEW or processors() == 1:
        yield from (_decode(*task) for task in tasks)
        return
    forks = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if forks else "spawn")
    context.set_forkserver_preload([__name__])  # torch is imported once
    try:
        with ProcessPoolExecutor(processors(), context, torch.set_num_threads, (1,)) as pool:
            futures = [pool.submit(_decode, *task) for task in tasks]
            try:
                yield from (future.result() for future in as_completed(futures))
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    except BrokenProcessPool as error:
        raise InputError("pictures_broke") from error


def _decode(group: Group, first: int, shape: tuple[int, ...],
            file: Path) -> tuple[int, list[tuple[int, InputError]]]:
    images, failed = np.memmap(file, np.uint8, "r+", shape=shape), []
    for index, source in enumerate(group.read(), first):
        try:
            images[index] = prepare(decode(source), shape[1], (shape[2], shape[3])).pixels.numpy()
        except InputError as error:
            failed.append((index, error))
    return len(group), failed


def _names(groups: Sequence[Group], wanted: "dict[int, InputError]") -> dict[int, str]:
    found, first = {}, 0
    for group in groups:
        found |= {index: group.name(index - first) for index in wanted if first <= index < first + len(group)}
        first += len(group)
    return found
