"""The forms in which people keep a ResNet's weights: below any prefix, beside other tensors, with any head."""

import json
import time
from contextlib import suppress

import pytest
import torch
from safetensors.torch import save_file

from resnet.config import VARIANTS
from resnet.hub.header import check_weights
from resnet.hub.infer import Shapes, infer_config
from resnet.hub.load import load
from resnet.hub.local import local_header
from resnet.hub.recognise import recognise_header
from resnet.hub.spelling import to_torchvision
from resnet.hub.trace import trace_recognised
from resnet.model import create
from resnet.util.errors import InputError
from tests.checkpoints import cifar_names, of, transformers_names, write

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
