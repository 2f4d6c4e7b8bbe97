"""Work that must end: a deadline that every step asks, and a thread that may be left behind."""

import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from resnet.util.errors import InputError

T = TypeVar("T")


class Deadline:
    """So many seconds from now; `key` is the InputError's when they are over."""

    def __init__(self, seconds: float, key: str = "hub_slow"):
        self.seconds, self.key = seconds, key
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, more than 0.

        Raises:
            InputError: none are.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.error()
        return left

    def error(self) -> InputError:
        return InputError(self.key, seconds=f"{self.seconds:g}")


def within(deadline: Deadline, work: Callable[[], T]) -> T:
    """work() in a thread of its own, and its result or error, waited for no longer than the deadline.

    A thread can't be stopped, so `work` must ask the deadline too; what no timeout reaches (a name
    server that is silent, say) is left to end by itself.

    Raises:
        InputError: the time is over. Anything that `work` raises.
    """
    done: queue.SimpleQueue = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:
            done.put((None, error))

    threading.Thread(target=run, name="within", daemon=True).start()
    try:
        result, error = done.get(timeout=deadline.left())
    except queue.Empty:
        raise deadline.error() from None
    if error is not None:
        raise error
    return result
