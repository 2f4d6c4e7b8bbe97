"""The app in a process of its own, as a user starts it, and a Chromium to look at it: for the browser tests, the
benchmarks and the README's pictures."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PATIENCE = 180  # seconds: a busy machine is no failure
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]


@dataclass(frozen=True)
class Running:
    """url ends with a slash; seconds went by from the start to the first page."""

    url: str
    process: subprocess.Popen
    seconds: float


@contextmanager
def running(arguments: Sequence[str] = ("app.py", "--port", "{port}"), environment: Mapping[str, str] | None = None,
            log: Path = Path(os.devnull)) -> Iterator[Running]:
    """Python with these arguments in the project's folder, from its first page on; it is ended afterwards.

    Args:
        log: gets what it prints.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, started = f"http://127.0.0.1:{port}/", time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen([sys.executable, *(part.replace("{port}", str(port)) for part in arguments)],
                                   cwd=ROOT, stdout=output, stderr=subprocess.STDOUT,
                                   env=os.environ | {"PYTHONUNBUFFERED": "1"} | (environment or {}))
    try:
        _wait_for(url, process, log)
        yield Running(url, process, time.perf_counter() - started)
    finally:
        end(process)


def end(process: subprocess.Popen, patience: float = 30) -> None:
    """As a system does: asked first, then killed."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def chromium() -> str | None:
    """A Chromium that is installed: $CHROMIUM, or one on the path."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=10).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.02)
    raise RuntimeError(f"no page at {url}\n{log.read_text()}")
