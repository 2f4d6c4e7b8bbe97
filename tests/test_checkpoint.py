import errno
import json
import os

import pytest
import torch
from safetensors.torch import load_file, save_file

from resnet import checkpoint
from resnet.checkpoint import ModelInfo, load_model, save_model
from resnet.config import config_of
from resnet.model import create
from resnet.training.card import torchvision_code, torchvision_twin
from resnet.util.errors import InputError
from resnet.util.files import CONFIG_FILE, INDEX_FILE, WEIGHTS_FILE
from tests.factories import made_info, same_tensors, tiny

SHARDED = 2_000  # bytes: the tiny net falls into several shards


@pytest.fixture
def net():
    return create(tiny(), seed=3)


@pytest.fixture
def folder(tmp_path, net):
    save_model(tmp_path / "net", net, made_info(net.config))
    return tmp_path / "net"


@pytest.mark.parametrize("limit", [checkpoint.MAX_SHARD, SHARDED])
def test_a_saved_net_comes_back(tmp_path, monkeypatch, net, limit):
    monkeypatch.setattr(checkpoint, "MAX_SHARD", limit)
    info = made_info(net.config, results={"test": {"n": 5, "accuracy": 0.2, "loss": 2.0}}, seconds=1.5)
    save_model(tmp_path, net, info)
    loaded, read = load_model(tmp_path)
    assert read == info and same_tensors(loaded.state_dict(), net.state_dict())
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
    assert (tmp_path / INDEX_FILE).exists() == (limit == SHARDED)
    assert all(file.stat().st_size < max(limit, 4_000) for file in tmp_path.glob("*.safetensors"))


def test_whole_and_sharded_weights_replace_each_other(tmp_path, monkeypatch, net):
    for limit, seed in ((SHARDED, 1), (checkpoint.MAX_SHARD, 2), (SHARDED, 3)):
        monkeypatch.setattr(checkpoint, "MAX_SHARD", limit)
        saved = create(tiny(), seed=seed)
        save_model(tmp_path, saved, made_info(saved.config))
        assert same_tensors(load_model(tmp_path)[0].state_dict(), saved.state_dict())
    assert not (tmp_path / WEIGHTS_FILE).exists()


def _without_fc(tensors):
    del tensors["fc.bias"]


def _with_more(tensors):
    tensors["fc.scale"] = torch.ones(1)


def _misshapen(tensors):
    tensors["fc.bias"] = torch.zeros(11)


def _doubles(tensors):
    tensors["fc.bias"] = tensors["fc.bias"].double()


def _whole_numbers(tensors):
    tensors["fc.bias"] = tensors["fc.bias"].int()


def _not_a_number(tensors):
    tensors["fc.bias"][3] = float("nan")


def _infinite(tensors):
    tensors["layer1.0.bn1.running_var"][0] = float("inf")


def _negative(tensors):
    tensors["layer1.0.bn1.running_var"][0] = -1


def _eight_bits(tensors):
    tensors["fc.bias"] = tensors["fc.bias"].to(torch.float8_e4m3fn)


def _counted_in_floats(tensors):
    tensors["bn1.num_batches_tracked"] = torch.tensor(3.0)


def _counted_twice(tensors):
    tensors["bn1.num_batches_tracked"] = torch.tensor([3, 3])


@pytest.mark.parametrize(("damage", "key", "tensor"), [
    (_without_fc, "tensor_missing", "fc.bias"), (_with_more, "tensor_extra", "fc.scale"),
    (_misshapen, "tensor_shape", "fc.bias"), (_doubles, "tensor_type", "fc.bias"),
    (_whole_numbers, "tensor_type", "fc.bias"), (_not_a_number, "tensor_not_finite", "fc.bias"),
    (_infinite, "tensor_not_finite", "layer1.0.bn1.running_var"),
    (_negative, "tensor_negative", "layer1.0.bn1.running_var"), (_eight_bits, "tensor_type", "fc.bias"),
    (_counted_in_floats, "tensor_type", "bn1.num_batches_tracked"),
    (_counted_twice, "tensor_shape", "bn1.num_batches_tracked"),
])
def test_a_wrong_tensor_is_named(folder, damage, key, tensor):
    tensors = load_file(folder / WEIGHTS_FILE)
    damage(tensors)
    save_file(tensors, folder / WEIGHTS_FILE)
    with pytest.raises(InputError, match=tensor.replace(".", r"\.")) as caught:
        load_model(folder)
    assert caught.value.key == key


@pytest.mark.parametrize("change", [lambda key, value: None, lambda key, value: value.reshape(1).int()])
def test_counters_may_be_absent_or_in_a_list_of_one(folder, net, change):
    """As in torchvision's first files, which are older than the counters, and in some converted ones."""
    tensors = load_file(folder / WEIGHTS_FILE)
    counters = {key: change(key, value) for key, value in tensors.items() if key.endswith("num_batches_tracked")}
    assert len(counters) > 5
    tensors = {key: counters.get(key, value) for key, value in tensors.items()}
    save_file({key: value for key, value in tensors.items() if value is not None}, folder / WEIGHTS_FILE)
    assert same_tensors(load_model(folder)[0].state_dict(), net.state_dict())


