import xml.etree.ElementTree as ET

import pytest

from resnet.tracing.block_diagram import block_map
from resnet.tracing.trace import trace

SVG = "{http://www.w3.org/2000/svg}"


def words(net: str, block: str, **changes) -> list[str]:
    return [element.text for element in ET.fromstring(block_map(trace(net, **changes), block)).iter(f"{SVG}text")]


def test_a_bottleneck_reads_as_in_the_paper():
    assert words("resnet50", "layer3.0") == [
        "512×28²", "1×1, 256", "256×28²", "BN", "ReLU", "3×3, 256 /2", "256×14²", "BN", "ReLU", "1×1, 1024",
        "1024×14²", "BN", "projection: 1×1, 1024 /2", "+", "ReLU", "1024×14²"]


def test_pre_activation_puts_the_addition_last():
    shown = words("resnet18", "layer1.1", order="preact")
    assert shown[1:3] == ["BN", "ReLU"]
    assert shown[-3:] == ["identity: x itself", "+", "64×56²"]


def test_a_plain_block_has_no_shortcut():
    svg = ET.fromstring(block_map(trace("plain34"), "layer2.0"))
    assert "+" not in [element.text for element in svg.iter(f"{SVG}text")]
    assert not [path for path in svg.iter(f"{SVG}path") if path.get("class", "").startswith("arc")]


def test_zero_padding_says_how_many_channels_are_new():
    assert "zero-pad: 16 new channels of zeros" in words("resnet20_cifar", "layer2.0")


@pytest.mark.parametrize("order, start", [("original", "before"), ("preact", "after")])
def test_where_the_shortcut_leaves_the_path(order, start):
    """A pre-activation stage's first block activates before the paths split (He et al. 2016)."""
    svg = ET.fromstring(block_map(trace("resnet50", order=order), "layer2.0"))
    arc = next(path for path in svg.iter(f"{SVG}path") if path.get("class", "").startswith("arc"))
    leaves = float(arc.get("d")[1:].split()[0])
    first = min(float(box.get("x")) for box in svg.iter(f"{SVG}rect"))
    assert (leaves < first) == (start == "before")
