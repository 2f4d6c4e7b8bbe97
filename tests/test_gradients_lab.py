import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from resnet.data import load_samples, normalise
from resnet.hub.load import load
from resnet.lab import gradients
from resnet.lab.gradients import TwinNet, alikeness, fresh, fresh_nets, kernel_norms, measure, trained_nets
from resnet.model import create
from resnet.util.errors import InputError
from tests.factories import made_split, same_tensors, tiny


@pytest.fixture
def net():
    return create(tiny(), 0)


def test_a_norm_is_that_of_the_finite_differences(net):
    split = made_split(8)
    images = normalise(split.images, split.spec).double()
    found = kernel_norms(net, split)
    net.double().train().requires_grad_(False)

    def loss() -> float:
        return F.cross_entropy(net(images), split.labels).item()

    for name in ("conv1", "layer2.0.conv1"):
        weights, slopes = net.get_submodule(name).weight.view(-1), []
        for i in range(0, len(weights)):
            weights[i] += 1e-7
            up = loss()
            weights[i] -= 2e-7
            slopes.append((up - loss()) / 2e-7)
            weights[i] += 1e-7
        assert found[name] == pytest.approx(np.linalg.norm(slopes), rel=3e-3)
    assert list(found) == ["conv1", *(f"layer{i}.0.conv{j}" for i in (1, 2, 3) for j in (1, 2))]


def test_alikeness_is_the_cosine_of_each_images_own_gradient(net):
    split = made_split(5)
    kernel_norms(net, split)  # leaves the statistics of these images
    images = normalise(split.images, split.spec)
    found = alikeness(net, images, seed=2)
    readouts = torch.randn(len(found), 10, generator=torch.Generator().manual_seed(2))
    for readout, cosine in zip(readouts, found.tolist(), strict=True):
        vectors = []
        for image in images:  # one at a time: no image may matter to another's gradient
            x = image[None].clone().requires_grad_()
            (net(x)[0] * readout).sum().backward()
            vectors.append(x.grad.flatten().double().numpy())
        cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for i, a in enumerate(vectors) for b in vectors[:i]]
        assert cosine == pytest.approx(np.mean(cosines), abs=1e-5)


def test_the_statistics_held_are_those_of_the_batch(net):
    split = made_split(16)
    kernel_norms(net, split)
    inputs = normalise(split.images, split.spec)
    with torch.no_grad():
        out = net.conv1(inputs)
    assert torch.allclose(net.bn1.running_mean, out.mean((0, 2, 3)), atol=1e-5)
    assert torch.allclose(net.bn1.running_var, out.var((0, 2, 3)), rtol=1e-4)


def test_gradients_of_fresh_plain_nets_grow_with_depth_and_residual_ones_hardly():
    """Measured elsewhere at 20 and 56 layers: plain 1.0 and 780, residual 0.3 and 1.4."""
    split = load_samples("fashion_mnist", "train").first(32)
    first = {(plain, depth): kernel_norms(fresh(TwinNet(plain, depth), 0), split)["layer1.0.conv1"]
             for plain in (True, False) for depth in (8, 32)}
    growth = {plain: first[plain, 32] / first[plain, 8] for plain in (True, False)}
    wide = (math.pi / (math.pi - 1)) ** ((32 - 8) / 2)  # the factor of wide nets, 1.21 a layer
    assert wide / 4 < growth[True] < 2 * wide and growth[False] < growth[True] / 5


def test_twins_start_from_the_same_kernels():
    plain, residual = (fresh(TwinNet(kind, 8), 5) for kind in (True, False))
    assert same_tensors(plain.state_dict(), residual.state_dict())


def test_a_shared_net_is_left_alone():
    net = next(net for net in trained_nets() if net.depth == 20)
    model = load(net.name).model
    before = {key: value.clone() for key, value in model.state_dict().items()}
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    found = measure(net)
    assert len(found.norms) == len(found.layers) == 19 and all(norm > 0 for norm in found.norms)
    assert same_tensors(before, model.state_dict()) and not model.training
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_nets_that_are_measured():
    assert [(net.title) for net in fresh_nets(56)][:3] == ["plain-8", "ResNet-8", "plain-20"]
    assert max(net.depth for net in fresh_nets(110)) == 110
    assert {"plain20_fashion_mnist", "resnet20_fashion_mnist"} <= {net.name for net in trained_nets()}
    assert all(load(net.name).info.data == gradients.DATA for net in trained_nets())
    with pytest.raises(InputError):
        fresh_nets(1202)
