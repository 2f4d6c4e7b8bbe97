"""Who runs where while the page is served: one thread for all that is heavy, which forms batches.

- The main thread and Gradio's worker threads get one thread each from PyTorch: they decode, prepare, trace
  and draw. Each thread that used two would keep a pool of its own, and pools that share two cores slow
  each other down by a third.
- One inference thread uses all cores. Forward passes go there (`logits`), and so does any other work
  with a net that a visitor waits for (`heavy`), in pieces of a second at most, first come, first served.
- What runs for long on purpose, such as a live training, stays in its worker with one thread, so that
  answers keep coming from the other core.
- A net that is asked a second time gets its quickest form (resnet.inference.choice). It is built aside, in a thread
  that ends, while the shared eager net answers; the inference thread then only makes it warm, and times it where
  that was never done. So nobody waits for a build, and a net with blocks switched off for one question gets none.

Requests that wait for the same net and size when the inference thread gets free form a batch. None waits
for others to come: a batch grows because the thread was busy, and with nobody else about it is one.

Without `start` (the command line, tests, and ZeroGPU, whose calls run in a forked process that has
none of these threads) everything runs where it is called, eagerly.
"""

import os
import threading
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from resnet.checkpoint import ModelInfo
from resnet.data import normalise
from resnet.inference.batches import most_at_once
from resnet.inference.choice import Quickest, quickest
from resnet.inference.fast import eager
from resnet.inference.int8_record import Int8Record
from resnet.model import ResNet
from resnet.util.machine import processors

MEMORY = 600_000_000  # bytes of quick forms that are kept beside the shared nets
WORTH_IT = 2  # questions, from which on a quick form is built
BATCHES = (16, 4, 1)  # each new shape costs a compilation, so there are few
Result = TypeVar("Result")


@dataclass(frozen=True)
class ServedNet:
    """What one batch has in common; `record` is what was recorded of a bundled net in eight bits."""

    model: ResNet
    info: ModelInfo
    device: torch.device
    precision: str
    record: Int8Record | None = None

    @property
    def key(self) -> Hashable:
        return id(self.model), self.info.mean, self.info.std, self.device, self.precision


@dataclass(frozen=True)
class Served:
    """fp32 logits [n, classes] on the CPU, and what they were computed in: "fp32", "bf16" or "int8"."""

    logits: Tensor
    precision: str


@dataclass(frozen=True)
class _Request:
    """uint8 pixels [n, c, h, w] for a net, and where their logits go."""

    net: ServedNet
    pixels: Tensor
    answer: "Future[Served]" = field(default_factory=Future)

    @property
    def key(self) -> Hashable:
        return self.net.key, self.pixels.shape[1:]


