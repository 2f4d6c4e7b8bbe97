"""Weights from the stand-in Hub: shared, resumed, cancelled, checked; and every way in which it can fail."""

import errno
import os
import shutil
import threading
import time
from contextlib import closing
from pathlib import Path

import huggingface_hub
import pytest
from safetensors.torch import save

from resnet.hub import cache, downloads
from resnet.hub import store as store_module
from resnet.hub.load import load
from resnet.hub.ref import ModelRef
from resnet.hub.store import ModelStore, current, use
from resnet.model import create
from resnet.util.errors import InputError
from tests.factories import same_tensors
from tests.hub import StandInHub, pointed_at

REPO = "a/net"


@pytest.fixture(scope="module")
def net():
    return create("resnet20_cifar", seed=5).eval()


@pytest.fixture(scope="module")
def weights(net) -> bytes:
    return save(net.state_dict())  # 1.1 MB, some 80 KB of it the header


@pytest.fixture
def hub(tmp_path, weights, monkeypatch):
    monkeypatch.setattr(downloads, "REPORT_SECONDS", 0.02)
    with StandInHub() as stand_in, pointed_at(stand_in, tmp_path / "cache"):
        stand_in.add(REPO, {"config.json": b'{"mean": [0.5, 0.5, 0.5], "std": [0.25]}', "model.safetensors": weights})
        yield stand_in


def refusal(name: str = REPO, trusted: bool = False) -> InputError:
    with pytest.raises(InputError) as caught:
        load(name, trusted)
    assert str(caught.value) and "\n" not in str(caught.value)
    return caught.value


def obtain(name: str):
    return current().obtain(ModelRef.parse(name))


def cached() -> list[Path]:
    return sorted(Path(huggingface_hub.constants.HF_HUB_CACHE).rglob("*model*.part"))


def test_a_repository_is_downloaded_once_and_found_by_other_tools(hub, net, weights):
    loaded = load(REPO, trusted=False)
    assert same_tensors(loaded.model.state_dict(), net.state_dict())
    assert loaded.info.mean == (0.5,) * 3 and loaded.info.std == (0.25,) * 3 and loaded.info.name == REPO
    assert hub.sent("model.safetensors") < 1.1 * len(weights)
    asked = len(hub.requests)
    assert load(REPO, trusted=False) is loaded and len(hub.requests) == asked
    commit = hub.repositories[f"models/{REPO}"].heads["main"]
    found = huggingface_hub.try_to_load_from_cache(REPO, "model.safetensors", revision="main")
    assert Path(found).read_bytes() == weights and commit in found
    use(ModelStore())
    assert same_tensors(load(f"{REPO}@{commit}", trusted=False).model.state_dict(), net.state_dict())
    assert hub.sent("model.safetensors") < 1.3 * len(weights)  # headers again, weights not


def test_what_another_tool_downloaded_is_not_fetched_again(hub, weights):
    for name in ("config.json", "model.safetensors"):
        huggingface_hub.hf_hub_download(REPO, name)
    before = hub.sent("model.safetensors")
    assert load(REPO, trusted=False).notes and hub.sent("model.safetensors") - before < 0.1 * len(weights)


def test_shards(hub, net):
    state = net.state_dict()
    names = sorted(state)
    parts = {f"model-{i + 1:05d}-of-00003.safetensors": names[i::3] for i in range(3)}
    index = {name: file for file, own in parts.items() for name in own}
    hub.add("a/shards", {"model.safetensors.index.json": repr({"weight_map": index}).replace("'", '"').encode(),
                         **{file: save({name: state[name] for name in own}) for file, own in parts.items()}})
    assert same_tensors(load("a/shards", trusted=False).model.state_dict(), state)
    use(ModelStore())
    shutil.rmtree(huggingface_hub.constants.HF_HUB_CACHE)
    hub.fail("404", "model-00002*", whole=True)
    assert refusal("a/shards").key == "hub_no_repository"


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "key"), [
    ("reset", "hub_cut"), ("truncated", "hub_cut"), ("longer", "hub_size"), ("corrupt", "hub_corrupt"),
    ("changed", "hub_changed"), ("moved", "hub_changed"), ("pointer", "hub_size"),
    ("RepoNotFound", "hub_no_repository"), ("EntryNotFound", "hub_no_file"), ("GatedRepo", "hub_gated"),
    ("401", "hub_denied"), ("403", "hub_denied"), ("404", "hub_no_repository"), ("429", "hub_busy"),
    ("500", "hub_status"), ("503", "hub_status"), ("stall", "hub_slow"), ("trickle", "hub_crawl"),
])
def test_each_fault_of_a_download_has_its_sentence(hub, net, monkeypatch, fault, key):
    """The header came well; then the Hub fails. Nothing half-loaded is served, and later it works."""
    monkeypatch.setattr(downloads, "HUB_SECONDS", 0.6)
    monkeypatch.setattr(downloads, "PACE_SECONDS", 0.6)
    hub.fail(fault, "model.*", whole=True)
    assert refusal().key == key
    assert not current().models.keys()
    hub.heal()
    monkeypatch.setattr(downloads, "HUB_SECONDS", 30)
    assert same_tensors(load(REPO, trusted=False).model.state_dict(), net.state_dict())
    assert load("resnet20_fashion_mnist").info.architecture.in_channels == 1  # bundled ones need no Hub


