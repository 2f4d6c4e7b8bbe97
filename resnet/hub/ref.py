"""Which model is meant: a reference, parsed once where it comes in, and passed inwards as a value; no torch."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from resnet.config import VARIANTS
from resnet.util.errors import InputError
from resnet.util.files import CONFIG_FILE, shipped

WEIGHTS = shipped("weights")
MAIN = "main"
_ADDRESS = "https://huggingface.co/"
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_REPOSITORY = re.compile(rf"({_PART}/{_PART})(?:@([A-Za-z0-9][A-Za-z0-9._/-]{{0,127}}))?")


@dataclass(frozen=True)
class ModelRef:
    """A bundled model, one on the Hub, or a folder or .safetensors file of this machine.

    Equal for all spellings of one thing; `str` is the shortest, which users see.

    repo       a bundled model's name, or a repository's: "owner/name"
    revision   a repository's branch, tag or commit
    file       the absolute path of what is local
    trusted    this machine's owner named it, so the Hub is sent the owner's token; a visitor's reference is not
    """

    kind: Literal["bundled", "hub", "local"]
    repo: str = ""
    revision: str = ""
    file: str = ""
    trusted: bool = False

    @classmethod
    def parse(cls, text: str, trusted: bool = False) -> "ModelRef":
        """From a bundled name, a Hub repository (owner/name[@revision], or its address), a folder or a file.

        Args:
            trusted: only this machine's owner may name its paths.

        Raises:
            InputError: it can be none of these; no request is made, and whether it exists is not asked.
        """
        if is_bundled(text):
            return cls("bundled", text)
        if trusted and is_local(text):
            return cls("local", file=os.path.abspath(os.path.expanduser(text)), trusted=True)
        if "/" not in text:
            raise InputError("unknown_model", name=text[:80], known=", ".join(bundled_names()))
        return cls("hub", *_repository(text), trusted=trusted)

    @property
    def path(self) -> Path | None:
        """Where the files lie on this machine; None for a repository on the Hub."""
        if self.kind == "hub":
            return None
        return WEIGHTS / self.repo if self.kind == "bundled" else Path(str(self))

    @property
    def limited(self) -> bool:
        """Whether there are limits on its cost: a visitor named it, and anyone may have made it."""
        return self.kind == "hub" and not self.trusted

    def __str__(self) -> str:
        """Read by `parse` as the same; a path is relative where it lies below the current folder."""
        if self.kind == "local":
            path, here = Path(self.file), Path.cwd()
            return str(path.relative_to(here) if path.is_relative_to(here) else path)
        return self.repo if self.revision in ("", MAIN) else f"{self.repo}@{self.revision}"


def named_model(name: str, trusted: bool = False) -> ModelRef | None:
    """The model that a name means; None where it means a variant, or nothing.

    Raises:
        InputError: as `ModelRef.parse`.
    """
    if name in VARIANTS or not (is_bundled(name) or "/" in name or (trusted and is_local(name))):
        return None
    return ModelRef.parse(name, trusted)


def bundled_names() -> list[str]:
    """The models that ship with the app."""
    return [folder.name for folder in sorted(WEIGHTS.glob("*/")) if is_bundled(folder.name)]


def is_bundled(name: str) -> bool:
    return name.isidentifier() and os.path.isfile(WEIGHTS / name / CONFIG_FILE)


def is_local(name: str) -> bool:
    """Whether a name is spelled like a path, or is one."""
    return name.startswith((".", "/", "~")) or name.endswith(".safetensors") or os.path.exists(name)


def _repository(text: str) -> tuple[str, str]:
    """ "owner/name", "owner/name@revision" or its address on huggingface.co -> (repository, revision)."""
    bare = text.strip(" ")
    if bare.startswith(_ADDRESS):
        bare = bare.removeprefix(_ADDRESS).replace("/tree/", "@", 1)
    match = _REPOSITORY.fullmatch(bare.removesuffix("/"))
    if match is None or "--" in match[1] or _leads_astray(match[0]):
        raise InputError("not_a_repository", name=" ".join(text.split())[:80])
    return match[1], match[2] or MAIN


def _leads_astray(text: str) -> bool:
    """Out of the repository's own place, or to what the Hub takes for another."""
    return ".." in text or "//" in text or text.endswith(("/", ".git", ".lock"))
