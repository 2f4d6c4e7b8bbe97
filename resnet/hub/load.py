"""Models by whatever names them, from this process's store."""

from resnet.checkpoint import ModelInfo
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef
from resnet.hub.store import current


def load(model: str | ModelRef, trusted: bool = True) -> LoadedModel:
    """The model behind a bundled name, a Hub repository (owner/name[@revision]), a folder or a .safetensors file.

    What this process had from the Hub before is taken again without asking it.

    Args:
        trusted: a name is this machine's owner's, as in `ModelRef`.

    Raises:
        InputError: there is none, it is no plain ResNet, its files are not sound, or the Hub fails.
    """
    return current().load(ModelRef.parse(model, trusted) if isinstance(model, str) else model)


def bundled() -> dict[str, ModelInfo]:
    """The models that ship with the app, by name; no weights are read."""
    return current().bundled()
