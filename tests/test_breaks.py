"""Every kind of finding against PyTorch: gradients where windows read, its refusals, the shapes it gives."""

import random
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from resnet import create
from resnet.config import config_of
from resnet.tracing.breaks import LEVELS, rows_left_over, rows_read, share_of_data, where_it_breaks
from resnet.tracing.records import Layer
from resnet.tracing.trace import trace
from resnet.util.errors import InputError
from resnet.util.text import LANGUAGES
from tests.test_shapes import random_config


def found(net, size=None, batch=1) -> dict:
    findings = where_it_breaks(net, size, batch)
    assert len({finding.kind for finding in findings}) == len(findings)
    return {finding.kind: finding for finding in findings}


def small(name="resnet18", **changes):
    """A net whose gradients cannot cancel: positive weights everywhere."""
    net = create(name, **{"widths": (4, 8, 8, 8), "depths": (1, 1, 1, 1), "classes": 2, **changes}).double().eval()
    for parameter in net.parameters():
        nn.init.constant_(parameter, 0.1)
    return net


# Windows -----------------------------------------------------------------------------------------

WINDOWS = [(kernel, stride, padding) for kernel in (1, 3, 7) for stride in (1, 2, 3) for padding in (0, kernel // 2)]


def window(side, kernel, stride, padding) -> tuple[Layer, torch.Tensor]:
    """A layer of one column, and the gradient that a convolution of ones sends to each row of its padded input."""
    padded = torch.zeros(1, 1, side + 2 * padding, 1, requires_grad=True)
    out = F.conv2d(padded, torch.ones(1, 1, kernel, 1), stride=(stride, 1))
    out.sum().backward()
    layer = Layer("conv", "Conv2d", "", "", False, (1, 1, side, side), (1, 1, out.shape[2], out.shape[2]),
                  kernel, stride, padding, 1, 0, 0, 0)
    return layer, padded.grad[0, 0, :, 0]


@pytest.mark.parametrize("shape", WINDOWS)
def test_rows_that_windows_reach_are_those_with_a_gradient(shape):
    kernel, stride, padding = shape
    for side in range(max(1, kernel - 2 * padding), 24):
        layer, reached = window(side, *shape)
        inside = reached[padding:padding + side]
        assert rows_read(side, layer) == inside.nonzero().flatten().tolist()
        if kernel >= stride:  # no gaps between windows: what is not reached stands at the end
            assert rows_left_over(side, layer) == (reached == 0).sum()
        per_axis = inside.sum() / reached.sum()
        assert share_of_data(layer) == pytest.approx(float(per_axis**2))


@pytest.mark.parametrize("size", [(33, 20), (28, 28), (31, 64), (6, 5)])
@pytest.mark.parametrize("settings", [
    {}, {"block": "bottleneck"}, {"block": "bottleneck", "stride_in": "1x1"}, {"shortcut": "A"},
    {"block": "bottleneck", "stride_in": "1x1", "shortcut": "none"}])
def test_pixels_that_a_block_does_not_read_have_no_gradient(settings, size):
    net = small(stem="3x3", **settings)
    inputs = {}

    def keep(name, x):
        x.retain_grad()
        inputs[name] = x

    for name, module in net.named_modules():
        if name.count(".") == 1:
            module.register_forward_pre_hook(lambda module, args, name=name: keep(name, args[0]))
    net(torch.rand(1, 3, *size, dtype=torch.double, requires_grad=True)).sum().backward()
    unread = {name: x.grad[0, 0] == 0 for name, x in inputs.items()}
    finding = found(net.config, size).get("unread")
    first = next((name for name, missing in unread.items() if missing.any()), None)
    assert (finding.layer if finding else None) == first
    if finding:
        missing = unread[first]
        assert finding.values["percent"] == f"{100 * missing.float().mean():.3g}"
        rows, columns = ((~missing).any(axis).sum() for axis in (1, 0))
        assert finding.values["read"] == f"{rows}×{columns}"


def test_a_projection_reads_every_second_row_while_the_branch_reads_all():
    finding = found("resnet50")["unread_shortcut"]
    assert finding.layer == "layer2.0.downsample.0"
    assert finding.values == {"side": 56, "last": 54, "axis": "row"}
    assert found("resnet20_cifar")["unread_shortcut"].layer == "layer2.0.downsample"
    assert "unread_shortcut" not in found(config_of("resnet50", stride_in="1x1"))
    assert "unread_shortcut" not in found("plain34")


def test_rounding_drops_padding_at_even_sizes_only():
    assert found("resnet18", 224)["rounding"].layer == "conv1"
    assert found("resnet18", 35)["rounding"].layer == "maxpool"  # 35, 18
    assert "rounding" not in found("resnet18", 225)  # 225, 113, 57, 29, 15


def test_odd_numbers_round_up():
    finding = found("resnet18", 80)["rounds_up"]
    assert (finding.layer, finding.values["side"], finding.values["half"]) == ("layer4.0.conv1", 5, 3)
    assert finding.values["near"] == "96×96" and "rounds_up" not in found("resnet18", 96)
    assert found("resnet50", (64, 40))["rounds_up"].values["axis"] == "column"


# Shortcuts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(15))
def test_x_itself_can_be_added_exactly_where_nothing_is_reported(seed):
    """PyTorch adds each block's input to its output: it raises, it broadcasts, or the shapes are equal."""
    config = replace(random_config(random.Random(seed)), head="avgpool")
    result = trace(config)
    refused, broadcast = [], []
    for block in result.blocks:
        try:
            if (torch.empty(block.input) + torch.empty(block.output)).shape and block.input != block.output:
                broadcast.append(block.name)
        except RuntimeError:
            refused.append(block.name)
    for kind, blocks in (("shape_change", refused), ("shape_broadcast", broadcast)):
        finding = found(config).get(kind)
        assert ((finding.layer, finding.values["n"]) if finding else None) == (
            (blocks[0], len(blocks)) if blocks else None)


def test_a_silent_broadcast_is_found():
    """16 channels in both stages, and a map that shrinks to one pixel: x + F(x) has x's shape, no error."""
    config = config_of("resnet20_cifar", depths=(1, 1), widths=(16, 16), input_size=(2, 2))
    finding = found(config)["shape_broadcast"]
    assert (finding.layer, finding.values["input"], finding.values["output"]) == ("layer2.0", "16×2×2", "16×1×1")
    assert (torch.ones(1, 16, 2, 2) + torch.ones(1, 16, 1, 1)).shape == (1, 16, 2, 2)


# Small maps --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet20_cifar", "resnet18_cifar"])
def test_the_size_that_the_fix_names_is_the_smallest_that_helps(name):
    for kind in ("one_pixel_map", "mostly_padding"):
        finding = found(name, 2)[kind]
        least = finding.values["least"]
        assert kind in found(name, least - 1) and kind not in found(name, least), kind


def test_a_map_of_one_pixel():
    finding = found("resnet18", 32)["one_pixel_map"]
    assert (finding.layer, finding.values["n"], finding.level) == ("layer4.0.conv1", 3, "warning")
    assert found("resnet18", (32, 64)).get("one_pixel_map") is None


@pytest.mark.parametrize(("name", "size", "batch"), [
    ("resnet18", 32, 1), ("resnet18", 33, 1), ("resnet18", 32, 2), ("resnet50", (16, 32), 1), ("resnet20_cifar", 4, 1),
    ("resnet20_cifar", 5, 1), ("plain18", 2, 1)])
def test_batch_norm_refuses_exactly_where_it_is_reported(name, size, batch):
    config = config_of(name, depths=(1,) * len(config_of(name).depths))
    result = trace(config, size, batch)
    net = create(config).train()
    finding = found(config, size, batch).get("norm_single")
    if finding is None:
        net(torch.rand(result.input))
        return
    modules = dict(net.named_modules())
    ran = []
    for layer in result.layers:
        if layer.type == "BatchNorm2d":
            modules[layer.name].register_forward_pre_hook(lambda *_, name=layer.name: ran.append(name))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        net(torch.rand(result.input))
    assert ran[-1] == finding.layer


# Heads -------------------------------------------------------------------------------------------


def test_the_tutorials_formula_is_right_for_32_64_96_and_wrong_for_80():
    for size in (32, 64, 96, 224):
        assert "flatten_formula" not in found("resnet18", size)
    finding = found("resnet18", 80)["flatten_formula"]
    assert (finding.values["formula"], finding.values["real"]) == ("2,560", "4,608")


@pytest.mark.parametrize("size", [(80, 80), (48, 100), (33, 20), (64, 64), (31, 95)])
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_the_real_in_features_are_what_pytorch_flattens(name, size):
    net = create(name, depths=(1, 1, 1, 1)).eval()
    with torch.inference_mode():
        real = net.features(torch.rand(1, 3, *size)).numel()
    f = 512 * net.config.expansion * (size[0] * (size[1] // 32) // 32)
    finding = found(net.config, size).get("flatten_formula")
    assert (finding.values["real"] if finding else None) == (f"{real:,}" if f != real else None)


def test_a_flatten_head_made_for_another_size_is_a_finding_where_tracing_refuses():
    config = config_of("resnet18", head="flatten")
    with pytest.raises(InputError):
        trace(config, 80)
    assert where_it_breaks(config, 80)[0].kind == "flatten_size"
    assert "flatten_size" not in found(config) and "flatten_size" not in found(config, (223, 220))


def test_one_pixel_is_a_finding_where_tracing_refuses():
    assert [finding.kind for finding in where_it_breaks("resnet18", 1)] == ["single_pixel"]


def test_the_input_may_be_narrower_than_the_receptive_field():
    assert found("resnet50")["field_wider"].layer == "conv4_x"
    assert "field_wider" not in found("resnet20_cifar", 256)


# Words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_finding_has_a_sentence_and_a_fix(lang):
    nets = [("resnet18", 1), ("resnet18", 32), ("resnet50", 81), (config_of("resnet50", stride_in="1x1"), (2, 80)),
            (config_of("resnet18", head="flatten"), 80), ("plain34", 224), ("resnet20_cifar", 3),
            (config_of("resnet20_cifar", depths=(1, 1), widths=(16, 16)), 2)]
    kinds = set()
    for net, size in nets:
        for finding in where_it_breaks(net, size):
            kinds.add(finding.kind)
            assert "{" not in finding.sentence(lang) + finding.fix(lang) and finding.level in LEVELS
    assert len(kinds) == 13


def test_the_gravest_comes_first():
    levels = [finding.level for finding in where_it_breaks("resnet18", 16)]
    assert levels == sorted(levels, key=LEVELS.index) and levels[0] == "error"


@pytest.mark.parametrize("size", [0, 100_000, (5, -1)])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(InputError, match="input size"):
        where_it_breaks("resnet18", size)
