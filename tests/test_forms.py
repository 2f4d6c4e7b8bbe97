"""The forms in which people keep a ResNet's weights: below any prefix, beside other tensors, with any head."""

import json
import time
from contextlib import suppress

import huggingface_hub
import pytest
import torch
from safetensors.torch import save, save_file

from resnet.config import VARIANTS
from resnet.hub.header import check_weights
from resnet.hub.infer import Shapes, infer_config
from resnet.hub.load import load
from resnet.hub.local import local_header
from resnet.hub.recognise import recognise_header
from resnet.hub.ref import ModelRef
from resnet.hub.spelling import to_torchvision
from resnet.hub.store import ModelStore, current, use
from resnet.hub.trace import trace, trace_recognised
from resnet.model import ResNet, create
from resnet.util.errors import InputError
from tests.checkpoints import cifar_names, of, transformers_names, write
from tests.factories import same_tensors
from tests.hub import StandInHub, pointed_at

PREFIXES = ("timm_model.", "resnet.", "backbone.", "net.", "encoder.", "model.model.", "module.encoder_q.",
            "x.anything at all.0.", "backbone.body.")


def below(prefix: str, shapes: Shapes) -> Shapes:
    return {prefix + name: shape for name, shape in shapes.items()}


def body(name: str = "resnet18") -> Shapes:
    return {key: shape for key, shape in of(name).items() if not key.startswith("fc.")}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("spelled", [dict, cifar_names, transformers_names])
def test_any_prefix_is_found_by_structure(prefix, spelled):
    found = infer_config(below(prefix, spelled(of("resnet18"))))
    assert found.config == VARIANTS["resnet18"] and not found.headless and found.spelling.left == ()
    assert found.spelling.prefix == prefix
    assert set(found.spelling.mapping.values()) == set(of("resnet18"))


@pytest.mark.parametrize("prefix", ["", "backbone.", "0."])
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_sequential_of_a_nets_children_is_read_by_their_numbers(prefix, name):
    """Beside it the head of torchvision's name, which the children's own Sequential would have numbered."""
    from torchvision.models import get_model

    with torch.device("meta"):
        net = get_model(name)
    children = {prefix + key: tuple(tensor.shape) for key, tensor in
                torch.nn.Sequential(*list(net.children())[:-1]).state_dict().items()}
    assert infer_config(children).headless and infer_config(children).config == VARIANTS[name]
    found = infer_config(children | {"fc.weight": (1000, net.fc.in_features), "fc.bias": (1000,)})
    assert found.config == VARIANTS[name] and found.spelling.name == "children" and not found.headless
    assert set(found.spelling.mapping.values()) == set(of(name))


@pytest.mark.parametrize(("head", "module"), [
    ({"fc.weight": (7, 512), "fc.bias": (7,)}, "fc"), ({"fc.1.weight": (7, 512), "fc.1.bias": (7,)}, "fc.1"),
    ({"classifier.weight": (7, 512), "classifier.bias": (7,)}, "classifier"),
    ({"head.fc.weight": (7, 512), "head.fc.bias": (7,)}, "head.fc"),
    ({"last_linear.weight": (7, 512), "last_linear.bias": (7,)}, "last_linear"),
])
@pytest.mark.parametrize(("inner", "outer"), [("", ""), ("module.encoder.", "module.encoder."),
                                              ("module.encoder.", "module."), ("module.encoder.", "")])
def test_one_linear_layer_is_the_classifier_wherever_it_stands(head, module, inner, outer):
    found = infer_config(below(inner, body()) | below(outer, head))
    assert found.config.classes == 7 and not found.headless and found.spelling.left == ()
    assert found.spelling.mapping[f"{outer}{module}.weight"] == "fc.weight"


LAYERED = {
    "an MLP": {"fc.0.weight": (64, 512), "fc.0.bias": (64,), "fc.3.weight": (7, 64), "fc.3.bias": (7,)},
    "an MLP with a norm": {"classifier.1.weight": (64, 512), "classifier.1.bias": (64,), "classifier.2.weight": (64,),
                           "classifier.2.bias": (64,), "classifier.2.running_mean": (64,),
                           "classifier.4.weight": (7, 64), "classifier.4.bias": (7,)},
    "a norm before": {"head.norm.weight": (512,), "head.norm.bias": (512,), "head.fc.weight": (7, 512),
                      "head.fc.bias": (7,)},
    "a scale": {"fc.weight": (7, 512), "fc.bias": (7,), "fc.scale": (3,)},
    "a convolution": {"classifier.0.weight": (21, 512, 3, 3), "classifier.0.bias": (21,)},
}


@pytest.mark.parametrize("name", LAYERED)
@pytest.mark.parametrize(("inner", "outer"), [("", ""), ("backbone.", "")])
def test_the_body_is_traced_whatever_the_head(tmp_path, name, inner, outer):
    file = write(tmp_path / "net.safetensors", below(inner, body()) | below(outer, LAYERED[name]))
    result, found = trace_recognised(str(file), trusted=True)
    assert result.params == 11_176_512 and found.headless and found.left == ()
    told = next(note for note in found.notes if note.key == "layered")
    assert next(iter(LAYERED[name])).partition(".")[0] in told.sentence() and told.sentence("zh") != told.sentence()
    with pytest.raises(InputError) as caught:
        load(str(file))
    assert caught.value.key == "layered"


