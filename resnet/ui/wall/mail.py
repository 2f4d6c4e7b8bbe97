"""What is kept for visitors until they read it: so many sessions, so many bytes, and not for long."""

import asyncio
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from resnet.ui.wall.limits import MESSAGE_BYTES, UNREAD_SECONDS


class Mailbox(asyncio.Queue):
    """A session's messages.

    readers   how many wait for one just now
    read      when somebody last waited for one, or -inf
    since     when what lies unread began to, or the last was read
    """

    def __init__(self, filled: Callable[[int], None]):
        super().__init__()
        self.filled, self.nbytes, self.readers = filled, 0, 0
        self.read, self.since = -float("inf"), time.monotonic()

    async def get(self) -> Any:
        self.readers += 1
        try:
            return await super().get()
        finally:
            self.readers -= 1
            self.read = self.since = time.monotonic()

    def heard_since(self, moment: float) -> bool:
        """Whether anybody waited for a message since."""
        return self.readers > 0 or self.read >= moment

    def put_nowait(self, item: Any) -> None:
        if self.empty():
            self.since = time.monotonic()
        n = nbytes(getattr(item, "__dict__", item))
        self._weigh(n)
        super().put_nowait((item, n))

    def get_nowait(self) -> Any:
        item, n = super().get_nowait()
        self._weigh(-n)
        return item

    def _weigh(self, n: int) -> None:
        self.nbytes += n
        self.filled(n)


class Messages(OrderedDict[str, Mailbox]):
    """Mailboxes by session, those used least recently forgotten first; what is for nobody is dropped.

    kept     sessions
    events   by session too: the numbers of its questions, forgotten with its messages
    """

    def __init__(self, kept: int, events: dict[str, set[str]]):
        super().__init__()
        self.kept, self.events, self.nbytes = kept, events, 0

    def __getitem__(self, session: str) -> Mailbox:
        if session not in self:
            return Mailbox(lambda n: None)
        self.move_to_end(session)
        return super().__getitem__(session)

    def __setitem__(self, session: str, messages: Any) -> None:
        """A new place, whatever Gradio would take for one."""
        if session not in self and len(self) >= self.kept:
            self._forget(next(iter(self)))
        super().__setitem__(session, Mailbox(self._filled))
        self.move_to_end(session)

    def __delitem__(self, session: str) -> None:
        if session in self:
            self.nbytes -= self.peek(session).nbytes
            self.peek(session).filled = lambda n: None
            super().__delitem__(session)

    def peek(self, session: str) -> Mailbox:
        """A session's, which does not count as used for that."""
        return super().__getitem__(session)

    def heard_since(self, session: str, moment: float) -> bool:
        """Whether anybody waited for a session's messages since."""
        return session in self and self.peek(session).heard_since(moment)

    def forget_unread(self) -> None:
        """Those that nobody came for."""
        oldest = time.monotonic() - UNREAD_SECONDS
        for session in [one for one in self if not self.peek(one).readers and self.peek(one).since < oldest]:
            self._forget(session)

    def _filled(self, n: int) -> None:
        """Keep to the bytes: what nobody waits for goes, used least recently first."""
        self.nbytes += n
        if self.nbytes > MESSAGE_BYTES:
            for session in [one for one in self if not self.peek(one).readers]:
                self._forget(session)
                if self.nbytes <= MESSAGE_BYTES:
                    return

    def _forget(self, session: str) -> None:
        del self[session]
        self.events.pop(session, None)


def nbytes(value: Any) -> int:
    """What plain values take, roughly; what two of them share counts twice."""
    if isinstance(value, dict):
        return sys.getsizeof(value) + sum(nbytes(key) + nbytes(one) for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return sys.getsizeof(value) + sum(map(nbytes, value))
    return sys.getsizeof(value)
