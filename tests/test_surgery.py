import copy

import pytest
import torch

from resnet.config import CIFAR_ORDERS
from resnet.hub.load import load
from resnet.model import create
from resnet.surgery import Lesion, block_sites, lesioned, swappable
from resnet.util.errors import InputError
from tests.factories import tiny

DEEP = {"depths": (2, 3, 2)}
KINDS = [{}, {"shortcut": "B"}, {"order": "preact"}, {"shortcut": "none"},
         {"block": "bottleneck", "shortcut": "B"}, {"block": "bottleneck", "shortcut": "B", "order": "preact"},
         *({"order": order} for order in CIFAR_ORDERS)]


def living(config, seed: int = 0):
    """A net in eval mode whose norms are no identities."""
    net = create(config, seed)
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor, low in ((module.weight, 0.5), (module.bias, -0.5), (module.running_mean, -0.5),
                                (module.running_var, 0.5)):
                tensor.data.uniform_(low, low + 1, generator=generator)
    return net.eval().requires_grad_(False)


def pictures(n: int = 4):
    return torch.randn(n, 1, 28, 28, generator=torch.Generator().manual_seed(1))


def branch_end(block, order: str):
    """The last layer of a branch: its norm, unless that stands before the convolution or behind the addition."""
    last = "conv" if order in ("preact", "bn_after_add") else "bn"
    return getattr(block, f"{last}3" if hasattr(block, "conv3") else f"{last}2")


def scale_branch(net, name: str, factor: float) -> None:
    """Scale what a block's branch gives by its own weights, without the lesion's code."""
    for tensor in branch_end(net.get_submodule(name), net.config.order).parameters():
        tensor.mul_(factor)


@pytest.mark.parametrize("changes", [kind for kind in KINDS if kind.get("shortcut") != "none"])
@pytest.mark.parametrize("name", ["layer1.1", "layer2.0", "layer2.2"])
def test_dropping_a_block_is_what_a_zeroed_branch_does(changes, name):
    net = living(tiny(**DEEP | changes))
    silent = copy.deepcopy(net)
    scale_branch(silent, name, 0)
    dropped = lesioned(net, Lesion(dropped=(name,)))
    assert torch.equal(dropped(pictures()), silent(pictures()))
    assert not torch.equal(dropped(pictures()), net(pictures()))
    assert torch.equal(lesioned(silent, Lesion(dropped=(name,)))(pictures()), silent(pictures()))


@pytest.mark.parametrize("changes", KINDS)
def test_halving_is_half_of_the_last_layer(changes):
    net = living(tiny(**DEEP | changes))
    half, block = copy.deepcopy(net), net.get_submodule("layer2.0")
    scale_branch(half, "layer2.0", 0.5)
    ours = lesioned(net, Lesion(halved=("layer2.0",)))
    torch.testing.assert_close(ours(pictures()), half(pictures()))
    assert ours.get_submodule("layer2.0").conv1.weight is block.conv1.weight


@pytest.mark.parametrize("changes", KINDS)
def test_swapped_neighbours_trade_their_weights(changes):
    net = living(tiny(**DEEP | changes))
    other = copy.deepcopy(net)
    state = net.state_dict()
    traded = {key.replace("layer2.1.", "layer2.X.").replace("layer2.2.", "layer2.1.").replace("X.", "2."): value
              for key, value in state.items()}
    other.load_state_dict(traded)
    assert torch.equal(lesioned(net, Lesion(swapped=("layer2.1",)))(pictures()), other(pictures()))


def test_a_dropped_plain_block_is_not_run():
    net = living(tiny(**DEEP, shortcut="none"))
    x = net.layer2[0](net.layer1(net.relu(net.bn1(net.conv1(pictures())))))
    expected = net.fc(net.flatten(net.avgpool(net.layer3(net.layer2[2](x)))))
    assert torch.equal(lesioned(net, Lesion(dropped=("layer2.1",)))(pictures()), expected)


def test_the_trained_net_stays_as_it_was_and_lends_its_weights():
    net = load("resnet20_fashion_mnist").model
    before = net(pictures())
    lesion = Lesion(dropped=("layer1.0",), halved=("layer2.0",), swapped=("layer3.1",))
    changed = lesioned(net, lesion)
    assert not torch.equal(changed(pictures()), before) and torch.equal(net(pictures()), before)
    mine = {tensor.data_ptr() for tensor in net.parameters()}
    assert {tensor.data_ptr() for tensor in changed.parameters()} == mine


def test_places():
    found = block_sites(tiny(**DEEP))
    assert [site.name for site in found] == ["layer1.0", "layer1.1", "layer2.0", "layer2.1", "layer2.2", "layer3.0",
                                               "layer3.1"]
    assert [site.name for site in found if site.halves] == ["layer2.0", "layer3.0"]
    assert all(site.removable for site in found)
    assert [site.name for site in block_sites(tiny(**DEEP, shortcut="none")) if not site.removable] == [
        "layer2.0", "layer3.0"]
    assert [site.name for site in swappable(tiny(**DEEP))] == ["layer1.0", "layer2.1"]


@pytest.mark.parametrize("lesion, key", [
    (Lesion(dropped=("layer9.0",)), "no_block"), (Lesion(halved=("fc",)), "no_block"),
    (Lesion(swapped=("",)), "no_block"), (Lesion(dropped=("layer2.0",)), "plain_block"),
    (Lesion(swapped=("layer2.0",)), "no_swap"), (Lesion(swapped=("layer2.2",)), "no_swap"),
])
def test_what_cannot_be_done_is_refused(lesion, key):
    with pytest.raises(InputError) as caught:
        lesioned(create(tiny(**DEEP, shortcut="none")), lesion)
    assert caught.value.key == key
