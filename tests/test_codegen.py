"""The code is run: its net has our keys and shapes, takes our weights and gives our logits."""

import random
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from resnet import create
from resnet.config import VARIANTS, config_of
from resnet.tracing.codegen import code
from resnet.tracing.trace import trace
from resnet.util.errors import InputError
from tests.test_shapes import random_config, random_member


def built(source: str):
    """The net of a piece of code that sees nothing but what it imports itself."""
    names = {"__name__": "a_net"}
    exec(compile(source, "<code>", "exec"), names)  # noqa: S102, this is our own text
    return names["ResNet"]().eval()


def shapes(net) -> dict:
    return {key: tuple(value.shape) for key, value in net.state_dict().items()}


@pytest.mark.daily(20)
@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_has_our_keys_and_shapes(name):
    with torch.device("meta"):
        assert shapes(built(code(name))) == shapes(create(name))


def logits(ours, theirs, shape):
    with torch.inference_mode():
        x = torch.rand(shape, dtype=torch.double)
        return ours(x), theirs(x)


def with_numbers(config):
    """Our net with statistics of its own, so that a norm left out would show."""
    net = create(config).double().eval()
    for name, buffer in net.named_buffers():
        if name.endswith("running_mean"):
            torch.nn.init.normal_(buffer)
        elif name.endswith("running_var"):
            torch.nn.init.uniform_(buffer, 0.5, 2)
    return net


@pytest.mark.daily(20)
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("kind", [random_config, random_member])
def test_a_random_net_gives_our_logits(kind, seed):
    config = kind(random.Random(seed))
    ours, theirs = with_numbers(config), built(code(config)).double()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    a, b = logits(ours, theirs, (2, config.in_channels, *config.input_size))
    assert torch.equal(a, b)


@pytest.mark.parametrize("name", [name for name in VARIANTS if not any(big in name for big in ("10", "15", "200"))])
def test_a_variant_gives_our_logits(name):
    """With two blocks a stage and narrow, to be quick; grouped convolutions keep their width."""
    config = VARIANTS[name]
    config = replace(config, depths=tuple(min(depth, 2) for depth in config.depths))
    if config.groups == 1:
        config = replace(config, widths=tuple(width // 8 for width in config.widths))
    ours, theirs = with_numbers(config), built(code(config)).double()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    assert torch.equal(*logits(ours, theirs, (1, config.in_channels, 33, 40)))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), [("resnet20_cifar", None), ("plain20_cifar", (40, 24)),
                                            ("d2l_resnet18", (64, 64))])
def test_it_runs_by_itself_and_tells_what_the_trace_tells(tmp_path, name, size):
    file = tmp_path / "net.py"
    file.write_text(code(name, size))
    done = subprocess.run([sys.executable, "-I", str(file)], capture_output=True, text=True, cwd=tmp_path)
    result = trace(name, size)
    assert done.stdout == f"parameters: {result.params:,}\noutput: {result.layers[-1].output}\n", done.stderr


def test_the_code_is_as_long_as_the_net_needs():
    plain = code("plain18")
    assert "downsample" not in plain and "groups" not in plain and "ZeroPad" not in plain
    assert "groups=32" in code("resnext50_32x4d") and "ZeroPad" in code("resnet20_cifar")
    assert "avgpool" not in code(config_of("resnet18", head="flatten"))
    for name in VARIANTS:
        assert max(map(len, code(name).splitlines())) <= 120 and len(code(name).splitlines()) < 100


def test_a_size_that_the_net_cannot_take_is_refused():
    with pytest.raises(InputError, match="flatten"):
        code(config_of("resnet18", head="flatten"), 80)
