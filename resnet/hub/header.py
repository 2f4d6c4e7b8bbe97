"""The header of a .safetensors file: every tensor's name, type and shape in a few kilobytes.

The format: eight bytes with the header's length (little-endian), the header as JSON, then the data.
The reader checks all of it by itself, because headers come from strangers; it asks a `Source` for
byte ranges, so that a folder here and a repository on the Hub are read by the same code.
"""

import json
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Protocol

from resnet.hub.listing import nothing_to_read
from resnet.util.errors import InputError
from resnet.util.files import CONFIG_FILE, INDEX_FILE, WEIGHTS_FILE

PROCESSOR = "preprocessor_config.json"
FIRST_READ = 65_536  # bytes: the whole header of a ResNet-50, so that one request does
MAX_HEADER, MAX_CONFIG = 4_000_000, 1_000_000  # resnet1202_cifar, the deepest known, has a header of 1 MB
MAX_TENSORS, MAX_NAME, MAX_DIMENSIONS, MAX_SIDE, MAX_FILES = 40_000, 200, 8, 2**31, 256
MAX_BRACES = MAX_TENSORS + 2 * MAX_FILES  # a tensor's, a file's own, its metadata's
MARKS = 15  # of a tensor: brackets, commas and colons, and as many dimensions as there are
MAX_MARKS = MARKS * MAX_TENSORS
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
         "U16": 2, "U32": 4, "U64": 8, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1, "F8_E8M0": 1,
         "C64": 8}
SMALL = 4_000_000  # bytes: no JSON beside the weights is larger
READERS = 8  # shards read at once
WEIGHT_TYPES = ("F32", "F16", "BF16")  # that a net is loaded from
TRACED_TYPES = (*WEIGHT_TYPES, "F64", "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ")  # that a header may name
POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Header:
    """What a file, or a repository's files together, says of its tensors.

    name        what users call it
    bytes_read  of all files, config.json and index included
    sizes       of each file of weights, in bytes
    config      config.json, parsed; None where there is none
    revision    the commit that a Hub repository was read at, else ""
    tags        the files' entity tags on the Hub: the SHA-256 of what is kept in large-file storage
    """

    name: str
    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]
    bytes_read: int
    sizes: dict[str, int]
    config: object = None
    revision: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(self.sizes)

    @property
    def file_size(self) -> int:
        """Of all the weights, in bytes."""
        return sum(self.sizes.values())


class Source(Protocol):
    """Where files are read from, in parts and by several threads; counts what it read."""

    bytes_read: int
    revision: str
    tags: dict[str, str]

    def read(self, name: str, start: int, stop: int) -> "tuple[bytes, int] | None":
        """The bytes from start to stop (fewer at the file's end) and the file's size; None: no such file."""


class Place(Source, Protocol):
    """A source that tells what else is there."""

    def names(self) -> list[str]:
        """Of the files, as far as they are known."""
        ...