def test_waiting_never_lasts_ten_seconds():
    """For the header, and from there to the first byte of each file; then at most PACE_SECONDS without progress."""
    assert store_module.HUB_SECONDS == downloads.HUB_SECONDS <= 6


def test_a_broken_download_goes_on_where_it_ended(hub, weights):
    hub.fail("truncated", "model.*", whole=True)
    assert refusal().key == "hub_cut"
    kept = cached()[0].stat().st_size
    assert 0.4 * len(weights) < kept < len(weights)
    hub.heal()
    before = hub.sent("model.*")
    load(REPO, trusted=False)
    assert hub.sent("model.*") - before == len(weights) - kept and not cached()
    assert f"bytes={kept}-" in {request.range for request in hub.seen("model.*")}


def test_a_server_without_ranges_begins_anew(hub, net):
    hub.fail("truncated", "model.*", whole=True)
    assert refusal().key == "hub_cut"
    hub.heal()
    hub.fail("no_ranges", "model.*")
    assert same_tensors(load(REPO, trusted=False).model.state_dict(), net.state_dict())


def test_two_users_share_a_download(hub, weights):
    hub.fail("slow", "model.*", whole=True)
    results = []
    threads = [threading.Thread(target=lambda: results.append(load(REPO, trusted=False))) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join(30) for thread in threads]
    assert len(results) == 3 and all(loaded.model is results[0].model for loaded in results)
    assert hub.sent("model.*") >= len(weights)
    assert len([r for r in hub.seen("model.*") if not r.range and r.status == 200]) == 1


def test_progress_is_told_and_one_who_leaves_does_not_stop_the_other(hub, weights):
    hub.fail("slow", "model.*", whole=True)
    with closing(obtain(REPO)) as first, closing(obtain(REPO)) as second:
        seen = [next(first), next(second)]
        seen += [next(first) for _ in range(5)]
        first.close()
        loaded, rest = exhausted(second)
    assert loaded.info.name == REPO
    done = [progress.done for progress in seen + rest if not progress.waiting]
    assert {progress.total for progress in seen} == {len(weights)} and done == sorted(done) and len(set(done)) > 3


def exhausted(steps):
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return end.value, seen


@pytest.mark.slow
def test_the_last_who_leaves_stops_it_and_the_next_goes_on(hub, weights):
    hub.pause = 0.2
    hub.fail("slow", "model.*", whole=True)
    with closing(obtain(REPO)) as steps:
        while next(steps).done < 0.3 * len(weights):
            pass
    end = time.monotonic() + 10
    while any(thread.name == "download" for thread in threading.enumerate()) and time.monotonic() < end:
        time.sleep(0.01)
    kept = cached()[0].stat().st_size
    assert 0.3 * len(weights) <= kept < len(weights) and not current().downloads.running
    hub.heal()
    assert load(REPO, trusted=False).info.name == REPO
    assert f"bytes={kept}-" in {request.range for request in hub.seen("model.*")}


def test_who_asks_again_at_once_waits_for_the_stopped_one_to_let_go(hub, net):
    hub.fail("slow", "model.*", times=1, whole=True)
    with closing(obtain(REPO)) as steps:
        next(steps)
    assert same_tensors(load(REPO, trusted=False).model.state_dict(), net.state_dict())


def test_only_so_many_at_once(hub, weights, monkeypatch):
    monkeypatch.setattr(downloads, "WAITING", 1)
    hub.fail("slow", "model.*", whole=True)
    for i in range(4):
        hub.add(f"a/net{i}", {"model.safetensors": weights})
    steps = [obtain(f"a/net{i}") for i in range(3)]
    [next(step) for step in steps]
    time.sleep(0.1)
    assert [next(step).waiting for step in steps] == [False, False, True]
    assert refusal("a/net3").key == "downloads_busy"
    [step.close() for step in steps]


def test_too_large_is_refused_before_it_is_downloaded(hub, weights, monkeypatch):
    monkeypatch.setattr(downloads, "MAX_BYTES", 1_000_000)
    assert refusal().key == "too_many_bytes"
    assert hub.sent("model.*") < 0.1 * len(weights)


def test_a_full_disk(hub, weights, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(10**9, 10**9, 10**6))
        assert refusal().key == "disk_full" and hub.sent("model.*") < 0.1 * len(weights)
    with monkeypatch.context() as patch:  # and one that fills up meanwhile
        patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        assert refusal().key == "disk_full"
        patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.EROFS, "read-only")))
        assert refusal().key == "cannot_store"
    assert load(REPO, trusted=False).info.name == REPO


