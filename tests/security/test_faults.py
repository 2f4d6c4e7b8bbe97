"""What goes wrong around the app: killed processes, full and lying disks, clients that leave, a Hub that is silent."""

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import huggingface_hub
import pytest
from safetensors.torch import save

from resnet.hub.load import load
from resnet.hub.store import ModelStore, use
from resnet.model import create
from resnet.ui.gradio_compat import upload_folder
from resnet.ui.wall.mail import Messages
from resnet.util.text import text
from tests.factories import same_tensors
from tests.hub import StandInHub, pointed_at
from tests.pictures import encode, noise
from tests.running import ROOT, running

REPO = "a/net"
PATIENCE = 120  # seconds
MODEL = "resnet20_fashion_mnist"


@pytest.fixture(scope="module")
def net():
    return create("resnet20_cifar", seed=5).eval()


@pytest.fixture
def hub(tmp_path, net):
    """A stand-in Hub with one repository, for this process and those that it starts."""
    with StandInHub() as stand_in, pointed_at(stand_in, tmp_path / "cache"):
        stand_in.add(REPO, {"config.json": b'{"mean": [0.5, 0.5, 0.5], "std": [0.25]}',
                            "model.safetensors": save(net.state_dict())})
        yield stand_in


def until(true) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def classifying(hub, tmp_path, **options) -> subprocess.Popen:
    """The command line, asked about a picture by the repository's weights."""
    picture = tmp_path / "picture.png"
    picture.write_bytes(encode(noise()))
    return subprocess.Popen([sys.executable, "-m", "resnet", "classify", str(picture), "--model", REPO], cwd=ROOT,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=os.environ | hub.environment(tmp_path / "cache"), **options)


def parts() -> list[Path]:
    return list(Path(huggingface_hub.constants.HF_HUB_CACHE).rglob("*model*.part"))


# Downloads ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_disk_without_room_is_told_in_a_sentence_and_forgotten(hub, net, tmp_path):
    limit = 300_000  # bytes in a file: as a quota does
    process = classifying(hub, tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    out, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2 and out == "" and "Traceback" not in told and told.strip().count("\n") == 0, told
    assert same_tensors(load(REPO, trusted=False).model.state_dict(), net.state_dict())


@pytest.mark.slow
def test_a_download_that_was_killed_goes_on_by_itself(hub, net, tmp_path):
    hub.pause = 1.0
    hub.fail("slow", "model.safetensors", whole=True)
    process = classifying(hub, tmp_path)
    try:
        until(lambda: process.poll() is not None or any(part.stat().st_size for part in parts()))
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL and parts()
    hub.heal()
    assert same_tensors(load(REPO, trusted=False).model.state_dict(), net.state_dict())
    assert not parts()


@pytest.mark.parametrize("hurt", ["flipped", "cut", "empty", "zeroed"])
def test_what_is_corrupt_in_the_cache_is_not_served(hub, net, hurt):
    load(REPO, trusted=False)
    file, = Path(huggingface_hub.constants.HF_HUB_CACHE).rglob("model.safetensors")
    data = file.read_bytes()
    middle = len(data) // 2
    file.write_bytes({"flipped": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:], "cut": data[:middle],
                      "empty": b"", "zeroed": bytes(len(data))}[hurt])
    use(ModelStore())
    assert same_tensors(load(REPO, trusted=False).model.state_dict(), net.state_dict())
    assert file.read_bytes() == data


@pytest.mark.slow
def test_a_silent_hub_holds_up_nobody_else(hub, url):
    """Who asks for its repository is told so; who traces a variant meanwhile does not wait."""
    hub.fail("stall")
    order = []

    def ask(variant: str) -> str:
        call = f"{url}gradio_api/call/trace"
        sent = httpx.post(call, json={"data": [variant, 64, 64, 10]}, timeout=PATIENCE)
        told = httpx.get(f"{call}/{sent.json()['event_id']}", timeout=PATIENCE).text
        order.append(variant)
        return told

    answers = []
    waiting = threading.Thread(target=lambda: answers.append(ask(REPO)))
    waiting.start()
    assert "event: complete" in ask("resnet18")
    waiting.join(PATIENCE)
    assert order == ["resnet18", REPO] and text("errors.hub_slow", seconds="6") in answers[0]


# Clients ---------------------------------------------------------------------------------------------------


