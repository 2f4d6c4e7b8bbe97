"""An image classification data set on the Hub: parquet files whose columns are found by their features."""

import io
import json

import pyarrow
import pyarrow.parquet as parquet
import pytest
import torch

from resnet.__main__ import main
from resnet.checkpoint import load_model
from resnet.training.hub_pictures import CONVERTED
from resnet.training.pictures import end_of, source_of, splits_of
from resnet.util.errors import InputError
from tests.factories import TINY_SETTINGS, _png, made_split, one_thread, tiny
from tests.hub import StandInHub, pointed_at

COLOUR = tiny(in_channels=3, input_size=(32, 32))
NAMES = [f"kind {i}" for i in range(10)]


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RESNET_DATA", raising=False)
    with one_thread(), StandInHub() as server, pointed_at(server, tmp_path / "hub"):
        yield server


def table(n: int, seed: int = 0, features: "dict | None" = None, **columns: list) -> bytes:
    """A parquet file of CIFAR-10-like pictures in two row groups, with the features that `datasets` writes."""
    split = made_split(n, "cifar10", seed)
    cells = [{"bytes": _png(image), "path": None} for image in split.images]
    made = pyarrow.table({"id": list(range(n)), "picture": cells, "kind": split.labels.tolist()} | columns)
    if features is not None:
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    file = io.BytesIO()
    parquet.write_table(made, file, row_group_size=n // 2 + 1)
    return file.getvalue()


FEATURES = {"id": {"dtype": "int64", "_type": "Value"}, "picture": {"_type": "Image"},
            "kind": {"names": NAMES, "_type": "ClassLabel"}}


def splits(name: str) -> tuple:
    return end_of(splits_of(source_of(name, 0.2, 0), COLOUR))


def test_columns_are_found_by_their_features(hub):
    hub.add("owner/set", {"README.md": b"", "data/train-00000-of-00002.parquet": table(30, 0, FEATURES),
                          "data/train-00001-of-00002.parquet": table(10, 1, FEATURES),
                          "data/test-00000-of-00001.parquet": table(12, 2, FEATURES)}, "datasets")
    train, test = splits("owner/set")
    parts = made_split(30, "cifar10", 0), made_split(10, "cifar10", 1), made_split(12, "cifar10", 2)
    assert torch.equal(train.images, torch.cat([parts[0].images, parts[1].images]))
    assert torch.equal(train.labels, torch.cat([parts[0].labels, parts[1].labels]))
    assert torch.equal(test.images, parts[2].images) and torch.equal(test.labels, parts[2].labels)
    assert train.spec.classes == tuple(NAMES) and train.spec.name == "owner/set"


def test_without_features_a_struct_of_bytes_is_the_picture_and_texts_are_names(hub):
    words = [f"word {i % 3}" for i in range(30)]
    hub.add("owner/words", {"train/0000.parquet": table(30, label=words)}, "datasets", revision=CONVERTED)
    hub.add("owner/words", {"pictures.zip": b"..."}, "datasets")
    source = source_of("owner/words", 0.2, 0)
    assert source.classes == ("word 0", "word 1", "word 2") and source.held
    assert len(source.test.labels) == 6 and "20 %" in source.notes[0].sentence()
    train, test = splits("owner/words")
    assert len(train) == 24 and len(test) == 6


def test_a_test_part_without_labels_is_none(hub):
    none = table(12, 2, FEATURES, kind=[-1] * 12)
    hub.add("owner/set", {"data/train-00000-of-00001.parquet": table(40, 0, FEATURES),
                          "data/test-00000-of-00001.parquet": none}, "datasets")
    assert source_of("owner/set", 0.2, 0).held


def test_of_several_configurations_the_usual_one_is_taken_and_told(hub):
    file = table(40, 0, FEATURES)
    hub.add("owner/set", {f"{name}/train-00000-of-00001.parquet": file for name in ("all", "default", "small")},
            "datasets")
    told = source_of("owner/set", 0.2, 0).notes[0].sentence()
    assert "default is taken" in told and "all, small" in told


def test_one_broken_cell_costs_one_picture(hub):
    cells = [{"bytes": _png(image), "path": None} for image in made_split(40, "cifar10").images]
    cells[3], cells[20] = {"bytes": b"\x89PNG no", "path": None}, {"bytes": None, "path": "elsewhere.png"}
    hub.add("owner/set", {"data/train-00000-of-00001.parquet": table(40, 0, FEATURES, picture=cells),
                          "data/test-00000-of-00001.parquet": table(12, 2, FEATURES)}, "datasets")
    assert len(splits("owner/set")[0]) == 38


def test_what_is_no_data_set_of_pictures_is_a_sentence(hub):
    plain = pyarrow.table({"text": ["a", "b"], "label": [0, 1]})
    file = io.BytesIO()
    parquet.write_table(plain, file)
    hub.add("owner/texts", {"data/train-00000-of-00001.parquet": file.getvalue()}, "datasets")
    hub.add("owner/zip", {"pictures.zip": b""}, "datasets")
    hub.add("owner/cut", {"data/train-00000-of-00001.parquet": table(40, 0, FEATURES)[:-9]}, "datasets")
    for name, key in (("owner/texts", "data_columns"), ("owner/zip", "data_no_parquet"), ("owner/cut", "damaged_data"),
                      ("owner/nowhere", "data_absent")):
        with pytest.raises(InputError) as caught:
            source_of(name, 0.2, 0)
        assert caught.value.key == key


def test_a_folder_laid_out_like_the_hub_is_asked_first(hub, tmp_path, monkeypatch):
    place = tmp_path / "data" / "owner" / "set" / "data"
    place.mkdir(parents=True)
    (place / "train-00000-of-00001.parquet").write_bytes(table(40, 0, FEATURES))
    monkeypatch.setenv("RESNET_DATA", str(tmp_path / "data"))
    assert len(source_of("owner/set", 0.2, 0).classes) == 10 and not hub.requests


def test_the_command_trains_on_it(hub, tmp_path, capsys):
    hub.add("owner/set", {"data/train-00000-of-00001.parquet": table(40, 0, FEATURES),
                          "data/validation-00000-of-00001.parquet": table(12, 2, FEATURES)}, "datasets")
    out = tmp_path / "net"
    assert main(["train", "resnet20_cifar", "--data", "owner/set", "--epochs", "1", "--batch", "8", "--device", "cpu",
                 "--precision", "fp32", "--out", str(out), "--set", *TINY_SETTINGS]) == 0
    info = load_model(out)[1]
    assert (info.data, info.labels, info.results["test"]["n"]) == ("owner/set", tuple(NAMES), 12)
    card = (out / "README.md").read_text()
    assert "datasets:\n- owner/set" in card and "huggingface.co/datasets/owner/set" in card
    assert "drawn by the seed" not in card and "license:" not in card
