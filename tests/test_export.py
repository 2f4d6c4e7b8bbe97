"""`python -m resnet export`: each format's net answers in its own program as ours does here."""

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from resnet.__main__ import main
from resnet.checkpoint import ModelInfo, save_model
from resnet.config import ResNetConfig, config_of
from resnet.hub.labels import imagenet
from resnet.hub.libraries import timm_config
from resnet.hub.load import load
from resnet.hub.preprocessing import Steps, read_preprocessing
from resnet.inference import export as module
from resnet.inference.export import export
from resnet.model import create
from resnet.util.errors import InputError
from tests.factories import one_thread, tiny
from tests.hub import StandInHub, pointed_at

SIZE = (64, 64)
NETS = {"resnet10t": ResNetConfig(depths=(1, 1, 1, 1), stem="tiered", shortcut="D", classes=3, input_size=SIZE),
        "resnet18": config_of("resnet18", classes=3, input_size="64,64", in_channels=1)}


def saved(folder: Path, config: ResNetConfig, labels: tuple[str, ...] = ("红", "green", "blue")) -> Path:
    """A net in a folder as a training leaves it, with statistics that are not those of a fresh one."""
    net = create(config).train()
    with torch.no_grad(), one_thread():
        net(torch.randn(4, config.in_channels, *config.input_size))
    info = ModelInfo(folder.name, "made", config, "./colours", labels, (0.4,) * config.in_channels,
                     (0.3,) * config.in_channels)
    save_model(folder, net.eval(), info)
    return folder


def noise(config: ResNetConfig, n: int = 3) -> torch.Tensor:
    return torch.randn(n, config.in_channels, *config.input_size, generator=torch.Generator().manual_seed(7))


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return bool((one - other).abs().max() <= 1e-4)


@pytest.mark.slow
def test_onnx_runs_on_any_number_of_pictures(tmp_path, capsys):
    import onnxruntime

    out = tmp_path / "net.onnx"
    assert main(["export", "resnet20_cifar10", "--to", "onnx", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == {str(out): out.stat().st_size} and "Checked by onnxruntime" in told["checked"]
    session, ours = onnxruntime.InferenceSession(out), load("resnet20_cifar10")
    for n in (1, 4, 7):
        x = noise(ours.info.architecture, n)
        with torch.inference_mode():
            assert same(torch.from_numpy(session.run(["logits"], {"images": x.numpy()})[0]), ours.model(x))
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["labels"]) == list(ours.info.labels) and json.loads(about["mean"]) == list(ours.info.mean)


@pytest.mark.slow
@pytest.mark.parametrize("config", [tiny(order="preact"),
                                    tiny(stem="deep", shortcut="D", attention="se", anti_alias="blur")])
def test_whatever_is_built_here_goes_to_onnx_and_torch_export(tmp_path, config):
    loaded = load(str(saved(tmp_path / "net", config, tuple(map(str, range(10))))))
    for format, file in (("onnx", "net.onnx"), ("torch_export", "net.pt2")):
        with one_thread():
            assert "Checked by" in export(loaded, format, tmp_path / file).told.sentence()
    program = torch.export.load(tmp_path / "net.pt2").module()
    x = noise(config, 6)
    with torch.inference_mode():
        assert same(program(x), loaded.model(x))


GROUPED = {"block": "bottleneck", "depths": (1, 1, 1, 1), "groups": 2, "width_per_group": 32}


@pytest.mark.parametrize("name, changes", [("resnet18", {}), ("resnet18_cifar", {}), ("resnet50", GROUPED)])
def test_torchvision_takes_the_state_dict_strictly(tmp_path, name, changes, capsys):
    from torchvision.models import resnet

    config = config_of(name, classes=3, input_size="64,64", **changes)
    folder, out = saved(tmp_path / "net", config), tmp_path / "state.safetensors"
    assert main(["export", str(folder), "--to", "torchvision", "--out", str(out)]) == 0
    assert "Checked by resnet.ResNet(resnet." in capsys.readouterr().out
    net = resnet.resnet18(num_classes=3) if not changes else resnet.ResNet(
        resnet.Bottleneck, [1, 1, 1, 1], num_classes=3, groups=2, width_per_group=32)
    if name == "resnet18_cifar":
        net.conv1, net.maxpool = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False), torch.nn.Identity()
    net.load_state_dict(load_file(out), strict=True)
    with torch.inference_mode(), one_thread():
        assert same(net.eval()(noise(config)), load(str(folder)).model(noise(config)))
    with safe_open(out, "pt") as file:
        assert json.loads(file.metadata()["labels"]) == ["红", "green", "blue"]


@pytest.mark.peers
@pytest.mark.parametrize("name", NETS)
def test_timm_loads_the_folder_from_here_and_from_the_hub(tmp_path, name, capsys):
    import timm

    folder, out = saved(tmp_path / "net", NETS[name]), tmp_path / "timm"
    assert main(["export", str(folder), "--to", "timm", "--out", str(out)]) == 0
    assert "Checked by timm.create_model" in capsys.readouterr().out
    ours, x = load(str(folder)), noise(NETS[name])
    with StandInHub() as hub, pointed_at(hub, tmp_path / "cache"), torch.inference_mode(), one_thread():
        hub.add("owner/net", {file.name: file for file in out.iterdir()})
        for address in (f"local-dir:{out}", "hf_hub:owner/net"):
            net = timm.create_model(address, pretrained=True).eval()
            assert same(net(x), ours.model(x))
            assert net.pretrained_cfg["mean"] == list(ours.info.mean) and net.num_classes == 3
        again = load("owner/net")  # and so do we, from the same files
        assert same(again.model(x), ours.model(x)) and again.info.labels == ours.info.labels


@pytest.mark.parametrize("steps", [
    Steps((224, 224), (235, 235), filter="bicubic"), Steps((288, 288), (288, 288)), Steps((176, 176), (201, 201)),
    Steps((224, 224), (256, 256)), Steps((64, 64), (64, 64), "squash")])
def test_timms_config_asks_for_the_same_pictures(steps):
    config = config_of("resnet50")
    info = ModelInfo("net", "resnet50", config, "", imagenet(), (0.4, 0.5, 0.6), (0.2, 0.3, 0.1))
    read = read_preprocessing(json.loads(json.dumps(timm_config(info, steps))), None, config)
    assert (read.steps, read.mean, read.std) == (steps, info.mean, info.std)


@pytest.mark.parametrize("to", ["timm", "torchvision"])
@pytest.mark.parametrize("name", ["resnet20_cifar10", "d2l_resnet18_fashion_mnist"])
def test_what_a_library_does_not_have_is_refused(tmp_path, to, name, capsys):
    assert main(["export", name, "--to", to, "--out", str(tmp_path / "out")]) == 2
    assert f"{to} has no net" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_an_answer_that_differs_is_not_written(tmp_path, monkeypatch):
    loaded = load(str(saved(tmp_path / "net", NETS["resnet18"])))
    monkeypatch.setattr(module, "_torchvision_net", lambda model: create(NETS["resnet18"], seed=1).eval())
    with pytest.raises(InputError) as caught:
        export(loaded, "torchvision", tmp_path / "out")
    assert caught.value.key == "export_differs" and not (tmp_path / "out").exists()


def test_what_is_not_installed_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["export", "resnet20_cifar10", "--to", "onnx", "--out", str(tmp_path / "net.onnx")]) == 2
    assert "pip install onnxscript, onnxruntime" in capsys.readouterr().err
