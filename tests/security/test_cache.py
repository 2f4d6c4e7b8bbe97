"""One cache for several processes and for years: nobody spoils another's download, and what was altered is not used."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import huggingface_hub
import pytest
from safetensors.torch import save

from resnet.hub import cache, downloads
from resnet.hub.load import load
from resnet.hub.ref import ModelRef
from resnet.hub.remote import AWAY
from resnet.hub.store import ModelStore, current, use
from resnet.model import create
from resnet.util.errors import InputError
from tests.factories import same_tensors
from tests.hub import StandInHub, pointed_at
from tests.running import ROOT

REPO = "a/net"
PATIENCE = 120
CONFIG, PROCESSOR, WEIGHTS = "config.json", "preprocessor_config.json", "model.safetensors"
TOLD = {"image_processor_type": "ViTImageProcessor", "size": {"height": 40, "width": 40},
        "image_mean": [0.4] * 3, "image_std": [0.2] * 3}
LOAD = """
import sys
from resnet.hub.load import load
print("ready", flush=True)
sys.stdin.readline()
load(sys.argv[1], trusted=False)
"""


@pytest.fixture(scope="module")
def net():
    return create("resnet20_cifar", seed=5).eval()


@pytest.fixture
def hub(tmp_path, net, monkeypatch):
    monkeypatch.setattr(downloads, "REPORT_SECONDS", 0.02)
    with StandInHub() as stand_in, pointed_at(stand_in, tmp_path / "cache"):
        files = {CONFIG: b'{"model_type": "resnet"}', PROCESSOR: json.dumps(TOLD).encode(),
                 WEIGHTS: save(net.state_dict())}
        stand_in.add(REPO, files)
        stand_in.add("a/other", files)
        yield stand_in


def places(repo: str) -> list[Path]:
    """The folders of a repository's snapshots."""
    name = f"models--{repo.replace('/', '--')}"
    return list(Path(huggingface_hub.constants.HF_HUB_CACHE).glob(f"{name}/snapshots/*"))


def place(repo: str = REPO) -> Path:
    folder, = places(repo)
    return folder


def until(true) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def starting(hub: StandInHub, repo: str) -> subprocess.Popen:
    """A process that loads a repository when it is told to."""
    return subprocess.Popen([sys.executable, "-c", LOAD, repo], cwd=ROOT, text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=os.environ | hub.environment(Path(huggingface_hub.constants.HF_HUB_CACHE)))


def go(processes: list[subprocess.Popen]) -> None:
    for process in processes:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()


def ended(process: subprocess.Popen) -> str:
    """What it told of an error."""
    _, told = process.communicate(timeout=PATIENCE)
    return told if process.returncode else ""


# Several processes ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_processes_that_start_together_share_one_download(hub, net):
    """Two of three failed: what one had renamed, the others could not find."""
    hub.pause = 0.05
    hub.fail("slow", WEIGHTS, whole=True)
    for repo in (REPO, "a/other"):
        before = hub.sent(WEIGHTS)
        processes = [starting(hub, repo) for _ in range(3)]
        go(processes)
        assert [ended(process) for process in processes] == [""] * 3
        size = (place(repo) / WEIGHTS).stat().st_size
        assert hub.sent(WEIGHTS) - before < 1.5 * size  # three headers, one download
        assert same_tensors(load(repo, trusted=False).model.state_dict(), net.state_dict())


@pytest.mark.slow
def test_a_full_disk_evicts_no_download_of_another_process(hub, net, monkeypatch):
    hub.pause = 0.3
    hub.fail("slow", WEIGHTS, whole=True)
    process = starting(hub, "a/other")
    go([process])
    until(lambda: any(cache.part_of(folder / WEIGHTS).exists() for folder in places("a/other")))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 0))
    with pytest.raises(InputError) as caught:
        load(REPO, trusted=False)
    assert caught.value.key == "disk_full" and not ended(process)
    assert cache.read_mark(place("a/other"))
    with pytest.raises(InputError):  # but what nobody writes goes
        load(REPO, trusted=False)
    assert not places("a/other")


def test_who_waits_for_another_process_can_leave(hub):
    commit = hub.repositories[f"models/{REPO}"].heads["main"]
    folder = cache.snapshot(ModelRef.parse(REPO), commit)
    with cache.lock_of(folder):
        steps = current().obtain(ModelRef.parse(REPO))
        assert [next(steps).waiting for _ in range(3)] == [True] * 3
        steps.close()
        until(lambda: not current().downloads.running)
    assert load(REPO, trusted=False).info.name == REPO


# What was altered -----------------------------------------------------------------------------------------


