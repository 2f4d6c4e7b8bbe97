"""What is kept for visitors until they read it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from resnet.ui.wall import mail
from resnet.ui.wall.mail import Messages, nbytes


@pytest.fixture
def messages(monkeypatch):
    monkeypatch.setattr(mail, "MESSAGE_BYTES", 10_000)
    kept = Messages(100, {session: {"1"} for session in "abc"})
    for session in "abc":
        kept[session] = None
    return kept


def test_the_bytes_of_all_together_are_bounded(messages):
    for session in "abc":
        messages[session].put_nowait("x" * 4_000)
    assert list(messages) == list(messages.events) == ["b", "c"] and messages.nbytes < 10_000


def test_one_answer_that_is_too_large_is_dropped(messages):
    messages["b"].put_nowait("x" * 20_000)
    assert messages.nbytes == 0 and "b" not in messages


def test_what_was_read_weighs_nothing(messages):
    for _ in range(10):
        messages["a"].put_nowait("x" * 4_000)
        assert messages["a"].get_nowait() == "x" * 4_000
    assert messages.nbytes == 0 and list(messages) == ["b", "c", "a"]


def test_who_waits_is_not_forgotten(messages, monkeypatch):
    async def listen():
        waiting = asyncio.create_task(messages["a"].get())
        await asyncio.sleep(0)
        monkeypatch.setattr(mail, "UNREAD_SECONDS", -1)
        messages.forget_unread()
        assert list(messages) == ["a"] and messages.heard_since("a", 0)
        messages["a"].put_nowait("x" * 20_000)
        return await waiting

    with ThreadPoolExecutor(1) as aside:  # the browser of other tests keeps a loop running in this thread
        assert aside.submit(asyncio.run, listen()).result() == "x" * 20_000


def test_what_nobody_comes_for_is_forgotten(messages, monkeypatch):
    messages["a"].put_nowait("x")
    messages.forget_unread()
    assert list(messages) == ["b", "c", "a"] and not messages.heard_since("a", 0)
    monkeypatch.setattr(mail, "UNREAD_SECONDS", -1)
    messages.forget_unread()
    assert not messages and not messages.events and messages.nbytes == 0


def test_what_came_too_late_weighs_nothing(messages):
    forgotten = messages["a"]
    del messages["a"]
    forgotten.put_nowait("x")
    messages["a"].put_nowait("y")
    assert messages.nbytes == 0


def test_a_record_weighs_what_is_in_it():
    assert nbytes({"data": ["x" * 1_000, {"y": ["z" * 1_000]}]}) > 2_000
