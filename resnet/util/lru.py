"""What is dear to make is kept, up to so many bytes; what was asked for least recently leaves first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """A cache for several threads that makes each thing once, however many ask for it meanwhile.

    limit   bytes that stay, as `size` counts them; what was asked for last stays even if it is larger
    """

    def __init__(self, limit: int, size: Callable[[T], int]):
        self.limit, self._size = limit, size
        self._entries: OrderedDict[Hashable, Future[T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What stands there, or make()'s result; whoever waits for a making that fails gets its error too."""
        with self._lock:
            entry = self._entries.get(key)
            mine = entry is None
            if mine:
                entry = self._entries[key] = Future()
            self._entries.move_to_end(key)
        if mine:
            self._fill(key, entry, make)
        return entry.result()

    def _fill(self, key: Hashable, entry: "Future[T]", make: Callable[[], T]) -> None:
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                self._entries.pop(key, None)
            entry.set_exception(error)  # failures are not kept
            return
        entry.set_result(made)
        with self._lock:
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

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
