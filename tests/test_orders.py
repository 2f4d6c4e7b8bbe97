"""The orders of figure 4 in He et al. 2016, against the figure written out with plain functions."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from resnet.config import CHOICES, CIFAR_ORDERS, config_of
from resnet.model import create
from resnet.tracing.block_diagram import block_map
from resnet.tracing.codegen import code
from resnet.tracing.trace import trace
from resnet.util.errors import InputError

relu = torch.relu


def bn(norm: nn.BatchNorm2d, x):
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)


def conv(layer: nn.Conv2d, x):
    return F.conv2d(x, layer.weight, stride=layer.stride, padding=1)


FIGURE_4 = {
    "original": lambda b, x: relu(x + bn(b.bn2, conv(b.conv2, relu(bn(b.bn1, conv(b.conv1, x)))))),
    "bn_after_add": lambda b, x: relu(bn(b.bn2, x + conv(b.conv2, relu(bn(b.bn1, conv(b.conv1, x)))))),
    "relu_before_add": lambda b, x: x + relu(bn(b.bn2, conv(b.conv2, relu(bn(b.bn1, conv(b.conv1, x)))))),
    "relu_preact": lambda b, x: x + bn(b.bn2, conv(b.conv2, relu(bn(b.bn1, conv(b.conv1, relu(x)))))),
    "preact": lambda b, x: x + conv(b.conv2, relu(bn(b.bn2, conv(b.conv1, relu(bn(b.bn1, x)))))),
}


def living(order: str, **changes) -> nn.Module:
    """A small net in eval mode whose norms are no identities."""
    net = create("resnet20_cifar", 1, order=order, depths=(2, 2), widths=(8, 16), **changes)
    net.eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(2)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low in ((module.weight, 0.5), (module.bias, -0.5), (module.running_mean, -0.5),
                                (module.running_var, 0.5)):
                tensor.uniform_(low, low + 1, generator=generator)
    return net


def pictures(*shape: int):
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("order", CHOICES["order"])
def test_a_block_is_the_figure(order):
    block, x = living(order).layer1[1], pictures(2, 8, 9, 9)
    before = x.clone()
    torch.testing.assert_close(block(x), FIGURE_4[order](block, x))
    assert torch.equal(x, before)


def test_the_orders_differ():
    x = pictures(2, 3, 16, 16)
    answers = [living(order)(x) for order in CHOICES["order"]]
    assert all(not torch.allclose(a, b) for i, a in enumerate(answers) for b in answers[:i])


@pytest.mark.parametrize("order", CIFAR_ORDERS)
def test_their_tensors_are_those_of_the_original(order):
    original = {key: value.shape for key, value in living("original").state_dict().items()}
    assert {key: value.shape for key, value in living(order).state_dict().items()} == original


def test_a_net_that_ends_with_an_addition_ends_with_a_relu():
    for order, ends in (("relu_preact", nn.ReLU), ("relu_before_add", nn.Identity), ("preact", nn.ReLU)):
        assert isinstance(living(order).act, ends)
    assert living("relu_preact").features(pictures(2, 3, 16, 16)).min() >= 0


@pytest.mark.parametrize("order", CIFAR_ORDERS)
@pytest.mark.parametrize("shortcut", ["A", "B", "none"])
def test_trace_and_code_follow(order, shortcut):
    net = living(order, shortcut=shortcut)
    result = trace(net.config)
    assert result.params == sum(p.numel() for p in net.parameters())
    assert "<svg" in block_map(result, "layer1.1")
    names = {"__name__": "written"}
    exec(code(net.config), names)
    written = names["ResNet"]().eval()
    written.load_state_dict(net.state_dict())
    x = pictures(2, 3, 32, 32)
    torch.testing.assert_close(written(x), net(x))


def test_where_the_addition_stands_in_the_trace():
    def kinds(order: str) -> list[str]:
        block = next(b for b in trace(living(order).config).blocks if b.name == "layer1.1")
        return [layer.type for layer in block.layers if not layer.on_shortcut]

    start = ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d"]
    assert kinds("original") == [*start, "BatchNorm2d", "Add", "ReLU"]
    assert kinds("bn_after_add") == [*start, "Add", "BatchNorm2d", "ReLU"]
    assert kinds("relu_before_add") == [*start, "BatchNorm2d", "ReLU", "Add"]
    assert kinds("relu_preact") == ["ReLU", *start, "BatchNorm2d", "Add"]


@pytest.mark.parametrize("order", CIFAR_ORDERS)
@pytest.mark.parametrize("net", ["resnet50", "resnet18", "d2l_resnet18"])
def test_other_families_refuse_in_a_sentence(order, net):
    with pytest.raises(InputError, match="CIFAR family"):
        config_of(net, order=order)


@pytest.mark.parametrize("order", CHOICES["order"])
def test_it_learns(order):
    net = create("resnet20_cifar", order=order, depths=(1, 1, 1), widths=(8, 8, 8), in_channels=1)
    x, y = pictures(64, 1, 8, 8), torch.arange(64) % 4
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(25):
        loss = F.cross_entropy(net(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
