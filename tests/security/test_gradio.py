"""What is mended in Gradio, and what the page takes from it undocumented: exercised on small pages that run."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
import httpx
import pytest
from gradio.events import api

from resnet.ui import gradio_compat, gradio_patches
from resnet.ui.gradio_compat import (
    GradioChanged,
    check_release,
    leave_values_alone,
    part,
    replace_part,
    sent,
    upload_folder,
)
from resnet.ui.gradio_patches import patched
from resnet.util.text import text
from tests.pictures import encode, noise
from tests.running import ROOT

PATIENCE = 60  # seconds


@contextmanager
def launched(demo: gr.Blocks) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    _, address, _ = patched(demo).launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1",
                                         server_port=port)
    try:
        yield address
    finally:
        demo.close(verbose=False)


def question(url: str, name: str, *values: object) -> str:
    """The number of a question that was asked, as a program does: a session of its own."""
    return httpx.post(f"{url}gradio_api/call/{name}", json={"data": values}, timeout=PATIENCE).json()["event_id"]


def answer(url: str, name: str, number: str) -> str:
    """What is told of a question; "" where the connection is cut, as for a session that is forgotten."""
    try:
        return httpx.get(f"{url}gradio_api/call/{name}/{number}", timeout=PATIENCE).text
    except httpx.RemoteProtocolError:
        return ""


def ask(url: str, name: str, *values: object) -> object:
    told = answer(url, name, question(url, name, *values))
    assert "event: complete" in told, told
    return json.loads(told.rpartition("data: ")[2])[0]


# The release --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", ["6.31.0", "6.31.9"])
def test_the_tested_release_is_taken(monkeypatch, found):
    monkeypatch.setattr(gradio_compat, "version", lambda package: found)
    check_release()


@pytest.mark.parametrize("found", ["6.30.0", "6.32.0", "7.0.0", "6.3.1", "5.31.0"])
def test_another_release_is_refused(monkeypatch, found):
    monkeypatch.setattr(gradio_compat, "version", lambda package: found)
    with pytest.raises(SystemExit) as caught:
        check_release()
    assert caught.value.code == text("errors.gradio_release", found=found, tested="6.31")


def test_another_gradio_ends_the_start_in_one_sentence(tmp_path):
    (tmp_path / "gradio-99.0.0.dist-info").mkdir()
    (tmp_path / "gradio-99.0.0.dist-info" / "METADATA").write_text("Name: gradio\nVersion: 99.0.0\n")
    done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE,
                          env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert done.returncode != 0 and done.stdout == ""
    assert done.stderr == text("errors.gradio_release", found="99.0.0", tested="6.31") + "\n"


def test_what_gradio_lacks_is_named_and_not_made_up():
    class Queue:
        stopped = False

    queue = Queue()
    for use in (lambda: part(queue, "messages"), lambda: replace_part(queue, "messages", {})):
        with pytest.raises(GradioChanged, match=r"has no Queue\.messages"):
            use()
    assert not hasattr(queue, "messages")
    replace_part(queue, "stopped", True)
    assert part(queue, "stopped") is True


# The queue ----------------------------------------------------------------------------------------------------


@pytest.fixture
def slow(monkeypatch):
    """A page that keeps two sessions and answers one question at a time, once it may: (demo, address, may)."""
    monkeypatch.setattr(gradio_patches, "KEPT_SESSIONS", 2)
    may = threading.Event()

    def echo(word: str) -> str:
        may.wait(PATIENCE)
        return word

    def aside(word: str) -> str:
        return word

    with gr.Blocks() as demo:
        api(echo, api_name="echo")
        api(aside, api_name="aside")
    with launched(demo) as url:
        yield demo, url, may


def until(true) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_who_is_forgotten_while_waiting_does_not_end_the_queue_for_all(slow):
    """Each question that comes lets the queue tell all who wait their places, also those who are forgotten."""
    _, url, may = slow
    numbers = [question(url, "echo", word) for word in "abcde"]
    may.set()
    *forgotten, fourth, fifth = (answer(url, "echo", number) for number in numbers)
    assert '["d"]' in fourth and '["e"]' in fifth
    assert not any("event: complete" in told for told in forgotten)
    assert ask(url, "echo", "next") == "next"


def test_the_sessions_kept_are_those_that_were_read_last(slow):
    demo, url, may = slow
    may.set()
    queue = part(demo, "_queue")
    first, second = question(url, "echo", "a"), question(url, "echo", "b")
    until(lambda: len(queue) == 0 and not any(queue.active_jobs))
    assert "event: complete" in answer(url, "echo", first)
    third = question(url, "echo", "c")
    assert "event: complete" in answer(url, "echo", third)
    assert "event: complete" not in answer(url, "echo", second)


def test_questions_that_nobody_reads_leave_no_numbers(slow):
    demo, url, may = slow
    may.set()
    for _ in range(6):
        question(url, "echo", "a")
    assert len(part(part(demo, "_queue"), "pending_event_ids_session")) <= 2


@pytest.mark.slow
def test_a_question_that_nobody_hears_the_answer_of_leaves_the_line(slow, monkeypatch):
    monkeypatch.setattr(gradio_patches, "UNHEARD_SECONDS", 1)
    demo, url, may = slow
    question(url, "echo", "a")
    number = question(url, "echo", "b")
    until(lambda: not any(job.alive for jobs in part(part(demo, "_queue"), "active_jobs") if jobs for job in jobs))
    until(lambda: len(part(demo, "_queue")) == 0)
    assert text("errors.unheard") in json.loads(answer(url, "echo", number).rpartition("data: ")[2].partition(
        "\n")[0])["error"]
    may.set()
    assert ask(url, "echo", "next") == "next"


@pytest.mark.slow
def test_who_listens_stays_in_line_however_long_it_takes(slow, monkeypatch):
    monkeypatch.setattr(gradio_patches, "UNHEARD_SECONDS", 0.5)
    _, url, may = slow
    with ThreadPoolExecutor(1) as pool:
        listening = pool.submit(ask, url, "echo", "a")
        time.sleep(4)
        may.set()
        assert listening.result(PATIENCE) == "a"


def test_a_full_line_keeps_nobody_from_another(slow, monkeypatch):
    monkeypatch.setattr(gradio_patches, "waiting", lambda kind: 1)
    monkeypatch.setattr(gradio_patches, "KEPT_SESSIONS", 100)
    _, url, may = slow
    body = {"data": ["a"]}
    told = [httpx.post(f"{url}gradio_api/call/echo", json=body, timeout=PATIENCE) for _ in range(4)]
    assert told[-1].status_code == 503 and told[-1].json()["detail"] == text("errors.busy")
    body = {"data": ["b"]}
    assert httpx.post(f"{url}gradio_api/call/aside", json=body, timeout=PATIENCE).status_code == 200
    may.set()


def test_a_session_has_so_many_places(slow, monkeypatch):
    monkeypatch.setattr(gradio_patches, "A_SESSION_WAITING", 2)
    _, url, may = slow
    body = {"data": ["a"], "session_hash": "greedy"}
    told = [httpx.post(f"{url}gradio_api/call/echo", json=body, timeout=PATIENCE).status_code for _ in range(5)]
    assert told[-1] == 503
    question(url, "echo", "b")
    may.set()


def test_a_session_takes_little_memory(served):
    """Gradio's own takes 0.4 MB with this page."""
    demo, _ = served
    sessions = part(demo, "state_holder")
    sessions["warm"]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for i in range(20):
            sessions[f"light{i}"]
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken / 20 < 40_000


