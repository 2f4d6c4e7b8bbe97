"""Headers of .safetensors files from strangers: read in little, checked in full; local files only."""

import json
import os
import struct
import time

import pytest
import torch
from safetensors.torch import save_file

from resnet.checkpoint import save_model
from resnet.hub.header import FIRST_READ, MAX_HEADER, check_weights, parse_header
from resnet.hub.local import local_header
from resnet.model import create
from resnet.util.errors import InputError
from tests.checkpoints import of, table, write, write_raw, write_sharded
from tests.factories import made_info, tiny

SMALL = {"a": (2, 3), "b": (4,)}  # 40 bytes of data


def refusal(work, *args) -> str:
    with pytest.raises(InputError) as caught:
        work(*args)
    assert len(str(caught.value)) < 500 and "\n" not in str(caught.value)
    assert caught.value.sentence("zh") != str(caught.value)
    return caught.value.key


def test_the_header_is_what_safetensors_wrote(tmp_path):
    state = create("resnet20_cifar").state_dict() | {"half": torch.zeros(3, dtype=torch.bfloat16)}
    save_file(state, tmp_path / "net.safetensors", {"format": "pt"})
    header = local_header(tmp_path / "net.safetensors")
    assert header.shapes == {name: tuple(tensor.shape) for name, tensor in state.items()}
    assert header.dtypes["half"] == "BF16" and header.dtypes["conv1.weight"] == "F32"
    assert header.file_size == (tmp_path / "net.safetensors").stat().st_size
    assert header.config is None and header.files == ("net.safetensors",)


@pytest.mark.parametrize(("name", "reads"), [("resnet50", 1), ("resnet152", 2)])
def test_less_than_one_per_cent_of_a_large_file_is_read(tmp_path, name, reads):
    file = write(tmp_path / "net.safetensors", of(name))
    header = local_header(file)
    assert header.file_size == file.stat().st_size > 100e6
    assert header.bytes_read < 0.01 * header.file_size
    assert (header.bytes_read == FIRST_READ) == (reads == 1)
    assert header.shapes == of(name)


def test_a_folder_whole_and_sharded(tmp_path):
    write(tmp_path / "whole/model.safetensors", of("resnet18"))
    (tmp_path / "whole/config.json").write_text('{"architecture": "resnet18"}')
    write_sharded(tmp_path / "shards", of("resnet18"), 7)
    whole, shards = local_header(tmp_path / "whole"), local_header(tmp_path / "shards")
    assert whole.shapes == shards.shapes and whole.config == {"architecture": "resnet18"}
    assert len(shards.files) == 7 and shards.file_size == sum(
        file.stat().st_size for file in (tmp_path / "shards").glob("*.safetensors"))
    beside = local_header(tmp_path / "whole/model.safetensors")
    assert beside.config == whole.config  # the file stands for its folder


def test_folders_that_we_save_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("resnet.checkpoint.MAX_SHARD", 2_000)
    net = create(tiny(), seed=1)
    save_model(tmp_path, net, made_info(net.config))
    header = local_header(tmp_path)
    assert header.shapes == {name: tuple(t.shape) for name, t in net.state_dict().items()} and len(header.files) > 1


def entry(**changes) -> bytes:
    tensors = table(SMALL)
    tensors["b"] |= changes
    return json.dumps(tensors).encode()