class Server:
    """The inference thread with its queue, and the quick forms of nets."""

    def __init__(self, threads: int):
        self.threads = threads
        self.batches: Counter[int] = Counter()  # of so many pictures
        self._waiting: deque[_Request | Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._quick: OrderedDict[Hashable, Quickest | None] = OrderedDict()  # None: not yet, or it cannot be
        self._asked: Counter[Hashable] = Counter()
        self._building = threading.Lock()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="inference", daemon=True)
        self._thread.start()
        self._ready.wait()

    def answer(self, net: ServedNet, pixels: Tensor) -> Served:
        """For uint8 [n, c, h, w]."""
        if threading.current_thread() is self._thread:
            return self._serve_batch(net, pixels)
        request = _Request(net, pixels)
        self._put(request)
        return request.answer.result()

    def heavy(self, work: Callable[[], Result]) -> Result:
        """work(), in the inference thread."""
        if threading.current_thread() is self._thread:
            return work()
        done: Future[Result] = Future()
        self._put(lambda: _settle(done, work))
        return done.result()

    def form(self, net: ServedNet) -> Quickest | None:
        """The net's quickest form, to be called in the inference thread; None where eager still answers."""
        return self._quick.get(net.key)

    def _put(self, job: "_Request | Callable[[], None]") -> None:
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()

    def _serve(self) -> None:
        torch.get_num_threads()  # a thread's first use of PyTorch sets its number: let that be now
        torch.set_num_threads(self.threads)
        _spread(self.threads)
        self._ready.set()
        while True:
            job = self._next()
            if callable(job):
                job()
            else:
                self._answer(job)
            del job  # it holds a net, which would stay until the next one comes

    def _next(self) -> "list[_Request] | Callable[[], None]":
        """What waits longest; a request with as many of its like as make a batch."""
        with self._changed:
            while not self._waiting:
                self._changed.wait()
            first = self._waiting.popleft()
            if callable(first):
                return first
            alike = [job for job in self._waiting if not callable(job) and job.key == first.key]
            chosen = [first, *alike][:_batch(1 + len(alike), first)]
            for request in chosen[1:]:
                self._waiting.remove(request)
            return chosen

    def _answer(self, requests: list[_Request]) -> None:
        """Each gets its own logits, or its own error."""
        try:
            served = self._serve_batch(requests[0].net, torch.cat([request.pixels for request in requests]))
        except Exception as error:
            if len(requests) == 1:
                requests[0].answer.set_exception(error)
            else:
                for request in requests:
                    self._answer([request])
            return
        for request, part in zip(requests, served.logits.split([len(r.pixels) for r in requests]), strict=True):
            request.answer.set_result(Served(part, served.precision))

    def _serve_batch(self, net: ServedNet, pixels: Tensor) -> Served:
        self.batches[len(pixels)] += 1
        quick = self._quick.get(net.key)
        if quick:
            self._quick.move_to_end(net.key)
        served = _served(net, pixels, quick)
        self._count(net, tuple(pixels.shape[-2:]))
        return served

    def _count(self, net: ServedNet, size: tuple[int, ...]) -> None:
        """Have the quick form built in time; what is known of a net goes when the net goes."""
        key = net.key
        if not self._asked[key]:
            weakref.finalize(net.model, self._drop, key).atexit = False
        self._asked[key] += 1
        if self._asked[key] >= WORTH_IT and key not in self._quick:
            self._quick[key] = None
            threading.Thread(target=self._build, args=(net, size), name="building", daemon=True).start()

    def _drop(self, key: Hashable) -> None:
        self._asked.pop(key, None)
        self._quick.pop(key, None)

    def _build(self, net: ServedNet, size: tuple[int, ...]) -> None:
        with self._building:
            quick = quickest(net.model, net.info, net.device, net.precision, size, net.record, self.heavy)
        self._put(lambda: self._keep(net.key, quick))

    def _keep(self, key: Hashable, quick: Quickest) -> None:
        if quick.one.way == quick.several.way == "eager":
            return
        self._quick[key] = quick
        self._quick.move_to_end(key)
        while sum(form.nbytes for form in list(self._quick.values()) if form) > MEMORY and len(self._quick) > 1:
            self._quick.popitem(last=False)


def _batch(waiting: int, first: _Request) -> int:
    """How many of the waiting requests go together; one that is a batch already goes alone."""
    net, (n, _, *size) = first.net, first.pixels.shape
    most = most_at_once(net.model.config, tuple(size), net.device) if n == 1 else 1
    return next(size for size in BATCHES if size <= min(waiting, most))


def _spread(threads: int) -> None:
    """Give this thread and its OpenMP workers a processor each, where there are just as many.

    Left alone, a worker that was asleep is often woken on the processor of the thread that wakes it, and the
    two share it until the kernel notices: for 50 ms a net takes almost twice its time, at every request after a
    pause (benchmarks/idle.py).
    """
    before = _tasks()
    torch.ones(1 << 20).add_(1)  # large enough to be shared out, which starts the workers
    workers = sorted(_tasks() - before)
    places = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if len(places) == threads == len(workers) + 1:
        for task, place in zip((0, *workers), places, strict=True):  # 0: this thread
            os.sched_setaffinity(task, {place})


def _tasks() -> set[int]:
    """The threads of this process, as Linux numbers them; none elsewhere."""
    try:
        return {int(name) for name in os.listdir("/proc/self/task")}
    except OSError:
        return set()


def _settle(future: "Future[Result]", work: Callable[[], Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)


_server: Server | None = None


def start() -> Server:
    """Called once by the main thread, before PyTorch computes anything; a forked process has none of it."""
    global _server
    threads = min(torch.get_num_threads(), processors())
    torch.set_num_threads(1)
    _server = Server(threads)
    torch.set_num_threads(1)  # again: what a thread sets for itself, threads to come begin with
    os.register_at_fork(after_in_child=_forget)
    return _server


def _forget() -> None:
    global _server
    _server = None


def answer(net: ServedNet, pixels: Tensor) -> Served:
    """For uint8 [n, c, h, w], by the inference thread if there is one."""
    return _server.answer(net, pixels) if _server else _served(net, pixels, None)


def _served(net: ServedNet, pixels: Tensor, quick: Quickest | None) -> Served:
    run = quick.at(len(pixels)) if quick else eager(net.model, net.device, net.precision)
    return Served(run(normalise(pixels.to(net.device), net.info)).cpu(), run.precision)


def heavy(work: Callable[[], Result]) -> Result:
    """work(), in the inference thread if there is one: some tenths of a second with a net on all cores."""
    return _server.heavy(work) if _server else work()