def test_no_statistics_are_taken(served, monkeypatch):
    demo, url = served
    queue, taken = part(demo, "_queue"), []
    table = part(queue, "_get_df")
    monkeypatch.setattr(queue, "_get_df", lambda records: taken.append(len(records)) or table(records))
    for _ in range(3):
        body = {"data": ["resnet18", 32, 32, 10]}
        number = httpx.post(f"{url}gradio_api/call/trace", json=body, timeout=PATIENCE).json()["event_id"]
        assert "event: complete" in answer(url, "trace", number)
    assert taken == [] and len(part(queue, "event_analytics")) <= 1


# Values and events ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alone", [True, False])
def test_pictures_reach_the_handlers_undecoded(alone):
    """And would be decoded otherwise, before the page's own code sees them."""
    def kind(picture) -> str:
        return type(picture).__name__

    with gr.Blocks() as demo:
        picture, told = gr.Image(), gr.Textbox()
        picture.change(kind, picture, told, api_name="kind")
    if alone:
        leave_values_alone(demo)
    with launched(demo) as url:
        files = {"files": ("a.png", encode(noise()))}
        path, = httpx.post(f"{url}gradio_api/upload", files=files, timeout=PATIENCE).json()
        record = {"path": path, "meta": {"_type": "gradio.FileData"}}
        assert ask(url, "kind", record) == ("dict" if alone else "ndarray")


@pytest.mark.slow
@pytest.mark.parametrize("data, told", [({"block": "conv1"}, "'conv1'"), ({"block": [1]}, "[1]"), ({}, "None"),
                                        (None, "None"), ("block", "None"), ([["block", 1]], "None")], ids=str)
def test_what_an_event_says_comes_along(data, told):
    def say(event: gr.EventData) -> str:
        return repr(sent(event, "block"))

    with gr.Blocks() as demo:
        drawing, line = gr.HTML(), gr.Textbox()
        drawing.select(say, None, line, api_name="say")
    with launched(demo) as url:
        body = {"fn_index": 0, "data": [], "event_data": data, "session_hash": "abc", "trigger_id": None}
        assert httpx.post(f"{url}gradio_api/queue/join", json=body, timeout=PATIENCE).status_code == 200
        lines = httpx.get(f"{url}gradio_api/queue/data", params={"session_hash": "abc"}, timeout=PATIENCE).text
        messages = [json.loads(line.removeprefix("data: ")) for line in lines.splitlines() if line]
        done, = (message for message in messages if message["msg"] == "process_completed")
        assert done["output"]["data"] == [told]


def test_uploads_lie_in_the_upload_folder(url):
    files = {"files": ("a.png", encode(noise()))}
    path, = httpx.post(f"{url}gradio_api/upload", files=files, timeout=PATIENCE).json()
    assert Path(path).resolve().parent.parent == upload_folder().resolve()
