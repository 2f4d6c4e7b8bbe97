"""Races over HTTP: who waits is told the place, and nothing runs on for a visitor who stops or leaves."""

import json
import threading
from contextlib import contextmanager

import httpx
import pytest

from resnet.lab.race_log import watch
from resnet.ui.compare import race as panel
from resnet.ui.compare.race import RaceView
from tests.ui.asking import held

PATIENCE = 60  # seconds: a busy machine is no failure
VIEW = RaceView(depth=8, width=4, seconds=90)


class Watched:
    """The real race, with its beginnings and ends told."""

    def __init__(self):
        self.begun, self.ended = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, settings):
        self.begun.release()
        try:
            yield from watch(settings, "cpu")
        finally:
            self.ended.release()


@pytest.fixture
def watched(monkeypatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr(panel, "watch_on_device", watched)
    return watched


@pytest.fixture
def visitor(served):
    """visitor(name) presses Start and listens, as the page does: (number of the function, event, messages)."""
    demo, url = served
    number = next(number for number, fn in demo.fns.items() if fn.name == "run_race")

    @contextmanager
    def visit(name: str):
        body = {"data": held(VIEW), "fn_index": number, "session_hash": name}
        event = httpx.post(f"{url}gradio_api/queue/join", json=body, timeout=PATIENCE).json()["event_id"]
        with httpx.stream("GET", f"{url}gradio_api/queue/data", params={"session_hash": name},
                          timeout=PATIENCE) as answer:
            yield number, event, (json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line)

    return visit


def until(messages, kind: str) -> dict:
    return next(message for message in messages if message["msg"] == kind)


def test_who_leaves_takes_the_race_along(visitor, watched):
    with visitor("leaver") as (_, _, messages):
        for _ in range(2):
            until(messages, "process_generating")
        assert watched.begun.acquire(timeout=PATIENCE) and not watched.ended.acquire(blocking=False)
    assert watched.ended.acquire(timeout=PATIENCE)


def test_the_second_waits_is_told_so_and_comes_next_when_the_first_stops(visitor, watched, url):
    with visitor("first") as (number, event, messages):
        until(messages, "process_generating")
        with visitor("second") as (_, _, others):
            place = until(others, "estimation")
            assert (place["rank"], place["queue_size"]) == (0, 1)
            assert watched.begun.acquire(timeout=PATIENCE) and not watched.begun.acquire(blocking=False)
            stop = {"session_hash": "first", "fn_index": number, "event_id": event}
            assert httpx.post(f"{url}gradio_api/cancel", json=stop, timeout=PATIENCE).json() == {"success": True}
            assert watched.ended.acquire(timeout=PATIENCE)
            until(others, "process_generating")
            assert watched.begun.acquire(timeout=PATIENCE)
    assert watched.ended.acquire(timeout=PATIENCE)


def test_who_leaves_the_queue_is_never_served(visitor, watched):
    with visitor("runner") as (_, _, messages):
        until(messages, "process_generating")
        with visitor("impatient") as (_, _, others):
            until(others, "estimation")
    for expected in (watched.begun, watched.ended):
        assert expected.acquire(timeout=PATIENCE)
    assert not watched.begun.acquire(timeout=0.5)
