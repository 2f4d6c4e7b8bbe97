"""Which model is meant: a reference, parsed once where it comes in, and passed inwards as a value; no torch."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from resnet.config import VARIANTS
from resnet.util.errors import InputError
from resnet.util.files import CONFIG_FILE, WEIGHTS_FILE, shipped

WEIGHTS = shipped("weights")
MAIN = "main"
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_REVISION = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}"
_FILE = r"(?:[A-Za-z0-9][A-Za-z0-9._+=-]{0,95}/){0,8}[A-Za-z0-9][A-Za-z0-9._+=-]{0,95}\.safetensors"
_REPOSITORY = re.compile(rf"({_PART}/{_PART})(?:/({_FILE}))?(?:@({_REVISION}))?")
_ADDRESS = re.compile(r"(?:https://)?(?:huggingface\.co|hf\.co)/(.*)")
_SCHEME = re.compile(r"hf[-_]hub:|hf://")
_VIEW = re.compile(r"([^/]+/[^/]+)/(?:tree|blob|resolve|raw|commits?)/(.+)")  # a page of the Hub on a revision
_OTHER = re.compile(r"([^/]+/[^/]+)/discussions(?:/\d+)?")
_IN_REVISION = re.compile(r"(refs/(?:pr|convert)/[^/]+|[^/]+)/(.+)")


@dataclass(frozen=True)
class ModelRef:
    """A bundled model, one on the Hub, a folder or .safetensors file of this machine, or a module in its memory.

    Equal for all spellings of one thing; `str` is the shortest, which users see.

    repo       a bundled model's name, a module's class, or a repository's: "owner/name"
    revision   a repository's branch, tag or commit
    inside     the repository's file that is meant: "folder/file.safetensors"; "" for model.safetensors, or its shards
    file       the absolute path of what is local
    trusted    this machine's owner named it, so the Hub is sent the owner's token; a visitor's reference is not
    """

    kind: Literal["bundled", "hub", "local", "memory"]
    repo: str = ""
    revision: str = ""
    inside: str = ""
    file: str = ""
    trusted: bool = False

    @classmethod
    def parse(cls, text: str, trusted: bool = False) -> "ModelRef":
        """From a bundled name, a Hub repository (owner/name[/file][@revision], or an address), a folder or a file.

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
            raise InputError("unknown_model", name=text[:40], known=", ".join(bundled_names()))
        found = cls("hub", *_repository(text), trusted=trusted)
        return found if trusted else replace(found, trusted=found in _offered())

    @property
    def path(self) -> Path | None:
        """Where the files lie on this machine; None for a repository on the Hub, and for a module."""
        if self.kind in ("hub", "memory"):
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
        place = f"{self.repo}/{self.inside}" if self.inside else self.repo
        return place if self.revision in ("", MAIN) else f"{place}@{self.revision}"

    def place(self, file: str) -> str:
        """Where a repository's file stands of which this is the part: model.safetensors, or what is beside it."""
        if not self.inside:
            return file
        return self.inside if file == WEIGHTS_FILE else self.inside[:self.inside.rfind("/") + 1] + file


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
    """Whether a name is spelled like a path, or is one; owner/name/file.safetensors is one if it is there."""
    alone = name.endswith(".safetensors") and name.count("/") < 2
    return name.startswith((".", "/", "~")) or alone or os.path.exists(name)


def offered_names() -> tuple[str, ...]:
    """What whoever runs this machine offers its visitors: RESNET_MODELS, references with commas between."""
    return tuple(name for name in map(str.strip, os.environ.get("RESNET_MODELS", "").split(",")) if name)


def default_name() -> str:
    """What a link means that names no model: RESNET_DEFAULT_MODEL, or ""."""
    return os.environ.get("RESNET_DEFAULT_MODEL", "").strip()


def _offered() -> Iterator[ModelRef]:
    """Of the Hub; the owner named these, whoever asks for them."""
    for name in (*offered_names(), default_name()):
        with suppress(InputError):
            yield ModelRef("hub", *_repository(name))


def _repository(text: str) -> tuple[str, str, str]:
    """ "owner/name", "owner/name/file.safetensors@revision" or a Hub's address -> (repository, revision, file)."""
    bare = _SCHEME.sub("", text.strip(" "), count=1)
    if address := _ADDRESS.fullmatch(bare):
        bare = _of_address(re.split(r"[?#]", address[1], maxsplit=1)[0])
    match = _REPOSITORY.fullmatch(bare.removesuffix("/"))
    if match is None or "--" in match[1] or _leads_astray(match[0]):
        raise InputError("not_a_repository", name=" ".join(text.split())[:80])
    return match[1], match[3] or MAIN, match[2] if match[2] not in (None, WEIGHTS_FILE) else ""


def _of_address(path: str) -> str:
    """An address's path in the words of a reference: "owner/name/blob/main/a.safetensors" -> "owner/name/...@main".

    Of other files only the repository and the revision are taken.
    """
    if other := _OTHER.fullmatch(path):
        return other[1]
    if not (view := _VIEW.fullmatch(path)):
        return path
    repo, rest = view[1], re.sub("%2f", "/", view[2].rstrip("/"), flags=re.IGNORECASE)
    inside = None if "/tree/" in path or "/commit" in path else _IN_REVISION.fullmatch(rest)
    if inside is None:
        return f"{repo}@{rest}"
    revision, file = inside.groups()
    return f"{repo}/{file}@{revision}" if file.endswith(".safetensors") else f"{repo}@{revision}"


def _leads_astray(text: str) -> bool:
    """Out of the repository's own place, or to what the Hub takes for another."""
    return ".." in text or "//" in text or text.endswith(("/", ".git", ".lock"))
