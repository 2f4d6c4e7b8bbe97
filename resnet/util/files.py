"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from resnet.util.errors import InputError

PACKAGE = Path(__file__).parents[1]
# What files are called in a model's folder or repository; a sharded one has an index in the weights' place.
WEIGHTS_FILE, INDEX_FILE, CONFIG_FILE = "model.safetensors", "model.safetensors.index.json", "config.json"
CHECKPOINT_FILE = "checkpoint.safetensors"  # beside them while a training has not ended
OURS = "resnet_space"  # the key of our record in a config.json that is another library's, too


def own_record(config: object) -> dict | None:
    """Our record of a parsed config.json, which may stand inside another library's; None where there is none."""
    inside = config.get(OURS, config) if isinstance(config, dict) else None
    return inside if isinstance(inside, dict) and isinstance(inside.get("architecture"), dict) else None


def shipped(folder: str) -> Path:
    """A folder that stands beside the package in a checkout, and inside it where it was installed."""
    inside = PACKAGE / folder
    return inside if inside.is_dir() else PACKAGE.parent / folder


def cache_folder() -> Path:
    """The user's, for what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "resnet-space"


def write_file(path: Path, data: "bytes | str") -> None:
    """Write beside `path`, then rename: a kill at any moment leaves the old file or the new one.

    Raises:
        InputError: the folder cannot be made or written, or the disk is full; the old file is unharmed.
    """
    with replacing(path) as partial, open(partial, "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to, which takes its name in the end; as `write_file`."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise InputError("cannot_write", folder=str(path.parent), reason=error.strerror or str(error)) from error
    finally:
        _remove(partial)


def remove_partials(folder: Path) -> None:
    """Sweep up what killed processes left; only for a folder that a single process writes."""
    for path in folder.glob("*.partial"):
        _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
