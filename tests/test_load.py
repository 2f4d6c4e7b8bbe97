"""Models from folders and files: every spelling, what stands beside them, and who may name local paths."""

import json

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import resnet
from resnet.__main__ import main
from resnet.checkpoint import save_model
from resnet.config import config_of
from resnet.hub.load import bundled, load
from resnet.hub.preprocessing import CIFAR_MEAN, IMAGENET_MEAN
from resnet.hub.ref import ModelRef
from resnet.hub.store import ModelStore, current, use
from resnet.inference.predict import classify
from resnet.model import create
from resnet.util.errors import InputError
from tests.checkpoints import cifar_names, transformers_names
from tests.factories import made_info, same_tensors
from tests.pictures import encode, gradient


@pytest.fixture(scope="module")
def net():
    return create("resnet20_cifar", seed=2, shortcut="B").eval()


@pytest.fixture(scope="module")
def imagenet_net():
    return create("resnet18", seed=2, widths=(8, 16, 24, 32)).eval()


@pytest.fixture(autouse=True)
def store():
    before = current()
    use(ModelStore())
    yield current()
    use(before)


def write(folder, tensors: dict[str, Tensor], **files) -> str:
    """A folder with weights and JSON files; `_` stands for a dot in their names."""
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / "model.safetensors")
    for name, content in files.items():
        (folder / name.replace("_json", ".json")).write_text(json.dumps(content))
    return str(folder)


