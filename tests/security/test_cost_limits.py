"""What bounds a stranger's net: limits for every format, batches by activations, budgets of multiply-adds."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file

from resnet.checkpoint import ModelInfo
from resnet.config import config_of
from resnet.data import load_samples
from resnet.explain import ablation, evidence, gradcam, samples
from resnet.explain.ablation import without_each_block
from resnet.explain.evidence import classify_many
from resnet.explain.samples import has_items, measure
from resnet.hub import affordable
from resnet.hub.affordable import check_affordable
from resnet.hub.loaded import LoadedModel, read_model
from resnet.hub.ref import ModelRef
from resnet.hub.store import current
from resnet.inference.batches import ACTIVATIONS, most_at_once
from resnet.model import create
from resnet.tracing.trace import trace
from resnet.util.errors import InputError
from resnet.util.text import sentences
from tests.factories import made_info
from tests.hub import StandInHub, pointed_at
from tests.security.test_cost import megabytes

CPU = torch.device("cpu")


def refusal(work) -> str:
    with pytest.raises(InputError) as caught:
        work()
    assert "\n" not in str(caught.value) and caught.value.sentence("zh") != str(caught.value)
    return caught.value.key


def test_what_ships_and_the_nets_of_the_papers_are_affordable():
    for info in current().bundled().values():
        check_affordable(info.architecture, [info.architecture.input_size])
    for name in ("resnet50", "resnet152", "wide_resnet101_2", "resnext101_64x4d", "resnet200"):
        check_affordable(config_of(name), [(224, 224), (288, 288)])


@pytest.mark.parametrize("limit", ["MAX_MACS", "MAX_ACTIVATIONS"])
def test_each_limit_is_the_last_that_is_taken(monkeypatch, limit):
    found = trace("resnet18")
    exact = found.macs if limit == "MAX_MACS" else found.peak_activation_bytes
    monkeypatch.setattr(affordable, limit, exact)
    check_affordable(found.config, [(224, 224)])
    monkeypatch.setattr(affordable, limit, exact - 1)
    assert refusal(lambda: check_affordable(found.config, [(32, 32), (224, 224)])) == "too_costly"


FORMATS = {
    "ours": lambda net: json.loads(made_info(net.config, mean=(0.5,) * 3, std=(0.5,) * 3).to_json()),
    "timm": lambda net: {"architecture": "resnet18", "pretrained_cfg": {"input_size": [3, 600, 600]}},
    "timm's test size": lambda net: {"architecture": "resnet18", "pretrained_cfg": {"test_input_size": [3, 600, 600]}},
    "transformers": lambda net: {"model_type": "resnet"},
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_limits_are_the_same_for_every_format(tmp_path, name):
    """The owner of this machine may load what a visitor may not."""
    side = 600
    net = create(config_of("resnet18", widths=(8, 8, 8, 8), classes=10, input_size=(side, side)), seed=1).eval()
    processor = {"image_processor_type": "ViTImageProcessor", "size": {"height": side, "width": side}}
    with StandInHub() as stand_in, pointed_at(stand_in, tmp_path), pytest.MonkeyPatch.context() as patch:
        patch.setattr(affordable, "MAX_ACTIVATIONS", trace(net.config).peak_activation_bytes - 1)
        files = {"config.json": json.dumps(FORMATS[name](net)).encode(), "model.safetensors": save(net.state_dict())}
        if name == "transformers":
            files["preprocessor_config.json"] = json.dumps(processor).encode()
        stand_in.add("a/net", files)
        for _ in range(2):
            assert refusal(lambda: current().load(ModelRef.parse("a/net"))) == "too_costly"
        loaded = current().load(ModelRef.parse("a/net", trusted=True))
        assert refusal(lambda: current().load(ModelRef.parse("a/net"))) == "too_costly"
        assert loaded.info.architecture.classes == 10


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="nothing tells a process's peak here")
def test_a_file_is_read_tensor_by_tensor(tmp_path):
    """What is kept is the net in fp32; a file of 51 MB took 317 MB."""
    net = create(config_of("resnet18"), seed=1).eval()
    file = tmp_path / "model.safetensors"
    save_file({name: value.half() if value.is_floating_point() else value for name, value in net.state_dict().items()},
              file)
    read_model(ModelRef.parse(str(file), trusted=True), file)
    Path("/proc/self/clear_refs").write_text("5")
    before = megabytes(os.getpid(), "VmHWM")
    loaded = read_model(ModelRef.parse(str(file), trusted=True), file)
    grown = megabytes(os.getpid(), "VmHWM") - before
    largest = max(value.numel() * 4 for value in net.state_dict().values())
    assert grown < (loaded.nbytes + 4 * largest) / 1e6, grown


# Batches --------------------------------------------------------------------------------------------------


@pytest.fixture
def small() -> LoadedModel:
    net = create(config_of("resnet20_cifar", in_channels=1, input_size=(28, 28)), seed=1).eval()
    info = replace(made_info(net.config), data="fashion_mnist", mean=(0.5,), std=(0.5,))
    return LoadedModel(ModelRef("hub", "a/net"), net, info)


class Batches(torch.nn.Module):
    """Counts what goes through it."""

    def __init__(self, inner: torch.nn.Module):
        super().__init__()
        self.inner, self.sizes = inner, []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(x))
        return self.inner(x)


def test_batches_are_as_large_as_their_activations_allow(small, monkeypatch):
    each = trace(small.info.architecture).peak_activation_bytes
    small.model.conv1 = stem = Batches(small.model.conv1)
    monkeypatch.setitem(ACTIVATIONS, "cpu", 7 * each)
    assert most_at_once(small.info.architecture, (28, 28), CPU) == 7
    assert most_at_once(small.info.architecture, (280, 280), CPU) == 1
    found = measure(small, "fp32", limit=20)
    assert stem.sizes == [7, 7, 6] and len(found) == 20
    stem.sizes.clear()
    classify_many(torch.zeros(10, 1, 28, 28, dtype=torch.uint8), small, "fp32")
    assert stem.sizes == [7, 3]


def test_items_of_a_large_net_come_in_pieces_of_a_second(small, monkeypatch):
    stem = small.model.conv1 = Batches(small.model.conv1)
    monkeypatch.setattr(samples, "PIECE", 3.5 * trace(small.info.architecture).macs)
    measure(small, "fp32", limit=8)
    assert stem.sizes == [3, 3, 2]


def test_measured_items_cost_no_more_than_their_budget(small):
    for side in (28, 224, 448):
        config = replace(small.info.architecture, input_size=(side, side))
        loaded = replace(small, info=replace(small.info, architecture=config))
        found = samples.items(loaded)
        assert found.images.shape[-2:] == (28, 28)  # made larger batch by batch
        assert trace(config).macs * len(found) <= 2 * samples.BUDGET
    assert len(samples.items(small)) == len(load_samples("fashion_mnist", "test"))


@pytest.mark.parametrize("changes", [{"in_channels": 3}, {"classes": 4}])
def test_a_net_that_cannot_be_of_the_data_that_it_names_has_no_items(small, changes):
    config = replace(small.info.architecture, **changes)
    assert has_items(small) and not has_items(replace(small, info=replace(small.info, architecture=config)))


@pytest.mark.parametrize("most", [1, 2, 100])
def test_blocks_are_switched_off_in_groups_with_the_same_answers(small, monkeypatch, most):
    x = torch.rand(1, 1, 28, 28)
    whole = without_each_block(small.model, x)
    monkeypatch.setattr(ablation, "most_at_once", lambda *_: most)
    torch.testing.assert_close(without_each_block(small.model, x), whole, rtol=1e-4, atol=1e-5)


def test_switching_off_too_many_blocks_is_refused(small, monkeypatch):
    monkeypatch.setattr(ablation, "MAX_MACS", 8 * trace(small.info.architecture).macs)
    assert refusal(lambda: evidence.gather(torch.zeros(3, 28, 28, dtype=torch.uint8), small,
                                           evidence.Questions(alone=True))) == "blocks_costly"


def test_a_stage_with_too_much_behind_it_is_refused(small, monkeypatch):
    """Grad-CAM of the stem of a net of 900 blocks would keep gigabytes."""
    behind = [layer for layer in trace(small.info.architecture).layers if layer.group not in ("conv1", "fc")]
    monkeypatch.setattr(gradcam, "MAX_KEPT", sum(layer.activation_bytes for layer in behind) - 1)
    picture = torch.zeros(3, 28, 28, dtype=torch.uint8)
    assert refusal(lambda: evidence.gather(picture, small, evidence.Questions(stage="conv1"))) == "stage_costly"
    assert evidence.gather(picture, small, evidence.Questions(stage="conv2_x")).cam.shape == (28, 28)


def test_labels_of_our_own_format_are_checked_as_others(small):
    for label in ("", "a\nb", "x" * 201, "\ud800", "a\u202eb"):
        with pytest.raises(InputError):
            ModelInfo.from_json(replace(small.info, labels=(label, *small.info.labels[1:])).to_json(), "here")
    for field in ("variant", "data", "hardware"):
        with pytest.raises(InputError):
            ModelInfo.from_json(replace(small.info, **{field: "a\tb"}).to_json(), "here")
    assert "errors.too_costly" in sentences("zh")
