"""The forms in which people keep a ResNet on the Hub: files of a repository, other files, what is private or away."""

import json

import huggingface_hub
import pytest
from safetensors.torch import save

from resnet.hub.load import load
from resnet.hub.ref import ModelRef
from resnet.hub.store import ModelStore, current, use
from resnet.hub.trace import trace, trace_recognised
from resnet.model import ResNet, create
from resnet.util.errors import InputError
from tests.factories import same_tensors
from tests.hub import StandInHub, pointed_at


@pytest.fixture
def hub(tmp_path):
    with StandInHub() as stand_in, pointed_at(stand_in, tmp_path / "cache"):
        yield stand_in


def refusal(name: str) -> InputError:
    with pytest.raises(InputError) as caught:
        current().recognise(ModelRef.parse(name))
    assert len(str(caught.value)) < 400 and caught.value.sentence("zh")
    return caught.value


def bytes_of(net: ResNet) -> bytes:
    return save(net.state_dict())


@pytest.fixture(scope="module")
def nets() -> tuple[ResNet, ResNet]:
    one, other = (create("resnet20_cifar", seed=seed, shortcut="B").eval() for seed in (1, 2))
    return one, other


def test_a_file_of_a_repository_is_a_model_of_its_own(hub, nets):
    """The config beside it is its own, and both are downloaded and kept apart."""
    named = [json.dumps({"labels": [f"{letter}{i}" for i in range(10)]}).encode() for letter in "rf"]
    hub.add("a/zoo", {"config.json": named[0], "model.safetensors": bytes_of(nets[0]),
                      "folder/net.safetensors": bytes_of(nets[1]), "folder/config.json": named[1]})
    names = ("a/zoo", "a/zoo/folder/net.safetensors", "hf-hub:a/zoo/folder/net.safetensors",
             "https://huggingface.co/a/zoo/blob/main/folder/net.safetensors?download=true#L1")
    loaded = [load(name) for name in names]
    for found, net, letter in zip(loaded, (nets[0], *[nets[1]] * 3), "rfff", strict=True):
        assert same_tensors(found.model.state_dict(), net.state_dict()) and found.info.labels[3] == f"{letter}3"
    assert str(loaded[1].ref) == "a/zoo/folder/net.safetensors" and loaded[1].model is loaded[3].model
    assert current().recognise(ModelRef.parse(names[1], trusted=True)).name == names[1]
    assert len(hub.seen("folder/net.safetensors")) == 4  # the header and the file, each led on once


def test_a_file_that_is_not_there_is_told_and_no_other_is_read(hub, nets):
    hub.add("a/zoo", {"model.safetensors": bytes_of(nets[0]), "model.safetensors.index.json": b"{}"})
    error = refusal("a/zoo/other.safetensors")
    assert error.key == "hub_lacks" and error.values["file"] == "other.safetensors"


@pytest.mark.parametrize(("files", "key", "words"), [
    (("a.safetensors", "b/c.safetensors", "x.bin"), "other_safetensors", ("a.safetensors", "a/zoo/a.safetensors@v1")),
    (("pytorch_model.bin", "README.md"), "only_pickled", ("pytorch_model.bin", "a/zoo@refs/pr/1", "save_file")),
    (("checkpoints/last.ckpt",), "only_pickled", ("checkpoints/last.ckpt",)),
    (("README.md", "model-00001-of-00002.safetensors"), "no_safetensors", ("a/zoo",)),
])
def test_what_there_is_instead_of_a_model_file_is_told(hub, files, key, words):
    hub.add("a/zoo", dict.fromkeys(files, b"x"), revision="v1")
    error = refusal("a/zoo@v1")
    assert error.key == key and all(word in str(error) for word in words)


@pytest.mark.parametrize("answer", [[], {"siblings": 3},
                                    {"siblings": [{"rfilename": 3}, 4, {"rfilename": "a\nb.bin"}]}])
def test_an_odd_list_of_files_is_none(hub, answer):
    hub.add("a/zoo", {"README.md": b"x"})
    hub.route("GET", "/api/models/.*", lambda *_: (200, answer))
    assert refusal("a/zoo").key == "no_safetensors"


def test_the_same_is_told_of_a_folder_here(tmp_path, nets):
    (tmp_path / "last.safetensors").write_bytes(bytes_of(nets[0]))
    with pytest.raises(InputError) as caught:
        load(str(tmp_path))
    example = caught.value.values["example"]
    assert caught.value.key == "other_safetensors" and load(example).info.variant


def test_what_was_fetched_is_traced_without_the_hub_as_it_is_classified_with(hub, nets, tmp_path):
    hub.add("a/net", {"model.safetensors": bytes_of(nets[0])})
    expected = trace("a/net")
    load("a/net")
    use(ModelStore())  # as in a new process
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        result, found = trace_recognised("a/net", trusted=True)
        assert result == expected and found is not None and "from_cache" in {note.key for note in found.notes}
        assert load("a/net").info.name == "a/net"
        with pytest.raises(InputError) as caught:  # what this machine's owner fetched is not a stranger's
            trace("a/net", trusted=False)
        assert caught.value.key == "hub_offline"


def test_what_the_owner_offers_is_the_owners_whoever_asks(hub, nets, monkeypatch):
    """So a private model that RESNET_MODELS names is asked for with the owner's token, and nothing else is."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("RESNET_MODELS", "you/private@v1, resnet20_cifar10,../x")
    for name in ("you/private", "you/other"):
        hub.add(name, {"model.safetensors": bytes_of(nets[0])}, revision="v1")
    load("you/private@v1", trusted=False)
    load("you/other@v1", trusted=False)
    sent = {(request.path.split("/")[2], request.authorization) for request in hub.requests
            if not request.path.startswith("/stored/")}
    assert sent == {("private", "Bearer hf_secret"), ("other", "")}
    assert not any(request.authorization for request in hub.requests if request.path.startswith("/stored/"))
    assert not ModelRef.parse("you/private").trusted and not ModelRef.parse("you/private@v2").trusted


@pytest.mark.parametrize(("name", "near"), [("resnet20", "resnet20_cifar"), ("resnext50", "resnext50_32x4d"),
                                            ("resnet51", "resnet50"), ("wide_resnet50", "wide_resnet50_2")])
def test_the_variant_that_begins_so_is_suggested(name, near):
    with pytest.raises(InputError) as caught:
        trace(name)
    assert caught.value.values["near"] == near
