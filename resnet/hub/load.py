"""Models by whatever names them, from this process's store, or as they stand in memory."""

from torch import nn

from resnet.checkpoint import ModelInfo
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef
from resnet.hub.store import current


def load(model: str | ModelRef | nn.Module, trusted: bool = True) -> LoadedModel:
    """The model behind a bundled name, a Hub repository (owner/name[/file][@revision]), a folder or a .safetensors
    file; or a net of ours with the weights of a torchvision, timm or transformers module.

    What this process had from the Hub before is taken again without asking it.

    Args:
        trusted: a name is this machine's owner's, as in `ModelRef`.

    Raises:
        InputError: there is none, it is no plain ResNet, its files are not sound, or the Hub fails.
    """
    if isinstance(model, nn.Module):
        from resnet.hub.in_memory import load_module

        return load_module(model)
    return current().load(ModelRef.parse(model, trusted) if isinstance(model, str) else model)


def bundled() -> dict[str, ModelInfo]:
    """The models that ship with the app, by name; no weights are read."""
    return current().bundled()
