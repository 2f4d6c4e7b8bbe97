"""Comparing two nets: sums against the traces, and what is said of weights against weights that really load."""

from itertools import combinations

import pytest
import torch

from resnet import create
from resnet.config import config_of
from resnet.tracing.difference import difference
from resnet.tracing.trace import trace
from resnet.util.text import LANGUAGES

PAIRS = [("resnet50", "resnext50_32x4d"), ("resnet34", "plain34"), ("resnet34", "resnet50"),
         ("resnet20_cifar", "plain20_cifar"), ("resnet18", "resnet18"), ("resnet18", "resnet20_cifar"),
         ("resnet50", "wide_resnet50_2"), ("d2l_resnet18", "resnet18")]


def compared(a, b, **sizes):
    return difference(trace(a, **sizes), trace(b, **sizes))


def said(result) -> set[str]:
    return {statement.key for statement in result.statements}


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_rows_hold_every_layer_of_both_and_sum_to_the_whole(a, b):
    ours, theirs = trace(a), trace(b)
    result = difference(ours, theirs)
    assert [row.name for row in result.layers if row.a] == [layer.name for layer in ours.layers]
    assert {row.name for row in result.layers if row.b} == {layer.name for layer in theirs.layers}
    assert len({row.name for row in result.layers}) == len(result.layers)
    for quantity in ("params", "macs"):
        for side, whole in enumerate((ours, theirs)):
            assert sum(getattr(row, quantity)[side] for row in result.parts) == getattr(whole, quantity)
    assert sum(row.params_difference for row in result.parts) == theirs.params - ours.params
    assert sum(row.macs_difference for row in result.parts) == theirs.macs - ours.macs


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_what_differs_is_turned_round_with_the_nets(a, b):
    forth, back = compared(a, b), compared(b, a)
    turned = {"only_a": "only_b", "only_b": "only_a"}
    assert {row.name: row.differs for row in forth.layers} == {
        row.name: tuple(turned.get(key, key) for key in row.differs) for row in back.layers}


def test_resnext_spends_the_same_budget_otherwise():
    """Xie et al. 2017: groups of 4 channels pay for twice the width, within 5 % in both quantities."""
    result = compared("resnet50", "resnext50_32x4d")
    values = {statement.key: statement.values for statement in result.statements}["equal_budget"]
    assert (values["params"], values["macs"]) == ("−2.07", "+3.46")
    grouped = [row for row in result.layers if "groups" in row.differs]
    assert len(grouped) == 16 and all(row.name.endswith("conv2") for row in grouped)
    assert [row.part for row in result.parts] == ["conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc"]


def test_a_wide_net_is_dearer():
    assert "unequal_budget" in said(compared("resnet50", "wide_resnet50_2"))


def test_a_plain_net_lacks_only_the_shortcuts():
    result = compared("resnet20_cifar", "plain20_cifar")
    assert {row.name.rsplit(".", 1)[1] for row in result.changed} == {"add", "downsample"}
    assert said(result) == {"same_parameters", "settings"}
    by_projection = compared("resnet34", "plain34")
    assert {"same_but_projections", "equal_budget"} <= said(by_projection)
    assert next(s for s in by_projection.statements if s.key == "same_but_projections").values["n"] == 3


@pytest.mark.parametrize(("a", "b"), combinations(
    ["resnet20_cifar", "plain20_cifar", config_of("resnet20_cifar", shortcut="B"), config_of("resnet20_cifar", groups=1,
     block="bottleneck"), config_of("plain20_cifar", stem="7x7", input_size=(64, 64)), config_of(
     "resnet20_cifar", head="flatten"), config_of("plain20_cifar", classes=11)], 2))
def test_weights_fit_exactly_where_that_is_said(a, b):
    with torch.device("meta"):
        ours, theirs = create(a), create(b)
    shapes = [{key: value.shape for key, value in net.state_dict().items()} for net in (ours, theirs)]
    fits = said(compared(a, b)) & {"same_parameters", "same_layers"}
    assert bool(fits) is (shapes[0] == shapes[1])


def test_basic_blocks_and_bottlenecks():
    result = compared("resnet34", "resnet50")
    assert "blocks" in said(result)
    rows = {row.name: row for row in result.layers}
    assert rows["layer1.0.conv3"].differs == ("only_b",) and rows["layer1.0.conv1"].differs == ("params", "macs")
    assert all(pair[0] == pair[1] for pair in (row.blocks for row in result.parts))


def test_nets_of_other_depth_have_parts_and_blocks_of_their_own():
    result = compared("resnet18", "resnet20_cifar")
    parts = {row.part: row for row in result.parts}
    assert parts["conv5_x"].outputs == ((512, 7, 7), None) and parts["conv5_x"].blocks == (2, 0)
    assert list(parts)[-1] == "fc"


def test_one_net_at_two_batches_is_the_same():
    result = difference(trace("resnet18", batch=1), trace("resnet18", batch=8))
    assert result.changed == () and said(result) == {"same_layers"}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_statement_has_a_sentence(lang):
    for a, b in PAIRS:
        for statement in compared(a, b).statements:
            assert "{" not in statement.sentence(lang) and len(statement.sentence(lang)) > 8