@pytest.fixture
def disk(hub, tmp_path, weights, monkeypatch):
    """disk(n) leaves room for n repositories' weights and the reserve on the cache's disk."""
    place = Path(huggingface_hub.constants.HF_HUB_CACHE)

    def limited(n: float) -> Path:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(
            0, 0, int(n * len(weights)) + downloads.RESERVE - sum(file.lstat().st_size for file in place.rglob("*"))))
        return place

    return limited


def fetched(place: Path) -> set[str]:
    return {file.parents[2].name[-1] for file in place.rglob(cache.MARK)}


def test_on_a_full_disk_what_was_used_least_recently_goes(hub, disk, weights):
    names = ["models/a", "models/b", "models/c", "models/d"]
    for name in names:
        hub.add(name, {"model.safetensors": weights})
    place = disk(3.5)
    for age, name in enumerate(names[:3]):
        load(name, trusted=False)
        os.utime(next(place.glob(f"models--models--{name[-1]}/snapshots/*/.complete")), (age, age))
    load("models/a", trusted=False)
    load("models/d", trusted=False)
    assert fetched(place) == {"a", "c", "d"}
    load("models/b", trusted=False)  # again from the Hub
    assert fetched(place) == {"a", "b", "d"}


def test_on_a_full_disk_beginnings_go_and_other_tools_files_stay(hub, disk, weights):
    place = disk(1.5)
    begun, theirs = (place / f"models--models--{name}" / "snapshots" / ("0" * 40) for name in "xy")
    for folder in (begun, theirs):
        folder.mkdir(parents=True)
    (begun / ".model.safetensors.part").write_bytes(weights)
    (theirs / cache.MARK).touch()
    (theirs / "model.safetensors").symlink_to(place / "blob")
    load(REPO, trusted=False)
    assert not begun.exists() and theirs.exists()


def test_without_a_hub_what_was_loaded_goes_on(hub, net):
    use(ModelStore(header_seconds=0))
    loaded = load(REPO, trusted=False)
    hub.fail("503")
    assert load(REPO, trusted=False) is loaded
    again, _ = exhausted(obtain(REPO))  # asks, in vain
    assert again.model is loaded.model and again.notes[-1].key == "from_cache"
    hub.heal()
    hub.fail("401")  # gone private: that is an answer, and is heeded
    with pytest.raises(InputError) as caught:
        next(obtain(REPO))
    assert caught.value.key == "hub_denied"


def test_a_branch_that_moves_is_followed_by_who_asks(hub, weights):
    use(ModelStore(header_seconds=0))
    loaded, other = load(REPO, trusted=False), create("resnet20_cifar", seed=6)
    hub.add(REPO, {"model.safetensors": save(other.state_dict())})
    assert load(REPO, trusted=False) is loaded
    moved, _ = exhausted(obtain(REPO))
    assert same_tensors(moved.model.state_dict(), other.state_dict())
    assert load(REPO, trusted=False) is moved


def test_beyond_what_is_remembered_the_latest_is_at_hand(hub, weights):
    """A page that has met more repositories than it keeps in mind goes on to answer for the last one."""
    use(ModelStore(places=2))
    refs = [ModelRef.parse(f"a/net{i}") for i in range(3)]
    for ref in refs:
        hub.add(ref.repo, {"model.safetensors": weights})
        current().load_anew(ref)
    assert [current().is_at_hand(ref) for ref in refs] == [False, True, True]
    asked = len(hub.requests)
    current().load(refs[1])
    assert len(hub.requests) == asked  # and is now the one asked for last
    current().load_anew(refs[0])
    assert [current().is_at_hand(ref) for ref in refs] == [True, True, False]


def test_what_is_in_the_cache_is_the_owners_only(hub, net, monkeypatch):
    load(REPO, trusted=False)
    use(ModelStore())
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert refusal(trusted=False).key == "hub_offline"
    assert same_tensors(load(REPO).model.state_dict(), net.state_dict())


def test_a_visitors_download_sends_no_token(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    load(REPO, trusted=False)
    assert not any(request.authorization for request in hub.requests)
    use(ModelStore())
    shutil.rmtree(huggingface_hub.constants.HF_HUB_CACHE)
    load(REPO)
    assert {r.authorization for r in hub.requests if r.path.startswith("/stored/")} == {""}
    assert "Bearer hf_secret" in {r.authorization for r in hub.requests}


def test_a_headless_repository_is_refused_before_its_download(hub, net, weights):
    body = {name: tensor for name, tensor in net.state_dict().items() if not name.startswith("fc.")}
    hub.add("a/body", {"model.safetensors": save(body)})
    assert refusal("a/body").key == "headless" and hub.sent("model.*") < 0.1 * len(weights)
