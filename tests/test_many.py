"""resnet classify --out: a row for each of many pictures."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

import resnet
from resnet.__main__ import main
from resnet.data import load_samples
from resnet.inference import many, sources
from resnet.util.text import text
from tests.hub import StandInHub, pointed_at
from tests.pictures import encode, gradient, noise
from tests.running import ROOT

MODEL = "resnet20_fashion_mnist"
UNITS = 3  # of a thousand pictures
ASKED = ["--model", MODEL, "--precision", "fp32"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Thirty pictures in three folders, a broken one, an empty one, and what is none."""
    place = tmp_path_factory.mktemp("pictures")
    for i, pixels in enumerate(load_samples("fashion_mnist", "test").images[:30, 0]):
        file = place / "abc"[i % 3] / f"{i:02}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.numpy()).save(file)
    (place / "b" / "07.png").write_bytes(encode(noise())[:300])
    (place / "c" / "空.webp").write_bytes(b"")
    for other in ("a/notes.txt", ".hidden.png", "c/list.csv"):
        (place / other).write_text("words")
    return place


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Threads decode: a process that runs tests has too many of them to be forked."""
    monkeypatch.setattr("resnet.inference.pool.forked", lambda *limits: ())


def rows(out: Path) -> dict[str, dict]:
    """By the pictures' names."""
    return {row["image"]: row for row in pq.read_table(out).to_pylist()}


def test_a_row_is_what_the_picture_alone_is_answered(folder, tmp_path):
    out = tmp_path / "answers.parquet"
    assert main(["classify", str(folder), "--out", str(out), "--features", "--top-k", "3", *ASKED]) == 0
    found = rows(out)
    assert len(found) == 31 and list(found) == sorted(found)
    loaded = resnet.load(MODEL)
    for name in (str(folder / "a" / "00.png"), str(folder / "c" / "29.png")):
        answer, row = resnet.classify(name, loaded, top_k=3, precision="fp32"), found[name]
        assert [(p["label"], pytest.approx(p["probability"], abs=1e-4)) for p in row["predictions"]] == [
            (p.label, p.probability) for p in answer.predictions]
        assert row["label"] == answer.predictions[0].label and row["error"] is None
        with torch.inference_mode():
            logits = loaded.model.fc(torch.tensor(row["features"]))
        assert logits.softmax(0).max().item() == pytest.approx(row["probability"], abs=1e-5)


def test_a_bad_picture_costs_one_row(folder, tmp_path, capsys):
    out = tmp_path / "answers.parquet"
    assert main(["classify", str(folder), "--out", str(out), "--features", "--json", *ASKED]) == 0
    assert json.loads(capsys.readouterr().out) == {"out": str(out), "n": 31, "bad": 2}
    bad = {Path(name).name: row for name, row in rows(out).items() if row["error"]}
    assert {name: row["error"] for name, row in bad.items()} == {
        "07.png": text("errors.picture_damaged"), "空.webp": text("errors.picture_empty")}
    assert all(row["label"] is row["features"] is row["predictions"] is None for row in bad.values())


def test_a_bad_picture_among_some_costs_its_answer_only(folder, capsys):
    good, bad = str(folder / "a" / "00.png"), str(folder / "b" / "07.png")
    assert main(["classify", good, bad, good, "--json", *ASKED]) == 2
    first, second, third = json.loads(capsys.readouterr().out)
    assert first == third and first["predictions"] and second["error"] == text("errors.picture_damaged")
    assert main(["classify", good, bad, *ASKED]) == 2
    told = capsys.readouterr()
    assert good in told.out and told.err == f"{bad}: {text('errors.picture_damaged')}\n"


def test_what_is_there_already_is_not_made_again_and_nothing_else_is_overwritten(folder, tmp_path, capsys):
    out = tmp_path / "answers.parquet"
    command = ["classify", str(folder), "--out", str(out), *ASKED]
    assert main(command) == 0
    before = out.stat()
    assert main(command) == 0 and out.stat() == before and "already" in capsys.readouterr().out
    assert main([*command, "--top-k", "2"]) == 2 and out.stat() == before
    assert text("errors.out_exists", file=str(out)) in capsys.readouterr().err


