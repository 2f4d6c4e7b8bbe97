"""The network against torchvision's, with the same weights, and what training needs of it."""

import pytest
import torch
from torch import nn
from torchvision import models

from resnet import create
from resnet.config import VARIANTS, config_of
from resnet.model import ResNet

BOUND = 1e-5
TORCHVISION = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
               "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"]
# FACTS of the papers (derived there) and of torchvision's releases: exact parameter counts.
PARAMETERS = {
    "resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032, "resnet101": 44_549_160,
    "resnet152": 60_192_808, "resnet20_cifar": 269_722, "resnet32_cifar": 464_154, "resnet44_cifar": 658_586,
    "resnet56_cifar": 853_018, "resnet110_cifar": 1_727_962, "resnet1202_cifar": 19_421_274,
    "d2l_resnet18": 11_178_378, "resnet18_cifar": 11_173_962,
    "wrn28_10_cifar": 36_479_194, "wrn16_4_cifar": 2_748_890,  # 36.5M and 2.7M in the paper
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads that wait for each other on a busy machine make these tests slow; one doesn't."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def skeleton(build, *args) -> nn.Module:
    with torch.device("meta"):
        return build(*args)


def random_state(net: nn.Module, seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights that keep activations in range, and batch norm statistics that are not 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, tensor in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(1)
        elif name.endswith("running_var"):
            state[name] = torch.rand(tensor.shape, generator=generator) + 0.5
        elif tensor.dim() > 1:
            state[name] = torch.randn(tensor.shape, generator=generator) * tensor[0].numel() ** -0.5
        else:
            state[name] = torch.rand(tensor.shape, generator=generator)
    return state


@torch.no_grad()
def logits(net: nn.Module, state: dict, x: torch.Tensor) -> torch.Tensor:
    net.load_state_dict(state, assign=True)
    return net.eval()(x)


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max())


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION)
def test_logits_are_torchvisions_with_the_same_weights(name):
    theirs = skeleton(getattr(models, name))
    state, x = random_state(theirs), torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    expected = logits(theirs, state, x)
    assert difference(logits(skeleton(ResNet, VARIANTS[name]), state, x), expected) < BOUND


def test_the_comparison_would_notice_a_wrong_stride_position():
    theirs = skeleton(models.resnet50)
    state, x = random_state(theirs), torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    wrong = skeleton(ResNet, config_of("resnet50", stride_in="1x1"))
    assert difference(logits(wrong, state, x), logits(theirs, state, x)) > 1000 * BOUND


@pytest.mark.parametrize(("name", "count"), PARAMETERS.items())
def test_parameters_are_exactly_the_published(name, count):
    assert sum(p.numel() for p in skeleton(ResNet, VARIANTS[name]).parameters()) == count


def test_option_a_and_the_plain_twin_have_the_same_parameters():
    for name, count in (("resnet18", 11_515_688), ("resnet34", 21_623_848)):
        option_a = skeleton(ResNet, config_of(name, shortcut="A"))
        plain = skeleton(ResNet, config_of(name, shortcut="none"))
        assert sum(p.numel() for p in option_a.parameters()) == count
        assert list(option_a.state_dict()) == list(plain.state_dict())


def test_twins_start_from_the_same_numbers():
    residual, plain = create("resnet20_cifar", seed=3), create("plain20_cifar", seed=3)
    for (name, a), (other, b) in zip(residual.state_dict().items(), plain.state_dict().items(), strict=True):
        assert name == other and torch.equal(a, b)
    assert not torch.equal(residual.conv1.weight, create("resnet20_cifar", seed=4).conv1.weight)


SMALL = {"depths": (1, 2), "widths": (8, 16), "classes": 5, "input_size": (16, 16)}
TRAINED = [
    *({**SMALL, "block": block, "order": order, "shortcut": shortcut}
      for block in ("basic", "bottleneck") for order in ("original", "preact") for shortcut in ("A", "B", "C", "none")),
    {**SMALL, "head": "flatten"},
    {**SMALL, "head": "flatten", "stem": "3x3", "order": "preact"},
    {**SMALL, "block": "bottleneck", "groups": 4, "width_per_group": 16, "stride_in": "1x1"},
    {**SMALL, "conv_bias": True, "shortcut_norm": False, "in_channels": 1},
    {**SMALL, "stem": "deep", "shortcut": "D", "attention": "se", "pool": "conv", "drop_path": 0.1},
    {**SMALL, "stem": "tiered", "anti_alias": "blur", "attention": "eca", "norm": "group", "activation": "silu"},
    {**SMALL, "anti_alias": "average", "standardised": True, "order": "preact", "opening": "raw", "pool": "zeros"},
]


@pytest.mark.parametrize("settings", TRAINED, ids=lambda s: "-".join(str(v) for v in s.values() if isinstance(v, str)))
def test_every_parameter_gets_a_gradient(settings):
    net = create("resnet18", **settings)
    x = torch.randn(4, net.config.in_channels, 16, 16, generator=torch.Generator().manual_seed(0))
    logits = net(x)
    assert logits.shape == (4, 5)
    nn.functional.cross_entropy(logits, torch.arange(4)).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        if parameter.dim() > 1:
            assert parameter.grad.any(), name


def test_dropped_paths_leave_the_shortcut_and_weigh_the_rest():
    """In training the last block skips half of the pictures; what stays counts double. Asked, it skips none."""
    net = create("resnet20_cifar", drop_path=0.5, order="preact")
    rates = [getattr(block.drop_path, "rate", 0.0) for block in net.blocks]
    assert rates == [0.5 * i / 8 for i in range(9)] and rates == [net.config.drop_rate(i // 3, i % 3) for i in range(9)]
    block, x = net.layer3[2].eval(), torch.rand(200, 64, 4, 4)
    whole = block(x) - x
    block.drop_path.train()
    torch.manual_seed(0)
    branch = block(x) - x
    kept = branch.flatten(1).abs().sum(1) > 0
    assert 60 < kept.sum() < 140
    torch.testing.assert_close(branch[kept], 2 * whole[kept], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("order", ["original", "preact"])
def test_an_empty_branch_leaves_the_shortcut(order):
    """With a residual branch of zeros an identity block passes on what it got (its ReLU aside)."""
    block = create("resnet20_cifar", order=order).eval().layer1[1]
    nn.init.zeros_(block.conv2.weight)
    x = torch.rand(2, 16, 8, 8)
    assert torch.equal(block(x), x)


def test_option_a_subsamples_and_pads_with_zeros():
    shortcut = create("resnet20_cifar").layer2[0].downsample
    x = torch.rand(1, 16, 6, 6)
    y = shortcut(x)
    assert y.shape == (1, 32, 3, 3)
    assert torch.equal(y[:, :16], x[:, :, ::2, ::2]) and not y[:, 16:].any()
