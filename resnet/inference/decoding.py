"""Strangers' pictures are decoded in processes that can be ended: by time, by memory, by whatever breaks a decoder.

The page's process forks a keeper before it has threads, and the keeper a worker for each of two lanes. A lane does one
picture at a time; what is too large or too slow for the first waits for the second, so that a small picture never
waits behind a large one. A worker ends itself at its limit of time (the system does: no code of ours need run for
that), and the keeper forks the next. A picture and its pixels go through memory that both sides share, so only numbers
and a sentence's key are sent.

Without `start` (the command line, tests, systems other than Linux) pictures are decoded where they are asked for.
"""

import gc
import json
import logging
import mmap
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import NoReturn

import torch

from resnet.inference.decoder import MAX_BYTES, MAX_PIXELS, Picture, unpack
from resnet.util.errors import InputError

SECONDS, QUICK_SECONDS = 4, 0.8  # of wall clock
QUICK_PIXELS = 1 << 21
MEMORY = 190_000_000  # bytes, with the file, beyond what a worker began with
_ROOM = 1 << 25  # bytes: a file, then its pixels in its place
_TOUCHED = 1 << 22  # bytes of it that stay in memory between two pictures
_PATIENCE = 10  # seconds, until a worker that was ended is replaced
_MESSAGE = 4096  # bytes
_SLACK = 8_000_000  # bytes that a worker may keep for its next picture; with more it ends
_ALONE = 3  # a worker's status when the page's process is gone
_MORE = ("picture_pixels", "picture_costly")  # what the next lane may have room for
_log = logging.getLogger(__name__)
_decoding = Lock()


class Lane:
    """A worker's limits, and the way to it and back."""

    def __init__(self, pixels: int, seconds: float):
        self.pixels, self.seconds = pixels, seconds
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.settimeout(seconds + _PATIENCE)
        self.shared = mmap.mmap(-1, _ROOM + 8)
        self._asking = Lock()
        self._number = 0

    @property
    def current(self) -> int:
        """The picture that a worker has begun and not answered, by its number; 0 for none."""
        return int.from_bytes(self.shared[_ROOM:], "big")

    @current.setter
    def current(self, number: int) -> None:
        self.shared[_ROOM:] = number.to_bytes(8, "big")

    def ask(self, source: "Path | bytes") -> Picture:
        """The picture, by this lane's worker.

        Raises:
            InputError: the picture cannot be used, or not within the limits of this lane.
            OSError: there are no workers any more.
        """
        with self._asking, memoryview(self.shared) as room:
            length = _fill(room[:MAX_BYTES + 1], source)
            self._number += 1
            try:
                self.ours.send(json.dumps([self._number, length]).encode())
                return _received(self._reply(), room)
            finally:
                self.shared.madvise(mmap.MADV_REMOVE, _TOUCHED, _ROOM - _TOUCHED)

    def _reply(self) -> dict:
        """To this picture: an earlier worker may have answered after it was given up."""
        while message := self.ours.recv(_MESSAGE):
            reply = json.loads(message)
            if reply["number"] == self._number:
                return reply
        raise ConnectionError("no decoder")


_lanes: tuple[Lane, ...] = ()


def start() -> None:
    """Called once by the main thread of the page, before it starts others."""
    global _lanes
    _lanes = forked((QUICK_PIXELS, QUICK_SECONDS), (MAX_PIXELS, SECONDS))


def forked(*limits: tuple[int, float]) -> tuple[Lane, ...]:
    """A lane for each (pixels, seconds), its worker running; none on systems other than Linux."""
    if sys.platform != "linux":
        return ()
    lanes = tuple(Lane(*limit) for limit in limits)
    if not os.fork():
        _ended_by(lambda: _keep(lanes))
    for lane in lanes:
        lane.theirs.close()
    return lanes


def open_picture(source: "str | Path | bytes") -> Picture:
    """A JPEG, PNG or WebP file, or its bytes.

    Raises:
        InputError: it cannot be read or decoded, or not within the limits of the last lane.
    """
    source = source if isinstance(source, bytes) else Path(source)
    for lane in _lanes:
        try:
            return lane.ask(source)
        except InputError as error:
            if error.key not in _MORE or lane is _lanes[-1]:
                raise
        except OSError:
            _log.exception("no process decodes pictures any more: this one does")
            break
    with _decoding:
        return unpack(source if isinstance(source, bytes) else whole_file(source))


