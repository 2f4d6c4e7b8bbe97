"""What goes wrong with the machine: clocks that jump, memory and disks that run out, processes that are killed."""

import contextlib
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import huggingface_hub
import pytest
from safetensors.torch import save

from resnet.hub import downloads
from resnet.hub.load import load
from resnet.hub.ref import WEIGHTS
from resnet.hub.store import ModelStore, use
from resnet.model import create
from resnet.util.errors import InputError
from resnet.util.files import write_file
from tests.factories import same_tensors
from tests.hub import StandInHub, pointed_at
from tests.hub_commits import Commits
from tests.pictures import encode, noise
from tests.running import ROOT, running
from tests.security.test_faults import PATIENCE, is_well, parts, until

REPO, SMALL, LARGE = "a/net", "resnet20_fashion_mnist", "resnet18_cifar10"


@pytest.fixture(scope="module")
def net():
    return create("resnet20_cifar", seed=5).eval()


@pytest.fixture
def hub(tmp_path, net):
    """A stand-in Hub with one repository, which takes commits too."""
    with StandInHub() as stand_in, pointed_at(stand_in, tmp_path / "cache"):
        stand_in.add(REPO, {"config.json": b'{"mean": [0.5, 0.5, 0.5], "std": [0.25]}',
                            "model.safetensors": save(net.state_dict())})
        yield stand_in


# Publishing ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def publishing(hub: StandInHub, cache: Path) -> Iterator[subprocess.Popen]:
    environment = hub.environment(cache) | {"HF_TOKEN": "hf_loopback", "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-m", "resnet", "publish", "--owner", "tester", "--models", SMALL, "--space", ""]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before its weights were stored", "before it was told of its commit"])
def test_a_publish_that_was_killed_succeeds_the_second_time(hub, tmp_path, moment):
    commits, reached, over = Commits(hub), threading.Event(), threading.Event()
    stored = moment.endswith("commit")
    method, pattern, answer = next(route for route in hub.routes
                                   if ("/commit/" if stored else "/lfs/") in route[1].pattern)

    def held(match, body):
        told = answer(match, body) if stored else (500, {})
        reached.set()
        over.wait(PATIENCE)
        return told

    hub.routes.insert(0, (method, pattern, held))
    with publishing(hub, tmp_path) as process:
        until(lambda: reached.is_set() or process.poll() is not None)
        assert process.poll() is None
        process.kill()
        process.wait()
    over.set()
    hub.routes.pop(0)
    assert len(commits.messages) == stored
    with publishing(hub, tmp_path) as process:
        out, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, told
    assert f"/tester/{SMALL}" in out and len(commits.messages) == 1
    assert commits.files(f"tester/{SMALL}") == {file.name: file.read_bytes() for file in (WEIGHTS / SMALL).iterdir()}


# Clocks ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("years", [10, -10])
def test_a_clock_that_jumps_stops_neither_a_download_nor_the_page(hub, net, url, monkeypatch, years):
    """Only the clock that people read can be set; waiting and races are timed by one that cannot."""
    hub.pause = 0.2
    hub.fail("slow", "model.safetensors", whole=True)
    found = []
    loading = threading.Thread(target=lambda: found.append(load(REPO, trusted=False)))
    loading.start()
    until(lambda: any(part.stat().st_size for part in parts()) or not loading.is_alive())
    clock = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: clock() + years * 365 * 86_400)
        loading.join(PATIENCE)
        assert same_tensors(found[0].model.state_dict(), net.state_dict())
        is_well(url)
    is_well(url)
    use(ModelStore())
    assert same_tensors(load(REPO, trusted=False).model.state_dict(), net.state_dict())


# Memory ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")
def test_memory_that_runs_out_costs_an_answer_and_not_the_page(tmp_path):
    log = tmp_path / "log"
    with running(environment={"GRADIO_TEMP_DIR": str(tmp_path / "uploads"), "HF_HUB_OFFLINE": "1"}, log=log) as app:
        is_well(app.url)
        hard, most = limit(app.process.pid), address_space(app.process.pid) + 10_000_000
        resource.prlimit(app.process.pid, resource.RLIMIT_AS, (most, hard))
        answers = [classified(app.url, LARGE) for _ in range(4)]
        assert address_space(app.process.pid) <= most and app.process.poll() is None
        resource.prlimit(app.process.pid, resource.RLIMIT_AS, (hard, hard))
        is_well(app.url)
        assert "event: complete" in classified(app.url, LARGE)
    assert all("event: error" in answer and "data: null" not in answer for answer in answers), answers
    assert not any("Traceback" in answer or "MemoryError" in answer for answer in answers)


def classified(url: str, model: str) -> str:
    path, = httpx.post(f"{url}gradio_api/upload", files={"files": ("a", encode(noise()))}, timeout=PATIENCE).json()
    return told(url, "classify", [{"path": path, "meta": {"_type": "gradio.FileData"}}, model, 5])


def limit(pid: int) -> int:
    return resource.prlimit(pid, resource.RLIMIT_AS)[1]


