"""Byte ranges of files in a folder of this machine, laid out like a repository on the Hub."""

from contextlib import suppress
from pathlib import Path

from resnet.hub.header import Header, read_header, read_one
from resnet.util.errors import InputError
from resnet.util.files import WEIGHTS_FILE


class Folder:
    """Files in a folder of this machine."""

    revision = ""

    def __init__(self, path: Path):
        self.path, self.bytes_read, self.tags = path, 0, {}

    def read(self, name: str, start: int, stop: int) -> tuple[bytes, int] | None:
        file = self.path / name
        try:
            if not file.is_file():
                return None
            with open(file, "rb") as stream:
                stream.seek(start)
                data = stream.read(stop - start)
            self.bytes_read += len(data)
            return data, file.stat().st_size
        except (OSError, ValueError) as error:
            raise InputError("no_file", file=str(file)[:200]) from error

    def names(self) -> list[str]:
        """Of the files right in it."""
        with suppress(OSError):
            return sorted(file.name for file in self.path.iterdir() if file.is_file())
        return []


def local_header(path: Path, name: str = "") -> Header:
    """The header of a .safetensors file, or of a folder laid out like a repository on the Hub.

    A file named model.safetensors is read with the config.json beside it.

    Args:
        name: what users call it; "" for the path.

    Raises:
        InputError: there is none, or it is damaged.
    """
    name = name or str(path)
    try:
        if path.is_dir():
            return read_header(Folder(path), name)
        if path.name == WEIGHTS_FILE and path.is_file():
            return read_header(Folder(path.parent), name)
    except OSError as error:
        raise InputError("no_file", file=str(path)[:200]) from error
    return read_one(Folder(path.parent), path.name, name)
