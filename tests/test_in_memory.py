"""Networks and pictures that are in memory already: other libraries' modules, Pillow's pictures, numpy's arrays."""

import copy
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import resnet
from resnet.config import VARIANTS
from resnet.hub.load import load
from resnet.inference.arrays import picture_of
from resnet.inference.picture import decode
from resnet.inference.predict import classify
from resnet.model import create
from resnet.util.errors import InputError
from tests.factories import same_tensors, tiny
from tests.pictures import encode, gradient, noise


def trained_looking(net: nn.Module) -> nn.Module:
    """With running statistics that differ from the start's."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None:
            module.running_mean.normal_(generator=torch.Generator().manual_seed(1), std=0.1)
            module.running_var.uniform_(0.5, 1.5, generator=torch.Generator().manual_seed(2))
    return net.eval()


def of_torchvision(name: str = "resnet18", **settings: Any) -> nn.Module:
    from torchvision.models import get_model

    torch.manual_seed(0)
    return trained_looking(get_model(name, **settings))


def of_timm(name: str = "resnet18", **settings: Any) -> nn.Module:
    import timm

    torch.manual_seed(0)
    return trained_looking(timm.create_model(name, pretrained=False, **settings))


def of_transformers(**settings: Any) -> nn.Module:
    from transformers import ResNetConfig, ResNetForImageClassification

    torch.manual_seed(0)
    return trained_looking(ResNetForImageClassification(ResNetConfig(**settings)))


MODULES = {
    "torchvision": of_torchvision, "torchvision, 7 classes": lambda: of_torchvision(num_classes=7),
    "torchvision, resnext": lambda: of_torchvision("resnext50_32x4d"),
    "timm": of_timm, "timm, 7 classes": lambda: of_timm(num_classes=7),
    "below a prefix": lambda: nn.Sequential(of_torchvision()),
}


@pytest.mark.peers
@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_loaded_with_its_own_answers(name):
    module = MODULES[name]()
    before = copy.deepcopy(module.state_dict())
    loaded, pictures = resnet.load(module), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected = module(pictures)
        torch.testing.assert_close(loaded.model(pictures), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert resnet.trace(module).params == sum(p.numel() for p in module.parameters())
    next(module.parameters()).data.zero_()  # theirs is theirs, and ours a copy
    assert same_tensors(loaded.model.state_dict(), {k.removeprefix("0."): v for k, v in before.items()})
    assert resnet.classify(gradient(), loaded, top_k=3).predictions and "ResNet" in repr(loaded)


@pytest.mark.peers
@pytest.mark.parametrize("first", [True, False])
def test_transformers_stride_is_its_configs(first):
    module = of_transformers(layer_type="bottleneck", downsample_in_bottleneck=first, embedding_size=64,
                             hidden_sizes=[256, 512, 1024, 2048], depths=[1, 1, 1, 1], num_labels=5)
    loaded = load(module)
    assert loaded.info.architecture.stride_in == ("1x1" if first else "3x3") and len(loaded.info.labels) == 5
    pictures = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(pictures), module(pictures).logits, rtol=1e-4, atol=1e-4)


@pytest.mark.peers
def test_what_tensors_do_not_show_is_asked_of_the_module():
    """torchvision says nothing of itself: a stride that was moved by hand is found by its answers."""
    module: Any = of_torchvision("resnet50", num_classes=4)
    assert load(module).info.architecture.stride_in == "3x3"
    for stage in (module.layer2, module.layer3, module.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    loaded, pictures = load(module), torch.rand(1, 3, 64, 64)
    assert loaded.info.architecture.stride_in == "1x1"
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(pictures), module(pictures), rtol=1e-4, atol=1e-3)


class ZeroOnBothSides(nn.Module):
    """Option A as the most used repository of CIFAR nets has it."""

    def __init__(self, channels: int):
        super().__init__()
        self.side = channels // 4

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.side, self.side))


def test_where_option_a_pads_is_asked_of_the_module():
    """As the public ResNet-20, whose tensors are those of the net that pads behind: that one answers otherwise."""

    class Theirs(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = trained_looking(create("resnet20_cifar", seed=3))
            for stage, channels in ((self.net.layer2, 32), (self.net.layer3, 64)):
                stage[0].downsample = ZeroOnBothSides(channels)  # pyright: ignore

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net(x)

    theirs, pictures = Theirs().eval(), torch.rand(4, 3, 32, 32)
    loaded = load(theirs)
    assert loaded.info.architecture == replace(VARIANTS["resnet20_cifar"], zero_pad="both")
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(pictures), theirs(pictures), rtol=1e-4, atol=1e-4)
        assert not torch.allclose(create("resnet20_cifar", seed=3).eval()(pictures), theirs(pictures), atol=1e-2)


@pytest.mark.peers
def test_a_module_that_computes_something_else_is_refused_with_its_tensors_the_same():
    module: Any = of_torchvision(num_classes=4)
    module.relu = nn.Tanh()
    assert resnet.trace(module).params == sum(p.numel() for p in module.parameters())
    with pytest.raises(InputError) as caught:
        load(module)
    assert caught.value.key == "module_differs" and caught.value.sentence("zh")


@pytest.mark.parametrize(("module", "key"), [(nn.Linear(3, 4), "not_a_resnet_file"), (nn.ReLU(), "not_a_resnet_file")])
def test_other_networks_are_refused(module, key):
    for use in (load, resnet.trace):
        with pytest.raises(InputError) as caught:
            use(module)
        assert caught.value.key == key


def test_a_net_of_ours_is_loaded_as_it_is():
    """Its plain twin has the same tensors."""
    net = trained_looking(create("plain20_cifar"))
    loaded = load(net)
    assert loaded.info.architecture == VARIANTS["plain20_cifar"] and same_tensors(
        loaded.model.state_dict(), net.state_dict())


# Pictures ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def loaded():
    return load(trained_looking(create(tiny(in_channels=3, input_size=(32, 32)))))


def same(one: Any, other: Any) -> bool:
    return [(p.label, p.probability) for p in one.predictions] == [(p.label, p.probability) for p in other.predictions]


def test_one_picture_in_every_form_gets_one_answer(loaded):
    data = encode(gradient(), "PNG")
    picture, pixels = Image.open(BytesIO(data)), decode(data)
    array = np.asarray(picture)
    answer = classify(data, loaded)
    forms = (picture, picture.convert("RGBA"), array, array / 255, (array / 255).astype(np.float16), pixels,
             array[::-1][::-1], np.dstack([array, np.full(array.shape[:2], 255, np.uint8)]))
    assert all(same(classify(form, loaded), answer) for form in forms)
    assert not same(classify(array[:, ::-1], loaded), answer)


def test_grey_pictures_and_turned_ones_are_shown_as_their_files_are(loaded):
    grey = np.asarray(gradient())[..., 0]
    expected = classify(encode(Image.fromarray(grey)), loaded)
    for form in (grey, grey[..., None], Image.fromarray(grey), Image.fromarray(grey).convert("RGB"), grey / 255):
        assert same(classify(form, loaded), expected)
    turned = noise(40, 20)
    turned.getexif()[0x0112] = 6
    assert picture_of(turned).size == (40, 20)


@pytest.mark.parametrize("strange", [
    np.zeros((3, 8, 9), np.uint8), np.zeros((8, 9, 2), np.uint8), np.zeros(8, np.uint8), np.zeros((0, 9, 3), np.uint8),
    np.zeros((8, 9, 3), np.int64), np.full((8, 9, 3), 1.5), np.full((8, 9, 3), -0.1), np.full((8, 9, 3), np.nan),
    np.full((8, 9, 3), 255.0), np.zeros((1, 8, 9, 3), np.uint8), np.zeros((8, 9, 3), complex),
    torch.zeros(8, 9, 3, dtype=torch.uint8), torch.zeros(3, 8, 9), None, 5, [[0]],
], ids=lambda value: str(getattr(value, "shape", value)))
def test_anything_else_is_refused_in_a_sentence(loaded, strange):
    with pytest.raises(InputError) as caught:
        classify(strange, loaded)
    assert caught.value.key == "picture_array" and "0 to 1" in str(caught.value) and "\n" not in str(caught.value)
