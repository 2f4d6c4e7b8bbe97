"""The counts against PyTorch's own counter and the conventions written out, and each step's cause by recounting."""

from dataclasses import replace

import pytest

from resnet.config import VARIANTS, config_of
from resnet.tracing.cost import badge, cost, name_some, reconcile
from resnet.tracing.trace import trace
from resnet.util.errors import InputError
from resnet.util.numbers import short
from resnet.util.text import LANGUAGES


def test_convolutions_and_fc_are_the_traces_multiply_adds():
    result = trace("resnet50", batch=2)
    assert cost(result).total == result.macs
    assert cost(result, "flops").total == 2 * result.macs
    assert [layer.count for layer in cost(result).layers] == [layer.macs for layer in result.layers]


def test_parts_sum_to_the_total():
    for unit in ("macs", "flops"):
        for scope in ("conv_fc", "all"):
            counted = cost(trace("resnext50_32x4d"), unit, scope)
            assert list(counted.by_group) == ["conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc"]
            assert sum(counted.by_group.values()) == counted.total == sum(layer.count for layer in counted.layers)


def test_every_convention_on_a_net_small_enough_to_write_out():
    """One block of 2 channels at 4x4 (8x8 in, stem 7x7 with pooling), biased, 3 classes."""
    result = trace("resnet18", depths=(1,), widths=(2,), classes=3, conv_bias=True, size=16)
    counts = {layer.name: layer.count for layer in cost(result, "flops", "all").layers}
    assert counts == {
        "conv1": 2 * (2 * 8 * 8) * (3 * 7 * 7) + 2 * 8 * 8,
        "bn1": 2 * (2 * 8 * 8), "relu": 2 * 8 * 8,
        "maxpool": (2 * 4 * 4) * 8,
        "layer1.0.conv1": 2 * (2 * 4 * 4) * (2 * 3 * 3) + 2 * 4 * 4, "layer1.0.bn1": 2 * (2 * 4 * 4),
        "layer1.0.relu": 2 * 4 * 4,
        "layer1.0.conv2": 2 * (2 * 4 * 4) * (2 * 3 * 3) + 2 * 4 * 4, "layer1.0.bn2": 2 * (2 * 4 * 4),
        "layer1.0.add": 2 * 4 * 4, "layer1.0.relu_1": 2 * 4 * 4,
        "avgpool": 2 * 4 * 4, "flatten": 0,
        "fc": 2 * 3 * 2 + 3,
    }
    in_macs = {layer.name: layer.count for layer in cost(result, "macs", "all").layers}
    assert in_macs["bn1"] == 2 * 8 * 8 and in_macs["fc"] == 3 * 2 + 3 and in_macs["maxpool"] == counts["maxpool"]


def test_an_unknown_unit_or_scope_is_told():
    with pytest.raises(InputError, match="macs, flops"):
        cost(trace("resnet18"), "gflops")
    with pytest.raises(InputError, match="conv_fc, all"):
        cost(trace("resnet18"), "macs", "everything")


def test_resnet50_from_the_papers_figure_to_flops():
    steps = reconcile("resnet50")
    assert [step.key for step in steps] == ["paper", "stride_in", "scope", "unit"]
    assert [f"{step.after / 1e9:.3f}" for step in steps] == ["3.858", "4.089", "4.117", "8.217"]
    assert steps[1].layers == ("layer2.0.conv1", "layer3.0.conv1", "layer4.0.conv1")


@pytest.mark.daily(20)
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in VARIANTS if "1202" not in name])
def test_each_step_begins_where_the_last_ended(name):
    for quantity in ("macs", "params"):
        steps = reconcile(name, quantity=quantity)
        assert all(before.after == after.before for before, after in zip(steps, steps[1:], strict=False))
        reached = [step for step in steps if step.key not in ("scope", "unit")][-1]
        assert reached.after == getattr(trace(name), quantity)


@pytest.mark.parametrize("changes", [
    {"shortcut": "C"}, {"shortcut": "none", "classes": 10}, {"order": "preact", "in_channels": 1},
    {"head": "flatten", "conv_bias": True, "input_size": (96, 64)}, {"shortcut_norm": False, "shortcut": "A"}])
@pytest.mark.parametrize("name", ["resnet34", "resnet50"])
def test_a_changed_net_is_reached_and_each_step_is_its_layers(name, changes):
    """What a step adds is what its layers add; the other layers count the same before and after."""
    config = config_of(name, **changes)
    steps = [step for step in reconcile(config) if step.key not in ("scope", "unit")]
    assert steps[-1].after == trace(config).macs
    nets = {"paper": replace(config_of(name), stride_in="1x1", shortcut="A" if name == "resnet34" else "B")}
    start = {layer.name: layer.macs for layer in trace(nets["paper"]).layers}
    end = {layer.name: layer.macs for layer in trace(config).layers}
    changed = {key for key in {**start, **end} if start.get(key, 0) != end.get(key, 0)}
    assert changed <= {layer for step in steps for layer in step.layers}


def test_shortcut_options_differ_by_their_projections():
    to_c = {step.key: step for step in reconcile(config_of("resnet34", shortcut="C"))}["shortcut"]
    assert len(to_c.layers) == 16 and all(name.endswith("downsample.0") for name in to_c.layers)
    assert to_c.after - to_c.before == sum(
        layer.macs for layer in trace("resnet34", shortcut="C").layers if layer.on_shortcut)


@pytest.mark.parametrize(("net", "equal"), [
    ("resnet18", True), ("resnet34", True), ("resnet101", False), (config_of("resnet50", stride_in="1x1"), True),
    ("plain34", True), ("resnet50", False)])
def test_the_badge_compares_with_table_1(net, equal):
    mark = badge(net)
    assert mark.equal is equal and mark.figure.matches(mark.count) is equal
    assert [step.key for step in mark.steps] == ([] if equal else ["stride_in"])
    assert mark.difference == mark.count - mark.figure.value


def test_the_badge_of_parameters_compares_with_table_6():
    assert badge("resnet20_cifar", quantity="params").equal
    wider = badge(config_of("resnet20_cifar", shortcut="C"), quantity="params")
    assert not wider.equal and {name.split(".")[2] for name in wider.steps[0].layers} == {"downsample"}


def test_another_size_is_said_to_be_the_reason():
    mark = badge("resnet18", size=(112, 112))
    assert [step.key for step in mark.steps] == ["shortcut", "size"]
    assert "fc" not in mark.steps[1].layers and "conv1" in mark.steps[1].layers


def test_nothing_is_published_of_a_net_that_no_paper_has():
    assert badge(config_of("resnet50", depths=(3, 4, 6, 4))) is None
    assert [step.key for step in reconcile("resnext50_32x4d")] == ["counted", "scope", "unit"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_sentences_exist_for_every_key(lang):
    config = config_of("resnet50", classes=10, shortcut="C", order="preact")
    for net in (config, "resnext50_32x4d"):
        for step in reconcile(net, 160):
            assert "{" not in step.sentence(lang) and len(step.sentence(lang)) > 10
    for mark in (badge(config, 160), badge("resnet18"), badge("resnet50")):
        assert mark.figure.cite in mark.sentence(lang)


def test_short_words():
    assert short(4_089_184_256) == "4.089 G" and short(950) == "950"
    assert name_some(("a", "b")) == "a, b" and name_some(tuple("abcdef")) == "a, b, c and 3 more"
