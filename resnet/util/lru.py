"""What is dear to make is kept for a while; what was asked for least recently leaves first."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class _Entry(Future):
    """What stands under a key, or is being made; `until` is its end on the monotonic clock."""

    until = math.inf

    def there(self) -> bool:
        return self.done() and time.monotonic() < self.until


class LRU(Generic[T]):
    """A cache for several threads that makes each thing once, however many ask for it meanwhile.

    limit     how much stays, as `size` counts it: things, or bytes, say; the latest stays even if it is larger
    seconds   what is older is made anew; None: it never is
    """

    def __init__(self, limit: int, size: Callable[[T], int] = lambda _: 1, seconds: float | None = None):
        self.limit, self.seconds, self._size = limit, seconds, size
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What stands there, or make()'s result; whoever waits for a making that fails gets its error too."""
        with self._lock:
            entry = self._entries.get(key)
            mine = entry is None or (entry.done() and not entry.there())
            if entry is None or mine:
                entry = self._entries[key] = _Entry()
            self._entries.move_to_end(key)
        if mine:
            self._fill(key, entry, make)
        return entry.result()

    def peek(self, key: Hashable) -> T | None:
        """What stands there; None while it is being made. It does not count as asked for."""
        with self._lock:
            entry = self._entries.get(key)
        return entry.result() if entry is not None and entry.there() else None

    def put(self, key: Hashable, value: T) -> None:
        """As if get had just made it."""
        entry = _Entry()
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            self._keep(entry, value)

    def pop(self, key: Hashable) -> T | None:
        """Forget a key, and give back what stood there."""
        with self._lock:
            entry = self._entries.pop(key, None)
        return entry.result() if entry is not None and entry.there() else None

    def _fill(self, key: Hashable, entry: _Entry, make: Callable[[], T]) -> None:
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                if self._entries.get(key) is entry:
                    del self._entries[key]
            entry.set_exception(error)  # failures are not kept
            return
        with self._lock:
            self._keep(entry, made)

    def _keep(self, entry: _Entry, value: T) -> None:
        if self.seconds is not None:
            entry.until = time.monotonic() + self.seconds
        entry.set_result(value)
        self._make_room()

    def _make_room(self) -> None:
        done = [key for key, entry in self._entries.items() if entry.done()]
        used = sum(self._size(self._entries[key].result()) for key in done)
        for key in done[:-1]:
            if used <= self.limit:
                return
            used -= self._size(self._entries.pop(key).result())

    def keys(self) -> list[Hashable]:
        """From the least recently asked for to the last."""
        with self._lock:
            return list(self._entries)

    def values(self) -> list[T]:
        """What stands there and is not too old, in the order of `keys`."""
        with self._lock:
            entries = list(self._entries.values())
        return [entry.result() for entry in entries if entry.there()]

    def tidy(self) -> int:
        """Forget what is too old; how much is left."""
        with self._lock:
            for key in [key for key, entry in self._entries.items() if entry.done() and not entry.there()]:
                del self._entries[key]
            return len(self._entries)

    def clear(self) -> None:
        """Forget everything; what is being made still reaches those who wait for it."""
        with self._lock:
            self._entries.clear()
