"""trace() of anything: a variant, a config, a network, or a model reference whose header is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from resnet.config import ResNetConfig
from resnet.hub.ref import ModelRef, named_model
from resnet.hub.store import current

if TYPE_CHECKING:
    from torch import nn

    from resnet.hub.recognise import Recognised
    from resnet.tracing.records import Trace


def trace(net: str | ModelRef | ResNetConfig | nn.Module, size: int | tuple[int, int] | None = None, batch: int = 1,
          trusted: bool = True, **changes) -> Trace:
    """`tracing.trace.trace`, which also takes a bundled name, a Hub repository, a folder or a .safetensors file, and a
    torchvision, timm or transformers module by its state dict.

    Args:
        trusted: a name is this machine's owner's, as in `ModelRef`; a visitor's is not.

    Raises:
        InputError: as `tracing.trace.trace` and `ModelStore.recognise`.
    """
    return trace_recognised(net, size, batch, trusted, **changes)[0]


def trace_recognised(net: str | ModelRef | ResNetConfig | nn.Module, size: int | tuple[int, int] | None = None,
                     batch: int = 1, trusted: bool = False, **changes) -> tuple[Trace, Recognised | None]:
    """The trace, and for a model reference, or another library's module, what it was recognised as."""
    if isinstance(net, str):
        net = named_model(net, trusted) or net
    if isinstance(net, ModelRef):
        found = current().recognise(net)
    elif not isinstance(net, (str, ResNetConfig)) and (other := _of_another_library(net)):
        found = other
    else:
        return _traced(net, size, batch, changes), None
    return replace(trace_file(found, size, batch, **changes), name=found.name), found


def _of_another_library(net: nn.Module) -> Recognised | None:
    """None for a net of ours, which is traced as it stands, and for what is no network."""
    from torch import nn

    from resnet.hub.in_memory import recognise_module
    from resnet.model import ResNet

    return recognise_module(net) if isinstance(net, nn.Module) and not isinstance(net, ResNet) else None


def trace_file(found: Recognised, size: int | tuple[int, int] | None = None, batch: int = 1, **changes) -> Trace:
    """A checkpoint's trace: of one without a classifier none is counted, unless the number of classes is set."""
    result = _traced(found.config, size, batch, changes)
    if not found.headless or "classes" in changes:
        return result
    from resnet.hub.recognise import without_classifier

    return without_classifier(result)


def answer(result: Trace, found: Recognised | None) -> dict:
    """JSON-friendly: the trace, and for a model reference that and what it was recognised as."""
    if found is None:
        return result.to_dict()
    return replace(result, name=found.name).to_dict() | {"reference": found.name, "recognised": found.to_dict()}


def _traced(net: str | ResNetConfig | nn.Module, size: int | tuple[int, int] | None, batch: int,
            changes: dict) -> Trace:
    """Torch, which takes seconds to import, is only needed once the header was read."""
    from resnet.tracing.trace import trace

    return trace(net, size=size, batch=batch, **changes)
