"""The curated list against torchvision's own metadata and our count; check-hub against the stand-in."""

import json
import os
import subprocess
import sys
from importlib.metadata import version

import pytest
import torch
from safetensors.torch import save

from resnet.__main__ import main
from resnet.commands import check_hub as check_hub_command
from resnet.hub.fingerprint import pictures
from resnet.hub.labels import imagenet
from resnet.hub.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from resnet.hub.store import ModelStore, use
from resnet.inference import check_hub as check_hub_module
from resnet.model import create
from resnet.papers.curated import CURATED, FAMILY, PHOTOGRAPHS, Curated, Kind
from resnet.tracing.trace import trace
from resnet.util.errors import InputError
from resnet.util.numbers import significant
from tests.hub import StandInHub, pointed_at
from tests.photographs import photographs

MEAN, STD = (torch.tensor(values).view(-1, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
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


@pytest.mark.peers
@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.reference)
def test_every_kind_is_a_release_of_as_many_parameters(kind):
    import timm

    name = kind.reference.removeprefix("timm/")
    with torch.device("meta"):
        net = timm.create_model(name)
    assert sum(p.numel() for p in net.parameters()) == kind.params and name in timm.list_pretrained()
    assert net.pretrained_cfg["num_classes"] == 1000


def test_one_of_a_kind():
    assert len({kind.title for kind in FAMILY}) == len({kind.reference for kind in FAMILY}) == len(FAMILY)
    assert PHOTOGRAPHS in {entry.reference for entry in CURATED}


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


def test_kinds_of_the_family_are_checked_or_refused(hub, weights, capsys):
    """A made one of each: as it should be, of other parameters, refused, and not refused."""
    rest = {f"layer1.0.{part}": torch.zeros(1) for part in ("conv2.fc1.weight",)}
    branches = save({**create("resnet18").state_dict(), **rest})
    for name, data in (("a/sound", weights["tabby"]), ("a/branches", branches)):
        hub.add(name, {"model.safetensors": data})
    kinds = (Kind("sound", "a/sound", 11_689_512), Kind("other", "a/sound", 7), Kind("split", "a/branches", 0, True),
             Kind("plain", "a/sound", 0, True))
    sound, other, refused, taken = check_hub_module.check_hub(kinds)
    assert (sound.problem, sound.kind, sound.variant) == ("", "sound", "resnet18")
    assert other.problem == "has 11,689,512 parameters, not 7"
    assert refused.problem == "" and "conv2.fc1" in refused.refusal and refused.bytes == 0
    assert taken.problem == "is read as resnet18 and should be refused"
    assert "refused, as it should be" in check_hub_command.line(refused)
    assert refused.shift is None and "shift" not in check_hub_command.line(refused)


def test_fingerprints_stand_beside_the_answers(hub, weights):
    """Of a net that was never trained there is none; of one whose norms have seen photographs it is small."""
    net = create("resnet18", seed=1, widths=(16, 16, 16, 16))
    with torch.no_grad():
        for _ in range(30):
            net.train()((pictures(3, (224, 224), 8) / 255 - MEAN) / STD)
    hub.add("a/seen", {"model.safetensors": save(net.state_dict())})
    hub.add("a/fresh", {"model.safetensors": weights["tabby"]})
    params = sum(p.numel() for p in net.parameters())
    seen, fresh = check_hub_module.check_hub((Kind("seen", "a/seen", params), Kind("fresh", "a/fresh", 11_689_512)))
    assert fresh.shift is None and seen.shift is not None and seen.shift < 0.2
    assert f"shift {significant(seen.shift, 2)}" in check_hub_command.line(seen)


def test_it_says_what_to_report(hub, capsys):
    main(["check-hub", SMALL[0]])
    assert f"torch {version('torch')}" in capsys.readouterr().out


@pytest.mark.slow
def test_hashes_are_compared(hub, capsys, tmp_path, weights):
    """Of what comes, and of what is in the cache, which is fetched again where it changed."""
    hub.fail("corrupt", "model.*", whole=True)
    assert main(["check-hub", SMALL[0]]) == 2
    assert "does not match its hash" in capsys.readouterr().out
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
    assert "a/b is not among the models that are checked" in capsys.readouterr().err
