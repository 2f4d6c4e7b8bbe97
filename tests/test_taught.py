"""A net with a head of somebody's own classes: what is downloaded answers alike here, on the command line, in timm."""

import io
import json
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load as unpacked

from resnet import classify
from resnet.__main__ import main
from resnet.data import load_samples, photo_file
from resnet.explain import taught, vectors
from resnet.explain.heads import Fit, fit
from resnet.explain.taught import head_file, net_archive, taught_net
from resnet.explain.vectors import feature_vectors
from resnet.hub.load import load
from resnet.hub.loaded import LoadedModel
from resnet.inference.picture import decode
from resnet.inference.predict import see
from resnet.util.errors import InputError
from tests.hub import StandInHub, pointed_at
from tests.photographs import as_pillow

LABELS = ("Kätzchen", "咖啡")
PHOTO = photo_file("cat")


def lesson(loaded: LoadedModel) -> tuple[Fit, torch.Tensor]:
    """Crops of two photographs, and the features of the first photograph as a whole."""
    pictures = [decode(photo_file(name))[:, 20 * i:200 + 20 * i, 30 * i:220 + 30 * i]
                for name in ("cat", "coffee") for i in range(4)]
    seen = torch.stack([see(one, loaded).pixels for one in [*pictures, decode(PHOTO)]])
    found = feature_vectors(seen, loaded).features
    return fit(found[:-1], torch.tensor([0] * 4 + [1] * 4), 2), found[-1:]


def unzipped(archive: bytes, folder) -> str:
    """The folder that an archive holds."""
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        assert files.testzip() is None
        files.extractall(folder)
        (inside,) = {name.partition("/")[0] for name in files.namelist()}
    return str(folder / inside)


def chances(answer) -> list[float]:
    return [one.probability for one in sorted(answer.predictions, key=lambda one: LABELS.index(one.label))]


def test_features_are_what_the_classifier_reads():
    loaded = load("resnet20_fashion_mnist")
    images = load_samples("fashion_mnist", "test").images[:5]
    found = feature_vectors(images, loaded).features
    logits = loaded.model(torch.nn.functional.pad((images / 255 - loaded.info.mean[0]) / loaded.info.std[0], (0,) * 4))
    assert torch.allclose(loaded.model.fc(found), logits, atol=1e-4)


@pytest.mark.parametrize(("limit", "key"), [("BUDGET", "teach_cost"), ("WIDEST", "teach_wide")])
def test_features_have_limits(monkeypatch, limit, key):
    monkeypatch.setattr(vectors, limit, 10)
    with pytest.raises(InputError) as refused:
        feature_vectors(load_samples("fashion_mnist", "test").images[:5], load("resnet20_fashion_mnist"))
    assert refused.value.key == key


def test_the_bundled_net_as_a_folder_answers_as_its_head_does(tmp_path, capsys):
    loaded = load("resnet20_cifar10")
    found, feature = lesson(loaded)
    wanted = found.head(feature).softmax(1)[0].tolist()
    folder = unzipped(net_archive(taught_net(loaded, found, LABELS, "ridge")), tmp_path)
    assert chances(classify(PHOTO, folder, precision="fp32")) == pytest.approx(wanted, abs=1e-4)
    assert main(["classify", str(PHOTO), "--model", folder, "--precision", "fp32", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)[0]["predictions"]
    assert {one["label"]: one["probability"] for one in told} == pytest.approx(
        dict(zip(LABELS, wanted, strict=True)), abs=1e-4)
    assert load(folder).info.results["leave_one_out"] == {"n": 8, "accuracy": found.correct / 8}


def test_the_head_alone_fits_into_the_net_and_says_which():
    loaded = load("resnet20_cifar10")
    found, feature = lesson(loaded)
    data = head_file(loaded, found.head, LABELS)
    linear = torch.nn.Linear(64, 2)
    linear.load_state_dict({key.removeprefix("fc."): value for key, value in unpacked(data).items()})
    assert torch.allclose(linear(feature), found.head(feature))
    length = int.from_bytes(data[:8], "little")
    told = json.loads(data[8:8 + length])["__metadata__"]
    assert told["net"] == "resnet20_cifar10" and json.loads(told["labels"]) == list(LABELS)


@pytest.mark.slow
@pytest.mark.peers
def test_a_net_of_timms_is_one_again_and_answers_alike_everywhere(tmp_path, capsys):
    import timm
    from timm.data import create_transform, resolve_data_config

    from tests.test_parity import timm_files

    (tmp_path / "made").mkdir()
    files, _ = timm_files("resnet18.a1_in1k", tmp_path / "made")
    with StandInHub() as hub, pointed_at(hub, tmp_path / "cache"):
        hub.add("timm/resnet18.a1_in1k", files)
        loaded = load("timm/resnet18.a1_in1k", trusted=False)
        found, feature = lesson(loaded)
        folder = unzipped(net_archive(taught_net(loaded, found, LABELS, "ridge")), tmp_path)
        wanted = found.head(feature).softmax(1)[0].tolist()
        net = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
        pipeline = create_transform(**resolve_data_config({}, model=net), is_training=False)
        with torch.no_grad():
            theirs = net(pipeline(as_pillow(PHOTO.read_bytes()))[None]).softmax(1)[0].tolist()
        assert net.pretrained_cfg["label_names"] == list(LABELS)
        assert theirs == pytest.approx(wanted, abs=1e-3)
        assert chances(classify(PHOTO, folder, precision="fp32")) == pytest.approx(wanted, abs=1e-4)
        hub.add("me/mine", {file.name: file.read_bytes() for file in Path(folder).iterdir()})
        again = classify(PHOTO, load("me/mine", trusted=False), precision="fp32")
        assert chances(again) == pytest.approx(wanted, abs=1e-4)
        assert main(["classify", str(PHOTO), "--model", folder, "--precision", "fp32"]) == 0
        assert LABELS[wanted.index(max(wanted))] in capsys.readouterr().out
        net.reset_classifier(2)
        net.fc.load_state_dict({key.removeprefix("fc."): value
                                for key, value in unpacked(head_file(loaded, found.head, LABELS)).items()})


def test_a_net_too_large_is_not_handed_out(monkeypatch):
    loaded = load("resnet20_cifar10")
    found, _ = lesson(loaded)
    monkeypatch.setattr(taught, "LARGEST", 1_000)
    with pytest.raises(InputError, match="at most 0 MB"):
        net_archive(taught_net(loaded, found, LABELS, "ridge"))
