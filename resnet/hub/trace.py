"""trace() of anything: a variant, a config, a network, or a model reference whose header is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from resnet.config import VARIANTS
from resnet.hub.ref import is_reference, read_reference
from resnet.tracing.records import Trace

if TYPE_CHECKING:
    from resnet.hub.recognise import Recognised


def trace(net, size=None, batch: int = 1, trusted: bool = True, **changes) -> Trace:
    """`shapes.trace`, which also takes a bundled name, a Hub repository, a folder or a .safetensors file.

    Args:
        trusted: see `reference.read_reference`; a name that a visitor gave is not.

    Raises:
        InputError: as `shapes.trace` and `hub.recognise`.
    """
    return trace_recognised(net, size, batch, trusted, **changes)[0]


def trace_recognised(net, size=None, batch: int = 1, trusted: bool = False,
                     **changes) -> tuple[Trace, Recognised | None]:
    """The trace, and for a model reference what it was recognised as."""
    model = isinstance(net, str) and net not in VARIANTS and is_reference(net, trusted)
    header = read_reference(net, trusted) if model else None  # before torch, which takes seconds to import
    from resnet.tracing import trace as shapes

    if header is None:
        return shapes.trace(net, size=size, batch=batch, **changes), None
    from resnet.hub.recognise import recognise_header

    found = recognise_header(header, net)
    return replace(shapes.trace(found.config, size=size, batch=batch, **changes), name=net), found
