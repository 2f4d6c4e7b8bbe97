"""The bytes against tensors that PyTorch really keeps, exactly: state dict, gradients, optimiser, autograd's hooks."""

import random

import pytest
import torch

from resnet import create
from resnet.config import CIFAR_ORDERS, VARIANTS
from resnet.tracing.memory import memory
from resnet.tracing.trace import trace
from resnet.util.errors import InputError
from tests.test_shapes import random_config, random_member


def kept(net, x, precision="fp32"):
    """(bytes of activations, bytes of weight copies) that autograd packs in a forward pass, each storage once.

    The net's own parameters and buffers are left out; a copy of a weight in 16 bits is told by its shape.
    """
    own = {t.untyped_storage().data_ptr() for t in (*net.parameters(), *net.buffers())}
    weights = {tuple(p.shape) for p in net.parameters() if p.dim() > 1}
    seen, activations, copies = {}, 0, 0

    def pack(tensor):
        nonlocal activations, copies
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own and storage.data_ptr() not in seen:
            seen[storage.data_ptr()] = tensor  # keeps it alive, so that no address comes twice
            copy = tuple(tensor.shape) in weights or tuple(tensor.T.shape if tensor.dim() == 2 else ()) in weights
            if copy and tensor.dtype != torch.float32:
                copies += storage.nbytes()
            else:
                activations += storage.nbytes()
        return tensor

    dtype = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    with (torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
          torch.autocast("cpu", dtype=dtype or torch.bfloat16, enabled=dtype is not None)):
        net(x)
    return activations, copies


def nbytes(tensors) -> int:
    return sum(t.numel() * t.element_size() for t in tensors)


NETS = [{}, {"shortcut": "A"}, {"shortcut": "C"}, {"shortcut": "none"}, {"order": "preact"},
        {"order": "preact", "shortcut": "C", "stem": "3x3"}, {"order": "preact", "head": "flatten"},
        {"head": "flatten", "stem": "3x3"}, {"block": "bottleneck", "groups": 2},
        {"shortcut": "A", "zero_pad": "both", "halving": "average"}, {"pool": "ceil"}, {"activation": "leaky_relu"},
        {"activation": "silu"}, {"activation": "gelu", "order": "preact"},
        {"block": "bottleneck", "stride_in": "1x1", "order": "preact"}, {"conv_bias": True, "shortcut_norm": False},
        {"stem": "deep", "shortcut": "D"}, {"stem": "tiered", "stem_width": 12, "order": "preact"}, {"pool": "zeros"},
        {"pool": "conv"}, {"pool": "conv", "order": "preact"}, {"anti_alias": "average"}, {"anti_alias": "blur"},
        {"anti_alias": "average", "order": "preact"}, {"anti_alias": "blur", "order": "preact"}, {"attention": "se"},
        {"attention": "eca"}, {"attention": "eca", "order": "preact", "opening": "raw"}, {"norm": "group"},
        {"norm": "group", "standardised": True, "order": "preact", "pool": "zeros"}, {"drop_path": 0.3},
        {"anti_alias": "blur", "activation": "silu", "attention": "se", "shortcut": "D"},
        {"order": "preact", "closing_norm": False, "activation": "gelu"},
        *({"stem": "3x3", "order": order, "shortcut": shortcut} for order in CIFAR_ORDERS for shortcut in "AB")]


@pytest.mark.parametrize("settings", NETS)
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_what_training_keeps_is_what_autograd_packs(settings, precision):
    """No tolerance: the same bytes, though the net is traced with another batch."""
    net = create("resnet18", depths=(1, 2), widths=(8, 16), classes=7, input_size=(36, 28), **settings).train()
    activations, copies = kept(net, torch.rand(3, 3, 36, 28), precision)
    told = memory(trace(net.config), batch=3, precision=precision, training=True)
    assert told.activations == activations
    assert told.weights == nbytes(net.state_dict().values()) + copies


@pytest.mark.daily(20)
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", [random_config, random_member])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_a_random_net_keeps(kind, seed, precision):
    config = kind(random.Random(seed))
    activations, _ = kept(create(config).train(), torch.rand(2, config.in_channels, *config.input_size), precision)
    assert memory(trace(config, batch=2), batch=2, precision=precision, training=True).activations == activations


def test_gradients_and_optimisers_hold_what_pytorch_holds():
    net = create("resnet20_cifar")
    for name, optimiser in (("sgd", torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)),
                            ("adam", torch.optim.Adam(net.parameters()))):
        net(torch.rand(2, 3, 32, 32)).sum().backward()
        optimiser.step()
        told = memory(trace("resnet20_cifar"), batch=2, training=True, optimiser=name)
        assert told.gradients == nbytes(p.grad for p in net.parameters())
        state = [value for values in optimiser.state.values() for key, value in values.items() if key != "step"]
        assert told.optimiser == nbytes(state)
    assert memory(trace("resnet20_cifar"), training=True, optimiser="none").optimiser == 0


@pytest.mark.daily(13)
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in VARIANTS if "1202" not in name and "10" not in name])
def test_inference_holds_the_weights_and_the_peak(name):
    result = trace(name, batch=2)
    with torch.device("meta"):
        net = create(name)
    told = memory(result, batch=5)
    assert told.weights == nbytes(net.state_dict().values())
    assert told.activations * 2 == result.peak_activation_bytes * 5
    half = memory(result, batch=5, precision="bf16")
    assert half.weights == nbytes(net.to(torch.bfloat16).state_dict().values())
    assert half.activations * 2 == told.activations
    assert (told.gradients, told.optimiser) == (0, 0) and told.total == told.weights + told.activations


def test_training_keeps_far_more_than_inference_needs():
    result = trace("resnet50")
    one, many = memory(result, 1, training=True), memory(result, 32, training=True)
    assert many.activations > 8 * memory(result, 32).activations
    assert many.activations > 31 * one.activations and many.gradients == one.gradients == 4 * result.params


@pytest.mark.parametrize(("arguments", "words"), [
    ({"batch": 0}, "1 and 65,536"), ({"precision": "int8"}, "fp32, bf16"), ({"optimiser": "lion"}, "sgd, adam")])
def test_bad_input_is_told(arguments, words):
    with pytest.raises(InputError, match=words):
        memory(trace("resnet18"), **arguments)