def address_space(pid: int) -> int:
    """Bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmSize")).split()[1])


def told(url: str, name: str, values: list) -> str:
    sent = httpx.post(f"{url}gradio_api/call/{name}", json={"data": values}, timeout=PATIENCE)
    if sent.status_code != 200:
        return sent.text
    return httpx.get(f"{url}gradio_api/call/{name}/{sent.json()['event_id']}", timeout=PATIENCE).text


# Disks -----------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path):
    """A disk of 2 MB, with `fill` and `empty`."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting takes a right that is not had here")
    filler = folder / "filler"

    def fill(left: int = 0) -> None:
        room = os.statvfs(folder)
        filler.write_bytes(bytes(room.f_bavail * room.f_frsize - left))

    yield SimpleNamespace(folder=folder, fill=fill, empty=filler.unlink)
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_result_that_finds_no_room_leaves_the_old_one(disk):
    file = disk.folder / "results" / "history.csv"
    write_file(file, "old")
    disk.fill(left=100_000)
    with pytest.raises(InputError) as caught:
        write_file(file, bytes(500_000))
    assert caught.value.key == "cannot_write" and file.read_text() == "old"
    assert [one.name for one in file.parent.iterdir()] == ["history.csv"]
    disk.empty()
    write_file(file, "new")
    assert file.read_text() == "new"


@pytest.mark.slow
def test_a_disk_that_fills_while_a_download_runs_is_told_and_the_rest_comes_later(hub, net, disk, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(disk.folder))
    monkeypatch.setattr(downloads, "RESERVE", 0)
    hub.pause = 0.3
    hub.fail("slow", "model.safetensors", whole=True)
    failures = []

    def fetch() -> None:
        try:
            load(REPO, trusted=False)
        except InputError as error:
            failures.append(error)

    fetching = threading.Thread(target=fetch)
    fetching.start()
    until(lambda: any(part.stat().st_size for part in parts()) or not fetching.is_alive())
    disk.fill()
    fetching.join(PATIENCE)
    assert [failure.key for failure in failures] == ["disk_full"] and parts()
    disk.empty()
    hub.heal()
    assert same_tensors(load(REPO, trusted=False).model.state_dict(), net.state_dict())


@pytest.mark.slow
@pytest.mark.parametrize("command", [
    ["export", SMALL, "--to", "web", "--out", "{disk}/out"],
    ["train", "resnet20_cifar", "--data", "fashion_mnist", "--epochs", "1", "--out", "{disk}/out"]])
def test_commands_on_a_full_disk_end_in_a_sentence(disk, command, tmp_path):
    disk.fill()
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "cache")}
    arguments = [part.replace("{disk}", str(disk.folder)) for part in command]
    done = subprocess.run([sys.executable, "-m", "resnet", *arguments], cwd=ROOT, env=environment,
                          capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr[-2_000:]
    assert not list(disk.folder.rglob("*.partial"))


@pytest.mark.slow
def test_an_upload_that_finds_no_room_is_refused_and_the_next_is_taken(disk, tmp_path):
    log = tmp_path / "log"
    with running(environment={"GRADIO_TEMP_DIR": str(disk.folder / "uploads"), "HF_HUB_OFFLINE": "1"}, log=log) as app:
        is_well(app.url)
        disk.fill(left=20_000)
        answer = httpx.post(f"{app.url}gradio_api/upload", files={"files": ("a.png", bytes(1_500_000))})
        assert answer.status_code in (500, 503, 507), answer.text
        assert answer.json()["error"] and "Traceback" not in answer.text
        assert "event: complete" in told(app.url, "trace", ["resnet18", 64, 64, 10])
        disk.empty()
        is_well(app.url)
        assert sum(file.stat().st_size for file in disk.folder.rglob("*") if file.is_file()) < 500_000


# An end in the middle --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_page_that_is_ended_with_a_race_and_a_download_leaves_nothing_running(hub, net, tmp_path):
    hub.pause = 1.0
    hub.fail("slow", "model.safetensors", whole=True)
    environment = hub.environment(tmp_path / "cache") | {"GRADIO_TEMP_DIR": str(tmp_path / "uploads")}
    with running(environment=environment, log=tmp_path / "log") as app, httpx.Client(timeout=PATIENCE) as web:
        functions = {fn["api_name"]: fn["id"] for fn in web.get(f"{app.url}config").json()["dependencies"]}
        race = {"fn_index": functions["run_race"], "data": [8, 8, "0.1", "on", 0, 60], "session_hash": "racing"}
        assert web.post(f"{app.url}gradio_api/queue/join", json=race).status_code == 200
        with web.stream("GET", f"{app.url}gradio_api/queue/data", params={"session_hash": "racing"}) as lines:
            next(line for line in lines.iter_lines() if '"process_generating"' in line)
            asking = threading.Thread(target=left_alone, args=(app.url, REPO))
            asking.start()
            until(lambda: any(part.stat().st_size for part in parts()))
            started = descendants(app.process.pid)
            app.process.terminate()
            app.process.wait(timeout=30)
    asking.join(PATIENCE)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started))
    hub.heal()
    assert same_tensors(load(REPO, trusted=False).model.state_dict(), net.state_dict()) and not parts()


def left_alone(url: str, model: str) -> None:
    """A question whose answer is cut off."""
    with contextlib.suppress(httpx.HTTPError):
        classified(url, model)


def descendants(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return [*children, *(one for child in children for one in descendants(child))]
