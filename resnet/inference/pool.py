"""Pictures of one's own by the thousand, decoded and scaled beside each other, in the order in which they come."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from torch import Tensor

from resnet.inference.decoder import MAX_PIXELS, Picture, unpack
from resnet.inference.decoding import Lane, forked, whole_file
from resnet.inference.picture import scale_at_once
from resnet.inference.sources import Given
from resnet.util.errors import InputError

SECONDS = 20  # for a picture, on a machine that has much else to do
AHEAD = 8  # pictures a process that are got ready before they are asked for


class Decoders:
    """So many processes that decode, as strangers' pictures are decoded: what ends one costs a picture, not the run.

    To be made before this process computes anything; without them (not on Linux) its threads decode.
    """

    def __init__(self, n: int):
        self.n = n
        self._idle: SimpleQueue[Lane] = SimpleQueue()
        self._lanes = forked(*[(MAX_PIXELS, SECONDS)] * n)
        for lane in self._lanes:
            self._idle.put(lane)
        scale_at_once(n)

    def open(self, file: "Path | bytes") -> Picture:
        """Raises InputError for what is no picture."""
        if not self._lanes:
            return unpack(file if isinstance(file, bytes) else whole_file(file))
        lane = self._idle.get()
        try:
            return lane.ask(file)
        finally:
            self._idle.put(lane)

    def prepared(self, pictures: Iterable[Given],
                 see: Callable[[Picture], Tensor]) -> "Iterator[tuple[Given, Tensor | InputError]]":
        """Each picture with what the net is shown of it, or why that cannot be."""

        def prepare(given: Given) -> "tuple[Given, Tensor | InputError]":
            try:
                return given, see(self.open(given.file))
            except InputError as error:
                return given, error

        with ThreadPoolExecutor(self.n, "prepare") as threads:
            ahead = deque()
            for given in pictures:
                ahead.append(threads.submit(prepare, given))
                if len(ahead) > AHEAD * self.n:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
