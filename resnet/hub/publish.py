"""What goes to the Hub: a net of one's own, or a model repository for each bundled model and the Space that shows them.

`plan` and `plan_folder` say which file comes from where, `publish` sends it, one commit per repository. Files that the
Hub already has are not sent again; files that only the Hub has are left alone.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from resnet.checkpoint import ModelInfo, read_tensors
from resnet.hub.ref import WEIGHTS, ModelRef, bundled_names
from resnet.util.errors import InputError
from resnet.util.files import CHECKPOINT_FILE, CONFIG_FILE, INDEX_FILE, WEIGHTS_FILE, own_record

ROOT = Path(__file__).parent.parent.parent
SPACE_FILES = ("README.md", "LICENSE", "app.py", "requirements.txt", "docs/*.png", "docs/*.webp", "resnet/**/*",
               "weights/**/*")
PLAIN_LIMIT = 10_000_000  # bytes; larger files must be stored as LFS or Xet on the Hub
SPACE_NAME = "resnet-space"
SOMEONE = "OWNER"  # stands for the account in what is only shown
MODEL_FILES = ("README.md", "LICENSE", "*.json", "*.csv", "*.safetensors")  # whatever else lies there stays there


@dataclass(frozen=True)
class Upload:
    """One repository as it will be: `files` maps paths in it to local files or to made content."""

    repository: str
    kind: str  # "model" or "space"
    files: dict[str, "Path | bytes"]

    def sizes(self) -> dict[str, int]:
        """Bytes by path."""
        return {name: len(content) if isinstance(content, bytes) else content.stat().st_size
                for name, content in self.files.items()}

    @property
    def size(self) -> int:
        return sum(self.sizes().values())


@dataclass(frozen=True)
class Pushed:
    """Where it went, and the commit that holds it now."""

    upload: Upload
    url: str
    commit: str


def plan(owner: str, models: tuple[str, ...] | None = None, space: str = SPACE_NAME) -> list[Upload]:
    """The repositories of `owner`: the models (all bundled ones by default), then the Space ("" for none).

    Raises:
        InputError: no such bundled model, a name that the Hub cannot have, or no checkout to take the Space from.
    """
    known = bundled_names()
    for name in models or ():
        if name not in known:
            raise InputError("unknown_model", name=name[:40], known=", ".join(known))
    names = known if models is None else models
    uploads = [Upload(_repository(owner, name), "model", model_files(WEIGHTS / name)) for name in names]
    if space:
        if not (ROOT / "app.py").is_file():
            raise InputError("publish_installed", folder=str(ROOT))
        uploads.append(Upload(_repository(owner, space), "space",
                              space_files(ROOT, tuple(upload.repository for upload in uploads))))
    return uploads


def plan_folder(owner: str, folder: Path, name: str = "") -> Upload:
    """The repository of a net of one's own, called `name`, or as its folder is.

    Raises:
        InputError: there is no finished, sound net in the folder, or the name is none for the Hub.
    """
    from resnet.hub.load import load

    load(str(folder.absolute()))  # what cannot be loaded is not shown to anyone
    if (folder / CHECKPOINT_FILE).exists():
        raise InputError("publish_running", folder=str(folder))
    return Upload(_repository(owner, name or folder.resolve().name), "model", model_files(folder))


def model_files(folder: Path) -> dict[str, "Path | bytes"]:
    """A model's folder with its shards joined into one model.safetensors, and a config.json that timm reads, too."""
    files: dict[str, Path | bytes] = {file.name: file for file in sorted(folder.iterdir())
                                      if file.is_file() and not _is_shard(file)
                                      and any(fnmatch(file.name, pattern) for pattern in MODEL_FILES)}
    if (config := _config_with_timm(folder)) is not None:
        files[CONFIG_FILE] = config
    if WEIGHTS_FILE not in files:
        from safetensors.torch import save

        files[WEIGHTS_FILE] = save(dict(read_tensors(folder)), {"format": "pt"})
    return files


def space_files(root: Path, models: tuple[str, ...] = ()) -> dict[str, "Path | bytes"]:
    """What the page needs to run; its card names `models`."""
    found = {file for pattern in SPACE_FILES for file in root.glob(pattern)
             if file.is_file() and "__pycache__" not in file.parts and not file.name.endswith((".pyc", ".partial"))}
    files: dict[str, Path | bytes] = {file.relative_to(root).as_posix(): file for file in sorted(found)}
    if models and "README.md" in files:
        files["README.md"] = _with_models(root / "README.md", models)
    return files


def publish(uploads: list[Upload], private: bool = True) -> Iterator[Pushed]:
    """Create or update each repository, with the token that huggingface_hub finds.

    Args:
        private: those that are created; one that is there stays as visible as it is.

    Raises:
        InputError: no token, no right, or the Hub fails; what was published before stays.
    """
    for upload in uploads:
        yield _send(upload, private)


def owner_of_token() -> str:
    """The account behind this machine's token.

    Raises:
        InputError: there is no token, or the Hub does not know it or cannot be reached.
    """
    from huggingface_hub import HfApi, get_token

    if not get_token():
        raise InputError("no_token")
    with _in_sentences(""):
        return HfApi().whoami()["name"]


def _send(upload: Upload, private: bool) -> Pushed:
    from huggingface_hub import CommitOperationAdd, HfApi, get_token

    if not get_token():
        raise InputError("no_token")
    api = HfApi()
    operations = [CommitOperationAdd(name, content) for name, content in upload.files.items()]
    with _in_sentences(upload.repository):
        api.create_repo(upload.repository, repo_type=upload.kind, private=private, exist_ok=True,
                        space_sdk="gradio" if upload.kind == "space" else None)
        commit = api.create_commit(upload.repository, operations, repo_type=upload.kind,
                                   commit_message="Published by python -m resnet publish")
    return Pushed(upload, commit.commit_url.partition("/commit/")[0], commit.oid)


@contextmanager
def _in_sentences(repository: str) -> Iterator[None]:
    """The Hub's and the network's errors -> InputError."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except HfHubHTTPError as error:
        denied = error.response.status_code in (401, 403)
        raise InputError("publish_denied" if denied else "publish_refused", model=repository,
                         reason=_reason(error)) from error
    except httpx2.HTTPError as error:
        raise InputError("hub_unreachable") from error
    except (ValueError, RuntimeError) as error:
        raise InputError("publish_refused", model=repository, reason=_reason(error)) from error


def _reason(error: Exception) -> str:
    return " ".join((getattr(error, "server_message", None) or str(error)).split())[:200]


def _repository(owner: str, name: str) -> str:
    return ModelRef.parse(f"{owner}/{name}").repo


def _is_shard(file: Path) -> bool:
    return file.name == INDEX_FILE or fnmatch(file.name, "model-*-of-*.safetensors")


def _config_with_timm(folder: Path) -> bytes | None:
    """None where there is no record of ours, or timm has no such net: the file is sent as it is."""
    from resnet.hub.libraries import timm_name, with_timm

    try:
        told = (folder / CONFIG_FILE).read_text("utf-8")
        info = ModelInfo.from_json(told, folder.name) if own_record(json.loads(told)) else None
    except (OSError, ValueError):
        return None
    if info is None or timm_name(info.architecture) is None:
        return None
    return (json.dumps(with_timm(info), indent=2, ensure_ascii=False) + "\n").encode()


def _with_models(card_file: Path, models: tuple[str, ...]) -> bytes:
    from huggingface_hub import RepoCard

    card = RepoCard(card_file.read_text("utf-8"), ignore_metadata_errors=True)
    card.data["models"] = list(models)
    return str(card).encode()