class Allowance:
    """What the headers of one reading may come to in all, whichever threads read them: 4 MB of "{}," would become
    130 MB of dictionaries."""

    def __init__(self):
        self._bytes = self._braces = self._marks = 0
        self._lock = threading.Lock()

    def fetch(self, length: int, file: str) -> None:
        """Raises InputError where a header of so many bytes would be one too many."""
        with self._lock:
            self._bytes += length
            found = self._bytes
        if found > MAX_HEADER:
            raise InputError("header_too_large", file=file, size=f"{found / 1e6:,.1f}", limit=f"{MAX_HEADER / 1e6:.0f}")

    def parse(self, data: bytes, file: str) -> None:
        """Raises InputError for JSON that would be too many objects, before it is any."""
        with self._lock:
            self._braces += data.count(b"{")
            self._marks += sum(map(data.count, (b"[", b",", b":")))
            braces, marks = self._braces, self._marks
        if braces > MAX_BRACES or marks > MAX_MARKS:
            n = max(braces, marks // MARKS)
            raise InputError("too_many_tensors" if "safetensors" in file else "not_json", file=file, n=f"{n:,}",
                             limit=f"{MAX_TENSORS:,}")


def read_header(source: Place, name: str) -> Header:
    """The header of model.safetensors, or those of all the shards that its index names.

    Args:
        name: what users call the whole.

    Raises:
        InputError: there are no safetensors, a header is damaged, or the shards do not fit their index.
    """
    config = read_json(source, CONFIG_FILE, MAX_CONFIG)
    tensors = _read_file(source, WEIGHTS_FILE, Allowance())
    if tensors is not None:
        parts = {WEIGHTS_FILE: tensors}
    else:
        index = read_json(source, INDEX_FILE, MAX_HEADER)
        if index is None:
            raise nothing_to_read(source.names(), name[:100])
        parts = _read_shards(source, index)
    return _header(source, name, parts, config)


def read_one(source: Source, file: str, name: str) -> Header:
    """The header of a single file, without a config."""
    tensors = _read_file(source, file, Allowance())
    if tensors is None:
        raise InputError("no_file", file=file[:200])
    return _header(source, name, {file: tensors}, None)


def _header(source: Source, name: str, parts: dict, config: object) -> Header:
    tensors = {tensor: facts for found, _ in parts.values() for tensor, facts in found.items()}
    return Header(
        name,
        shapes={tensor: shape for tensor, (_, shape) in tensors.items()},
        dtypes={tensor: dtype for tensor, (dtype, _) in tensors.items()},
        bytes_read=source.bytes_read,
        sizes={file: size for file, (_, size) in parts.items()},
        config=config,
        revision=source.revision,
        tags=dict(source.tags))


def check_weights(header: Header, names: Iterable[str] | None = None, types: tuple[str, ...] = WEIGHT_TYPES) -> None:
    """Raises InputError for a tensor, of all or of these, that no net here could compute with: quantised, empty, ..."""
    for name in header.shapes if names is None else names:
        dtype, counter = header.dtypes[name], name.endswith(".num_batches_tracked")
        if not (dtype in types or (counter and dtype in ("I64", "I32"))):
            raise InputError("tensor_type", tensor=name, found=dtype)
        if 0 in header.shapes[name]:
            raise InputError("tensor_empty", tensor=name, found=list(header.shapes[name]))


def _read_shards(source: Source, index: object) -> dict[str, tuple[dict, int]]:
    """Every shard that the index names, several at a time; each must hold what the index says."""
    wanted, allowance = _index_files(index), Allowance()
    pool = ThreadPoolExecutor(READERS)
    try:
        return dict(pool.map(lambda item: (item[0], _read_shard(source, allowance, *item)), wanted.items()))
    finally:
        pool.shutdown(cancel_futures=True)


def _read_shard(source: Source, allowance: Allowance, file: str, names: set[str]) -> tuple[dict, int]:
    part = _read_file(source, file, allowance)
    if part is None:
        raise InputError("shard_missing", file=file)
    if part[0].keys() != names:
        raise InputError("shard_differs", file=file)
    return part


def _index_files(index: object) -> dict[str, set[str]]:
    """{"weight_map": {tensor: file}} -> the tensors of each file, all beside the index."""
    table = index.get("weight_map") if isinstance(index, dict) else None
    files: dict[str, set[str]] = {}
    for tensor, file in table.items() if isinstance(table, dict) else ():
        if not (isinstance(file, str) and file.endswith(".safetensors") and file == Path(file).name
                and len(file) <= MAX_NAME and file.isprintable() and "\\" not in file):
            raise InputError("damaged_header", file=INDEX_FILE)
        files.setdefault(file, set()).add(tensor)
    if not 1 <= len(files) <= MAX_FILES:
        raise InputError("damaged_header", file=INDEX_FILE)
    return files


def read_json(source: Source, name: str, limit: int) -> object:
    """A small JSON file, or None where there is none."""
    found = source.read(name, 0, limit)
    if found is None:
        return None
    data, size = found
    if size > limit:
        raise InputError("file_too_large", file=name, limit=f"{limit / 1e6:.0f}")
    if data.startswith(POINTER):
        raise InputError("lfs_pointer", file=name)
    return parse_json(data, name)


def _read_file(source: Source, name: str,
               allowance: Allowance) -> tuple[dict[str, tuple[str, tuple[int, ...]]], int] | None:
    """{tensor: (type, shape)} and the file's size, by one read, or two where the header is long."""
    found = source.read(name, 0, FIRST_READ)
    if found is None:
        return None
    start, size = found
    length = header_length(start, size, name)
    allowance.fetch(length, name)
    end = 8 + length
    if end > len(start):
        more, size_then = source.read(name, len(start), end) or (b"", -1)
        if size_then != size:
            raise InputError("hub_changed", file=name)
        start += more
    return parse_header(start[8:end], size, name, allowance), size


def header_length(start: bytes, size: int, file: str) -> int:
    """The length that the first eight bytes give, which must fit the file.

    Raises:
        InputError: not a safetensors file, a pointer to one, or a length that cannot be.
    """
    if start.startswith(POINTER):
        raise InputError("lfs_pointer", file=file)
    length = int.from_bytes(start[:8], "little")
    if len(start) < 9 or start[8:9] != b"{" or length + 8 > size:
        raise InputError("damaged_header", file=file)
    return length


def parse_header(data: bytes, size: int, file: str,
                 allowance: Allowance | None = None) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The header's JSON -> {tensor: (type, shape)}; `size` is that of the whole file.

    Raises:
        InputError: not such a header, a name or shape that cannot be, or offsets that do not tile the data.
    """
    table = parse_json(data, file, allowance)
    if not isinstance(table, dict):
        raise InputError("damaged_header", file=file)
    table.pop("__metadata__", None)
    if len(table) > MAX_TENSORS:
        raise InputError("too_many_tensors", file=file, n=f"{len(table):,}", limit=f"{MAX_TENSORS:,}")
    try:
        spans = [_span(name, entry) for name, entry in table.items()]
    except (ValueError, TypeError, KeyError) as error:
        raise InputError("damaged_header", file=file) from error
    edges = sorted([(0, 0), *((begin, end) for _, _, _, begin, end in spans)])
    room = size - 8 - len(data)
    if any(one[1] != next_[0] for one, next_ in pairwise(edges)) or edges[-1][1] != room:
        raise InputError("offsets_differ", file=file)
    return {name: (dtype, shape) for name, dtype, shape, _, _ in spans}


def _span(name: str, entry: dict) -> tuple[str, str, tuple[int, ...], int, int]:
    """One tensor's entry, checked in itself; ValueError, TypeError or KeyError where it is not one."""
    dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    if len(entry) != 3 or not (0 < len(name) <= MAX_NAME and name.isprintable()):
        raise ValueError(name[:MAX_NAME])
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise ValueError("shape")
    if not all(type(number) is int and 0 <= number < 2**63 for number in (begin, end, *shape)):
        raise ValueError("numbers")  # true is an int to Python, and not to this
    if max(shape, default=0) > MAX_SIDE or end - begin != prod(shape) * BYTES[dtype]:
        raise ValueError("size")
    return name, dtype, tuple(shape), begin, end


def parse_json(data: bytes, file: str, allowance: Allowance | None = None) -> object:
    """Raises InputError for what is no JSON, or too many objects."""
    (allowance or Allowance()).parse(data, file)
    try:
        return json.loads(data, object_pairs_hook=_no_twins)
    except (ValueError, RecursionError) as error:
        raise InputError("damaged_header" if file.endswith(".safetensors") else "not_json", file=file) from error


def _no_twins(pairs: list[tuple[str, object]]) -> dict:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key stands twice")
    return table
