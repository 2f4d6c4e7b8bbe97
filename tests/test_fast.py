import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from resnet.config import config_of
from resnet.inference import fast as fast_module
from resnet.inference.fast import eager, fast, prepare
from resnet.inference.folding import folded
from resnet.model import ResNet, create

CPU = torch.device("cpu")
KINDS = {
    "resnet20_cifar": {},
    "resnet20_cifar in B": {"shortcut": "B"},
    "resnet20_cifar both": {"zero_pad": "both"},
    "resnet20_cifar front": {"zero_pad": "front", "activation": "leaky_relu"},
    "resnet20_cifar average": {"zero_pad": "both", "halving": "average"},
    "resnet18 ceil": {"pool": "ceil", "activation": "silu"},
    "resnet26 deep D se": {"stem": "deep", "shortcut": "D", "attention": "se", "pool": "conv"},
    "resnet26 blur eca": {"anti_alias": "blur", "attention": "eca", "drop_path": 0.2},
    "resnet26 bit": {"order": "preact", "opening": "raw", "norm": "group", "standardised": True, "pool": "zeros"},
    "resnet18 standardised": {"standardised": True, "anti_alias": "average"},
    "plain20_cifar": {},
    "resnet18": {"shortcut": "C"},
    "resnet18 D": {"shortcut": "D"},
    "resnet26": {"stride_in": "1x1"},
    "resnet26 preact": {"order": "preact"},
    "resnet18 preact": {"order": "preact"},
    "resnext50_32x4d": {},
    "d2l_resnet18": {},
    "d2l_resnet18 flat": {"head": "flatten"},
}


def trained(kind: str) -> tuple[ResNet, torch.Tensor]:
    """A net whose norms have something to fold, small, and a picture [1, c, h, w] for it."""
    widths, depths = ("8,16,24", "2,1,1") if "cifar" in kind else ("16,24,32,40", "2,1,1,1")
    config = config_of(kind.split()[0], widths=widths, depths=depths, input_size=(40, 48), **KINDS[kind])
    net = create(config).eval()
    generator = torch.Generator().manual_seed(1)
    for norm in [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]:
        for values, low, high in ((norm.running_mean, -0.3, 0.3), (norm.running_var, 0.5, 2.0),
                                  (norm.weight.data, 0.3, 1.0), (norm.bias.data, -0.3, 0.3)):
            values.uniform_(low, high, generator=generator)
    return net.requires_grad_(False), torch.randn(1, config.in_channels, 40, 48, generator=generator)


def distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_net_gives_its_own_logits(kind):
    net, x = trained(kind)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    quick = fast(net, CPU, "fp32", (40, 48))
    assert quick.way == "fused"
    assert distance(quick(x), net(x)) < 1e-5
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_other_batches_and_sizes_work_too():
    net, x = trained("resnet20_cifar")
    quick = fast(net, CPU, "fp32", (40, 48))
    for other in (x.expand(3, -1, -1, -1), x[:, :, :33, :40], x):
        for _ in range(3):  # TorchScript compiles in the first two
            assert distance(quick(other), net(other)) < 1e-5


def test_a_large_batch_goes_in_parts(monkeypatch):
    net, x = trained("resnet20_cifar")
    quick, many = fast(net, CPU, "fp32", (40, 48)), torch.randn(7, *x.shape[1:])
    seen = []
    monkeypatch.setattr(fast_module, "PART", 3 * 40 * 48 + 5)
    monkeypatch.setattr(torch, "cat", lambda parts, cat=torch.cat: seen.extend(map(len, parts)) or cat(parts))
    assert distance(quick(many), net(many)) < 1e-5
    assert seen == [3, 3, 1]


@pytest.mark.parametrize("kind", ["resnet20_cifar", "resnet26 preact"])
def test_bf16_is_as_near_as_eager_bf16(kind):
    net, x = trained(kind)
    found = fast(net, CPU, "bf16", (40, 48))(x)
    assert found.dtype == torch.float32
    assert distance(found, net(x)) < 2 * max(distance(eager(net, CPU, "bf16")(x), net(x)), 0.005)


def test_what_is_folded_is_gone():
    net, x = trained("plain20_cifar")
    kinds = [type(module) for module in folded(net).modules()]
    assert nn.BatchNorm2d not in kinds
    assert kinds.count(nn.Conv2d) == 9


def test_other_threads_compute_while_a_net_is_made():
    net, x = trained("resnet20_cifar")
    expected = net(x)
    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(lambda: [prepare(net, CPU, "fp32", (40, 48)) for _ in range(4)])
        while not making.done():
            assert torch.equal(net(x), expected)
        assert [finish().way for finish in making.result()] == ["fused"] * 4


@pytest.mark.parametrize("broken", ["jit.trace", "jit.freeze", "jit.enable_onednn_fusion", "jit"])
def test_without_torchscript_the_net_itself_answers(broken, monkeypatch, caplog):
    net, x = trained("resnet20_cifar")
    monkeypatch.delattr(f"torch.{broken}")
    quick = fast(net, CPU, "fp32", (40, 48))
    assert (quick.way, len(caplog.records)) == ("eager", 1)
    monkeypatch.undo()
    assert torch.equal(quick(x), net(x.contiguous(memory_format=torch.channels_last)))


def test_a_failure_in_the_first_call_counts_too(monkeypatch):
    net, x = trained("resnet20_cifar")

    def fails(inputs):
        raise RuntimeError("could not execute the partition")

    monkeypatch.setattr(fast_module, "_fused", lambda net, example: fails)
    quick = fast(net, CPU, "fp32", (40, 48))
    assert quick.way == "eager"
    assert distance(quick(x), net(x)) < 1e-5


def test_very_deep_nets_are_not_compiled(monkeypatch):
    monkeypatch.setattr(fast_module, "MAX_LAYERS", 8)
    net, _ = trained("resnet20_cifar")
    assert fast(net, CPU, "fp32", (40, 48)).way == "eager"


def test_no_warning_reaches_the_user():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert fast(trained("resnet20_cifar")[0], CPU, "fp32", (40, 48)).way == "fused"
    assert not caught
