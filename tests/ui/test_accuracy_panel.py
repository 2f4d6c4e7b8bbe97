import re

import pytest

from resnet.config import VARIANTS
from resnet.papers.released import RECIPES, RELEASED, released
from resnet.tracing.trace import trace
from resnet.ui.compare.accuracy import PANEL, AccuracyView
from resnet.ui.compare.accuracy_summary import macs
from tests.ui.asking import ask, attached, held, words


def shown(recipe: str, link: str = ""):
    message, heading, chart, shortcuts, below, query = ask(PANEL.show, held(AccuracyView(recipe)), link)
    assert message == ""
    return heading, chart, shortcuts, below, query


def test_our_parameters_are_the_released_ones():
    for entry in RELEASED:
        if entry.variant:
            assert entry.variant in VARIANTS and trace(entry.variant).params == entry.params


def test_torchvision_publishes_the_same_figures():
    from torchvision import models

    names = {"AlexNet": "AlexNet", "VGG-16": "VGG16", "Inception-v1": "GoogLeNet", "Inception-v3": "Inception_V3",
             "DenseNet-121": "DenseNet121", "MobileNetV2": "MobileNet_V2"}
    checked = 0
    for entry in released("V1"):
        wanted = f"{names.get(entry.name) or entry.variant}_weights".lower()
        weights = next((getattr(models, name) for name in dir(models) if name.lower() == wanted), None)
        if weights is None:  # Inception-v4
            continue
        meta = weights.IMAGENET1K_V1.meta
        assert meta["_metrics"]["ImageNet-1K"]["acc@1"] == pytest.approx(entry.accuracy, abs=0.001), entry.name
        assert meta["_ops"] == pytest.approx(macs(entry) / 1e9, abs=0.006), entry.name
        checked += 1
    assert checked >= 12


def test_ports_are_what_the_releases_call_ported():
    from torchvision import models

    said = {"Inception-v1": models.GoogLeNet_Weights, "Inception-v3": models.Inception_V3_Weights,
            "DenseNet-121": models.DenseNet121_Weights, "VGG-16": models.VGG16_Weights,
            "AlexNet": models.AlexNet_Weights, "ResNet-50": models.ResNet50_Weights,
            "MobileNetV2": models.MobileNet_V2_Weights}
    for entry in released("V1"):
        if entry.name in said:
            ported = "ported" in said[entry.name].IMAGENET1K_V1.meta["_docs"]
            assert ported == (entry.origin != "own"), entry.name
    *_, below, _ = shown("V1")
    assert "an era, not one recipe" in words(below) and "an era" not in words(shown("a1")[3])


@pytest.mark.parametrize("recipe", RECIPES)
def test_discs_are_one_recipe_and_rings_the_older(recipe):
    heading, chart, _, below, query = shown(recipe)
    points = {(x, y): line.marker.symbol for line in chart.data if line.mode == "markers"
              and line.marker.symbol != "circle-open" for x, y in zip(line.x, line.y, strict=True)}
    assert points == {(macs(entry) / 1e9, entry.accuracy): "circle" if entry.origin == "own" else "diamond"
                      for entry in released(recipe)}
    rings = [line for line in chart.data if line.mode == "markers" and line.marker.symbol == "circle-open"]
    assert bool(rings) == (recipe != "V1")
    assert f"{next(e.accuracy for e in released(recipe) if e.name == 'ResNet-50'):.1f} %" in words(heading)
    assert len(attached(below)["accuracy-and-cost.csv"].splitlines()) > len(released(recipe))


def test_shortcuts_removed_are_the_papers():
    values = {x for line in shown("V1")[2].data for x in line.x}
    assert values == {23.9, 22.2, 22.0, 21.2, 31.2, 26.1}


def test_each_table_has_its_own_heads():
    tables = re.findall("<thead>.*?</thead>", shown("V1")[3])
    assert [len(re.findall("<th ", head)) for head in tables] == [8, 4]


def test_nets_of_ours_open_in_trace():
    below = shown("V2", "lang=zh")[3]
    assert 'href="?variant=resnet50&lang=zh"' in below and "variant=&" not in below


@pytest.mark.parametrize("recipe", ["V9", "", None, 3])
def test_a_bad_recipe_is_a_sentence(recipe):
    message, *_ = ask(PANEL.show, [recipe])
    assert words(message) and "went wrong" not in message
