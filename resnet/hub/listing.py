"""What a repository or a folder holds instead of model.safetensors, and what to do about it."""

import re
from collections.abc import Iterable

from resnet.util.errors import InputError

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
MAX_NAME, SHOWN = 200, 4  # characters of a file's name, and names in a sentence
_SHARD = re.compile(r"(^|/)model(-\d+-of-\d+)?\.safetensors$")


def nothing_to_read(files: Iterable[str], model: str) -> InputError:
    """Name another of the files, or convert what must not be opened."""
    repository, at, revision = model.partition("@")
    named = [file for file in files if file.isprintable() and len(file) <= MAX_NAME]
    if others := [file for file in named if file.endswith(".safetensors") and not _SHARD.search(file)]:
        return InputError("other_safetensors", model=model, files=", ".join(others[:SHOWN]),
                          example=f"{repository}/{others[0]}{at}{revision}")
    if pickled := [file for file in named if file.endswith(PICKLES)]:
        return InputError("only_pickled", model=model, file=pickled[0], pull=f"{repository}@refs/pr/1")
    return InputError("no_safetensors", model=model)
