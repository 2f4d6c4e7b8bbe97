"""Shapes, parameters and operations against two public counters, over all variants and random configs.

Both counters run on the meta device. Where they disagree with our multiply-adds it is by convention,
and each test writes the convention out: the difference is computed and must be exact.

torchinfo   cannot run a module that returns a number, so a plain net's empty shortcut returns a zero
            tensor here; (1) a bias is counted as one more multiply-add per output value, and
            (2) a norm as one multiply-add per parameter and image, however large the map. It takes the
            convolution along channels (ECA) for one output value an image, and a blur, which has no
            parameters, for nothing.
ptflops     aten backend: (1) only. pytorch backend: (1), twice per value for batch norm (scale and shift
            apart, where we count one multiply-add) and group norm (we add its sums), once per value for
            ReLU, once per *input* value for every pooling (we count the k * k - 1 comparisons of a max
            pooling per output); it knows modules by their exact class, so it sees neither additions nor
            UNSEEN. Left at its defaults it counts ReLU, pooling and the linear layer
            twice, once in the module and once in the function that the module calls.
"""

import random
from dataclasses import replace
from functools import cache
from math import prod

import pytest
import torch
import torchinfo
from ptflops import get_model_complexity_info
from torch import nn

from resnet.config import CHOICES, VARIANTS, ResNetConfig
from resnet.model import NoShortcut, ResNet
from resnet.tracing.cost import cost, has_bias
from resnet.tracing.records import NORMS
from resnet.tracing.trace import trace
from resnet.util.errors import InputError

pytestmark = pytest.mark.peers

SILENT = ("Identity", "Zero", "DropPath")
UNSEEN = ("SiLU", "Sigmoid", "Scale", "StdConv2d", "ChannelConv", "BlurPool")


class Zero(nn.Module):
    def forward(self, x):
        return x.new_zeros(())


def on_meta(config: ResNetConfig) -> ResNet:
    with torch.device("meta"):
        net = ResNet(config).eval()
    for name, module in list(net.named_modules()):
        if isinstance(module, NoShortcut):
            net.set_submodule(name, Zero())
    return net


def biases(result) -> int:
    """One addition for each output value of a biased layer."""
    return sum(prod(layer.output) for layer in result.layers if has_bias(layer))


def check_torchinfo(result) -> None:
    summary = torchinfo.summary(on_meta(result.config), input_data=torch.empty(result.input, device="meta"),
                                device="meta", depth=9, verbose=0)
    theirs = [(info.class_name, info.output_size, info.num_params) for info in summary.summary_list
              if info.is_leaf_layer and info.class_name not in SILENT]
    assert theirs == [(layer.type, list(layer.output), layer.params) for layer in result.layers if layer.type != "Add"]
    assert summary.total_params == result.params
    once = sum(layer.input[0] * layer.params for layer in result.layers if layer.type in (*NORMS, "ChannelConv"))
    other = sum(layer.macs for layer in result.layers if layer.type in ("BlurPool", "ChannelConv"))
    assert summary.total_mult_adds == result.macs - other + biases(result) + once


def by_ptflops(result, backend: str) -> tuple[int, int]:
    def batch(_):
        return {"x": torch.empty(result.input, device="meta")}

    return get_model_complexity_info(on_meta(result.config), result.input[1:], as_strings=False, verbose=False,
                                     print_per_layer_stat=False, input_constructor=batch, backend=backend,
                                     backend_specific_config={"count_functional": False})


def check_ptflops(result) -> None:
    assert by_ptflops(result, "aten") == (result.macs + biases(result), result.params)
    counts = {layer.name: layer.count for layer in cost(result, "macs", "all").layers}
    expected = 0
    for layer in result.layers:
        if layer.type in NORMS:
            expected += 2 * prod(layer.output)
        elif layer.type in ("MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d"):
            expected += prod(layer.input)
        elif layer.type not in ("Add", *UNSEEN):
            expected += counts[layer.name]
    assert by_ptflops(result, "pytorch") == (expected, result.params)


def variant(name: str) -> ResNetConfig:
    """As it is; of the 1202 layers a third of each stage's run is enough for a counter."""
    config = VARIANTS[name]
    return replace(config, depths=(20, 20, 20)) if "1202" in name else config


@pytest.mark.daily(26)
@pytest.mark.parametrize("name", VARIANTS)
def test_variants_agree_with_torchinfo(name):
    check_torchinfo(trace(variant(name), batch=2))


@pytest.mark.daily(26)
@pytest.mark.parametrize("name", VARIANTS)
def test_variants_agree_with_ptflops(name):
    check_ptflops(trace(variant(name), batch=2))


def wild_settings(rng: random.Random) -> tuple[dict, tuple[int, int], int]:
    """Settings, size and batch with no regard to whether they make sense together."""
    stages = rng.randint(1, 5)
    block = rng.choice(CHOICES["block"])
    grouped = block == "bottleneck" or rng.random() < 0.05
    settings = {
        **{field: rng.choice(CHOICES[field]) for field in CHOICES},
        "block": block, "order": rng.choice(CHOICES["order"] if rng.random() < 0.1 else ("original", "preact")),
        "depths": tuple(rng.randint(1, 4) for _ in range(stages)),
        "widths": tuple(rng.randint(3, 48) for _ in range(stages + (rng.random() < 0.03))),
        "groups": rng.choice((1, 2, 5, 32)) if grouped else 1,
        "width_per_group": rng.choice((4, 48, 64, 100)) if grouped else 64,
        "stem_width": rng.choice((0, 0, 16, 24)), "reduction": rng.choice((4, 16)),
        "anti_alias": rng.choice(("none", "none", "none", "none", "average", "average", "blur")),
        "standardised": rng.random() < 0.2, "closing_norm": rng.random() < 0.8, "drop_path": rng.choice((0.0, 0.2)),
        "conv_bias": rng.random() < 0.4, "shortcut_norm": rng.random() < 0.7,
        "in_channels": rng.randint(1, 5), "classes": rng.randint(1, 40),
        "input_size": (rng.randint(1, 70), rng.randint(1, 70)),
    }
    size = settings["input_size"] if rng.random() < 0.9 else (rng.randint(0, 70), rng.randint(1, 70))
    return settings, size, rng.randint(1, 3)


@cache
def traced(seed: int):
    """The trace of a wild config, or None where a sentence says why there is none. Any other error is a failure."""
    settings, size, batch = wild_settings(random.Random(seed))
    try:
        config = ResNetConfig(**settings)
        return trace(config, size, batch)
    except InputError as refusal:
        assert "\n" not in str(refusal) and refusal.sentence("zh")
        return None


DAILY, ALL = 40, 200
SEEDS = [*range(DAILY), *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(DAILY, ALL))]


@pytest.mark.parametrize("seeds, least", [(DAILY, 25), pytest.param(ALL, 150, marks=pytest.mark.exhaustive)])
def test_most_random_configs_trace(seeds, least):
    assert sum(traced(seed) is not None for seed in range(seeds)) >= least


@pytest.mark.parametrize("seed", SEEDS)
def test_random_configs_agree_with_both_counters(seed):
    result = traced(seed)
    if result is not None:
        check_torchinfo(result)
        check_ptflops(result)
