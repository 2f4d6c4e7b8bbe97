"""Connections: who says nothing is hung up on, and what goes wrong with many is not told for each."""

import logging
import select
import time
from asyncio import TimerHandle, Transport
from collections import Counter, OrderedDict
from functools import partial
from types import SimpleNamespace

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from resnet.ui.wall.limits import CONNECTIONS, HEAD_SECONDS, KEEP_ALIVE_SECONDS, LOGGED_A_MINUTE, MAX_HEAD, SILENT

NOISY = ("asyncio", "uvicorn.error")


class Impatient(H11Protocol):
    """HTTP as uvicorn speaks it; but who does not bring a request's head to its end in time is hung up on, and
    of very many that say nothing those who have done so for longest."""

    silent: "OrderedDict[Impatient, TimerHandle]" = OrderedDict()

    def connection_made(self, transport: Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._is_silent()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._is_silent()
        else:
            self._speaks()

    def connection_lost(self, exc: Exception | None) -> None:
        self._speaks()
        super().connection_lost(exc)

    def _is_silent(self) -> None:
        if self not in self.silent and not self.transport.is_closing():
            self.silent[self] = self.loop.call_later(HEAD_SECONDS, self.hang_up)
            if len(self.silent) > SILENT and (oldest := next(filter(Impatient.has_sent_nothing, self.silent), None)):
                oldest.hang_up()

    def _speaks(self) -> None:
        if timer := self.silent.pop(self, None):
            timer.cancel()

    def has_sent_nothing(self) -> bool:
        """Else its request waits to be read: whoever comes with a crowd is heard first."""
        waiting = select.poll()
        waiting.register(self.transport.get_extra_info("socket"), select.POLLIN)
        return not waiting.poll(0)

    def hang_up(self) -> None:
        self._speaks()
        self.transport.close()


class Sparing(logging.Filter):
    """Lets what begins alike through a few times a minute."""

    def __init__(self):
        super().__init__()
        self.minute, self.counts = 0, Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        minute = int(time.monotonic() // 60)
        if minute != self.minute:
            self.minute, self.counts = minute, Counter()
        self.counts[str(record.msg)[:40]] += 1
        return self.counts[str(record.msg)[:40]] <= LOGGED_A_MINUTE


def spare_the_log() -> None:
    """What asyncio and uvicorn say of each connection is said a few times a minute."""
    for name in NOISY:
        logging.getLogger(name).addFilter(Sparing())


def limited_uvicorn() -> SimpleNamespace:
    """uvicorn, as far as Gradio starts it, with this page's limits."""
    return SimpleNamespace(Config=partial(
        uvicorn.Config, http=Impatient, limit_concurrency=CONNECTIONS, timeout_keep_alive=KEEP_ALIVE_SECONDS,
        h11_max_incomplete_event_size=MAX_HEAD))