def test_a_folder_that_holds_other_tables_is_left_alone(folder, tmp_path, capsys):
    (tmp_path / "mine.parquet").write_bytes(b"precious")
    assert main(["classify", str(folder), "--out", str(tmp_path), *ASKED]) == 2
    assert text("errors.out_exists", file=str(tmp_path)) in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["mine.parquet"]


@pytest.mark.parametrize("arguments, key, values", [
    (["nowhere", "--out", "a.parquet"], "folder_missing", {"folder": "nowhere"}),
    (["--out", "a.parquet"], "one_source", {}),
    (["x", "--from", "cifar10", "--out", "a.parquet"], "one_source", {}),
    (["x", "--features"], "needs_out", {}), (["--from", "cifar10"], "needs_out", {}),
    ([], "picture_none", {}), (["."], "folder_needs_out", {"folder": "."}),
])
def test_what_cannot_be_meant_is_told(arguments, key, values, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["classify", *arguments, *ASKED]) == 2
    assert capsys.readouterr().err == f"resnet classify: {text(f'errors.{key}', **values)}\n"


def test_a_folder_that_changed_after_a_stop_is_read_as_it_is_now(folder, tmp_path, monkeypatch):
    """Of eight units the first are made again, since their pictures are other ones; what was theirs is not kept."""
    monkeypatch.setattr(sources, "ROWS", 4)
    out, copy = tmp_path / "answers", tmp_path / "pictures"
    command = ["classify", str(copy), "--out", str(out), *ASKED]
    subprocess.run(["cp", "-r", str(folder), str(copy)], check=True)
    assert main(command) == 0 and len(list(out.glob("*.parquet"))) == 8
    (copy / "a" / "000.png").write_bytes(encode(gradient()))
    assert main(command) == 0
    assert len(list(out.glob("*.parquet"))) == 8 and len(rows(out)) == 32


# Killed, and by several processes -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def thousands(tmp_path_factory) -> Path:
    """So many that a process can be killed in the middle."""
    place = tmp_path_factory.mktemp("thousands")
    for i, pixels in enumerate(load_samples("fashion_mnist", "test").images[:UNITS * sources.ROWS, 0]):
        Image.fromarray(pixels.numpy()).save(place / f"{i:05}.png", compress_level=1)
    return place


def started(arguments: list[str], out: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, *arguments, "--out", str(out), *ASKED], cwd=ROOT,
                            env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_after_a_kill_it_goes_on_where_it_was(thousands, tmp_path, monkeypatch):
    whole, out = tmp_path / "whole.parquet", tmp_path / "answers.parquet"
    process = started(["-m", "resnet", "classify", str(thousands)], out)
    try:
        while not list(many.parts_of(out).glob("*.parquet")) and process.poll() is None:
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    kept = len(list(many.parts_of(out).glob("*.parquet")))
    assert 1 <= kept < UNITS and not out.exists()
    made, make = [], many.Table._make
    monkeypatch.setattr(many.Table, "_make", lambda table, unit, *rest: made.append(unit) or make(table, unit, *rest))
    assert main(["classify", str(thousands), "--out", str(out), *ASKED]) == 0
    assert len(made) == UNITS - kept and not many.parts_of(out).exists()
    assert main(["classify", str(thousands), "--out", str(whole), *ASKED]) == 0
    assert pq.read_table(out)["image"] == pq.read_table(whole)["image"]
    assert pq.read_table(out)["label"] == pq.read_table(whole)["label"]


@pytest.mark.slow
def test_two_processes_of_torchrun_share_the_work(thousands, tmp_path):
    """Each makes its units; the first puts them together, and it alone speaks."""
    out = tmp_path / "answers.parquet"
    process = started(["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "resnet", "classify",
                       str(thousands)], out)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    found = pq.read_table(out)
    truth = [load_samples("fashion_mnist", "test").spec.classes[i]
             for i in load_samples("fashion_mnist", "test").labels[:UNITS * sources.ROWS]]
    right = sum(map(str.__eq__, found["label"].to_pylist(), truth))
    assert len(found) == UNITS * sources.ROWS and right / len(found) == pytest.approx(0.938, abs=0.01)
    assert "1 of 2 processes" in told


