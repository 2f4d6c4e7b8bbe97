"""A model reference -> a loaded model, or what its header tells: bundled, in a folder, or on the Hub.

Loaded models are shared and read-only: eval mode, no gradients; whoever changes one copies it.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from pathlib import Path

from resnet.checkpoint import CONFIG_FILE, ModelInfo, load_model
from resnet.config import VARIANTS, ResNetConfig
from resnet.errors import InputError
from resnet.headers.header import Header, check_weights
from resnet.headers.infer import infer_config, learned
from resnet.headers.notes import Note
from resnet.headers.reference import WEIGHTS, read_reference
from resnet.headers.remote import HUB_SECONDS
from resnet.model import ResNet
from resnet.shapes import name_of, trace


@dataclass(frozen=True)
class LoadedModel:
    """A net with its trained weights and what config.json says of it."""

    reference: str
    model: ResNet
    info: ModelInfo


def bundled() -> dict[str, ModelInfo]:
    """The models that ship with the app, by name; no weights are read."""
    return {folder.name: _info(folder) for folder in sorted(WEIGHTS.glob("*/")) if (folder / CONFIG_FILE).exists()
            and folder.name != "runs"}


def load(reference: str) -> LoadedModel:
    """The model behind a bundled name or a folder's path.

    Raises:
        InputError: there is none, or its files are not sound.
    """
    folder = WEIGHTS / reference if reference in bundled() else Path(reference)
    if not folder.is_dir():
        raise InputError("unknown_model", name=reference[:80], known=", ".join(bundled()))
    return _load(reference, folder.resolve())


@lru_cache(maxsize=16)
def _load(reference: str, folder: Path) -> LoadedModel:
    model, info = load_model(folder)
    return LoadedModel(reference, model, info)


@lru_cache(maxsize=64)
def _info(folder: Path) -> ModelInfo:
    file = folder / CONFIG_FILE
    return ModelInfo.from_json(file.read_text("utf-8"), str(file))


# Recognising: the header alone ---------------------------------------------------------------------


@dataclass(frozen=True)
class Recognised:
    """The network behind a checkpoint, from its header; no weights were read.

    name        the reference as it was given; `variant` is what the network is called here
    spelling    whose tensor names these are: "torchvision", "transformers" or "cifar"
    mapping     the file's tensor names -> torchvision's
    notes       sentences for the user: how it was recognised, and what had to be assumed
    headless    the file has no classifier, and the config's is an assumption
    """

    name: str
    config: ResNetConfig
    spelling: str
    notes: tuple[Note, ...]
    headless: bool
    mapping: dict[str, str]
    header: Header

    @property
    def variant(self) -> str:
        return next((name for name, known in VARIANTS.items() if _same_body(known, self.config)),
                    name_of(self.config))

    @property
    def bytes_read(self) -> int:
        return self.header.bytes_read

    @property
    def file_size(self) -> int:
        """Of the weights, all shards together, in bytes."""
        return self.header.file_size

    def to_dict(self) -> dict:
        """JSON-friendly."""
        return {"variant": self.variant, "spelling": self.spelling, "headless": self.headless,
                "bytes_read": self.bytes_read, "file_size": self.file_size, "files": list(self.header.files),
                "revision": self.header.revision, "notes": [note.sentence() for note in self.notes]}


def _same_body(known: ResNetConfig, config: ResNetConfig) -> bool:
    """Equal but for what fine-tuning changes."""
    return replace(known, classes=config.classes, in_channels=config.in_channels,
                   input_size=config.input_size) == config


def recognise(reference: str, trusted: bool = False, seconds: float = HUB_SECONDS) -> Recognised:
    """The network behind a model reference; the arguments are those of `reference.read_reference`.

    Raises:
        InputError: there is no such thing, the Hub fails, or it is not a plain ResNet; the sentence says which.
    """
    return recognise_header(read_reference(reference, trusted, seconds), reference)


def recognise_header(header: Header, name: str) -> Recognised:
    """The network of a header that is at hand, such as an uploaded file's (`local_header`).

    Raises:
        InputError: not a plain ResNet, weights of another type, or parameters that do not add up.
    """
    found = infer_config(header.shapes, header.config)
    check_weights(header)
    _check_total(found.config, header, found.headless)
    return Recognised(name, found.config, found.spelling.name, found.notes, found.headless,
                      found.spelling.mapping, header)


def _check_total(config: ResNetConfig, header: Header, headless: bool) -> None:
    """The trace's parameters are the file's: a second count, by another way than the names."""
    layers = trace(config).layers
    expected = sum(layer.params for layer in layers if not (headless and layer.name == "fc"))
    found = sum(map(prod, learned(header.shapes).values()))
    if found != expected:
        raise InputError("params_differ", found=f"{found:,}", expected=f"{expected:,}")

