"""Inception's module by our trace, against torchvision's and the paper; Xie's nets and factorised windows."""

import pytest
import torch
from torch import nn

from resnet.papers.modules import CARDINALITIES, FACTORISED, INCEPTION_3A
from resnet.tracing.branches import branches_map, trace_branches
from resnet.tracing.trace import trace

BRANCHES = trace_branches(INCEPTION_3A)


def test_the_module_costs_what_the_paper_prints():
    layers = [layer for branch in BRANCHES for layer in branch]
    assert round(sum(layer.macs for layer in layers) / 1e6) == INCEPTION_3A.macs
    assert sum(layer.params for layer in layers) // 1024 == INCEPTION_3A.params  # cut, not rounded
    assert [branch[-1].receptive_field for branch in BRANCHES] == [1, 3, 5, 3]


def test_the_module_is_torchvisions_but_for_its_known_bug():
    """torchvision's third branch has 3x3 windows where the paper has 5x5, and says so beside it."""
    from torchvision.models import googlenet

    theirs = googlenet(init_weights=False, aux_logits=False).inception3a
    convolutions = {name: module for name, module in theirs.named_modules() if isinstance(module, nn.Conv2d)}
    ours = [layer for branch in BRANCHES for layer in branch if layer.type == "Conv2d"]
    assert len(convolutions) == len(ours)
    for (name, conv), layer in zip(convolutions.items(), ours, strict=True):
        window = 3 if name == "branch3.1.conv" else layer.kernel
        assert conv.weight.shape == (layer.output[1], layer.input[1], window, window), name
    with torch.inference_mode():
        out = theirs.eval()(torch.zeros(1, 192, 28, 28))
    assert out.shape == (1, sum(branch[-1].output[1] for branch in BRANCHES), 28, 28)


def test_the_map_has_every_operation():
    svg = branches_map(INCEPTION_3A)
    assert svg.count("<rect") == 7 and "max 3×3" in svg and "256×28²" in svg and "5×5, 32" in svg


@pytest.mark.parametrize("row", CARDINALITIES, ids=lambda row: f"{row.depth}-{row.groups}x{row.width}d")
def test_cardinalities_cost_about_the_same(row):
    plain, net = trace(f"resnet{row.depth}"), trace(f"resnet{row.depth}", groups=row.groups, width_per_group=row.width)
    assert net.macs == pytest.approx(plain.macs, rel=0.05) and net.params == pytest.approx(plain.params, rel=0.03)
    if row.variant:
        assert trace(row.variant).params == net.params


@pytest.mark.parametrize("row", FACTORISED, ids=str)
def test_windows_see_as_much_and_save_what_is_printed(row):
    for axis in (0, 1):
        assert 1 + sum(part[axis] - 1 for part in row.parts) == row.window[axis]
    assert row.saves is None or round(100 * (1 - row.left)) == row.saves