SPELLINGS = {
    "torchvision": lambda state: state,
    "transformers": transformers_names,
    "cifar": cifar_names,
    "module": lambda state: cifar_names(state, "module."),
    "halves": lambda state: {key: value.half() if value.is_floating_point() else value
                             for key, value in state.items()},
    "no counters": lambda state: {key: value for key, value in state.items() if "num_batches" not in key},
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_the_same_net(tmp_path, net, spelling):
    loaded = load(write(tmp_path, SPELLINGS[spelling](net.state_dict())))
    image = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        near = 1e-2 if spelling == "halves" else 0
        torch.testing.assert_close(loaded.model(image), net(image), rtol=near, atol=near)
    assert all(value.dtype in (torch.float32, torch.int64) for value in loaded.model.state_dict().values())
    assert loaded.info.labels == tuple(f"class_{i}" for i in range(10)) and loaded.info.mean == CIFAR_MEAN
    assert loaded.steps.size == (32, 32) and {"steps_small", "labels_numbered"} <= {n.key for n in loaded.notes}


def test_a_file_by_itself(tmp_path, imagenet_net):
    write(tmp_path, imagenet_net.state_dict())
    file = (tmp_path / "model.safetensors").rename(tmp_path / "weights.safetensors")
    loaded = resnet.load(str(file))
    assert same_tensors(loaded.model.state_dict(), imagenet_net.state_dict())
    assert (loaded.steps.scale, loaded.steps.size, loaded.steps.filter) == ((256, 256), (224, 224), "bilinear")
    assert loaded.info.mean == IMAGENET_MEAN and loaded.info.labels[293] == "cheetah"
    answer = classify(encode(gradient()), loaded, top_k=3)
    assert len(answer.predictions) == 3 and answer.seen.pixels.shape == (3, 224, 224)


@pytest.mark.parametrize(("damage", "key"), [
    (lambda t: t.pop("layer2.0.bn1.bias"), "tensor_missing"), (lambda t: t.update(extra=torch.ones(2)), "tensor_extra"),
    (lambda t: t.update({"layer2.0.bn1.bias": torch.ones(3)}), "tensor_shape"),
    (lambda t: t["layer2.0.bn1.bias"].fill_(float("nan")), "tensor_not_finite"),
    (lambda t: t.update({"layer2.0.bn1.bias": torch.ones(32).double()}), "tensor_type"),
    (lambda t: [t.pop("fc.weight"), t.pop("fc.bias")], "headless"),
])
def test_strict_whatever_the_spelling(tmp_path, net, damage, key, store):
    tensors = {name: value.clone() for name, value in net.state_dict().items()}
    damage(tensors)
    with pytest.raises(InputError) as caught:
        load(write(tmp_path, tensors))
    assert caught.value.key == key
    assert not store.models.keys()


def test_a_folder_of_ours_is_read_as_before(tmp_path, net):
    info = made_info(net.config, "cifar10", results={"test": {"n": 5, "accuracy": 0.2, "loss": 2.0}})
    save_model(tmp_path, net, info)
    loaded = load(str(tmp_path))
    assert loaded.info == info and loaded.steps is None
    save_model(tmp_path, create("resnet20_cifar", seed=9, shortcut="B"), info)  # trained on into the same folder
    assert not same_tensors(load(str(tmp_path)).model.state_dict(), net.state_dict())


def test_a_config_with_mean_and_std_only(tmp_path, net):
    loaded = load(write(tmp_path, net.state_dict(), config_json={"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2]}))
    assert loaded.info.mean == (0.5, 0.4, 0.3) and loaded.info.std == (0.2,) * 3
    assert "steps_colours" in {note.key for note in loaded.notes}


@pytest.mark.parametrize("names", [
    {"label_names": list("abcdefghij")}, {"pretrained_cfg": {"label_names": list("abcdefghij")}},
    {"id2label": {str(i): name for i, name in enumerate("abcdefghij")}}, {"labels": list("abcdefghij")},
])
def test_the_repositorys_own_names(tmp_path, net, names):
    loaded = load(write(tmp_path, net.state_dict(), config_json=names))
    assert loaded.info.labels == tuple("abcdefghij") and "labels_told" in {note.key for note in loaded.notes}


@pytest.mark.parametrize("names", [
    {"label_names": ["a"] * 9}, {"id2label": {str(i + 1): "a" for i in range(10)}}, {"labels": ["a\n"] * 10},
    {"label_names": [1] * 10}, {"label_names": ["x" * 5000] * 10}, {"id2label": 3},
])
def test_names_that_do_not_fit_are_left_out(tmp_path, net, names):
    assert load(write(tmp_path, net.state_dict(), config_json=names)).info.labels[9] == "class_9"


TIMM = {"architecture": "resnet18", "pretrained_cfg": {}}


@pytest.mark.parametrize(("details", "key"), [
    ({"interpolation": "fourier"}, "steps_unknown"), ({"crop_mode": "border"}, "steps_unknown"),
    ({"crop_pct": -1}, "steps_unknown"), ({"crop_pct": 1e-9}, "steps_scale"), ({"crop_pct": 1.5}, "steps_unknown"),
    ({"crop_pct": "0.9"}, "steps_unknown"), ({"crop_pct": 0.01}, "steps_scale"),
    ({"input_size": [3, 4096, 4096]}, "steps_size"), ({"input_size": [3, -1, 4]}, "steps_unknown"),
    ({"std": [0.2, 0, 0.2]}, "steps_unknown"), ({"mean": [0.1, 0.2]}, "steps_unknown"),
    ({"mean": [float("nan")] * 3}, "steps_unknown"), ({"std": "abc"}, "steps_unknown"),
])
def test_strange_steps_are_refused(tmp_path, imagenet_net, details, key):
    with pytest.raises(InputError) as caught:
        load(write(tmp_path, imagenet_net.state_dict(), config_json=TIMM | {"pretrained_cfg": details}))
    assert caught.value.key == key


@pytest.mark.parametrize("processor", [
    {}, {"image_processor_type": "SegformerImageProcessor"}, [], {"image_processor_type": "ConvNextImageProcessor",
                                                                 "resample": 9},
    {"image_processor_type": "ConvNextImageProcessor", "rescale_factor": 1.0},
    {"image_processor_type": "ViTImageProcessor", "do_resize": False},
    {"image_processor_type": "ViTImageProcessor", "size": {"height": "x"}},
])
def test_strange_processors_are_refused(tmp_path, imagenet_net, processor):
    place = write(tmp_path, imagenet_net.state_dict(), preprocessor_config_json=processor)
    if processor == []:
        assert load(place).steps.scale == (256, 256)  # no table: nothing is told
        return
    with pytest.raises(InputError) as caught:
        load(place)
    assert caught.value.key == "steps_unknown"


def test_a_long_picture_is_not_blown_up(imagenet_net, tmp_path):
    loaded = load(write(tmp_path, imagenet_net.state_dict()))
    with pytest.raises(InputError) as caught:
        classify(torch.zeros(3, 1, 200_001, dtype=torch.uint8), loaded)
    assert caught.value.key == "picture_narrow"


def test_grey_and_other_channels(tmp_path):
    for channels in (1, 4):
        net = create("resnet20_cifar", in_channels=channels, shortcut="B")
        loaded = load(write(tmp_path / str(channels), net.state_dict()))
        if channels == 1:
            answer = classify(encode(gradient()), loaded)
            assert answer.seen.pixels.shape == (1, 32, 32) and answer.seen.grey
        else:
            with pytest.raises(InputError, match="4 channels"):
                classify(encode(gradient()), loaded)


def test_a_flatten_head_is_shown_its_own_size(tmp_path):
    net = create(config_of("resnet18", widths=(4, 8, 8, 8), head="flatten", input_size=(64, 96), classes=10))
    loaded = load(write(tmp_path, net.state_dict(), config_json={"mean": [0.5], "std": [0.5]}))
    answer = classify(encode(gradient()), loaded)
    assert answer.seen.pixels.shape[1] * answer.seen.pixels.shape[2] == 64 * 96


def test_visitors_name_no_local_paths(tmp_path, net):
    place = write(tmp_path, net.state_dict())
    for name in (place, f"{place}/model.safetensors", "weights/resnet20_fashion_mnist", "./weights"):
        with pytest.raises(InputError):
            current().load_anew(ModelRef.parse(name))
    assert load("resnet20_fashion_mnist", trusted=False).info == bundled()["resnet20_fashion_mnist"]


def test_the_test_size_on_the_command_line(tmp_path, imagenet_net, capsys):
    (tmp_path / "picture.png").write_bytes(encode(gradient()))
    details = {"input_size": [3, 64, 64], "test_input_size": [3, 96, 96]}
    place = write(tmp_path / "net", imagenet_net.state_dict(), config_json=TIMM | {"pretrained_cfg": details})
    told = []
    for option in ([], ["--test-size"]):
        assert main(["classify", str(tmp_path / "picture.png"), "--model", place, *option]) == 0
        told.append(capsys.readouterr())
    assert told[0].out != told[1].out
    assert "the middle 64×64" in told[0].err and "For testing the config names 96×96" in told[0].err
    assert "64×64" not in told[1].err


def test_the_command_line_says_what_was_assumed(tmp_path, imagenet_net, capsys):
    (tmp_path / "picture.png").write_bytes(encode(gradient()))
    place = write(tmp_path / "net", imagenet_net.state_dict())
    assert main(["classify", str(tmp_path / "picture.png"), "--model", place]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 6 and "these steps are torchvision's" in err and "ImageNet's names" in err