def leave(url: str, request: bytes, read: int = 0) -> None:
    """Send a part of a request, read a little of the answer, and hang up hard."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE) as line:
        line.sendall(request)
        if read:
            line.recv(read)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def is_well(url: str) -> None:
    files = {"files": ("a.png", encode(noise()))}
    path, = httpx.post(f"{url}gradio_api/upload", files=files, timeout=PATIENCE).json()
    record = {"path": path, "meta": {"_type": "gradio.FileData"}}
    call = f"{url}gradio_api/call/classify"
    sent = httpx.post(call, json={"data": [record, MODEL, 5]}, timeout=PATIENCE)
    assert "event: complete" in httpx.get(f"{call}/{sent.json()['event_id']}", timeout=PATIENCE).text


def test_uploads_that_are_cut_off_take_no_place_and_leave_no_file(url, monkeypatch):
    from resnet.ui.wall import disk, limits

    body = (b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + bytes(100_000))
    head = (b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 5000000\r\n\r\n")
    for _ in range(limits.UPLOADS_AT_ONCE + 2):
        leave(url, head + body)
    until(lambda: httpx.post(f"{url}gradio_api/upload", files={"files": ("a", b"a")}).status_code == 200)
    monkeypatch.setattr(disk, "KEPT_SECONDS", -1)
    disk.sweep(upload_folder())
    assert not [file for file in upload_folder().glob("tmp*") if file.is_file()]
    is_well(url)


def test_streams_that_are_left_make_room(url, monkeypatch):
    monkeypatch.setattr("resnet.ui.wall.firewall.STREAMS", 4)
    for i in range(8):
        until(lambda i=i: b"200 OK" in _begun(url, i))
    is_well(url)


def _begun(url: str, i: int) -> bytes:
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE) as line:
        line.sendall(b"GET /gradio_api/heartbeat/left%d HTTP/1.1\r\nHost: x\r\n\r\n" % i)
        return line.recv(100)


def test_too_many_open_answers_are_told_that_the_page_is_busy(url, monkeypatch):
    monkeypatch.setattr("resnet.ui.wall.firewall.STREAMS", 0)
    answer = httpx.get(f"{url}gradio_api/heartbeat/one")
    assert answer.status_code == 503 and answer.json()["error"] == text("errors.busy")
    assert answer.headers["retry-after"]


def test_who_leaves_the_queue_leaves_nothing_behind(served):
    demo, url = served
    body = b'{"data": ["resnet152", 224, 224, 1000]}'
    for _ in range(6):
        leave(url, b"POST /gradio_api/call/trace HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                   b"Content-Length: %d\r\n\r\n%s" % (len(body), body), read=1)
    until(lambda: len(demo._queue) == 0 and not any(demo._queue.active_jobs))
    is_well(url)


@pytest.mark.slow
def test_a_session_that_is_forgotten_while_it_waits_stops_nobody(served):
    """Gradio forgets a closed page's messages before its events, and then tells the waiting their places."""
    demo, url = served
    queue, body = demo._queue, {"data": ["resnet152", 224, 224, 1000]}
    for _ in range(24):
        assert httpx.post(f"{url}gradio_api/call/trace", json=body, timeout=PATIENCE).status_code == 200
        queue.pending_messages_per_session.clear()
    is_well(url)
    until(lambda: len(queue) == 0 and not any(queue.active_jobs))


def test_a_queue_that_fails_goes_on(served, monkeypatch, caplog):
    demo, url = served
    failures = iter([KeyError("a session")])

    def get_events(found=demo._queue.get_events):
        if error := next(failures, None):
            raise error
        return found()

    with monkeypatch.context() as patch:
        patch.setattr(demo._queue, "get_events", get_events)
        is_well(url)
    assert next(failures, None) is None and "goes on" in caplog.text


def test_whose_messages_are_read_stays_and_the_oldest_go():
    events = {"a": {"1"}, "b": {"2"}, "c": {"3"}}
    messages = Messages(2, events)
    for session in "ab":
        messages[session] = None
        messages[session].put_nowait(session)
    assert messages["a"].get_nowait() == "a"
    messages["c"] = None
    assert list(messages) == ["a", "c"] and messages["b"].empty() and "b" not in messages
    assert list(events) == ["a", "c"]
    del messages["b"], messages["a"]
    assert list(messages) == ["c"]


# The process ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_server_that_is_ended_under_load_ends(tmp_path):
    """It keeps nothing that a new one would stumble over: downloads go on (above), uploads lie in their own folder."""
    with running(environment={"GRADIO_TEMP_DIR": str(tmp_path / "uploads")}, log=tmp_path / "log.txt") as app:
        is_well(app.url)
        body = {"data": ["resnet152", 224, 224, 1000]}
        for _ in range(8):
            assert httpx.post(f"{app.url}gradio_api/call/trace", json=body, timeout=PATIENCE).status_code == 200
        app.process.terminate()
        app.process.wait(timeout=30)
        with pytest.raises(httpx.ConnectError):
            httpx.get(app.url)
