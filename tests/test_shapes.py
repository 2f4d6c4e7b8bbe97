"""The trace against what nobody here wrote: PyTorch's FLOP counter, torchvision's release notes, the paper."""

import random
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from math import prod

import pytest
import torch
from torch import nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from resnet import create
from resnet.config import VARIANTS, ResNetConfig, config_of
from resnet.model import ResNet
from resnet.tracing.trace import trace
from resnet.util.errors import InputError

LISTING = """\
Sequential output shape:\t torch.Size([1, 64, 16, 16])
Sequential output shape:\t torch.Size([1, 64, 16, 16])
Sequential output shape:\t torch.Size([1, 128, 8, 8])
Sequential output shape:\t torch.Size([1, 256, 4, 4])
Sequential output shape:\t torch.Size([1, 512, 2, 2])
AdaptiveAvgPool2d output shape:\t torch.Size([1, 512, 1, 1])
Flatten output shape:\t torch.Size([1, 512])
Linear output shape:\t torch.Size([1, 10])"""


def counted(config: ResNetConfig, shape: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]]:
    """(parameters, multiply-adds, output shape) by PyTorch, which counts a multiply-add as two."""
    with torch.device("meta"):
        net, x = ResNet(config).eval(), torch.empty(shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        out = net(x)
    return sum(p.numel() for p in net.parameters()), counter.get_total_flops() // 2, tuple(out.shape)


@pytest.mark.daily(20)
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in VARIANTS if "1202" not in name])
def test_a_variant_costs_what_pytorch_counts(name):
    result = trace(name, batch=2)
    assert (result.params, result.macs, result.layers[-1].output) == counted(VARIANTS[name], result.input)


def random_config(rng: random.Random) -> ResNetConfig:
    stages = rng.randint(1, 5)
    bottleneck = rng.random() < 0.5
    size = (rng.randint(2, 90), rng.randint(2, 90))
    return ResNetConfig(
        block="bottleneck" if bottleneck else "basic",
        depths=tuple(rng.randint(1, 4) for _ in range(stages)),
        widths=tuple(8 * rng.randint(1, 8) for _ in range(stages)),
        groups=rng.choice((1, 2, 4)) if bottleneck else 1,
        width_per_group=rng.choice((16, 64, 96)) if bottleneck else 64,
        conv_bias=rng.random() < 0.3, shortcut_norm=rng.random() < 0.7,
        input_size=size, in_channels=rng.randint(1, 5),
        classes=rng.randint(1, 50),
        **{key: rng.choice(values) for key, values in
           (("stem", ("7x7", "3x3")), ("shortcut", ("A", "B", "C", "none")), ("order", ("original", "preact")),
            ("stride_in", ("1x1", "3x3")), ("head", ("avgpool", "flatten")), ("zero_pad", ("behind", "front", "both")),
            ("halving", ("subsample", "average")), ("pool", ("padded", "ceil")[:min(size) - 1]),
            ("activation", ("relu", "relu", "leaky_relu", "gelu", "silu")))})


def random_member(rng: random.Random) -> ResNetConfig:
    """A random net with what later papers brought."""
    plain = random_config(rng)
    sharp = min(plain.input_size) <= 4 * 2 ** (len(plain.depths) - 1)  # too small to be blurred
    return replace(plain, shortcut=rng.choice((plain.shortcut, "D")), drop_path=rng.choice((0.0, 0.2)), **{
        key: rng.choice(values) for key, values in
        (("stem", (plain.stem, "deep", "tiered")), ("stem_width", (0, 16, 24)), ("pool", (plain.pool, "zeros", "conv")),
         ("opening", ("active", "raw")), ("closing_norm", (True, False)),
         ("anti_alias", ("none", "average", "none" if sharp else "blur")), ("attention", ("none", "se", "eca")),
         ("reduction", (4, 16)), ("norm", ("batch", "group")), ("standardised", (False, True)))})


@pytest.mark.daily(20)
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("kind", [random_config, random_member])
def test_a_random_net_costs_what_pytorch_counts(kind, seed):
    config = kind(random.Random(seed))
    result = trace(config, batch=3)
    assert (result.params, result.macs, result.layers[-1].output) == counted(config, result.input)


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d",
                                  "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"])
def test_imagenet_nets_cost_what_torchvision_publishes(name):
    meta = models.get_model_weights(name).DEFAULT.meta
    assert trace(name).params == meta["num_params"]
    assert trace(name).macs / 1e9 == pytest.approx(meta["_ops"], abs=6e-4)


@pytest.mark.parametrize("settings", [
    {}, {"shortcut": "C"}, {"shortcut": "none"}, {"order": "preact"}, {"block": "bottleneck", "stride_in": "1x1"}])
def test_repeating_equal_blocks_gives_the_trace_of_the_whole_net(settings):
    """A config is traced with two blocks a stage, a module in full: the same records."""
    net = create("resnet20_cifar", depths=(4, 1, 3), **settings)
    assert trace(net, batch=2) == trace(net.config, batch=2)


