"""What one visitor may take from the others: memory for answers that nobody reads, the queue's places, the disk,
the patience of the page; measured at the running app, from where another visitor stands."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from resnet.ui.trace.view import TraceView
from tests.hub import StandInHub
from tests.running import running
from tests.security.visitors import PATIENCE, Visitor, megabytes

pytestmark = pytest.mark.slow
RACE = [38, 8, "0.1", "on", 0, 90]  # as long as it may take
UNREAD = 100  # answers of 1 MB as text, 2 in memory
LONG = TraceView("resnet152", depths="3,40,100,3", beside="resnet152", fold="blocks")
LINKS = 8
PROMPT = 5  # seconds: another visitor's patience on a machine that is busy otherwise


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with running(log=tmp_path_factory.mktemp("app") / "log") as app:
        with Visitor(app.url, "first") as visitor:
            visitor.opens()
            visitor.traces()
        yield app


@pytest.fixture
def other(app):
    with Visitor(app.url, "other") as visitor:
        yield visitor


def test_answers_that_nobody_reads_are_bounded(app, other):
    before, taken = megabytes(app.process.pid), 0
    while taken < UNREAD:
        accepted = other.shows(LONG, f"silent{taken}").status_code == 200
        taken += accepted
        time.sleep(0 if accepted else 0.1)
    other.waits_for_all()
    grown = megabytes(app.process.pid) - before
    print(f"{taken} unread answers: {grown:.0f} MB")
    assert grown < 120


def test_races_that_nobody_watches_stop_nobody(app, other):
    number = other.named("run_race")
    joined = [other.join(number, RACE, f"racer{i}").status_code for i in range(65)]
    seconds, traced = other.opens()[1], other.traces()
    print(f"65 races: {joined.count(200)} taken; others open the page in {seconds:.1f} s, trace in {traced:.1f} s")
    assert set(joined) <= {200, 503} and seconds < PROMPT and traced < PROMPT


def test_a_hub_that_says_nothing_keeps_no_page_waiting(tmp_path):
    """Eight visitors open links to checkpoints there, and one does not."""
    with StandInHub() as hub:
        for i in range(LINKS):
            hub.add(f"a/net{i}", {"model.safetensors": b"x" * 1_000})
        hub.fail("stall")
        with running(environment=hub.environment(tmp_path / "cache")) as app, Visitor(app.url, "other") as other, \
                ThreadPoolExecutor(LINKS) as pool:
            waiting = [pool.submit(opened, app.url, i) for i in range(LINKS)]
            until_asked(hub)
            seconds, traced = other.opens()[1], other.traces()
            theirs = [link.result(PATIENCE) for link in waiting]
    print(f"{LINKS} links to a silent Hub: others open the page in {seconds:.1f} s, trace in {traced:.1f} s; "
          f"they themselves in {max(took for _, took in theirs):.1f} s")
    assert seconds < PROMPT and traced < PROMPT
    assert max(took for _, took in theirs) < PROMPT
    assert all("a/net" in json.dumps(told) for told, _ in theirs)


def until_asked(hub: StandInHub) -> None:
    """And all of them stand in line."""
    deadline = time.monotonic() + PATIENCE
    while not hub.seen() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(2)


def opened(url: str, i: int) -> tuple[list, float]:
    """What a link to a checkpoint fills the controls with, and the seconds that this and its drawing took."""
    with Visitor(url, f"linked{i}", {"variant": f"a/net{i}"}) as visitor:
        told, took = visitor.opens()
        visitor.asks("trace", f"a/net{i}", 224, 224, 1000)
        return told, took
