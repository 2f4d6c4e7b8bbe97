import pytest
import torch

from resnet.data import normalise
from resnet.hub.load import load
from resnet.lab.images import images_for
from resnet.lab.responses import FILE, _measured, deviations, layer_norms, nets, read, record, responses
from resnet.util.errors import InputError
from tests.factories import made_info, made_split, same_tensors, tiny
from tests.test_surgery import living

NAME = "resnet20_fashion_mnist"


def test_a_deviation_is_that_of_the_normalised_convolution():
    """By hand: the convolutions' outputs, normalised by the formula of batch norm."""
    loaded = load(NAME)
    split = images_for(loaded.info, "test", 70, shipped=True)
    inputs = normalise(split.images, split.spec)
    outputs = {}
    hooks = [module.register_forward_hook(lambda _, __, out, name=name: outputs.__setitem__(name, out.clone()))
             for name, module in loaded.model.named_modules() if "conv" in name]
    with torch.inference_mode():
        loaded.model(inputs)
    for hook in hooks:
        hook.remove()
    found = deviations(loaded.model, split)
    assert list(found) == list(outputs) and len(found) == 19
    for name, out in outputs.items():
        norm = loaded.model.get_submodule(name.replace("conv", "bn"))
        mean, var, scale, shift = (part.double().view(1, -1, 1, 1) for part in (
            norm.running_mean, norm.running_var, norm.weight, norm.bias))
        response = (out.double() - mean) / (var + norm.eps).sqrt() * scale + shift
        assert found[name] == pytest.approx(response.std(correction=0).item(), rel=1e-4)


@pytest.mark.parametrize("depth", [20, 56])
def test_figure_7s_ordering_holds_for_twins(depth):
    plain, residual = (responses(f"{kind}{depth}_fashion_mnist", 100) for kind in ("plain", "resnet"))
    assert residual.mean < 0.97 * plain.mean and residual.median < plain.median
    quieter = [one < other for (_, one), (_, other) in zip(residual.ranked, plain.ranked, strict=True)]
    assert sum(quieter) > 0.85 * len(quieter)  # rank by rank, as in the figure's lower half


def test_ranked_is_the_same_layers_loudest_first():
    found = responses(NAME, 100)
    values = [value for _, value in found.ranked]
    assert values == sorted(found.deviations, reverse=True)
    assert dict(found.ranked) == dict(zip(found.layers, found.deviations, strict=True))


def test_the_shared_net_is_left_alone():
    model = load(NAME).model
    before = {key: value.clone() for key, value in model.state_dict().items()}
    _measured.__wrapped__(NAME, 100)
    assert same_tensors(before, model.state_dict())
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("name, items", [("resnet20_imagenet", 100), ("../weights", 100), (NAME, 99), (NAME, 10**6)])
def test_what_is_not_offered_is_refused(name, items):
    with pytest.raises(InputError):
        responses(name, items)


def test_plain_before_residual_shallow_before_deep():
    ordered = ["plain20", "plain56", "resnet20", "resnet56"]
    assert nets()["fashion_mnist"] == [f"{name}_fashion_mnist" for name in ordered]


def test_a_record_is_what_was_measured(tmp_path):
    config = tiny(depths=(1, 2, 1))
    model, split, info = living(config), made_split(12), made_info(config)
    found = record(tmp_path, model, split)
    assert found == deviations(model, split)
    again = read(tmp_path, info)
    assert again.layers == tuple(found) and again.n == 12 and again.name == info.name
    assert again.deviations == pytest.approx(tuple(found.values()), rel=1e-5)


@pytest.mark.parametrize("content", ["", "layer,deviation\nconv1,1\n", "layer,deviation,n\nconv1,loud,3\n",
                                     "layer,deviation,n\nconv1\n", "\0\n1", b"\xff\xfe"])
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / FILE).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        read(tmp_path, made_info(tiny()))
    assert FILE in str(caught.value) and "resnet responses" in str(caught.value)


def test_what_ships_no_images_is_shown_as_recorded():
    for name in nets()["cifar10"]:
        found = responses(name, 100)
        assert found.n == 10_000 and found.name == name and len(found.layers) == found.depth - 1


@pytest.mark.parametrize("name", nets()["cifar10"])
def test_the_recorded_responses_are_of_these_weights(name):
    """Each channel of a normalised layer has about the deviation and mean that its scale and shift say."""
    norms = [norm for _, norm in layer_norms(load(name).model)]
    said = [(norm.weight.square().mean() + norm.bias.var(correction=0)).sqrt().item() for norm in norms]
    ratios = [one / other for one, other in zip(said, responses(name, 100).deviations, strict=True)]
    assert sum(abs(ratio - 1) for ratio in ratios) / len(ratios) < 0.08  # of another net's weights 0.15 and more