def ran(config: ResNetConfig, shape: tuple[int, ...]) -> dict[str, list[tuple]]:
    """Name -> (type, input, output shape) of each run of a module, by PyTorch's own meta kernels."""
    with torch.device("meta"):
        net, x = ResNet(config).eval(), torch.empty(shape)
    runs = defaultdict(list)
    for name, module in net.named_modules():
        module.register_forward_hook(lambda module, args, out, name=name: runs[name].append(
            (type(module).__name__, tuple(args[0].shape), tuple(getattr(out, "shape", ())))))
    with torch.no_grad():
        net(x)
    return runs


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", [random_config, random_member])
def test_every_shape_is_what_pytorch_gives(kind, seed):
    """The trace computes shapes by the rules in shape_rules.py; PyTorch runs its kernels."""
    config = kind(random.Random(1000 + seed))
    result = trace(config, batch=2)
    theirs = ran(config, result.input)
    for layer in result.layers:
        if layer.type != "Add":
            name, _, rerun = layer.name.partition("_")
            assert (layer.type, layer.input, layer.output) == theirs[name][int(rerun or 0)], layer.name


@pytest.mark.slow
@pytest.mark.skipif(torch.__version__ < "2.9", reason="torch 2.8 draws weights for the meta device with it")
def test_a_trace_does_without_pytorchs_compiler():
    """Importing it costs as much as importing torch, and PyTorch's meta kernels do."""
    program = "import sys; from resnet.tracing.trace import trace; trace('resnet50'); sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_an_unknown_kind_of_layer_is_named():
    net = create("resnet20_cifar")
    net.layer1[0].relu = nn.Mish()
    with pytest.raises(InputError, match="Mish"):
        trace(net)


def test_a_traced_module_is_left_as_it_was():
    net = create("resnet20_cifar")
    before = {name: (tensor, tensor.clone()) for name, tensor in net.state_dict().items()}
    trace(net)
    assert net.training and not any(module._forward_hooks for module in net.modules())
    for name, tensor in net.state_dict().items():
        assert tensor.data_ptr() == before[name][0].data_ptr() and torch.equal(tensor, before[name][1])


def test_the_deepest_net_is_complete():
    result = trace("resnet1202_cifar")
    assert result.params == 19_421_274 and round(result.macs / 1e6) == 2829
    assert len(result.blocks) == 600 and result.blocks[-1].name == "layer3.199"
    assert len({layer.name for layer in result.layers}) == len(result.layers)


def test_layers_are_named_as_torchvision_names_its_graph():
    """Names of modules, of repeated ones and of the additions; nodes without a record are its flatten's kind."""
    from torchvision.models.feature_extraction import get_graph_node_names

    theirs = get_graph_node_names(models.resnet50())[1]
    assert [layer.name for layer in trace("resnet50").layers] == [name for name in theirs if name != "x"]


def test_layers_fit_together():
    for name in ("resnet50", "plain34", "resnet56_cifar"):
        layers = [layer for layer in trace(name).layers if not layer.on_shortcut]
        for before, after in zip(layers, layers[1:], strict=False):
            assert before.output == after.input, (name, after.name)


def test_the_tutorials_listing():
    result = trace("d2l_resnet18", size=(64, 64))
    assert result.input == (1, 1, 64, 64)
    assert result.listing() == LISTING


def test_the_listing_is_what_sequential_modules_print():
    net = create("d2l_resnet18").eval()
    tops = [nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool), *net.stages, net.avgpool, net.flatten, net.fc]
    x, rows = torch.rand(1, 1, 64, 64), []
    for top in tops:
        x = top(x)
        rows.append(f"{top.__class__.__name__} output shape:\t {x.shape}")
    assert "\n".join(rows) == LISTING


@pytest.mark.parametrize("settings", [
    {"stem": "3x3"}, {"stem": "3x3", "shortcut": "none", "order": "preact"},
    {"stem": "3x3", "block": "bottleneck"}, {"stem": "3x3", "block": "bottleneck", "stride_in": "1x1"}])
def test_the_receptive_field_is_where_the_gradient_reaches(settings):
    """With positive weights everywhere nothing cancels, so one output's gradient covers its field."""
    net = create("resnet18", depths=(1, 2), widths=(4, 8), classes=2, **settings).double().eval()
    for parameter in net.parameters():
        nn.init.constant_(parameter, 0.1)
    x = torch.rand(1, 3, 96, 96, dtype=torch.double, requires_grad=True)
    net.features(x)[0, 0, 24, 24].backward()
    rows = x.grad[0, 0].abs().sum(1).nonzero().flatten()
    assert int(rows[-1] - rows[0]) + 1 == trace(net, size=96).receptive_field


def test_receptive_fields_of_the_published_table():
    """ResNet-50 v1: 483 pixels (Araujo et al. 2019, "Computing Receptive Fields of CNNs")."""
    assert trace("resnet50", stride_in="1x1").receptive_field == 483
    assert trace("resnet50").receptive_field == 427


