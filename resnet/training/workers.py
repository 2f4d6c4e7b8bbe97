"""This process among torchrun's: its share of the work, and sums over all of them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from resnet.util.errors import InputError


@dataclass(frozen=True)
class Workers:
    """Process `rank` of `world`; one that is alone talks to nobody."""

    rank: int = 0
    world: int = 1

    def slice(self, batch: int) -> slice:
        """This process's part of a batch."""
        part = batch // self.world
        return slice(self.rank * part, (self.rank + 1) * part)

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.world > 1:
            dist.all_reduce(tensor)
        return tensor

    def mean(self, tensor: Tensor) -> Tensor:
        """The mean over all processes, in place."""
        return self.sum(tensor).div_(self.world) if self.world > 1 else tensor

    def meet(self) -> None:
        """Wait for all processes: what each of them did before this, such as writing a file, is done after it."""
        if self.world > 1:
            dist.barrier()


ALONE = Workers()


@contextmanager
def joined(device: torch.device, patience: timedelta | None = None) -> Iterator[Workers]:
    """torchrun's processes joined into a group (nccl on GPUs, gloo on CPUs), or this one alone.

    patience: for a process that is later than the others; PyTorch's own where none is given.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield ALONE
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=patience)
    try:
        yield Workers(dist.get_rank(), world)
        dist.barrier()
    finally:
        dist.destroy_process_group()


def pick_device(name: str) -> torch.device:
    """A name like "cpu" or "cuda:1"; "auto" is this process's GPU where there is one, else the CPU.

    Raises:
        InputError: there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if name == "cuda" else name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError("no_device", device=name[:80]) from error
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device