def test_two_layers_in_a_row_are_no_classifier_even_in_two_modules():
    """The net answers with what the second gives, so the first is not its classifier."""
    heads = {"net.fc.weight": (100, 512), "net.fc.bias": (100,), "head.weight": (7, 100), "head.bias": (7,)}
    found = infer_config(below("net.", body()) | heads)
    assert found.headless and found.spelling.layered == ("net.fc.", "head.")


EXTRAS = {
    "criterion.weight": (1000,), "n_averaged": (), "model_ema.module.fc.weight": (1000, 512),
    "projector.0.weight": (128, 512), "projector.1.running_mean": (128,), "projector.2.weight": (128, 128),
    "decoder.conv.weight": (8, 512, 3, 3),
}


def test_what_is_no_part_of_the_net_is_named_and_left(tmp_path):
    net = below("model.", of("resnet18")) | below("model_ema.module.", of("resnet18"))
    file = write(tmp_path / "net.safetensors", net | EXTRAS)
    result, found = trace_recognised(str(file), trusted=True)
    assert result.params == 11_689_512 and set(found.mapping) == set(below("model.", of("resnet18")))
    assert [name for name, _ in found.left] == ["model_ema", "projector", "criterion", "decoder", "n_averaged"]
    said = next(note for note in found.notes if note.key == "left").sentence()
    assert "criterion (1)" in said and "model_ema (122)" in said
    assert json.dumps(found.to_dict()["left"]) and "criterion" in found.to_dict()["left"]


def test_heads_and_losses_beside_the_stages_are_left_too():
    beside = {name: shape for name, shape in EXTRAS.items() if name.startswith(("criterion", "projector"))}
    found = infer_config(of("resnet18") | beside)
    assert found.spelling.left == (("projector", 3), ("criterion", 1)) and not found.headless


@pytest.mark.parametrize("between", [
    {"ca.fc.weight": (4, 64, 1, 1)}, {"bnneck.weight": (512,), "bnneck.bias": (512,)}, {"gem.p": (1,)},
    {"avgpool.p": (1,)}, {"conv2.weight": (64, 64, 3, 3)}, {"scale": (1,)}, {"layer1.0.gate": (1,)},
    {"neck.running_mean": (512,)},
])
def test_what_may_take_part_in_the_answer_is_not_left(between):
    with pytest.raises(InputError) as caught:
        infer_config(of("resnet18") | between)
    assert caught.value.key == "tensor_extra" and caught.value.values["tensor"] in between


def test_a_kept_copy_is_left_and_the_net_loads_from_among_the_rest(tmp_path):
    net, copy = create("resnet20_cifar", seed=1, shortcut="B").eval(), create("resnet20_cifar", seed=2, shortcut="B")
    state = {f"online.net.{name.replace('fc.', 'fc.1.')}": value for name, value in net.state_dict().items()}
    state |= {f"ema.net.{name}": value for name, value in copy.state_dict().items()}
    save_file(state | {"criterion.weight": torch.ones(10, dtype=torch.float64)}, tmp_path / "net.safetensors")
    loaded = load(str(tmp_path / "net.safetensors"))
    picture = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(loaded.model(picture), net(picture)) and not torch.equal(net(picture), copy(picture))


@pytest.mark.parametrize("kind", ["F64", "F8_E4M3", "F8_E5M2", "F16"])
def test_every_kind_of_float_is_traced_by_its_header_and_the_common_ones_load(tmp_path, kind):
    file = write(tmp_path / "net.safetensors", of("resnet18"), kind)
    found = recognise_header(local_header(file))
    assert found.variant == "resnet18"
    if kind == "F16":
        return check_weights(found.header, found.mapping)
    with pytest.raises(InputError) as caught:
        found.check_loadable()
    assert caught.value.key == "tensor_type" and caught.value.values["found"] == kind
    return None


def test_whole_numbers_are_no_weights(tmp_path):
    with pytest.raises(InputError, match="I8"):
        recognise_header(local_header(write(tmp_path / "net.safetensors", of("resnet18"), "I8")))


def hostile() -> dict[str, Shapes]:
    linear = {f"x{i}.weight": (1, 1) for i in range(20_000)}
    copies = {f"x{i}.layer1.0.conv1.weight": (64, 64, 3, 3) for i in range(30_000)}
    deep = "a." * 80
    return {"many heads": of("resnet18") | linear, "many copies": of("resnet18") | copies,
            "many copies below": below("x.", of("resnet18")) | copies | {"y": (1,)},
            "deep": below(deep, of("resnet18")) | {f"{deep}x{i}.w": (1, 1) for i in range(30_000)}}


@pytest.mark.parametrize("name", hostile())
def test_a_crowd_of_tensors_is_read_in_time(name):
    """A header may list 40,000: what is done with them must not be done with each pair."""
    tensors = hostile()[name]
    started = time.process_time()
    with suppress(InputError):
        to_torchvision(tensors)
    assert time.process_time() - started < 3


# On the Hub ------------------------------------------------------------------------------------------------


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
