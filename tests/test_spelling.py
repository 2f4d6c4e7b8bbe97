"""A checkpoint's names and shapes -> its network: against timm's real models, and every refusal."""

import itertools
import random

import pytest

from resnet.config import CHOICES, VARIANTS, ResNetConfig, config_of
from resnet.hub.infer import infer_config, learned, state_shapes
from resnet.hub.spelling import to_torchvision
from resnet.model import create
from resnet.tracing import trace as shapes
from resnet.util.errors import InputError
from resnet.util.text import LANGUAGES, sentences
from tests.checkpoints import IMAGENET, cifar_names, of, timm_model, transformers_names

pytestmark = pytest.mark.peers

PLAIN = (*IMAGENET, "resnext101_32x16d", "resnext101_32x32d")
OTHER_KINDS = {
    "legacy_seresnet18": "kind_attention", "gcresnet50t": "kind_attention", "nf_resnet50": "kind_norm_free",
    "res2net50_26w_4s": "kind_branches", "skresnet18": "kind_branches", "resnest50d": "kind_branches",
    "resnet50_clip": "kind_attention_pool", "resnet50_mlp": "kind_mlp_head", "resnet61q": "kind_timm_stages",
    "vit_tiny_patch16_224": "kind_transformer", "densenet121": "not_a_resnet_file",
}
TIMM_OPTIONS = (  # one change each to a net that is plain otherwise, and what it is here
    ({"avg_down": True}, {"shortcut": "D"}), ({"stem_type": "deep"}, {"stem": "deep", "stem_width": 128}),
    ({"stem_type": "deep_tiered", "stem_width": 32}, {"stem": "tiered"}),
    ({"block_args": {"attn_layer": "eca"}}, {"attention": "eca"}),
    ({"block_args": {"attn_layer": "se"}}, {"attention": "se"}),
    ({"replace_stem_pool": True}, {"pool": "conv"}), ({"norm_layer": "groupnorm"}, {"norm": "group"}),
)
SAME_TENSORS = {"resnetblur50": "blur", "resnetaa50": "average"}  # whose filters leave no tensors
TIMM = {"pretrained_cfg": {"input_size": [3, 224, 224]}}


def keys(found) -> list[str]:
    return [note.key for note in found.notes]


def refusal(tensors, hints=None) -> InputError:
    with pytest.raises(InputError) as caught:
        infer_config(tensors, hints)
    for lang in LANGUAGES:
        sentence = caught.value.sentence(lang)
        assert "{" not in sentence and "\n" not in sentence and len(sentence) < 400
    return caught.value


@pytest.mark.parametrize("name", PLAIN)
def test_every_plain_architecture_of_timm(name):
    net = timm_model(name)
    found = infer_config(of(net), {"architecture": name, **TIMM})
    if name in VARIANTS:
        assert found.config == VARIANTS[name]
    assert shapes.trace(found.config).params == sum(p.numel() for p in net.parameters())
    assert found.spelling.name == "torchvision" and not found.headless and "size_told" in keys(found)


@pytest.mark.parametrize("name", OTHER_KINDS)
def test_nets_of_other_kinds_are_refused_with_the_reason(name):
    assert refusal(of(timm_model(name))).key == OTHER_KINDS[name]


@pytest.mark.parametrize(("options", "settings"), TIMM_OPTIONS, ids=str)
def test_a_single_change_is_read_off_the_tensors(options, settings):
    assert infer_config(of(timm_model("resnet18", **options))).config == config_of("resnet18", **settings)


@pytest.mark.parametrize("name", SAME_TENSORS)
def test_nets_that_only_their_config_gives_away(name):
    tensors = of(timm_model(name))
    assert tensors == of("resnet50")  # so nothing in the file could tell
    assert "unseen" in keys(infer_config(tensors))
    found = infer_config(tensors, {"architecture": name, **TIMM})
    assert found.config == config_of("resnet50", anti_alias=SAME_TENSORS[name]) and "anti_alias_told" in keys(found)


