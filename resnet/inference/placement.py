"""Where a net runs, and what happens when that place is short of memory.

Shared models stay on the CPU; another device gets a copy of its own, kept as long as the model is.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch

from resnet.hub.loaded import LoadedModel

CPU = torch.device("cpu")
Result = TypeVar("Result")
_copies: "WeakKeyDictionary[torch.nn.Module, dict[torch.device, torch.nn.Module]]" = WeakKeyDictionary()


_cpu_only = ContextVar("cpu_only", default=False)


def best_device() -> torch.device:
    """CUDA when it is there and may be used."""
    return torch.device("cuda") if not _cpu_only.get() and torch.cuda.is_available() else CPU


@contextmanager
def cpu_only() -> Iterator[None]:
    """Within it, nothing is placed on another device."""
    token = _cpu_only.set(True)
    try:
        yield
    finally:
        _cpu_only.reset(token)


def placed(loaded: LoadedModel, device: torch.device) -> LoadedModel:
    """The model on `device`: itself on the CPU, elsewhere a copy that the next call finds again."""
    if device.type == "cpu":
        return loaded
    copies = _copies.setdefault(loaded.model, {})
    if device not in copies:
        copies[device] = copy.deepcopy(loaded.model).to(device)
    return replace(loaded, model=copies[device])


def with_oom_fallback(run: Callable[[torch.device, int], Result], device: torch.device,
                      batch: int = 1) -> tuple[Result, str]:
    """run(device, batch), again with half the batch while the device is out of memory, at last on the CPU.

    Returns:
        the result, and what had to give way: "" nothing, "batch", or "cpu".
    """
    for where, size in _attempts(device, batch):
        try:
            return run(where, size), "cpu" if where != device else "batch" if size != batch else ""
        except torch.OutOfMemoryError:
            if where.type == "cpu":
                raise
        if torch.cuda.is_available():  # what the failed attempt held, outside the handler that still refers to it
            torch.cuda.empty_cache()
    raise AssertionError("the last attempt returns or raises")


def _attempts(device: torch.device, batch: int) -> Iterator[tuple[torch.device, int]]:
    size = batch
    while size and device.type != "cpu":
        yield device, size
        size //= 2
    yield CPU, batch