def whole_file(path: Path) -> bytes:
    """A picture's file, or of one that is too long one byte more than is taken."""
    room = bytearray(MAX_BYTES + 1)
    return bytes(room[:_fill(memoryview(room), path)])


def _fill(room: memoryview, source: "Path | bytes") -> int:
    """How many bytes there are, or one more than are taken."""
    if isinstance(source, bytes):
        length = min(len(source), len(room))
        room[:length] = source[:length]
        return length
    try:
        with source.open("rb", buffering=0) as file:
            return file.readinto(room) or 0
    except (OSError, ValueError) as error:
        raise InputError("picture_missing", file=source.name[:80]) from error


def _received(reply: dict, room: memoryview) -> Picture:
    if "signal" in reply:
        slow = reply["signal"] in (signal.SIGALRM, signal.SIGKILL)
        _log.warning("a picture ended its decoder: signal %s", reply["signal"])
        raise InputError("picture_costly" if slow else "picture_damaged")
    if "failure" in reply:
        raise RuntimeError(reply["failure"])
    if "key" in reply:
        raise InputError(reply["key"], **reply["values"])
    height, width = reply["shape"]
    pixels = torch.frombuffer(bytearray(room[:3 * height * width]), dtype=torch.uint8)
    return Picture(pixels.view(height, width, 3).permute(2, 0, 1), tuple(reply["size"]))


# In the keeper and its workers ---------------------------------------------------------------------------------


def _ended_by(work: Callable[[], object]) -> NoReturn:
    """A forked process does this and nothing that its parent would have done next."""
    try:
        work()
    except BaseException:
        _log.exception("a process that decodes pictures failed")
    finally:
        os._exit(1)


def _keep(lanes: tuple[Lane, ...]) -> None:
    """A worker for each lane, until the page's process is gone."""
    for lane in lanes:
        lane.ours.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _warm()
    running: dict[int, Lane] = {}
    while True:
        for lane in set(lanes) - set(running.values()):
            if not (pid := os.fork()):
                _ended_by(lambda lane=lane: _serve(lane))
            running[pid] = lane
        pid, status = os.wait()
        lane = running.pop(pid)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == _ALONE:
            return
        if number := lane.current:
            lane.theirs.send(json.dumps({"number": number, "signal": os.WTERMSIG(status)}).encode())


def _warm() -> None:
    """What every worker shall find imported."""
    from PIL import Image
    from torchvision.io import decode_jpeg, decode_webp  # noqa: F401

    Image.preinit()
    torch.set_num_threads(1)
    gc.freeze()


def _serve(lane: Lane) -> None:
    """One picture after the other; a worker that has grown ends, so that each finds the same room."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # decoders print pages about a broken picture
    start = _mapped()
    with memoryview(lane.shared) as room:
        while message := lane.theirs.recv(_MESSAGE):
            number, length = json.loads(message)
            lane.current = number
            _limit_memory(start + MEMORY - length)
            signal.setitimer(signal.ITIMER_REAL, lane.seconds)
            reply = _answer(lane, room, length)
            signal.setitimer(signal.ITIMER_REAL, 0)
            lane.current = 0
            lane.theirs.send(json.dumps({"number": number} | reply).encode())
            if "shape" not in reply:
                gc.collect()  # what a failure left; all that was there before is frozen
            if _mapped() > start + _SLACK:
                os._exit(0)
    os._exit(_ALONE)


def _answer(lane: Lane, room: memoryview, length: int) -> dict:
    try:
        picture = unpack(room[:length], lane.pixels)
    except InputError as error:
        return {"key": error.key, "values": error.values}
    except Exception:
        return {"failure": ascii(traceback.format_exc())[-_MESSAGE // 2:]}
    pixels = picture.pixels.permute(1, 2, 0)
    height, width = pixels.shape[:2]
    torch.frombuffer(room, dtype=torch.uint8)[:pixels.numel()].view(pixels.shape).copy_(pixels)
    return {"shape": [height, width], "size": picture.size}


def _mapped() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * mmap.PAGESIZE


def _limit_memory(most: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
