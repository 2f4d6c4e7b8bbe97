"""Connections that say nothing, or not all: measured at the running app, from where another visitor stands."""

import logging
import signal
import time
from contextlib import ExitStack, suppress
from http.client import HTTPResponse

import pytest

from resnet.ui.wall.connections import Sparing
from resnet.ui.wall.limits import HEAD_SECONDS, LOGGED_A_MINUTE, MAX_HEAD, SILENT
from tests.running import running
from tests.security.visitors import PATIENCE, Visitor, connected, megabytes

# A system's usual limit; the app may raise it.
START = """import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
sys.argv = ["app.py", "--port", "{port}"]
runpy.run_path("app.py", run_name="__main__")
"""
HALF = b"GET / HTTP/1.1\r\nhost: a\r\nx: "
WHOLE = b"GET /robots.txt HTTP/1.1\r\nhost: a\r\n\r\n"
PROMPT = 5  # seconds


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("app") / "log"


@pytest.fixture(scope="module")
def app(log):
    with running(["-c", START], log=log) as app:
        with Visitor(app.url, "first") as visitor:
            visitor.opens()
        yield app


@pytest.mark.slow
@pytest.mark.parametrize("sent", [b"", HALF], ids=["silent", "half a head"])
def test_many_who_say_nothing_keep_nobody_out(app, log, sent):
    before, written = megabytes(app.process.pid), log.stat().st_size
    with ExitStack() as stack:
        opened = [stack.enter_context(connected(app.url, sent)) for _ in range(1_100)]
        with Visitor(app.url, "other") as other:
            seconds = other.opens()[1]
        started = time.monotonic()
        for connection in opened:
            with suppress(ConnectionResetError):
                assert connection.recv(100) == b""  # hung up on
        ended = time.monotonic() - started
    print(f"{len(opened)} connections: others open the page in {seconds:.1f} s, {log.stat().st_size - written:,} bytes "
          f"of log, {megabytes(app.process.pid) - before:.0f} MB, all ended after {ended:.1f} s")
    assert seconds < PROMPT and ended < HEAD_SECONDS + PROMPT
    assert log.stat().st_size - written < 20_000


@pytest.mark.slow
def test_who_comes_with_a_crowd_is_answered(app):
    """The crowd's connections are all open before the page, held up, can read the first one's request."""
    with ExitStack() as stack:
        app.process.send_signal(signal.SIGSTOP)
        try:
            honest, *_ = [stack.enter_context(connected(app.url, sent)) for sent in (WHOLE, *[b""] * 2 * SILENT)]
        finally:
            app.process.send_signal(signal.SIGCONT)
        answer = HTTPResponse(honest)
        answer.begin()
        assert answer.status == 200 and answer.read()


@pytest.mark.slow
def test_a_long_head_is_refused(app):
    with connected(app.url, HALF + b"a" * 2 * MAX_HEAD) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.slow
def test_who_asks_twice_on_one_connection_is_answered(app):
    """And has the time of a head again for the second."""
    with connected(app.url) as connection:
        for _ in range(2):
            connection.sendall(WHOLE[:-2])
            time.sleep(1)
            connection.sendall(WHOLE[-2:])
            answer = HTTPResponse(connection)
            answer.begin()
            assert answer.status == 200 and answer.read()
        connection.sendall(HALF)
        connection.settimeout(PATIENCE)
        started = time.monotonic()
        while connection.recv(10_000):
            pass
        assert time.monotonic() - started < HEAD_SECONDS + PROMPT


def test_a_log_says_what_is_alike_a_few_times_a_minute(monkeypatch):
    sparing, minute = Sparing(), 60 * 1_000
    monkeypatch.setattr("resnet.ui.wall.connections.time.monotonic", lambda: minute)

    def told(message: str) -> int:
        record = logging.LogRecord("asyncio", logging.ERROR, "", 0, message, None, None)
        return sum(sparing.filter(record) for _ in range(100))

    assert told("socket.accept() out of system resource") == LOGGED_A_MINUTE
    assert told("another") == LOGGED_A_MINUTE and told("another") == 0
    minute += 60
    assert told("another") == LOGGED_A_MINUTE