def config_altered(folder: Path) -> None:
    (folder / CONFIG).write_text('{"model_type": "resnet", "id2label": {}}')


def processor_altered(folder: Path) -> None:
    file = folder / PROCESSOR
    file.write_text(file.read_text().replace("0.4", "0.5"))


def processor_gone(folder: Path) -> None:
    (folder / PROCESSOR).unlink()


def weights_altered(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-9] ^= 1
    (folder / WEIGHTS).write_bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("alter", [config_altered, processor_altered, processor_gone, weights_altered])
@pytest.mark.parametrize("process", ["this", "another"])
def test_what_was_altered_in_the_cache_is_fetched_again(hub, alter, process):
    before = load(REPO, trusted=False)
    assert before.info.mean == (0.4,) * 3
    sound = {file.name: file.read_bytes() for file in place().iterdir()}
    alter(place())
    if process == "another":
        use(ModelStore())
    after = load(REPO, trusted=False)
    assert (after.info.mean, after.steps, after.info.labels) == (before.info.mean, before.steps, before.info.labels)
    assert same_tensors(after.model.state_dict(), before.model.state_dict())
    assert {file.name: file.read_bytes() for file in place().iterdir()} == sound


def test_what_appears_beside_a_repositorys_files_is_removed(hub, net):
    hub.add("a/bare", {WEIGHTS: save(net.state_dict())})
    before = load("a/bare", trusted=False)
    (place("a/bare") / PROCESSOR).write_text(json.dumps(TOLD))
    use(ModelStore())
    assert load("a/bare", trusted=False).info.mean == before.info.mean != (0.4,) * 3
    assert not (place("a/bare") / PROCESSOR).exists()


@pytest.mark.parametrize("alter", [config_altered, processor_altered, processor_gone, weights_altered])
def test_without_a_hub_what_was_altered_is_not_used(hub, monkeypatch, alter):
    load(REPO, trusted=False)
    use(ModelStore())
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert load(REPO).info.mean == (0.4,) * 3
    alter(place())
    with pytest.raises(InputError) as caught:
        load(REPO)
    assert caught.value.key == "hub_offline"


# What changed on the Hub ----------------------------------------------------------------------------------


def test_after_a_change_the_header_is_read_again(hub, net):
    """The next try is not sent back to what was remembered before."""
    ref, other = ModelRef.parse(REPO), create("resnet20_cifar", seed=6)
    first = current().header(ref)
    repository = hub.repositories[f"models/{REPO}"]
    hub.add(REPO, {WEIGHTS: save(other.state_dict())})
    del repository.commits[first.revision]  # its history was rewritten
    with pytest.raises(InputError) as caught:
        current().load_anew(ref)
    assert caught.value.key not in AWAY
    assert same_tensors(current().load_anew(ref).model.state_dict(), other.state_dict())


def test_a_hub_that_is_away_leaves_the_header(hub):
    ref = ModelRef.parse(REPO)
    current().header(ref)
    hub.fail("503")
    with pytest.raises(InputError):
        current().load_anew(ref)
    assert current().headers.peek(ref) is not None


# Room -----------------------------------------------------------------------------------------------------


def test_what_has_come_already_needs_no_room(hub, monkeypatch):
    """On a disk that has room for the rest of a broken download, it goes on."""
    size = weights(hub)
    hub.fail("truncated", WEIGHTS, whole=True)
    with pytest.raises(InputError):
        load(REPO, trusted=False)
    hub.heal()
    left = cache.missing(place(), {WEIGHTS: size})
    assert 0 < left < 0.7 * size
    room = [left + downloads.RESERVE]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, room[0] - 1))
    with pytest.raises(InputError) as caught:
        load(REPO, trusted=False)
    assert caught.value.key == "disk_full"
    room[0] += 1
    assert load(REPO, trusted=False).info.name == REPO


def weights(hub: StandInHub) -> int:
    """Bytes of a repository's."""
    repository = hub.repositories[f"models/{REPO}"]
    content = repository.commits[repository.heads["main"]][WEIGHTS]
    assert isinstance(content, bytes)
    return len(content)


def test_room_is_kept_for_what_is_still_coming(hub, monkeypatch):
    hub.pause = 0.2
    hub.fail("slow", WEIGHTS, whole=True)
    room = downloads.RESERVE + 3 * weights(hub) // 2
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, room))
    steps = current().obtain(ModelRef.parse("a/other"))
    next(steps)
    with pytest.raises(InputError) as caught:
        load(REPO, trusted=False)
    steps.close()
    assert caught.value.key == "disk_full"