@pytest.mark.parametrize("name", ["resnet18", "resnet26", "resnet50", "resnet152"])
@pytest.mark.parametrize("bare", [False, True])
def test_transformers_spelling(name, bare):
    tensors = transformers_names(of(name))
    if bare:
        tensors = {key.removeprefix("resnet."): shape for key, shape in tensors.items() if "classifier" not in key}
    hints = {"model_type": "resnet", "downsample_in_bottleneck": name == "resnet50", "hidden_act": "relu"}
    found = infer_config(tensors, hints)
    first = {"stride_in": "1x1"} if name == "resnet50" else {}
    assert found.config == config_of(name, **first) and found.spelling.name == "transformers"
    assert set(found.spelling.mapping.values()) == {key for key in of(name) if not (bare and key.startswith("fc."))}
    assert found.headless == bare == ("headless" in keys(found))


@pytest.mark.parametrize(("hints", "key"), [
    ({"model_type": "vit"}, "kind_named"), ({"model_type": "resnet", "hidden_act": "mish"}, "kind_activation"),
    ({"model_type": "resnet", "downsample_in_first_stage": True}, "kind_first_stage"),
    ({"architecture": "resnet50q"}, "kind_named"), ({"architecture": "senet154"}, "named_senet"),
    ({"architecture": "resnet50", "model_args": {"act_layer": "mish"}}, "kind_activation"),
    ({"architecture": "resnet50", "model_args": {"aa_layer": "blurpool"}}, "kind_changed"),
    ({"architecture": "resnet50_gn"}, "tensor_extra"),
    ({"architecture": {"block": "dense"}}, "choice"), ({"architecture": {"size": 3}}, "unknown_setting"),
    ({"architecture": {"depths": [2, 2, 2, 2]}}, "config_disagrees"),
])
def test_config_files_that_describe_another_net(hints, key):
    assert refusal(of("resnet50"), hints).key == key


@pytest.mark.parametrize("hints", [
    None, [], "resnet", 3, {}, {"mean": [0.5], "std": [0.5]}, {"architecture": None}, {"model_type": 5},
    {"architecture": "resnet50", "pretrained_cfg": {"input_size": [3, True, -1]}},
    {"architecture": "resnet50", "pretrained_cfg": {"input_size": "224"}, "model_args": []},
    {"architecture": "resnet50", "pretrained_cfg": {"input_size": [3, 0, 10**9]}},
])
def test_config_files_that_say_nothing_are_no_hindrance(hints):
    assert infer_config(of("resnet50"), hints).config == VARIANTS["resnet50"]


@pytest.mark.parametrize(("hints", "activation"), [
    ({"model_type": "resnet", "hidden_act": "gelu"}, "gelu"), ({"model_type": "resnet", "hidden_act": "swish"}, "silu"),
    ({"architecture": "resnet50", "model_args": {"act_layer": "silu"}}, "silu"),
])
def test_an_activation_is_told_by_the_config_file(hints, activation):
    found = infer_config(of("resnet50"), hints)
    assert found.config == config_of("resnet50", activation=activation) and "activation_told" in keys(found)


@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_kuangliu_s_pre_activated_nets_have_no_outer_norm(block):
    settings = {"order": "preact", "opening": "raw", "closing_norm": False, "block": block}
    tensors = cifar_names(of("resnet18_cifar", **settings))
    assert infer_config(tensors).config == config_of("resnet18_cifar", **settings)


@pytest.mark.parametrize("name", ["resnet18_cifar", "resnet50_cifar", "resnet101_cifar"])
@pytest.mark.parametrize("prefix", ["", "module.", "module._orig_mod."])
def test_cifar_spelling_with_projections(name, prefix):
    found = infer_config(cifar_names(of(name), prefix))
    assert found.config == VARIANTS[name] and found.spelling.name == "cifar" and found.spelling.prefix == prefix
    assert ("prefix" in keys(found)) == bool(prefix)


