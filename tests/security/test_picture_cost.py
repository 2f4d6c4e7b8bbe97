"""What one visitor's pictures may cost the page: seconds that others wait, and memory, measured at the running app."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from resnet.util.text import text
from tests.pictures import encode, noise
from tests.running import running
from tests.security.bombs import BOMBS, broken_exif

pytestmark = pytest.mark.slow

ONE, MANY = 200, 400  # MB that one picture costs, and any number at once
SECONDS = 5  # that one picture costs
OTHERS = 2  # seconds that another visitor's small picture waits
PATIENCE = 120
MODEL = "resnet20_fashion_mnist"
SMALL = encode(noise(16, 12), "JPEG")
AT_ONCE = ("a progressive JPEG", "a WebP of one colour", "a PNG with alpha", "a strip of 200 to 1")


@dataclass(frozen=True)
class Process:
    """MB, as the system counts them for a process: now, and at most so far."""

    parent: int
    now: float
    most: float


def processes() -> dict[int, Process]:
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            lines = (folder / "status").read_text().splitlines() if folder.name.isdigit() else []
            told = dict(line.split(":", 1) for line in lines)
            sizes = (int(told[name].split()[0]) / 1000 for name in ("VmRSS", "VmHWM"))
            found[int(folder.name)] = Process(int(told["PPid"]), *sizes)
        except (OSError, KeyError, ValueError):  # it has ended, or is none of ours
            continue
    return found


def family(pid: int) -> dict[int, Process]:
    """A process, its children and theirs."""
    everyone, chosen = processes(), {pid}
    for _ in range(3):
        chosen |= {number for number, process in everyone.items() if process.parent in chosen}
    return {number: everyone[number] for number in chosen if number in everyone}


class Watch:
    """How many MB a page's process grows, and at one time all those that decode for it."""

    def __init__(self, pid: int):
        self.pid, self.helpers, self.megabytes, self.over = pid, 0.0, 0.0, threading.Event()
        self.first: dict[int, Process] = {}
        self.thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._look_once()
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.thread.join()
        self.megabytes = self._grown(self.pid, processes()[self.pid]) + self.helpers

    def _look(self) -> None:
        while not self.over.wait(0.01):
            self._look_once()

    def _look_once(self) -> None:
        grown = {number: self._grown(number, process) for number, process in family(self.pid).items()}
        self.helpers = max(self.helpers, sum(grown.values()) - grown[self.pid])

    def _grown(self, number: int, process: Process) -> float:
        """Its peak counts from when there is a new one."""
        first = self.first.setdefault(number, process)
        return (process.most if process.most > first.most else process.now) - first.now


@dataclass(frozen=True)
class Page:
    url: str
    pid: int

    def ask(self, data: bytes) -> tuple[str, float]:
        """(what is told, seconds)."""
        with httpx.Client(base_url=self.url, timeout=PATIENCE) as web:
            path, = web.post("gradio_api/upload", files={"files": ("x", data)}).json()
            record = {"path": path, "orig_name": "x", "meta": {"_type": "gradio.FileData"}}
            start = time.monotonic()
            sent = web.post("gradio_api/call/classify", json={"data": [record, MODEL, 1]}).json()
            told = web.get(f"gradio_api/call/classify/{sent['event_id']}").text
            return told, time.monotonic() - start

    def slack(self) -> float:
        """Seconds that a machine which is busy otherwise adds, by those that a small picture takes alone just now."""
        return 20 * self.ask(SMALL)[1]


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("app") / "log"


@pytest.fixture(scope="module")
def page(log):
    with running(log=log) as app:
        page = Page(app.url, app.process.pid)
        for _ in range(5):  # the model is loaded, and its quick form made
            page.ask(SMALL)
        yield page


@contextmanager
def another_visitor(page: Page):
    """Somebody who asks about a small picture again and again: yields the seconds of each answer."""
    seconds, over = [], threading.Event()

    def ask() -> None:
        while not over.is_set():
            told, took = page.ask(SMALL)
            assert answered(told)
            seconds.append(took)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            yield seconds
        finally:
            over.set()
            asking.result(PATIENCE)


def answered(told: str) -> bool:
    return "event: complete" in told


def in_a_sentence(told: str) -> bool:
    return answered(told) or any(text(f"errors.picture_{key}", limit=limit) in told for key, limit in (
        ("scans", 100), ("pixels", 16), ("costly", 0), ("damaged", 0), ("bytes", 25)))


@pytest.mark.parametrize("name", BOMBS)
def test_one_picture_costs_others_little(page, name):
    data, before = BOMBS[name](), page.slack()
    with another_visitor(page) as waited, Watch(page.pid) as watch:
        told, took = page.ask(data)
    print(f"{name}: {len(data):,} bytes, {took:.1f} s, others {max(waited):.1f} s, {watch.megabytes:.0f} MB")
    assert in_a_sentence(told), told
    slack = max(before, page.slack())
    assert took < SECONDS + slack and max(waited) < OTHERS + slack
    assert watch.megabytes < ONE


def test_any_number_at_once_cost_little_more(page):
    pictures = [BOMBS[name]() for name in AT_ONCE] * 4
    with another_visitor(page) as waited, Watch(page.pid) as watch, ThreadPoolExecutor(len(pictures)) as pool:
        answers = list(pool.map(page.ask, pictures))
    print(f"{len(pictures)} at once: others {max(waited):.1f} s, {watch.megabytes:.0f} MB")
    assert all(in_a_sentence(told) for told, _ in answers)
    assert watch.megabytes < MANY


def test_decoders_that_are_killed_are_replaced(page):
    """Also by hand, at any time: a worker that the system ends for want of memory."""
    keeper, = (number for number, process in family(page.pid).items() if process.parent == page.pid)
    for number in [number for number, process in family(page.pid).items() if process.parent == keeper]:
        os.kill(number, signal.SIGKILL)
    assert answered(page.ask(SMALL)[0])
    assert answered(page.ask(encode(noise(2_000, 1_500), "JPEG"))[0])


def test_a_broken_orientation_is_told_in_a_sentence(page):
    assert text("errors.picture_damaged") in page.ask(broken_exif())[0]


def test_decoders_that_fail_write_no_pages_to_the_log(page, log):
    page.ask(BOMBS["an animation"]())
    assert "Traceback" not in log.read_text() and len(log.read_text()) < 20_000
