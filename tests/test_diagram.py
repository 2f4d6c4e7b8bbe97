import xml.etree.ElementTree as ET

import pytest

from resnet.tracing.diagram import network_map, shape_label
from resnet.tracing.trace import trace
from resnet.util.text import LANGUAGES, sentences

SVG = "{http://www.w3.org/2000/svg}"


def drawing(name: str, lang: str = "en", **settings) -> ET.Element:
    return ET.fromstring(network_map(trace(name, **settings), lang))


def words(svg: ET.Element) -> list[str]:
    return [element.text for element in svg.iter(f"{SVG}text")]


def arcs(svg: ET.Element) -> list[str]:
    """The kinds of the blocks' shortcuts, in order."""
    blocks = [group for group in svg.iter(f"{SVG}g") if group.get("class") == "block"]
    return [path.get("class").split()[1] for block in blocks for path in block.iter(f"{SVG}path")
            if path.get("class", "").startswith("arc ")]


def test_every_block_of_a_short_net_is_drawn_with_its_shortcut():
    svg = drawing("resnet50")
    parts = [group.get("data-block") for group in svg.iter(f"{SVG}g") if group.get("data-block")]
    blocks = [f"layer{stage}.{i}" for stage, depth in enumerate((3, 4, 6, 3), 1) for i in range(depth)]
    assert parts == ["conv1", *blocks, "fc"]
    assert arcs(svg).count("projection") == 4 and arcs(svg).count("identity") == 12


def test_a_plain_net_has_no_arcs_and_option_a_pads():
    assert arcs(drawing("plain34")) == []
    assert arcs(drawing("resnet20_cifar")).count("zero-pad") == 2


def test_shapes_and_names_are_on_the_map():
    shown = words(drawing("resnet50"))
    for label in ("3×224²", "64×112²", "256×56²", "1024×14²", "2048×7²", "2048", "conv4_x", "layer3",
                  "6 × Bottleneck", "1,000 classes"):
        assert label in shown


@pytest.mark.parametrize(("name", "folded", "drawn"), [("resnet152", ["35"], 3 + 8 + 3 + 3),
                                                       ("resnet1202_cifar", ["200", "199", "199"], 2 + 3 + 3)])
def test_long_runs_fold(name, folded, drawn):
    svg = drawing(name)
    assert [word.split()[0] for word in words(svg) if word.endswith("equal blocks")] == folded
    parts = [group.get("data-block") for group in svg.iter(f"{SVG}g") if group.get("data-block")]
    assert len([part for part in parts if part.startswith("layer")]) == drawn


@pytest.mark.parametrize("settings", [
    {"size": (96, 480)}, {"size": 2, "order": "preact"}, {"head": "flatten"}, {"depths": "1", "widths": "8"},
    {"depths": "1,1,1,1,1,1", "widths": "8,8,8,8,8,8", "stem": "3x3"}, {"classes": 100_000}])
def test_labels_of_edges_do_not_touch(settings):
    rows: dict[str, list] = {}
    for element in drawing("resnet18", **settings).iter(f"{SVG}text"):
        if element.get("class") == "shape":
            rows.setdefault(element.get("y"), []).append((float(element.get("x")), 6.5 * len(element.text)))
    for row in rows.values():
        for (x0, width0), (x1, width1) in zip(row, row[1:], strict=False):
            assert x1 - x0 >= (width0 + width1) / 2


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_map_says_in_words_what_it_shows(lang):
    svg = drawing("resnet20_cifar", lang)
    assert svg.get("role") == "group"
    assert "resnet20_cifar" in svg.find(f"{SVG}title").text
    assert "64×8×8" in svg.find(f"{SVG}desc").text
    assert sentences(lang)["diagram.legend_zero-pad"] in words(svg)


def test_the_text_comes_from_the_page_colour_and_nothing_from_outside():
    svg = network_map(trace("resnet18"))
    assert "currentColor" in svg and "--net-residual" in svg
    assert " id=" not in svg and "href" not in svg and svg.count("http") == 1


def test_shape_labels():
    assert shape_label((1, 64, 56, 56)) == "64×56²"
    assert shape_label((8, 64, 56, 48)) == "64×56×48"
    assert shape_label((1, 512)) == "512"