DEEP = b'{"a":' + b"[" * 100_000
HOSTILE = [
    (b"[]", 0), (b"{", 0), (b"{]", 0), (b'{"a": 1}', 0), (b'{"a": null}', 0), (b'{"a": []}', 0), (b"\xff\xfe{}", 0),
    (DEEP, 0),
    (entry(dtype="F31"), 40), (entry(dtype=None), 40), (entry(dtype=["F32"]), 40),
    (entry(shape=[-4]), 40), (entry(shape=[True, 4]), 40), (entry(shape=[2.0, 2]), 40), (entry(shape="4"), 40),
    (entry(shape=[2**31 + 1, 0]), 40), (entry(shape=[4] + [1] * 8), 40), (entry(shape=[5]), 40),
    (entry(data_offsets=[24]), 40), (entry(data_offsets=[24, 40, 41]), 40), (entry(data_offsets=None), 40),
    (entry(data_offsets=[False, 16]), 40), (entry(data_offsets=[40, 24]), 40), (entry(more=1), 40),
    (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
    (json.dumps(table({"x" * 201: (1,)})).encode(), 4), (json.dumps(table({"": (1,)})).encode(), 4),
    (json.dumps(table({"a\nb": (1,)})).encode(), 4), (b'{"a":{"dtype":"F32","shape":[' + b"9" * 5000 + b"]}}", 0),
    (b'{"a":{"dtype":"F32","shape":[1e400],"data_offsets":[0,4]}}', 4),
    (b'{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
]


@pytest.mark.parametrize(("header", "room"), HOSTILE)
def test_hostile_headers_are_refused(tmp_path, header, room):
    file = write_raw(tmp_path / "net.safetensors", header, room)
    assert refusal(local_header, file) == "damaged_header"


@pytest.mark.parametrize(("header", "room"), [
    (entry(data_offsets=[25, 41]), 41), (entry(data_offsets=[20, 36]), 36), (entry(), 39), (entry(), 41), (b"{}", 1),
    (entry(data_offsets=[2**62, 2**62 + 16]), 40),
])
def test_tensors_must_tile_the_file(tmp_path, header, room):
    assert refusal(local_header, write_raw(tmp_path / "net.safetensors", header, room)) == "offsets_differ"


def test_a_million_tensors_are_refused_quickly(tmp_path):
    names = ",".join(f'"{i}":0' for i in range(1_000_000)).encode()
    started = time.perf_counter()
    assert refusal(local_header, write_raw(tmp_path / "a.safetensors", b"{" + names + b"}", 0)) == "header_too_large"
    short = b"{" + names[:MAX_HEADER - 3].rpartition(b",")[0] + b"}"
    assert refusal(local_header, write_raw(tmp_path / "b.safetensors", short, 0)) == "too_many_tensors"
    assert time.perf_counter() - started < 3


@pytest.mark.parametrize(("data", "key"), [
    (b"", "damaged_header"), (b"\x01", "damaged_header"), (struct.pack("<Q", 10) + b"{}", "damaged_header"),
    (struct.pack("<Q", 2**63) + b"{}", "damaged_header"), (b"PK\x03\x04" + b"\0" * 100, "damaged_header"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "lfs_pointer"),
    (b"<html>" + b" " * 200, "damaged_header"),
])
def test_files_of_another_kind(tmp_path, data, key):
    (tmp_path / "net.safetensors").write_bytes(data)
    assert refusal(local_header, tmp_path / "net.safetensors") == key


def test_a_header_that_claims_too_much_is_not_read(tmp_path):
    file = tmp_path / "net.safetensors"
    with open(file, "wb") as stream:
        stream.write(struct.pack("<Q", 20_000_000) + b"{")
        stream.truncate(200_000_000)
    assert refusal(local_header, file) == "header_too_large"


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.safetensors")
    for path in ("none.safetensors", "pipe.safetensors", "a\0b.safetensors", "x" * 300 + ".safetensors"):
        assert refusal(local_header, tmp_path / path) == "no_file"
    assert refusal(local_header, tmp_path) == "no_safetensors"


@pytest.mark.parametrize(("change", "key"), [
    (lambda index: index["weight_map"].pop("fc.bias"), "shard_differs"),
    (lambda index: index["weight_map"].update(more="model-00001-of-00003.safetensors"), "shard_differs"),
    (lambda index: index["weight_map"].update(more="../secret.safetensors"), "damaged_header"),
    (lambda index: index["weight_map"].update(more="other.bin"), "damaged_header"),
    (lambda index: index["weight_map"].update(more="gone.safetensors"), "shard_missing"),
    (lambda index: index["weight_map"].update(more=5), "damaged_header"),
    (lambda index: index.update(weight_map=[]), "damaged_header"), (lambda index: index.clear(), "damaged_header"),
    (lambda index: index.update(weight_map={str(i): f"{i}.safetensors" for i in range(600)}), "damaged_header"),
])
def test_an_index_and_its_shards_must_agree(tmp_path, change, key):
    write_sharded(tmp_path, of("resnet18"), 3)
    file = tmp_path / "model.safetensors.index.json"
    index = json.loads(file.read_text())
    change(index)
    file.write_text(json.dumps(index))
    assert refusal(local_header, tmp_path) == key


@pytest.mark.parametrize(("text", "key"), [("{", "not_json"), ('{"a":1,"a":2}', "not_json"),
                                           (" " * 1_000_001, "file_too_large")])
def test_a_config_that_cannot_be_read(tmp_path, text, key):
    write(tmp_path / "model.safetensors", SMALL)
    (tmp_path / "config.json").write_text(text)
    assert refusal(local_header, tmp_path) == key


@pytest.mark.parametrize(("shapes", "dtype", "key"), [
    ({"a": (2,)}, "F64", "tensor_type"), ({"a": (2,)}, "I8", "tensor_type"), ({"a": (2, 0)}, "F32", "tensor_empty"),
])
def test_weights_that_no_net_computes_with(tmp_path, shapes, dtype, key):
    header = local_header(write(tmp_path / "net.safetensors", shapes, dtype))
    assert refusal(check_weights, header) == key


def test_half_precision_and_padding_are_fine(tmp_path):
    check_weights(local_header(write(tmp_path / "net.safetensors", of("resnet18"), "F16")))
    padded = json.dumps(table(SMALL)).encode() + b" " * 7
    assert parse_header(padded, 8 + len(padded) + 40, "net.safetensors") == {"a": ("F32", (2, 3)), "b": ("F32", (4,))}
