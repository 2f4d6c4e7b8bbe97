"""The curated list against torchvision's own metadata and our count; check-hub against the stand-in."""

import json
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save

from resnet.__main__ import main
from resnet.hub.labels import imagenet
from resnet.hub.store import ModelStore, use
from resnet.inference import check_hub as check_hub_module
from resnet.model import create
from resnet.papers.curated import CURATED, Curated
from resnet.tracing.trace import trace
from resnet.util.errors import InputError
from tests.hub import StandInHub, pointed_at
from tests.photographs import photographs

SMALL = ("timm/resnet18.tv_in1k", "timm/resnet18.a1_in1k", "microsoft/resnet-18")


@pytest.mark.parametrize("entry", [entry for entry in CURATED if entry.recipe in ("V1", "V2")],
                         ids=lambda entry: entry.reference)
def test_accuracies_and_parameters_are_torchvisions(entry):
    from torchvision.models import get_model_weights

    meta = getattr(get_model_weights(entry.variant), f"IMAGENET1K_{entry.recipe}").meta
    assert meta["_metrics"]["ImageNet-1K"]["acc@1"] == entry.accuracy and meta["num_params"] == entry.params


@pytest.mark.peers
def test_every_entry_is_a_release_that_timm_knows():
    from timm.models import get_pretrained_cfg

    for entry in CURATED:
        if entry.reference.startswith("timm/"):
            config = get_pretrained_cfg(entry.reference.removeprefix("timm/"))
            assert config.hf_hub_id and config.num_classes == 1000
    assert all(trace(name).params == {e.params for e in CURATED if e.variant == name}.pop()
               for name in ("resnet18", "resnet50"))
    assert len({entry.reference for entry in CURATED}) == len(CURATED) > 20


@pytest.fixture(scope="module")
def weights() -> dict[str, bytes]:
    """resnet18 that answers tabby, and one that answers tench, whatever it sees."""
    net = create("resnet18", seed=1)
    files = {}
    for name, index in (("tabby", 281), ("tench", 0)):
        with torch.no_grad():
            net.fc.weight.zero_()
            net.fc.bias.zero_()[index] = 5.0
        files[name] = save(net.state_dict())
    return files


@pytest.fixture
def hub(tmp_path, weights, monkeypatch):
    with StandInHub() as stand_in, pointed_at(stand_in, tmp_path / "cache"):
        for name in SMALL:
            stand_in.add(name, {"model.safetensors": weights["tabby"]})
        yield stand_in


@pytest.mark.slow
def test_all_as_expected(hub, capsys, weights):
    assert main(["check-hub", *SMALL[:2]]) == 0
    out, err = capsys.readouterr()
    assert out.count("hash, names and label as expected") == 2 and "tabby" in out
    assert f"{len(weights['tabby']) / 1e6:.1f} MB" in out and err.splitlines() == [
        f"fetching {name}" for name in SMALL[:2]]


@pytest.mark.slow
def test_each_finding_is_told(hub, capsys, weights, tmp_path):
    hub.add(SMALL[0], {"model.safetensors": weights["tench"]})
    hub.fail("GatedRepo", times=2)  # the first that is asked for, once before torch is imported
    found = {"id2label": {str(i): f"name {i}" for i in range(1000)}, "model_type": "resnet"}
    hub.add(SMALL[2], {"model.safetensors": weights["tabby"], "config.json": json.dumps(found).encode()})
    assert main(["check-hub", *SMALL, "--json"]) == 2
    out, err = capsys.readouterr()
    rows = {row["reference"]: row for row in json.loads(out)}
    assert "gated" in rows[SMALL[0]]["problem"]
    assert rows[SMALL[1]]["problem"] == "" and rows[SMALL[1]]["label"].startswith("tabby")
    assert rows[SMALL[2]]["problem"] == "its class names are not ImageNet's"
    assert err.splitlines()[-1] == "resnet check-hub: 2 of 3 models are not as expected; the table says which and why."
    hub.heal()
    assert main(["check-hub", SMALL[0]]) == 2
    assert "sees tench instead of a cat" in capsys.readouterr().out


def test_another_net_is_found(hub):
    rows = list(check_hub_module.check_hub((Curated(SMALL[0], "resnet34", "V1", 0),)))
    assert rows[0].problem == "is resnet18, not resnet34"


@pytest.mark.slow
def test_hashes_are_compared(hub, capsys, tmp_path, weights):
    """Of what comes, and of what is in the cache, which is fetched again where it changed."""
    hub.fail("corrupt", "model.*", whole=True)
    assert main(["check-hub", SMALL[0]]) == 2
    assert "differs from what its hash says" in capsys.readouterr().out
    hub.heal()
    assert main(["check-hub", SMALL[0]]) == 0
    file = next((tmp_path / "cache").rglob("model.safetensors"))
    file.write_bytes(weights["tench"])  # as long
    use(ModelStore())
    assert main(["check-hub", SMALL[0]]) == 0 and file.read_bytes() == weights["tabby"]


def test_the_reference_picture_is_a_real_photograph():
    assert check_hub_module.reference_picture() in photographs()
    from torchvision.models import ResNet18_Weights

    assert imagenet()[293] == "cheetah" and imagenet() == tuple(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


def test_without_a_hub_it_says_so(tmp_path):
    environment = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_CACHE": str(tmp_path),
                                "HF_HUB_OFFLINE": "0"}
    done = subprocess.run([sys.executable, "-m", "resnet", "check-hub"], capture_output=True, text=True,
                          env=environment, timeout=60)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"resnet check-hub: {InputError('hub_unreachable')}\n"


def test_only_curated_ones_are_checked(capsys):
    assert main(["check-hub", "a/b"]) == 2
    assert "a/b is not among the curated models" in capsys.readouterr().err
