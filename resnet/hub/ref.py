"""A model reference -> its header: bundled, in a folder or file here, or on the Hub; no torch.

Torch takes seconds to import, and a Hub that fails should be told of before that.
"""

import os
import threading
import time
from pathlib import Path

from resnet.hub.header import CONFIG, Header, local_header
from resnet.hub.remote import HUB_SECONDS, remote_header
from resnet.util.files import shipped

WEIGHTS = shipped("weights")
REMEMBERED, FRESH_SECONDS = 64, 300  # headers from the Hub: how many, and for how long

_headers: dict[tuple[str, bool], tuple[float, Header]] = {}
_lock = threading.Lock()


def read_reference(reference: str, trusted: bool = False, seconds: float = HUB_SECONDS) -> Header:
    """The header of a bundled name, a Hub repository (owner/name[@revision]), a folder or a .safetensors file.

    Args:
        trusted: the reference is this machine's owner's, so it may name local paths, and the owner's Hub
            token is sent; a visitor's may not.
        seconds: the limit for the Hub.

    Raises:
        InputError: there is no such thing, it is damaged, or the Hub fails; the sentence says which.
    """
    if is_bundled(reference):
        return local_header(WEIGHTS / reference)
    if trusted and is_local(reference):
        return local_header(Path(os.path.expanduser(reference)))
    return _from_hub(reference, trusted, seconds)


def is_reference(name: str, trusted: bool = False) -> bool:
    """Whether a name means a model rather than a variant; only the trusted learn what files there are."""
    return is_bundled(name) or "/" in name or (trusted and is_local(name))


def is_bundled(name: str) -> bool:
    return name.isidentifier() and os.path.isfile(WEIGHTS / name / CONFIG)


def is_local(name: str) -> bool:
    """Whether a name is spelled like a path, or is one."""
    return name.startswith((".", "/", "~")) or name.endswith(".safetensors") or os.path.exists(name)


def _from_hub(reference: str, private: bool, seconds: float) -> Header:
    """remote_header, remembered for some minutes, so that a change of view asks the Hub once."""
    key = (reference, private)
    with _lock:
        then, header = _headers.get(key, (0.0, None))
    if header is not None and time.monotonic() - then < FRESH_SECONDS:
        return header
    header = remote_header(reference, seconds, private)
    with _lock:
        _headers.pop(key, None)
        while len(_headers) >= REMEMBERED:
            del _headers[next(iter(_headers))]
        _headers[key] = (time.monotonic(), header)
    return header


def forget() -> None:
    """Ask the Hub anew from now on."""
    with _lock:
        _headers.clear()