def test_half_precision_weights_are_read_as_fp32(folder, net):
    tensors = {key: value.bfloat16() if value.is_floating_point() else value
               for key, value in net.state_dict().items()}
    save_file(tensors, folder / WEIGHTS_FILE)
    loaded = load_model(folder)[0].state_dict()
    assert loaded["fc.weight"].dtype == torch.float32
    assert torch.equal(loaded["fc.weight"], net.fc.weight.detach().bfloat16().float())


@pytest.mark.parametrize("keep", [0, 4, 500, -1])
def test_truncated_weights_are_an_input_error(folder, keep):
    file = folder / WEIGHTS_FILE
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(InputError) as caught:
        load_model(folder)
    assert caught.value.key == "damaged_weights"


def test_shards_hold_what_the_index_says(tmp_path, monkeypatch, net):
    monkeypatch.setattr(checkpoint, "MAX_SHARD", SHARDED)
    save_model(tmp_path, net, made_info(net.config))
    first = min(tmp_path.glob("model-*.safetensors"))
    tensors = load_file(first)
    save_file(tensors | {"fc.bias": torch.zeros(10)}, first)  # fc.bias belongs to another shard
    with pytest.raises(InputError, match=first.name):
        load_model(tmp_path)
    first.unlink()
    with pytest.raises(InputError, match="nor all the shards"):
        load_model(tmp_path)


@pytest.mark.parametrize("index", ["{", "[]", '{"weight_map": {"fc.bias": "../net/model.safetensors"}}',
                                   '{"weight_map": {"fc.bias": 3}}', '{"weight_map": {}}'])
def test_a_strange_index_is_refused(folder, index):
    (folder / WEIGHTS_FILE).unlink()
    (folder / INDEX_FILE).write_text(index)
    with pytest.raises(InputError) as caught:
        load_model(folder)
    assert caught.value.key == "no_weights"


@pytest.mark.parametrize("change", [
    {"architecture": {"depths": [2, 2]}}, {"architecture": None}, {"labels": ["cat"]}, {"labels": [1] * 10},
    {"mean": []}, {"std": [0]}, {"std": ["a"]}, {"results": []}, {"name": 5}, {"surprise": 1},
])
def test_a_strange_config_is_refused(folder, change):
    config = json.loads((folder / CONFIG_FILE).read_text())
    (folder / CONFIG_FILE).write_text(json.dumps(config | change))
    with pytest.raises(InputError):
        load_model(folder)


def test_a_folder_without_config_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no config.json"):
        load_model(tmp_path)
    with pytest.raises(InputError):
        ModelInfo.from_json("no json", "here")


def test_a_full_disk_leaves_the_old_weights(folder, net, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    other = create(tiny(), seed=4)
    with pytest.raises(InputError, match="No space left on device"):
        save_model(folder, other, made_info(other.config))
    monkeypatch.undo()
    assert same_tensors(load_model(folder)[0].state_dict(), net.state_dict())
    assert not list(folder.glob("*.partial"))


def test_a_file_in_the_folders_place_is_an_input_error(tmp_path, net):
    (tmp_path / "net").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        save_model(tmp_path / "net", net, made_info(net.config))


@pytest.mark.slow
@pytest.mark.parametrize("config", [
    config_of("resnet18", classes=10), config_of("resnet18_cifar"), config_of("resnet26", in_channels=1, classes=10),
    config_of("resnext50_32x4d", depths=(1, 1, 1, 1)),
], ids=["resnet18", "resnet18_cifar", "grey bottlenecks", "resnext"])
def test_saved_nets_load_into_torchvision(tmp_path, monkeypatch, config):
    net = create(config, seed=2).eval()
    save_model(tmp_path, net, made_info(config, labels=tuple(map(str, range(config.classes))),
                                        mean=(0.5,) * config.in_channels, std=(0.5,) * config.in_channels))
    assert (tmp_path / INDEX_FILE).exists()  # 11 million parameters do not fit into 10 MB
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(torchvision_code(torchvision_twin(config)), names)  # the code of the model card, as printed
    image = torch.rand(2, config.in_channels, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(names["net"](image), net(image), rtol=1e-5, atol=1e-5)


@pytest.mark.peers
def test_saved_nets_load_into_timm():
    import timm

    net = create("resnet18", classes=10, seed=2).eval()
    twin = timm.create_model("resnet18", num_classes=10)
    twin.load_state_dict(net.state_dict())
    image = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(twin.eval()(image), net(image), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("config", [
    config_of("resnet20_cifar"), config_of("plain34"), config_of("d2l_resnet18"), config_of("resnet50", order="preact"),
    config_of("resnet50", stride_in="1x1"), config_of("resnet18", head="flatten"), config_of("resnet34", shortcut="A"),
    config_of("resnet18", widths=(32, 64, 128, 256)),
])
def test_nets_that_torchvision_lacks_are_known(config):
    assert torchvision_twin(config) is None
