"""A model reference -> a loaded model: a bundled name, or a folder in the layout of weights/<name>/.

Loaded models are shared and read-only: eval mode, no gradients; whoever changes one copies it.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from resnet.checkpoint import CONFIG_FILE, ModelInfo, load_model
from resnet.errors import InputError
from resnet.model import ResNet

WEIGHTS = Path(__file__).parent.parent / "weights"


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