def test_cifar_spelling_with_option_a_and_torchvisions_names_with_three_stages():
    found = infer_config(cifar_names(of("resnet56_cifar"), "module."))
    assert found.config == VARIANTS["resnet56_cifar"] and "option_a_cifar" in keys(found)
    found = infer_config(of("resnet56_cifar", shortcut="B", classes=100))
    assert found.config == config_of("resnet56_cifar", shortcut="B", classes=100)
    assert found.spelling.name == "torchvision"


@pytest.mark.daily(20)
@pytest.mark.parametrize("name", VARIANTS)
def test_our_own_variants_with_and_without_their_config(name):
    config, tensors = VARIANTS[name], of(name)
    told = infer_config(tensors, {"architecture": config.to_dict()})
    assert told.config == config and keys(told) == ["spelling_torchvision", "config_ours"]
    guess = infer_config(tensors).config
    assert state_shapes(guess) == tensors
    if config.shortcut == "none":
        assert guess.shortcut == "A" and "option_a" in keys(infer_config(tensors))


def test_random_nets_are_found_again():
    """Whatever is inferred has exactly the tensors it was inferred from, and as many parameters."""
    draw = random.Random(5)
    for block, order, shortcut, stem in itertools.product(
            CHOICES["block"], ("original", "preact"), CHOICES["shortcut"], CHOICES["stem"]):
        for head in CHOICES["head"]:
            stages = draw.randint(1, 5)
            grouped = {"groups": draw.choice((1, 2, 4, 32)), "width_per_group": draw.choice((4, 8, 16, 64, 128))}
            config = ResNetConfig(
                block=block, order=order, shortcut=shortcut, stem=stem, head=head, input_size=(64, 96),
                depths=tuple(draw.randint(1, 4) for _ in range(stages)), in_channels=draw.choice((1, 3)),
                widths=tuple(draw.choice((16, 24, 40, 64)) for _ in range(stages)), classes=draw.randint(1, 50),
                conv_bias=draw.random() < 0.3, **(grouped if block == "bottleneck" else {}))
            found = infer_config(of(config)).config
            assert state_shapes(found) == of(config), config
            assert shapes.trace(found).params == shapes.trace(config).params


@pytest.mark.parametrize("name", ["resnet20_cifar", "resnet50", "d2l_resnet18", "resnet1202_cifar"])
def test_the_expected_tensors_are_the_networks(name):
    short = {"depths": (5, 5, 5)} if name == "resnet1202_cifar" else {}
    expected = {key: tuple(value.shape) for key, value in create(name, **short).state_dict().items()}
    assert of(name, **short) == expected


def test_the_comparison_would_notice_wrong_groups():
    """The same names and as many tensors: one number of one shape tells ResNeXt-50 from others."""
    tensors = of("resnext50_32x4d")
    assert infer_config(tensors).config.groups == 32
    tensors["layer3.1.conv2.weight"] = (512, 32, 3, 3)
    assert refusal(tensors).values["tensor"] == "layer3.1.conv2.weight"
    wrong = config_of("resnext50_32x4d", groups=64, width_per_group=2)
    error = refusal(of("resnext50_32x4d"), {"architecture": wrong.to_dict()})
    assert error.key == "config_disagrees" and "conv2" in error.values["tensor"]


def test_the_trace_would_notice_wrong_groups():
    right, wrong = config_of("resnext50_32x4d"), config_of("resnext50_32x4d", groups=16)
    assert shapes.trace(right).params == sum(p.numel() for p in timm_model("resnext50_32x4d").parameters())
    assert shapes.trace(wrong).params != shapes.trace(right).params


