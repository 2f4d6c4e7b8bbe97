"""Pictures of one's own: a folder, or a data set on the Hub, decoded once and trained on."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from resnet.__main__ import main
from resnet.checkpoint import load_model
from resnet.inference import pictures
from resnet.inference.picture import decode, prepare
from resnet.inference.pictures import gather, in_groups
from resnet.training.pictures import end_of, source_of, splits_of
from resnet.util.errors import InputError
from tests.factories import TINY_SETTINGS, draw, draw_flowers, one_thread, tiny

COLOUR = tiny(in_channels=3, input_size=(16, 16))


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RESNET_DATA", raising=False)
    with one_thread():
        yield


@pytest.fixture
def flowers(tmp_path) -> Path:
    return draw_flowers(tmp_path / "flowers")


def refusal(*arguments: object) -> InputError:
    with pytest.raises(InputError) as caught:
        end_of(splits_of(source_of(str(arguments[0]), 0.2, 0), COLOUR))
    return caught.value


def told(steps) -> tuple:
    """What a generator says on the way, and its value."""
    notes = []
    while True:
        try:
            notes += [note.sentence() for note in next(steps).notes]
        except StopIteration as end:
            return notes, end.value


# what a folder holds -----------------------------------------------------------------------------


def test_a_share_of_each_class_is_held_out_by_the_seed(flowers):
    source = source_of(str(flowers), 0.2, 0)
    assert source.classes == ("rose", "été", "玫瑰") and source.name == "./flowers" and source.held
    assert [source.test.labels.count(label) for label in range(3)] == [2, 2, 2]
    assert [source.train.labels.count(label) for label in range(3)] == [8, 8, 8]
    names = {part: [group.name(i) for group in getattr(source, part).groups for i in range(len(group))]
             for part in ("train", "test")}
    assert not set(names["train"]) & set(names["test"]) and len(set(names["train"] + names["test"])) == 30
    assert source_of(str(flowers), 0.2, 0) == source != source_of(str(flowers), 0.2, 1)
    draw(flowers / "rose", (1, 2, 3), 11)  # one more: what was held out stays, but for one at most
    later = source_of(str(flowers), 0.2, 0).test
    assert len({group.name(i) for group in later.groups for i in range(len(group))} & set(names["test"])) >= 5


def test_train_and_val_are_parts_of_their_own(flowers, tmp_path):
    root = tmp_path / "parted"
    shutil.copytree(flowers, root / "train")
    shutil.copytree(flowers / "rose", root / "val" / "rose")
    shutil.copytree(flowers / "rose", root / "val" / "unknown")
    source = source_of(str(root), 0.2, 0)
    assert (len(source.train.labels), len(source.test.labels), source.held) == (30, 10, False)
    assert set(source.test.labels) == {0} and any("unknown" in note.sentence() for note in source.notes)


def test_a_class_may_be_called_train(flowers):
    draw(flowers / "train", (0, 0, 0), 3)
    assert "train" in source_of(str(flowers), 0.2, 0).classes


def test_what_is_left_out_is_told_and_the_rest_is_trained_on(flowers):
    (flowers / "empty").mkdir()
    (flowers / "rose" / "notes.txt").write_text("not a picture")
    (flowers / "rose" / ".DS_Store").write_text("hidden")
    (flowers / "rose" / "000.png").write_bytes(b"\x89PNG broken")
    (flowers / "玫瑰" / "001.png").write_bytes(b"")
    source = source_of(str(flowers), 0.2, 0)
    notes, (train, test) = told(splits_of(source, COLOUR))
    notes = " ".join(notes)
    assert "empty" in notes and "WebP are left out (1)" in notes and "20 % of each class, drawn by seed 0" in notes
    assert "000.png: The picture is damaged" in notes and "001.png: There is no picture" in notes
    assert len(train) + len(test) == 28 and "empty" not in source.classes


@pytest.mark.parametrize("classes, key", [((), "data_classes"), (("rose",), "data_classes")])
def test_fewer_than_two_classes_are_refused(tmp_path, classes, key):
    for name in classes:
        draw(tmp_path / "few" / name, (1, 2, 3), 3)
    (tmp_path / "few" / "nothing").mkdir(parents=True)
    assert refusal(tmp_path / "few").key == key


def test_what_cannot_be_trained_on_is_refused_in_a_sentence(flowers, tmp_path):
    assert refusal(tmp_path / "nowhere").key == "data_folder"
    assert refusal("zebra").key == "unknown_data"
    for file in (flowers / "rose").iterdir():
        file.write_bytes(b"\x89PNG broken")
    assert refusal(flowers).key == "class_broken" and "rose" in str(refusal(flowers))
    strange = tmp_path / "strange"
    draw(strange / "a\nb", (1, 2, 3), 2)
    draw(strange / "c", (1, 2, 3), 2)
    assert refusal(strange).key == "class_name"
    single = tmp_path / "single"
    draw(single / "a", (1, 2, 3), 1)
    draw(single / "b", (1, 2, 3), 1)
    assert refusal(single).key == "pictures_untested"


# decoded once ------------------------------------------------------------------------------------


def test_pictures_are_those_that_an_answer_is_given_on(flowers):
    files = sorted(flowers.rglob("*.png"))
    gathered = end_of(gather(in_groups(files), 3, (16, 16)))
    for image, file in zip(gathered.images, files, strict=True):
        assert torch.equal(image, prepare(decode(file), 3, (16, 16)).pixels)
    assert gathered.kept.tolist() == list(range(30)) and gathered.failed == ()


def test_broken_ones_leave_no_holes(flowers):
    files = sorted(flowers.rglob("*.png"))
    whole = end_of(gather(in_groups(files), 1, (8, 8))).images.clone()
    for index in (0, 7, 28, 29):
        files[index].write_bytes(b"broken")
    for _ in range(2):  # decoded, then from the cache
        gathered = end_of(gather(in_groups(files), 1, (8, 8)))
        assert len(gathered.images) == 26 and sorted(gathered.kept.tolist()) == sorted({*range(30)} - {0, 7, 28, 29})
        assert all(torch.equal(image, whole[index]) for image, index in zip(gathered.images, gathered.kept,
                                                                           strict=True))
        assert [Path(name) for name, _ in gathered.failed] == [files[index] for index in (0, 7, 28, 29)]


def test_they_are_decoded_once_unless_they_change(flowers, monkeypatch):
    files = sorted(flowers.rglob("*.png"))
    first = end_of(gather(in_groups(files), 3, (8, 8)))
    decoded = []
    monkeypatch.setattr(pictures, "decode", lambda source: decoded.append(source) or decode(source))
    assert torch.equal(end_of(gather(in_groups(files), 3, (8, 8))).images, first.images) and decoded == []
    Image.new("RGB", (30, 30), "white").save(files[0])
    assert end_of(gather(in_groups(files), 3, (8, 8))).images[0].min() == 255 and len(decoded) == 30


@pytest.mark.slow
def test_processes_decode_what_one_does(flowers, monkeypatch):
    files = sorted(flowers.rglob("*.png"))
    files[3].write_bytes(b"broken")
    alone = end_of(gather(in_groups(files), 3, (8, 8)))
    monkeypatch.setattr(pictures, "FEW", 0)
    monkeypatch.setattr(pictures, "GROUP", 7)
    monkeypatch.setattr(pictures, "processors", lambda: 2)
    together = end_of(gather(in_groups(files), 3, (8, 8)))
    assert torch.equal(together.images, alone.images) and [str(e) for _, e in together.failed] == [
        str(e) for _, e in alone.failed]


def test_a_killed_gathering_begins_again(flowers, monkeypatch):
    files = in_groups(sorted(flowers.rglob("*.png")))
    steps = gather(files, 3, (8, 8))
    next(steps)
    steps.close()
    assert len(end_of(gather(files, 3, (8, 8))).images) == 30


def test_a_full_disk_is_a_sentence(flowers, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pictures.os, "posix_fallocate", full)
    with pytest.raises(InputError, match="No space left on device") as caught:
        end_of(gather(in_groups(sorted(flowers.rglob("*.png"))), 3, (8, 8)))
    assert caught.value.key == "pictures_room"


# from the command line ---------------------------------------------------------------------------


ARGUMENTS = ["--epochs", "4", "--batch", "8", "--lr", "0.1", "--pad", "1", "--precision", "fp32", "--device", "cpu"]


def test_a_folder_is_trained_on_and_evaluated_again(flowers, tmp_path, monkeypatch, capsys):
    out = tmp_path / "net"
    command = ["train", "resnet20_cifar", "--data", str(flowers), *ARGUMENTS, "--out", str(out)]
    assert main([*command, "--set", *TINY_SETTINGS, "input_size=16x16"]) == 0
    told = capsys.readouterr().err
    assert "20 % of each class, drawn by seed 0, is held out" in told
    net, info = load_model(out)
    assert info.labels == ("rose", "été", "玫瑰") and info.data == info.recipe["data"] == "./flowers"
    assert info.results["test"]["n"] == 6 and info.results["train"]["n"] == 24
    assert str(tmp_path) not in (out / "README.md").read_text() + (out / "config.json").read_text()
    assert "20 % of each class, drawn by the seed" in (out / "README.md").read_text()
    assert main(["evaluate", str(out), "--data", str(flowers), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["n"], answer["accuracy"]) == (6, info.results["test"]["accuracy"])
    assert main(["classify", str(flowers / "rose" / "000.png"), "--model", str(out), "--json"]) == 0
    assert {one["label"] for one in json.loads(capsys.readouterr().out)[0]["predictions"]} == set(info.labels)
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--recipe", str(out / "config.json"), "--out", "again", "--device", "cpu"]) == 0
    assert (tmp_path / "again/model.safetensors").read_bytes() == (out / "model.safetensors").read_bytes()
