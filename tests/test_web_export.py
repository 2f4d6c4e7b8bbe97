"""`python -m resnet export --to web`: what stands in the file, and how far fp16 takes it from the trained net."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load, load_file

from resnet.__main__ import main
from resnet.checkpoint import ModelInfo
from resnet.config import ResNetConfig
from resnet.data import load_samples, load_split, normalise
from resnet.hub.load import load as load_model
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef
from resnet.inference.web import web_file
from resnet.model import create
from resnet.ui.stream.part import DIGITS, NETS, SETS, net_file
from resnet.util.text import text
from tests.webnet import as_written


@pytest.mark.parametrize("name", [*NETS, *DIGITS.nets, "resnet20_cifar10", "plain20_cifar10"])
def test_a_file_holds_folded_halves_and_says_what_it_is(name, tmp_path, capsys):
    out = tmp_path / "deep" / "net.safetensors"
    assert main(["export", name, "--to", "web", "--out", str(out)]) == 0
    assert f"{out.stat().st_size:,} bytes" in capsys.readouterr().out
    assert out.stat().st_size < 550_000
    tensors, model = load_file(out), load_model(name)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert len(tensors) == 2 * 20  # a kernel and a bias for each weighted layer
    with safe_open(out, "pt") as file:
        about = json.loads(file.metadata()["net"])
    assert ResNetConfig.from_dict(about["architecture"]) == model.info.architecture
    assert (about["name"], about["labels"], about["mean"]) == (name, list(model.info.labels), list(model.info.mean))
    assert out.read_bytes() == web_file(model)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NETS, *DIGITS.nets])
def test_what_the_page_serves_is_made_from_the_bundled_weights(name):
    served, made = net_file(name).read_bytes(), web_file(load_model(name))
    length = 8 + int.from_bytes(made[:8], "little")
    assert served[:length] == made[:length]  # what it says of the net, and where its tensors lie
    for key, tensor in load(made).items():
        torch.testing.assert_close(load(served)[key], tensor)


@pytest.mark.parametrize("twins", SETS)
def test_the_items_to_choose_are_test_items(twins):
    samples, served, chosen = load_split(twins.data, "test"), load_file(twins.file), list(twins.items)
    assert (served["images"].int() - samples.images[chosen]).abs().max() <= 1  # drawn anew: to a rounding
    assert served["labels"].tolist() == samples.labels[chosen].tolist()
    assert set(served["labels"].tolist()) == set(range(10))


def test_a_file_says_how_its_net_did_on_each_part_of_the_test():
    about = [json.loads(safe_open(net_file(name), "pt").metadata()["net"]) for name in (NETS[0], *DIGITS.nets)]
    assert about[0]["test"].keys() == {"n", "accuracy"}
    for one, name in zip(about[1:], DIGITS.nets, strict=True):
        results = load_model(name).info.results
        for part in ("drawn", "scanned"):
            assert one["test"][part] == {key: results[part][key] for key in ("n", "accuracy")}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_halves_hardly_change_the_answers(name):
    """Over 1,000 test items: the logits move by the rounding of the weights only."""
    loaded, samples = load_model(name), load_samples("fashion_mnist", "test").first(1_000)
    inputs = normalise(samples.images, samples.spec)
    with torch.inference_mode():
        trained, rounded = loaded.model(inputs), as_written(load(web_file(loaded)), loaded.info.architecture)(inputs)
    assert (trained - rounded).abs().max() < 0.05  # the largest logit is about 17
    assert (trained.argmax(1) == rounded.argmax(1)).float().mean() >= 0.998


@pytest.mark.parametrize("change, field", [({"order": "preact"}, "order"), ({"shortcut": "B"}, "shortcut"),
                                           ({"block": "bottleneck", "shortcut": "A"}, "block"),
                                           ({"head": "flatten"}, "head"), ({"input_size": "12,12"}, "input_size")])
def test_nets_that_the_page_does_not_compute_are_refused_in_a_sentence(change, field, tmp_path, monkeypatch, capsys):
    model = create("resnet20_cifar", **change)
    info = ModelInfo("mine", "resnet20_cifar", model.config, "cifar10", ("a",) * 10, (0.5,) * 3, (0.5,) * 3)
    loaded = LoadedModel(ModelRef("bundled", "mine"), model, info)
    monkeypatch.setattr("resnet.commands.console.load_with_bar", lambda name: loaded)
    assert main(["export", "mine", "--to", "web", "--out", str(tmp_path / "out")]) == 2
    assert text(f"fields.{field}") in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_net_too_large_for_a_page_is_refused(tmp_path, monkeypatch, capsys):
    model = create("resnet110_cifar").eval()
    info = ModelInfo("deep", "resnet110_cifar", replace(model.config), "cifar10", ("a",) * 10, (0.5,) * 3, (0.5,) * 3)
    loaded = LoadedModel(ModelRef("bundled", "deep"), model, info)
    monkeypatch.setattr("resnet.commands.console.load_with_bar", lambda name: loaded)
    assert main(["export", "deep", "--to", "web", "--out", str(tmp_path / "out")]) == 2
    assert "1,000,000" in capsys.readouterr().err