def changed(name="resnet50", drop=(), **tensors):
    result = {key: shape for key, shape in of(name).items() if not key.startswith(tuple(drop) or ("\0",))}
    return result | {key.replace("__", "."): shape for key, shape in tensors.items()}


@pytest.mark.parametrize(("tensors", "key"), [
    (changed(drop=["fc.bias"]), "tensor_missing"), (changed(drop=["layer2.1."]), "part_missing"),
    (changed(drop=["layer3."]), "part_missing"), (changed(drop=["layer4.2.bn3.running_var"]), "tensor_missing"),
    (changed(layer1__0__scale=(3,)), "tensor_extra"),
    (changed(layer9999__0__conv1__weight=(1, 1, 1, 1)), "part_missing"),
    (changed(layer1__9999__conv1__weight=(1, 1, 1, 1)), "part_missing"), (changed(drop=["bn1."]), "no_outer_norm"),
    (changed(layer2__1__conv2__weight=(128, 128, 3, 5)), "tensor_shape"),
    (changed(layer4__0__conv3__weight=(2046, 512, 1, 1)), "odd_expansion"),
    (changed(conv1__weight=(64, 3, 5, 5)), "stem_kernel"), (changed(conv1__weight=(32, 3, 7, 7)), "tensor_shape"),
    (changed(conv1__weight=(64,)), "not_a_square_conv"), (changed(conv1__weight=()), "not_a_square_conv"),
    (changed(layer1__0__conv2__weight=(64, 48, 3, 3)), "odd_groups"),
    (changed("resnet18", layer1__0__conv2__weight=(64, 32, 3, 3)), "odd_groups"),
    (changed("resnet18", drop=["layer3.0.downsample"]), "odd_shortcuts"),
    (changed("resnet18", layer1__0__downsample__0__weight=(64, 64, 1, 1)), "odd_shortcuts"),
    (changed(fc__weight=(1000, 2047)), "odd_classifier"), (changed(fc__weight=(1000,)), "odd_classifier"),
    (changed(linear__weight=(10, 2048), linear__bias=(10,)), "tensor_twice"),
    (changed(layer2__0__conv2__1__filt=(128, 1, 3, 3)), "kind_blur"),
    (changed(layer2__0__conv2_offset__weight=(18, 128, 3, 3)), "kind_deformable"),
    (changed(drop=["layer1."]), "not_a_resnet_file"), (changed(drop=["conv1."]), "not_a_resnet_file"),
    ({}, "not_a_resnet_file"),
    (changed(layer5__0__conv2__weight=(4, 4, 3, 3), layer6__0__conv2__weight=(4, 4, 3, 3),
             layer7__0__conv2__weight=(4, 4, 3, 3)), "tensor_missing"),
    (changed("resnet18", fc__weight=(200_000, 512), fc__bias=(200_000,)), "range"),
])
def test_incomplete_and_inconsistent_tensors(tensors, key):
    assert refusal(tensors).key == key


def test_a_flatten_head_gives_its_input_size():
    config = config_of("resnet18", head="flatten", input_size=(96, 96), classes=7)
    found = infer_config(of(config))
    assert found.config == config and "flatten" in keys(found)


def test_counters_may_be_absent():
    tensors = {key: shape for key, shape in of("resnet50").items() if not key.endswith("num_batches_tracked")}
    assert infer_config(tensors).config == VARIANTS["resnet50"]


def test_learned_tensors_are_the_parameters():
    net = timm_model("resnet18")
    assert list(learned(of(net))) == [name for name, _ in net.named_parameters()]


def test_every_note_and_refusal_is_told_in_both_languages():
    english, chinese = (sentences(lang) for lang in LANGUAGES)
    mine = [key for key in english if key.startswith(("recognised.", "errors.kind_", "errors.hub_", "errors.odd_"))]
    assert len(mine) > 40 and all(key in chinese for key in mine)
    assert to_torchvision(of("resnet18")).mapping["conv1.weight"] == "conv1.weight"
