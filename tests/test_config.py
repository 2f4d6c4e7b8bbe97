import json

import pytest

from resnet.config import VARIANTS, ResNetConfig, config_of
from resnet.util.errors import InputError


def test_a_config_survives_json():
    for config in VARIANTS.values():
        assert ResNetConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(("name", "depth"), [
    ("resnet18", 18), ("plain34", 34), ("resnet50", 50), ("resnet200", 200), ("resnet20_cifar", 20),
    ("plain1202_cifar", 1202), ("resnet152_cifar", 152), ("d2l_resnet18", 18), ("wide_resnet101_2", 101),
])
def test_depth_counts_weighted_layers(name, depth):
    assert VARIANTS[name].depth == depth


def test_a_plain_twin_differs_in_its_shortcut_only():
    for name in ("resnet18", "resnet34", "resnet20_cifar", "resnet1202_cifar"):
        assert config_of(name, shortcut="none") == VARIANTS[name.replace("resnet", "plain")]


def test_settings_come_as_text_or_as_values():
    typed = config_of("resnet50", depths="1,2,3,4", input_size="96x64", classes="7", conv_bias="true")
    assert typed == config_of("resnet50", depths=[1, 2, 3, 4], input_size=(96, 64), classes=7, conv_bias=True)


@pytest.mark.parametrize("bad", [
    {"classes": 0}, {"classes": 100_001}, {"classes": -3}, {"in_channels": 0}, {"input_size": (0, 32)},
    {"input_size": (100_000, 100_000)}, {"depths": ()}, {"depths": (0, 1, 1, 1)}, {"depths": (2, 2)},
    {"widths": (64, 128, 256, 9000)}, {"depths": (1,) * 7, "widths": (8,) * 7}, {"stem": "5x5"},
    {"block": "wide"}, {"groups": 2}, {"block": "bottleneck", "width_per_group": 1, "widths": (8, 8, 8, 8)},
])
def test_values_out_of_range_are_told_in_a_sentence_of_each_language(bad):
    with pytest.raises(InputError) as caught:
        config_of("resnet18", **bad)
    for lang in ("en", "zh"):
        assert caught.value.sentence(lang).endswith((".", "。"))


@pytest.mark.parametrize("bad", [
    {"clases": 10}, {"depths": "two"}, {"classes": "many"}, {"classes": 2.5}, {"classes": True},
    {"input_size": "3x4x5"}, {"conv_bias": "perhaps"}, {"key": "value"},
])
def test_unknown_settings_and_values_of_another_type_are_told(bad):
    with pytest.raises(InputError) as caught:
        config_of("resnet18", **bad)
    assert next(iter(bad)) in (caught.value.values.get("field"), caught.value.values.get("key"))


def test_an_unknown_variant_is_told_with_the_nearest():
    with pytest.raises(InputError, match="did you mean resnet50"):
        config_of("resnet51")
