"""Which way through a net is the quickest here: measured once for a kind of net, and remembered on the disk.

The admissible ways (eager, fused in fp32, in bf16, eight bits) are timed in the thread that runs nets, in turn, each
by the least of several calls, so that a load that comes or goes does not decide; what takes thrice the best is not
asked to the end. One picture and several may go different ways. What was found stays valid for a processor, its
number of threads, a PyTorch and a kind of net, whatever its weights.
"""

import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import TypeVar

import torch
from torch import Tensor

from resnet.checkpoint import ModelInfo
from resnet.inference.fast import Fast, eager, prepare
from resnet.inference.int8 import int8, supported
from resnet.inference.int8_record import Int8Record, checked, with_second_look
from resnet.model import ResNet
from resnet.util.errors import InputError
from resnet.util.files import cache_folder, write_file
from resnet.util.machine import processor
from resnet.util.precision import has_bf16

SEVERAL = 4  # pictures, by which the way of more than one is chosen
WARM_UPS, ROUNDS, SECONDS = 2, 100, 0.4  # of timing, which ends with the first round after so long
SURE, HOPELESS = 2, 3.0  # after so many rounds, what takes so many times the best is not asked again
FILE, MOST = "quickest.json", 500  # kinds of nets that are remembered
Result = TypeVar("Result")
Do = Callable[[Callable[[], Result]], Result]
_writing = Lock()
log = logging.getLogger("resnet")


@dataclass(frozen=True)
class Quickest:
    """The quickest form for one picture, and that for several."""

    one: Fast
    several: Fast

    def __call__(self, inputs: Tensor) -> Tensor:
        return self.at(len(inputs))(inputs)

    def at(self, n: int) -> Fast:
        """The form for n pictures."""
        return self.one if n == 1 else self.several

    @property
    def nbytes(self) -> int:
        return sum(form.nbytes for form in {id(form): form for form in (self.one, self.several)}.values())


class Candidates:
    """The ways of a net, each made when it is first asked for.

    Args:
        size: (height, width) of the pictures.
        record: what is known of it in eight bits; None: not admitted.
        do: runs a function in the thread that runs nets.
    """

    def __init__(self, model: ResNet, size: tuple[int, ...], record: Int8Record | None, do: Do):
        self.model, self.size, self.record, self.do = model, size, record, do
        self.made: dict[str, Fast] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return (*(("int8",) if self.record else ()), *(("bf16",) if has_bf16() else ()), "fp32", "eager")

    def __getitem__(self, name: str) -> Fast:
        if name not in self.made:
            self.made[name] = self._make(name)
        return self.made[name]

    def _make(self, name: str) -> Fast:
        cpu = torch.device("cpu")
        if name == "eager":
            return eager(self.model, cpu, "fp32")
        if name == "int8" and self.record:
            run, nbytes = int8(self.model, self.record.ranges, self.size)
            self.do(partial(_warm, run, self.inputs(1)))
            return Fast(run, "int8", "int8", nbytes)
        return self.do(prepare(self.model, cpu, name, self.size))

    def inputs(self, n: int) -> Tensor:
        shape = n, self.model.config.in_channels, *self.size
        return torch.randn(shape, generator=torch.Generator().manual_seed(0))

    def answering(self, name: str) -> Fast:
        """The way as it answers visitors: in eight bits with the second look."""
        form = self[name]
        if name != "int8" or not self.record:
            return form
        exact = self["fp32"]
        run = with_second_look(form.run, exact.run, self.record.margin)
        return replace(form, run=run, nbytes=form.nbytes + exact.nbytes)


def quickest(model: ResNet, info: ModelInfo, device: torch.device, precision: str, size: tuple[int, ...],
             record: Int8Record | None, do: Do) -> Quickest:
    """The forms that answer; takes seconds for a kind of net that was never timed here, so not in a thread that waits.

    Args:
        model: in eval mode, and on `device`; it is read only.
        record: of a bundled net, what was recorded; None: photographs tell whether eight bits will do.
        do: runs a function in the thread that runs nets; what it is given takes less than half a second.
    """
    if device.type != "cpu" or precision != "auto":
        form = do(prepare(model, device, precision, size))
        return Quickest(form, form)
    record = _admitted(model, info, size, record)
    try:
        return _chosen(Candidates(model, size, record, do))
    except Exception as error:
        if record is None:
            raise
        log.warning("a net stays in float: %s", str(error).strip()[:500])
        return _chosen(Candidates(model, size, None, do))


def _chosen(ways: Candidates) -> Quickest:
    key = f"{ways.do(torch.get_num_threads)} threads of {processor()}, torch {torch.__version__}, {_kind(ways)}"
    names = _remembered().get(key)
    if not names or any(name not in ways.names for name in names):
        names = [_fastest(ways, n) for n in (1, SEVERAL)]
        _remember(key, names)
    one = ways.answering(names[0])
    return Quickest(one, one if names[0] == names[1] else ways.answering(names[1]))


def _admitted(model: ResNet, info: ModelInfo, size: tuple[int, ...], record: Int8Record | None) -> Int8Record | None:
    if not supported(model.config):
        return None
    try:
        record = record or checked(model, info, size)
    except (RuntimeError, ValueError, AttributeError, KeyError):
        return None
    return record if record.admitted else None


def _fastest(ways: Candidates, n: int) -> str:
    """The name of the way that takes least for n pictures, those that are asked twice counted."""
    times = timed({name: ways[name] for name in ways.names}, ways.inputs(n), ways.do)
    if ways.record:
        times["int8"] += ways.record.again * times["fp32"]
    return min(times, key=lambda name: times[name])


def timed(forms: Mapping[str, Callable[[Tensor], Tensor]], inputs: Tensor, do: Do) -> dict[str, float]:
    """The least seconds that each took, of several calls in turn."""
    for form in forms.values():
        for _ in range(WARM_UPS):  # they compile
            do(partial(_seconds, form, inputs))
    least, begun = dict.fromkeys(forms, math.inf), time.perf_counter()
    for i in range(ROUNDS):
        for name, form in forms.items():
            if i < SURE or least[name] < HOPELESS * min(least.values()):
                least[name] = min(least[name], do(partial(_seconds, form, inputs)))
        if i >= SURE and time.perf_counter() - begun > SECONDS:
            break
    return least


def _seconds(form: Callable[[Tensor], Tensor], inputs: Tensor) -> float:
    with torch.inference_mode():
        start = time.perf_counter()
        form(inputs)
        return time.perf_counter() - start


def _warm(form: Callable[[Tensor], Tensor], inputs: Tensor) -> None:
    with torch.inference_mode():
        form(inputs)


def _kind(ways: Candidates) -> str:
    config = json.dumps(ways.model.config.to_dict(), sort_keys=True)
    return f"{hashlib.sha256(config.encode()).hexdigest()[:16]} at {ways.size}, {'/'.join(ways.names)}"


def _remembered() -> dict[str, list[str]]:
    """What the disk tells, or nothing: a file that cannot be used only costs time."""
    with suppress(OSError, ValueError, AttributeError, TypeError):
        told = json.loads((cache_folder() / FILE).read_text("utf-8"))
        return {str(key): [str(name) for name in names] for key, names in told.items() if len(names) == 2}
    return {}


def _remember(key: str, names: list[str]) -> None:
    with _writing, suppress(InputError):
        known = {other: ways for other, ways in _remembered().items() if other != key} | {key: names}
        write_file(cache_folder() / FILE, json.dumps(dict(list(known.items())[-MOST:]), indent=0))