# The Hub's data sets --------------------------------------------------------------------------------------------

FEATURES = {"info": {"features": {"preview": {"_type": "Image"}, "picture": {"_type": "Image"},
                                  "what": {"_type": "ClassLabel", "names": ["一", "two"]}}}}


def parquet(pictures: list[bytes], group: int, metadata: dict) -> bytes:
    """A file in row groups of so many, with a column that is long and not asked for."""
    sink = pa.BufferOutputStream()
    cells = pa.array([{"bytes": data, "path": None} for data in pictures],
                     pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    table = pa.table({"notes": [os.urandom(200_000) for _ in pictures], "picture": cells,
                      "what": pa.array([i % 2 for i in range(len(pictures))])})
    pq.write_table(table.replace_schema_metadata(metadata), sink, row_group_size=group)
    return sink.getvalue().to_pybytes()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A stand-in Hub with a data set of two splits; the other one must not be read."""
    monkeypatch.delenv("RESNET_DATA", raising=False)
    monkeypatch.setattr("resnet.hub.parquet.PAUSES", (0, 0, 0))
    pictures = [encode(noise(seed=i)) for i in range(7)]
    pictures[3] = b"none"
    stated = {"huggingface": json.dumps(FEATURES)}
    with StandInHub() as hub, pointed_at(hub, tmp_path / "cache"):
        hub.add("you/pictures", {"data/test-00000-of-00001.parquet": parquet(pictures, 3, stated), "README.md": b"x",
                                 "data/train-00000-of-00001.parquet": b"not to be read"}, kind="datasets")
        yield hub


def test_a_data_set_of_the_hub_is_read_by_row_groups(hub, tmp_path, capsys):
    out = tmp_path / "answers.parquet"
    command = ["classify", "--from", "you/pictures", "--split", "test", "--out", str(out), *ASKED]
    hub.fail("reset", "data/test*", times=2)
    assert main(command) == 0
    found = list(rows(out).values())
    assert [row["image"] for row in found] == [f"data/test-00000-of-00001.parquet#{i}" for i in range(7)]
    assert [row["target"] for row in found] == ["一", "two", "一", "two", "一", "two", "一"]
    assert [row["error"] for row in found if row["error"]] == [found[3]["error"]] == [text("errors.picture_kind")]
    size = len(hub.repositories["datasets/you/pictures"].commits[_commit(hub)]["data/test-00000-of-00001.parquet"])
    assert 0 < hub.sent("data/test*") < 0.2 * size and not hub.seen("data/train*")
    assert json.loads(pq.read_schema(out).metadata[b"resnet"])["commit"] == _commit(hub)
    assert main(command) == 0 and "already" in capsys.readouterr().out


def _commit(hub: StandInHub) -> str:
    return hub.repositories["datasets/you/pictures"].heads["main"]


@pytest.mark.parametrize("name, split, key, values", [
    ("you/nothing", "", "hub_no_dataset", {"name": "you/nothing"}),
    ("you/pictures", "validation", "no_parquet", {"name": "you/pictures", "split": "validation"}),
    ("you/pictures", "train", "damaged_data", {"file": "data/train-00000-of-00001.parquet"}),
    ("nothing", "", "unknown_data", {"name": "nothing", "known": "fashion_mnist, cifar10"}),
])
def test_a_data_set_that_is_not_there_is_told(hub, name, split, key, values, tmp_path, capsys):
    out = str(tmp_path / "a.parquet")
    assert main(["classify", "--from", name, "--split", split, "--out", out, *ASKED]) == 2
    assert capsys.readouterr().err == f"resnet classify: {text(f'errors.{key}', **values)}\n"


def test_a_hub_that_is_away_is_told_of_within_seconds(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("RESNET_DATA", raising=False)
    with pointed_at("http://127.0.0.1:9", tmp_path / "cache"):
        start = time.perf_counter()
        out = str(tmp_path / "a.parquet")
        assert main(["classify", "--from", "you/pictures", "--out", out, *ASKED]) == 2
    assert time.perf_counter() - start < 10
    assert capsys.readouterr().err == f"resnet classify: {text('errors.hub_unreachable')}\n"
