"""Tracing a model reference: from the stand-in Hub, from disk, bundled; and every way a Hub can fail."""

import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import huggingface_hub
import pytest

import resnet
from resnet.__main__ import main
from resnet.config import VARIANTS
from resnet.hub import recognise as recognise_module
from resnet.hub.local import local_header
from resnet.hub.recognise import Recognised, recognise_header
from resnet.hub.ref import WEIGHTS, ModelRef
from resnet.hub.remote import HUB_SECONDS
from resnet.hub.store import ModelStore, current, use
from resnet.hub.trace import trace, trace_recognised
from resnet.util.errors import InputError
from tests.checkpoints import cifar_names, of, timm_model, transformers_names, write, write_sharded
from tests.hub import StandInHub, pointed_at

REPO = "timm/resnet50.a1_in1k"
TIMM_CONFIG = json.dumps({"architecture": "resnet50", "pretrained_cfg": {"input_size": [3, 224, 224]}}).encode()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Full-size checkpoints, sparse on disk."""
    folder = tmp_path_factory.mktemp("files")
    net = {name: write(folder / f"{name}.safetensors", of(name)) for name in ("resnet18", "resnet50", "resnet152")}
    net["transformers"] = write(folder / "transformers.safetensors", transformers_names(of("resnet50")))
    net["cifar"] = write(folder / "cifar.safetensors", cifar_names(of("resnet56_cifar"), "module."))
    net["skresnet50"] = write(folder / "skresnet50.safetensors", of(timm_model("skresnet50")))
    return net


@pytest.fixture
def hub(tmp_path, files):
    with StandInHub() as stand_in, pointed_at(stand_in, tmp_path / "cache"):
        stand_in.add(REPO, {"config.json": TIMM_CONFIG, "model.safetensors": files["resnet50"]})
        stand_in.add("a/long", {"model.safetensors": files["resnet152"]})  # a header of two reads
        yield stand_in


def recognise(name: str, seconds: float = HUB_SECONDS, trusted: bool = False) -> Recognised:
    return current().recognise(ModelRef.parse(name, trusted), seconds)


def refusal(name="a/long", seconds=5.0) -> InputError:
    started = time.perf_counter()
    with pytest.raises(InputError) as caught:
        recognise(name, seconds=seconds)
    assert time.perf_counter() - started < seconds + 1
    assert "\n" not in str(caught.value) and caught.value.sentence("zh")
    return caught.value


@pytest.mark.slow
def test_the_stand_in_is_a_hub_to_the_real_client(hub, tmp_path):
    config = huggingface_hub.hf_hub_download(REPO, "config.json")
    assert Path(config).read_bytes() == TIMM_CONFIG
    assert [r.method for r in hub.seen("config.json")] == ["HEAD", "GET"]
    huggingface_hub.hf_hub_download(REPO, "config.json")
    assert [r.method for r in hub.seen("config.json")] == ["HEAD", "GET", "HEAD"]  # warm: FACTS.md
    assert set(huggingface_hub.get_safetensors_metadata(REPO).weight_map) == set(of("resnet50"))
    info = huggingface_hub.model_info(REPO)
    assert info.sha == hub.repositories[f"models/{REPO}"].heads["main"]
    whole = huggingface_hub.hf_hub_download("a/long", "model.safetensors")
    assert os.path.getsize(whole) == hub.sent("model.safetensors") - 100_001 > 200e6
    hub.add("who/pictures", {"data/test.bin": b"x" * 20_000}, kind="datasets")
    found = huggingface_hub.hf_hub_download("who/pictures", "data/test.bin", repo_type="dataset")
    assert Path(found).read_bytes() == b"x" * 20_000
    with pytest.raises(huggingface_hub.errors.RepositoryNotFoundError):
        huggingface_hub.hf_hub_download("no/body", "config.json")


def test_a_repository_is_recognised_from_less_than_a_thousandth(hub, files):
    found = recognise(REPO)
    assert found.config == VARIANTS["resnet50"] and found.variant == "resnet50" and found.name == REPO
    assert found.file_size == files["resnet50"].stat().st_size
    assert found.bytes_read == hub.sent() < 0.001 * found.file_size
    assert sorted((r.file, r.status) for r in hub.requests) == [
        ("config.json", 206), ("model.safetensors", 206), ("model.safetensors", 302)]
    assert found.header.revision == hub.repositories[f"models/{REPO}"].heads["main"]
    assert all(found.header.revision in r.path for r in hub.requests[1:])  # one commit, whatever is pushed meanwhile


def test_a_change_of_view_asks_the_hub_once(hub):
    first = trace(REPO, size=64)
    asked = len(hub.requests)
    assert trace(REPO, size=96, classes=10).params < first.params == 25_557_032
    assert len(hub.requests) == asked


@pytest.mark.parametrize(("name", "variant", "spelling"), [
    ("transformers", "resnet50", "transformers"), ("cifar", "resnet56_cifar", "cifar"),
    ("resnet18", "resnet18", "torchvision"),
])
def test_spellings_and_revisions(hub, files, name, variant, spelling):
    hub.add("some/net", {"model.safetensors": files[name]}, revision="v1.0")
    hub.add("some/net", {"readme.md": b"moved"})
    found = recognise("some/net@v1.0")
    assert (found.variant, found.spelling) == (variant, spelling)
    assert recognise(f"some/net@{found.header.revision}").config == found.config
    assert refusal("some/net").key == "no_safetensors"
    assert refusal("some/net@v2").key == "hub_no_revision"


def test_a_sharded_repository(hub, tmp_path):
    folder = write_sharded(tmp_path / "shards", of("resnet50"), 11)
    hub.add("a/shards", {file.name: file for file in folder.iterdir()})
    found = recognise("a/shards")
    assert found.config == VARIANTS["resnet50"] and len(found.header.files) == 11
    assert found.bytes_read == hub.sent() < 0.01 * found.file_size
    use(ModelStore())
    hub.fail("EntryNotFound", "model-00007*")
    assert refusal("a/shards").key == "shard_missing"


def test_a_net_that_is_not_plain_is_refused_after_its_header(hub, files):
    hub.add("timm/skresnet50.ra_in1k", {"model.safetensors": files["skresnet50"]})
    assert refusal("timm/skresnet50.ra_in1k").key == "kind_branches"
    assert hub.sent() < 100_000


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "key"), [
    ("reset", "hub_cut"), ("truncated", "hub_cut"), ("longer", "hub_size"), ("changed", "hub_changed"),
    ("moved", "hub_changed"),
    ("pointer", "lfs_pointer"), ("odd_range", "hub_odd"), ("RepoNotFound", "hub_no_repository"),
    ("RevisionNotFound", "hub_no_revision"), ("EntryNotFound", "no_safetensors"), ("GatedRepo", "hub_gated"),
    ("401", "hub_denied"), ("403", "hub_denied"), ("404", "hub_no_repository"), ("429", "hub_busy"),
    ("500", "hub_status"), ("503", "hub_status"), ("stall", "hub_slow"), ("trickle", "hub_slow"),
])
def test_each_fault_has_its_sentence(hub, fault, key):
    hub.fail(fault, "model.*")
    assert refusal(seconds=0.6 if key == "hub_slow" else 5).key == key
    assert hub.sent() < 500_000
    hub.heal()
    assert recognise("a/long", seconds=30).config == VARIANTS["resnet152"]


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["stall", "trickle"])
def test_a_slow_hub_leaves_no_thread_behind(hub, fault):
    hub.fail(fault, "model.*")
    assert refusal(seconds=0.5).key == "hub_slow"
    end = time.monotonic() + 2
    while (alive := [t for t in threading.enumerate() if t.name == "within"]) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/x", "", "//", "http://", "gopher://x"])
def test_redirects_to_elsewhere_are_not_followed(hub, to):
    hub.fail("redirect", "model.*", to=to)
    assert refusal().key == "hub_redirect"


def test_redirects_in_a_circle_end(hub):
    hub.fail("redirect", "model.*", to="/a/long/resolve/main/model.safetensors")
    assert refusal().key == "hub_redirect" and len(hub.seen("model.*")) <= 6


@pytest.mark.parametrize("fault", ["no_ranges", "chunked"])
def test_a_server_that_ignores_ranges_is_not_read_to_the_end(hub, fault):
    hub.fail(fault, "model.*")
    found = recognise("a/long")
    assert found.config == VARIANTS["resnet152"] and found.bytes_read < 300_000 < 0.01 * found.file_size
    assert hub.sent() < 0.2 * found.file_size  # what the socket took before it was closed


def test_a_push_between_two_reads_is_noticed_or_harmless(hub, files):
    old = hub.repositories["models/a/long"].heads["main"]
    hub.route("GET", "/a/long/resolve/main/config.json", lambda *_: (
        404, hub.add("a/long", {"model.safetensors": files["resnet18"]})))
    assert refusal().key == "hub_no_repository"  # a bare 404 is no answer about the file
    hub.routes.clear()
    assert recognise(f"a/long@{old}").variant == "resnet152" and recognise("a/long").variant == "resnet18"


def test_no_hub_at_all(tmp_path):
    with pointed_at("http://127.0.0.1:9", tmp_path):
        assert refusal().key == "hub_unreachable"
        assert recognise("resnet20_fashion_mnist").variant == "resnet20_cifar"  # bundled goes on


def test_offline_mode(hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert refusal().key == "hub_offline"


@pytest.mark.slow
def test_a_stalled_hub_at_the_default_deadline(hub):
    """The command line as a user runs it, interpreter and imports included; torch is not among them.

    What it computes and what it waits are measured apart, so that a crowded machine lengthens neither.
    """
    hub.fail("stall")
    computed = _seconds_of_children()
    with subprocess.Popen([sys.executable, "-X", "importtime", "-m", "resnet", "trace", "a/long"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=os.environ | hub.environment(WEIGHTS)) as command:
        while not hub.requests and command.poll() is None:
            time.sleep(0.01)
        asked = time.perf_counter()
        out, err = command.communicate(timeout=60)
    waited, computed = time.perf_counter() - asked, _seconds_of_children() - computed
    *imports, sentence = err.splitlines()
    assert command.returncode == 2 and out == ""
    assert sentence.startswith(f"resnet trace: The Hub did not answer within {HUB_SECONDS:g} seconds")
    assert not any(line.split("|")[-1].strip() == "torch" for line in imports)
    assert HUB_SECONDS - 1 < waited < HUB_SECONDS + 2 and HUB_SECONDS + computed < 10


def _seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_owners_token_is_sent_for_the_owner_only_and_to_the_hub_only(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    recognise(REPO)
    assert not any(request.authorization for request in hub.requests)
    hub.requests.clear()
    recognise(REPO, trusted=True)
    sent = {request.path.startswith("/stored/"): request.authorization for request in hub.requests}
    assert sent == {False: "Bearer hf_secret", True: ""}


@pytest.mark.parametrize(("name", "expected"), [
    ("timm/resnet50.a1_in1k", ("timm/resnet50.a1_in1k", "main")), ("a/b@v1.0", ("a/b", "v1.0")),
    ("a/b@refs/pr/3", ("a/b", "refs/pr/3")), ("https://huggingface.co/a/b", ("a/b", "main")),
    ("https://huggingface.co/a/b/", ("a/b", "main")), ("https://huggingface.co/a/b/tree/dev", ("a/b", "dev")),
    (" a/b ", ("a/b", "main")),
])
def test_references(name, expected):
    assert ModelRef.parse(name) == ModelRef("hub", *expected)


@pytest.mark.parametrize("name", [
    "a", "a/b/c", "/a/b", "a//b", "../b", "a/..", "a/b@", "a/b@../c", "a/b@a//b", "a/b@x\n", "a/b\n",
    "a/b\r\nHost: x", "a b/c", "a/b?x=1", "a/b#c", "a/b%2e", "http://huggingface.co/a/b", "https://example.org/a/b",
    "a:b@c/d", "https://huggingface.co.example.org/a/b", "https://huggingface.co@example.org/a/b", "a/" + "b" * 97,
    "é/b",
    "a/b.git", "a--b/c", "-a/b", "a/-b", ".a/b", "a/b.", "datasets/a/b", "a/b@" + "x" * 200, "a/b@-x", "", "/", "a/b\0",
])
def test_strange_references_are_refused_before_any_request(hub, name):
    with pytest.raises(InputError) as caught:
        current().header(ModelRef.parse(name))
    assert caught.value.key == ("not_a_repository" if "/" in name else "unknown_model")
    assert "\n" not in str(caught.value) and hub.requests == []


def test_a_visitor_names_no_local_files(hub, files):
    for name in (str(files["resnet18"]), "weights/resnet20_fashion_mnist", "./weights", "/etc/passwd"):
        with pytest.raises(InputError) as caught:
            trace_recognised(name, trusted=False)
        assert caught.value.key in ("not_a_repository", "hub_no_repository")


def test_local_references(files, capsys):
    assert trace(str(files["resnet18"])).params == 11_689_512
    assert trace("resnet20_fashion_mnist").name == "resnet20_fashion_mnist"
    assert resnet.trace("weights/resnet20_fashion_mnist").params == trace("resnet20_fashion_mnist").params
    assert main(["trace", str(files["transformers"]), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["params"] == 25_557_032 and result["recognised"]["spelling"] == "transformers"
    assert result["recognised"]["bytes_read"] < 0.01 * result["recognised"]["file_size"]
    assert main(["trace", "no_such.safetensors"]) == 2
    assert main(["trace", "./nowhere"]) == 2


def test_the_table_ends_with_what_was_recognised(hub, capsys):
    assert main(["trace", REPO]) == 0
    out = capsys.readouterr().out
    assert "as resnet50" in out and "bytes read, 0.064 %" in out and "named as torchvision" in out


def test_variants_and_modules_are_traced_as_before():
    assert resnet.trace("plain34", size=(64, 64)) == resnet.tracing.trace.trace("plain34", size=(64, 64))
    net = resnet.create("resnet20_cifar")
    assert resnet.trace(net).params == 269_722
    with pytest.raises(InputError, match="did you mean resnet50"):
        resnet.trace("resnet51")


def test_parameters_that_do_not_add_up_are_refused(files, monkeypatch):
    """Were the names right and the trace of another net, the count would tell."""
    header = local_header(files["resnet18"])
    assert recognise_header(header).headless is False
    real = recognise_module.trace
    monkeypatch.setattr(recognise_module, "trace", lambda config: real(config, classes=999))
    with pytest.raises(InputError) as caught:
        recognise_header(header)
    assert caught.value.key == "params_differ"


def test_a_headless_file_is_traced_without_a_classifier(tmp_path, capsys):
    body = {name: shape for name, shape in of("resnet18").items() if not name.startswith("fc.")}
    file = str(write(tmp_path / "body.safetensors", body))
    result, found = trace_recognised(file, trusted=True)
    assert found.headless and result.params == 11_176_512 and result.layers[-1].output == (1, 512)
    assert "1,000" in next(note for note in found.notes if note.key == "headless").sentence()
    assert main(["trace", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["params"] == 11_176_512
    assert trace(file, classes=10).params == 11_181_642