def test_the_peak_is_the_sum_of_the_tensors_alive():
    """ResNet-50 in layer1: a block's input, its branch and their sum, 256 x 56 x 56 each."""
    assert trace("resnet50").peak_activation_bytes == 3 * 256 * 56 * 56 * 4
    assert trace("resnet50", batch=8).peak_activation_bytes == 8 * 3 * 256 * 56 * 56 * 4
    # A plain net keeps no block's input: its peak is a batch norm's input and output.
    assert trace("plain18").peak_activation_bytes == 2 * 64 * 112 * 112 * 4
    assert trace("resnet20_cifar").peak_activation_bytes == 3 * 16 * 32 * 32 * 4
    assert trace("plain20_cifar").peak_activation_bytes == 2 * 16 * 32 * 32 * 4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnext50_32x4d"])
@pytest.mark.parametrize("size", [32, 224])
def test_the_peak_is_that_of_torchvisions_graph(name, size):
    """Liveness over the nodes of torchvision's net as torch.fx sees it: alive from its making to its last user."""
    graph = torch.fx.symbolic_trace(getattr(models, name)().eval().to("meta"))
    ShapeProp(graph).propagate(torch.empty(1, 3, size, size, device="meta"))
    nodes = [node for node in graph.graph.nodes if node.op != "output"]
    step = {node: i for i, node in enumerate(nodes)}
    owner, last = {}, {}
    for node in nodes:
        in_place = str(node.target).split(".")[-1] in ("relu", "flatten") or "flatten" in str(node.target)
        owner[node] = owner[node.args[0]] if in_place else node
        for used in (*node.all_input_nodes, node):
            last[owner[used]] = step[node]
    size_of = {node: 4 * prod(node.meta["tensor_meta"].shape) for node in last}
    peak = max(sum(size_of[node] for node in last if step[node] <= i <= last[node]) for i in range(len(nodes)))
    assert trace(name, size=size).peak_activation_bytes == peak


def test_the_record_is_json_with_the_documented_keys():
    data = trace("resnet20_cifar").to_dict()
    assert {"name", "input", "params", "macs", "layers"} <= set(data)
    assert data["input"] == [1, 3, 32, 32]
    for layer in data["layers"]:
        assert {"name", "type", "input", "output", "params", "macs", "receptive_field"} <= set(layer)
        assert layer["activation_bytes"] == 4 * prod(layer["output"])
    assert sum(layer["macs"] for layer in data["layers"]) == data["macs"]


def test_shortcuts_have_their_kind():
    kinds = {name: [block.shortcut for block in trace(name, **changes).stages[2].blocks]
             for name, changes in (("resnet18", {}), ("resnet20_cifar", {}), ("plain18", {}))}
    assert kinds == {"resnet18": ["projection", "identity"], "resnet20_cifar": ["zero-pad", "identity", "identity"],
                     "plain18": ["none", "none"]}
    assert not any(layer.type == "Add" for layer in trace("plain18").layers)


def test_stages_are_the_rows_of_table_1():
    stages = trace("resnet50").stages
    assert [stage.group for stage in stages] == ["conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc"]
    assert [stage.output[2] for stage in stages[:-1]] == [112, 56, 28, 14, 7]
    assert [len(stage.blocks) for stage in stages] == [0, 3, 4, 6, 3, 0]
    assert sum(stage.params for stage in stages) == 25_557_032


def test_a_rectangle_and_a_row_of_pixels_trace_as_pytorch_runs_them():
    for size in ((96, 480), (1, 9), (2, 2)):
        out = create("resnet18", depths=(1, 1, 1, 1)).eval().features(torch.rand(1, 3, *size))
        layers = {layer.name: layer for layer in trace("resnet18", size=size).layers}
        assert layers["avgpool"].input == tuple(out.shape)


@pytest.mark.parametrize(("arguments", "words"), [
    ({"size": (1, 1)}, "single pixel"), ({"size": 100_000}, "8,192"), ({"size": (0, 32)}, "input size"),
    ({"size": -4}, "input size"), ({"batch": 0}, "batch"), ({"classes": 0}, "classes"),
    ({"head": "flatten", "size": 80}, "224x224.*80x80"),
    ({"block": "bottleneck", "widths": (8192,) * 4, "groups": 8192, "width_per_group": 8192,
      "size": 8192, "batch": 65_536}, "too large"),
])
def test_what_cannot_be_traced_is_told_in_one_sentence(arguments, words):
    with pytest.raises(InputError, match=words) as caught:
        trace("resnet18", **arguments)
    assert "\n" not in str(caught.value) and caught.value.sentence("zh")


def test_a_flatten_head_takes_what_gives_the_same_map():
    config = config_of("resnet18", head="flatten", input_size=(64, 64))
    assert trace(config, size=(63, 60)).layers[-1].input == (1, 512 * 2 * 2)


def test_another_kind_of_module_is_refused():
    with pytest.raises(InputError, match="Linear"):
        trace(nn.Linear(2, 2))
