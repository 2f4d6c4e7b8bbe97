"""How much strangers may leave on the disk: so many bytes an hour, and nothing that outlives its hour."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from resnet.ui.gradio_compat import upload_folder
from resnet.ui.wall.limits import KEPT_SECONDS, SWEEP_SECONDS, UPLOADED_PER_HOUR
from resnet.ui.wall.rules import Refused


class Uploads:
    """Counts the bytes of the last hour, and sweeps up what cut-off uploads leave, which Gradio forgets."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.clock = clock
        self.minutes: deque[list] = deque()  # [minute, bytes]
        self.swept = -SWEEP_SECONDS

    def count(self, n: int) -> None:
        minute = int(self.clock() // 60)
        if self.minutes and self.minutes[-1][0] == minute:
            self.minutes[-1][1] += n
        else:
            self.minutes.append([minute, n])

    def check(self) -> None:
        """Raises Refused when the hour's bytes are used up."""
        now = self.clock()
        while self.minutes and self.minutes[0][0] < (now - KEPT_SECONDS - SWEEP_SECONDS) // 60:
            self.minutes.popleft()
        if now - self.swept >= SWEEP_SECONDS:
            self.swept = now
            sweep(upload_folder())
        if sum(n for _, n in self.minutes) > UPLOADED_PER_HOUR:
            raise Refused(503, "busy")


def sweep(folder: Path) -> None:
    """Delete the temporary files of uploads that ended in the middle; finished ones lie in folders of their own,
    and Gradio deletes them (Blocks(delete_cache=...))."""
    for file in folder.glob("tmp*"):
        with suppress(OSError):
            if file.is_file() and time.time() - file.stat().st_mtime > KEPT_SECONDS:
                file.unlink()
