"""The same pictures and weights through timm and transformers, by their own pipelines, and through ours.

Real architectures with random weights, served by the stand-in Hub; ten photographs that other packages
bring along. A random net answers nearly alike whatever it sees, so its batch norms are calibrated on the
photographs, and logits are compared after their mean over the photographs is taken off. The last tests
show what that is worth: each single mistake in the steps or the weights is far outside the tolerance.
"""

import json
from dataclasses import dataclass, replace

import pytest
import torch
from safetensors.torch import save, save_file
from torch import Tensor, nn

from resnet.config import VARIANTS
from resnet.hub.load import load
from resnet.hub.loaded import LoadedModel
from resnet.inference.picture import decode
from resnet.inference.predict import forward, see
from tests.factories import one_thread
from tests.hub import StandInHub, pointed_at
from tests.photographs import as_pillow, photographs

pytestmark = pytest.mark.peers

PIXEL, LOGITS = 1.001 / 255, 1e-3  # the tolerances: a grey level, and a part of the logits' size
# timm's names, whose sizes, crops and filters are the releases' own but for what is given.
TIMM = {
    "resnet18.tv_in1k": {}, "resnet18.a1_in1k": {}, "resnet34.bt_in1k": {"input_size": (3, 128, 128)},
    "resnet50.tv2_in1k": {}, "resnet50.a1h_in1k": {}, "resnext50_32x4d.gluon_in1k": {"input_size": (3, 97, 97)},
    "wide_resnet50_2.tv2_in1k": {"input_size": (3, 96, 96), "crop_mode": "squash"},
    "resnet34.ra4_e3600_r224_in1k": {"input_size": (3, 96, 160)},
    **dict.fromkeys((  # later kinds, at a size that is quick
        "resnet26t.ra2_in1k", "resnet50c.gluon_in1k", "resnet50s.gluon_in1k", "seresnet50.ra2_in1k",
        "ecaresnet26t.ra2_in1k", "resnetblur50.bt_in1k", "resnetaa50d.sw_in12k_ft_in1k", "resnetrs50.tf_in1k",
        "resnet50_gn.a1h_in1k", "resnetv2_18d.ra4_e3600_r224_in1k", "resnetv2_50.a1h_in1k", "resnetv2_50d_gn.ah_in1k",
        "resnetv2_50x1_bit.goog_in21k_ft_in1k", "resnext50_32x4d.fb_swsl_ig1b_ft_in1k",
        "resnext50_32x4d.fb_ssl_yfcc100m_ft_in1k"), {"input_size": (3, 96, 96)}),
}
CONVNEXT = {"image_processor_type": "ConvNextImageProcessor", "crop_pct": 0.875, "size": {"shortest_edge": 224},
            "resample": 3, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
VIT = {"image_processor_type": "ViTImageProcessor", "size": {"height": 112, "width": 96}, "resample": 2}
SMALL = {"embedding_size": 16, "hidden_sizes": [64, 128, 256, 512], "depths": [1, 2, 1, 1]}
# As the configs of microsoft/resnet-18 and -50; the paper's stride; squashed from 384 pixels on; another processor.
TRANSFORMERS = {
    "resnet-18": ({"layer_type": "basic", "depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512]}, CONVNEXT),
    "resnet-50": ({}, CONVNEXT | {"size": 97, "resample": 2}),
    "stride-first": (SMALL | {"downsample_in_bottleneck": True}, CONVNEXT | {"size": {"shortest_edge": 384}}),
    "other-processor": (SMALL | {"layer_type": "basic", "hidden_sizes": [16, 32, 64, 128], "num_labels": 7}, VIT),
}


@dataclass(frozen=True)
class Original:
    """What the library that a net is from makes of the photographs: [10, 3, h, w] normalised, [10, classes]."""

    inputs: Tensor
    logits: Tensor
    mean: Tensor
    std: Tensor


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parity")
    with StandInHub() as hub, pointed_at(hub, folder / "cache"), one_thread():
        yield hub, folder


@torch.no_grad()
def calibrated(net: nn.Module, inputs: Tensor) -> nn.Module:
    """Random scales, so that no branch starts at zero, and statistics of these very inputs."""
    generator = torch.Generator().manual_seed(1)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # an average over all it is shown
        if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
            module.weight.uniform_(0.5, 1.5, generator=generator)
            module.bias.normal_(0, 0.2, generator=generator)
    net.train()(inputs)
    return net.eval()


def timm_files(name: str, folder, **changes) -> tuple[dict[str, bytes], Original]:
    """A repository as timm's own push_to_hf_hub writes it, and its answers by the snippet of timm's model cards."""
    import timm
    from timm.data import create_transform, resolve_data_config
    from timm.models._hub import save_config_for_hf

    torch.manual_seed(0)
    net = timm.create_model(name, pretrained=False)
    net.pretrained_cfg |= changes
    save_config_for_hf(net, folder / f"{name}.json")
    settings = resolve_data_config(pretrained_cfg=net.pretrained_cfg)
    transform = create_transform(**settings, is_training=False)
    inputs = torch.stack([transform(as_pillow(data)) for data in photographs()])
    with torch.no_grad():
        logits = calibrated(net, inputs)(inputs)
    files = {"config.json": (folder / f"{name}.json").read_bytes(), "model.safetensors": save(net.state_dict())}
    return files, Original(inputs, logits, *(torch.tensor(settings[key]).view(3, 1, 1) for key in ("mean", "std")))


def transformers_files(name: str, folder) -> tuple[dict[str, bytes], Original]:
    """A repository as save_pretrained writes it, and its answers by AutoImageProcessor and the model."""
    from transformers import AutoImageProcessor, ResNetConfig, ResNetForImageClassification

    settings, processing = TRANSFORMERS[name]
    torch.manual_seed(0)
    net = ResNetForImageClassification(ResNetConfig(**({"num_labels": 1000} | settings)))
    net.save_pretrained(folder / name)
    (folder / name / "preprocessor_config.json").write_text(json.dumps(processing))
    processor = AutoImageProcessor.from_pretrained(folder / name)
    inputs = processor([as_pillow(data) for data in photographs()], return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        logits = calibrated(net, inputs)(inputs).logits
    net.save_pretrained(folder / name)
    files = {file.name: file.read_bytes() for file in (folder / name).iterdir()}
    return files, Original(inputs, logits, *(torch.tensor(getattr(processor, key)).view(3, 1, 1)
                                             for key in ("image_mean", "image_std")))


def differences(loaded: LoadedModel, original: Original) -> tuple[float, float]:
    """(the greatest difference of a pixel on a scale to 1, the centred logits' difference over their size)."""
    seen = torch.stack([see(decode(data), loaded).pixels for data in photographs()])
    told = original.inputs * original.std + original.mean
    assert seen.shape == told.shape and told.min() >= -1e-4 and told.max() <= 1.0001
    logits = forward(loaded, seen, torch.device("cpu"), "fp32").logits
    wanted = original.logits - original.logits.mean(0)
    assert wanted.norm(dim=1).min() > 0.05 * original.logits.norm(dim=1).max()  # the photographs do differ
    off = (logits - logits.mean(0) - wanted).norm(dim=1) / wanted.norm(dim=1)
    return float((seen / 255 - told).abs().max()), float(off.max())


@pytest.mark.daily(8)
@pytest.mark.parametrize("name", TIMM)
def test_timm(stand_in, name):
    hub, folder = stand_in
    files, original = timm_files(name, folder, **TIMM[name])
    hub.add(f"timm/{name}", files)
    loaded = load(f"timm/{name}", trusted=False)
    pixel, logits = differences(loaded, original)
    print(f"{name}: pixels {255 * pixel:.2f} levels, logits {logits:.1e}")
    assert pixel <= PIXEL and logits <= LOGITS
    named = name.split(".")[0]
    assert loaded.info.variant == named or named not in VARIANTS
    assert loaded.info.labels[293] == "cheetah"


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformers(stand_in, name):
    hub, folder = stand_in
    files, original = transformers_files(name, folder)
    hub.add(f"microsoft/{name}", files)
    loaded = load(f"microsoft/{name}", trusted=False)
    pixel, logits = differences(loaded, original)
    print(f"{name}: pixels {255 * pixel:.2f} levels, logits {logits:.1e}")
    assert pixel <= PIXEL and logits <= LOGITS
    assert loaded.info.labels[0] == "LABEL_0" and len(loaded.info.labels) == original.logits.shape[1]


def test_the_test_size_is_timms_too(stand_in):
    """What `timm`'s validate.py takes by default, and its published accuracies are of."""
    from timm.data import create_transform, resolve_data_config

    hub, folder = stand_in
    files, _ = timm_files("resnet18.a2_in1k", folder, test_input_size=(3, 112, 112))
    hub.add("timm/resnet18.a2_in1k", files)
    loaded = load("timm/resnet18.a2_in1k", trusted=False)
    details = json.loads(files["config.json"])["pretrained_cfg"]
    transform = create_transform(**resolve_data_config(pretrained_cfg=details, use_test_size=True), is_training=False,
                                 normalize=False)
    for data in photographs():
        assert torch.equal(see(decode(data), loaded, test_size=True).pixels, transform(as_pillow(data)))
    assert (loaded.steps.size, loaded.test_steps.size) == ((224, 224), (112, 112))
    assert loaded.test_steps.scale == (112, 112)  # its crop is the whole


# What the comparison is worth ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sound(stand_in) -> tuple[LoadedModel, Original]:
    hub, folder = stand_in
    files, original = timm_files("resnet18.gluon_in1k", folder, input_size=(3, 97, 97))
    hub.add("timm/resnet18.gluon_in1k", files)
    loaded = load("timm/resnet18.gluon_in1k", trusted=False)
    assert max(differences(loaded, original)) < LOGITS
    return loaded, original


@pytest.mark.parametrize("wrong", [
    {"filter": "bilinear"}, {"filter": "lanczos"}, {"scale": (111, 111)}, {"scale": (97, 97)}, {"fit": "squash"},
    {"backend": "torch"},
], ids=str)
def test_wrong_steps_fail(sound, wrong):
    """The least of them cuts a row elsewhere, where a picture's scaled side is odd."""
    loaded, original = sound
    pixel, logits = differences(replace(loaded, steps=replace(loaded.steps, **wrong)), original)
    print(f"{wrong}: pixels {255 * pixel:.0f} levels, logits {logits:.1e}")
    assert pixel > 3 * PIXEL and logits > 10 * LOGITS


@pytest.mark.parametrize("wrong", [
    {"mean": (0.5, 0.5, 0.5)}, {"std": (0.5, 0.5, 0.5)}, {"mean": (0.406, 0.456, 0.485)},
    {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)},
], ids=str)
def test_wrong_colours_fail(sound, wrong):
    loaded, original = sound
    _, logits = differences(replace(loaded, info=replace(loaded.info, **wrong)), original)
    print(f"{wrong}: logits {logits:.1e}")
    assert logits > 10 * LOGITS


@pytest.mark.parametrize(("one", "other"), [
    ("layer1.0.conv1.weight", "layer1.1.conv2.weight"), ("layer4.0.bn1.running_mean", "layer4.0.bn1.bias"),
    ("layer3.0.bn2.weight", "layer3.0.downsample.1.weight"), ("layer2.1.bn1.running_var", "layer2.1.bn2.running_var"),
])
def test_a_swapped_key_fails(sound, stand_in, one, other):
    """Of equal shape, so that the strict loading cannot tell."""
    hub, folder = stand_in
    loaded, original = sound
    tensors = dict(loaded.model.state_dict())
    tensors[one], tensors[other] = tensors[other].clone(), tensors[one].clone()
    save_file(tensors, folder / "swapped.safetensors")
    swapped = load(str(folder / "swapped.safetensors"))
    _, logits = differences(replace(loaded, model=swapped.model), original)
    print(f"{one} for {other}: logits {logits:.1e}")
    assert logits > 10 * LOGITS
