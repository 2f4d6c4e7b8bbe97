import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from resnet.__main__ import main
from resnet.checkpoint import load_model
from resnet.config import config_of
from resnet.data import DATA, load_split
from resnet.model import create
from resnet.training import experiment
from resnet.training.evaluate import evaluate
from resnet.training.experiment import adapt, hardware, plan
from resnet.training.recipe import Recipe
from resnet.training.resume import CHECKPOINT, kept_weights
from resnet.util.errors import InputError
from resnet.util.fields import settings
from tests.factories import TINY_SETTINGS, made_split, one_thread, same_tensors, tiny, write_parquet

ARGUMENTS = ["resnet20_cifar", "--data", "fashion_mnist", "--epochs", "2", "--batch", "16", "--lr", "0.05",
             "--precision", "fp32", "--device", "cpu", "--set", *TINY_SETTINGS]

RECIPE = {"data": "fashion_mnist", "epochs": 2, "batch": 16, "lr": 0.05, "precision": "fp32"}


@pytest.fixture(scope="module", autouse=True)
def repository(tmp_path_factory):
    """A small Fashion-MNIST in $RESNET_DATA, and one thread."""
    root = tmp_path_factory.mktemp("data")
    write_parquet(made_split(80), root, "train")
    write_parquet(made_split(40, seed=1), root, "test")
    with one_thread(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESNET_DATA", str(root))
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        yield root


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "net"
    assert main(["train", *ARGUMENTS, "--out", str(out)]) == 0
    return out


def refused(capsys, *arguments) -> str:
    capsys.readouterr()
    assert main(list(map(str, arguments))) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err


def same_score(one: dict, other: dict) -> bool:
    """Counts exactly. The loss as near as fp32 comes: weights mapped from a file lie otherwise in memory than those
    just trained, and on some processors the kernels then sum in another order."""
    return one | {"loss": None} == other | {"loss": None} and one["loss"] == pytest.approx(other["loss"], rel=1e-5)


# train -------------------------------------------------------------------------------------------


def test_a_finished_folder_has_the_layout_of_weights(finished):
    names = {file.name for file in finished.iterdir()}
    assert names == {"model.safetensors", "config.json", "history.csv", "README.md"}
    net, info = load_model(finished)
    assert (info.name, info.variant, info.architecture) == ("resnet20_fashion_mnist", "resnet20_cifar", tiny())
    assert info.labels == DATA["fashion_mnist"].classes and info.recipe["epochs"] == 2 and info.seconds > 0
    assert info.recipe["precision"] == "fp32" and info.versions["torch"] == torch.__version__.partition("+")[0]
    for split, n in (("test", 40), ("train", 80)):
        score, told = evaluate(net, load_split("fashion_mnist", split)), info.results[split]
        assert same_score({key: told[key] for key in ("n", "accuracy", "loss")},
                          {"n": n, "accuracy": score.accuracy, "loss": score.loss})
    assert sum(map(sum, info.results["test"]["confusion"])) == 40
    with (finished / "history.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    assert float(last["test_error"]) == pytest.approx(100 - 100 * info.results["test"]["accuracy"])


def test_the_same_command_on_a_finished_folder_only_tells(finished, capsys):
    before = {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in finished.iterdir()}
    assert main(["train", *ARGUMENTS, "--out", str(finished), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["name"] == "resnet20_fashion_mnist" and answer["results"]["train"]["n"] == 80
    assert {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in finished.iterdir()} == before
    assert "finished run of another" in refused(capsys, "train", *ARGUMENTS, "--seed", 1, "--out", finished)


def test_a_folder_finished_before_a_field_came_is_the_same_run(finished, tmp_path, capsys):
    older = tmp_path / "older"
    shutil.copytree(finished, older)
    config = json.loads((older / "config.json").read_text())
    del config["recipe"]["window"]
    (older / "config.json").write_text(json.dumps(config))
    assert main(["train", *ARGUMENTS, "--out", str(older), "--json"]) == 0


def test_a_config_reproduces_its_run(finished, tmp_path, capsys):
    recipe = ["--recipe", str(finished / "config.json"), "--device", "cpu"]
    assert main(["train", *recipe, "--out", str(tmp_path / "again")]) == 0
    assert _weights(tmp_path / "again") == _weights(finished)
    assert main(["train", "plain20_cifar", *recipe, "--set", *TINY_SETTINGS, "--out", str(tmp_path / "twin")]) == 0
    twin, info = load_model(tmp_path / "twin")[1], load_model(finished)[1]
    assert (twin.recipe, twin.architecture) == (info.recipe, replace(info.architecture, shortcut="none"))
    assert "epoch 2: test error" in capsys.readouterr().err


def _weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_complete_checkpoint_only_needs_finishing(finished, tmp_path, monkeypatch):
    """A run that another program trained, or that was killed while it was being written out."""
    assert main(["train", *ARGUMENTS, "--out", str(tmp_path), "--keep"]) == 0
    assert (tmp_path / CHECKPOINT).exists()
    for name in ("model.safetensors", "README.md", "config.json"):
        (tmp_path / name).unlink()
    monkeypatch.setattr("resnet.training.train._Run.update", None)  # no step is taken
    assert main(["train", *ARGUMENTS, "--out", str(tmp_path)]) == 0
    assert _weights(tmp_path) == _weights(finished) and not (tmp_path / CHECKPOINT).exists()


def test_a_run_may_leave_its_curve_only(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *ARGUMENTS, "--epochs", "1", "--seed", "3", "--no-weights"]) == 0
    folder = tmp_path / "runs" / "resnet20_fashion_mnist_seed3"
    assert {file.name for file in folder.iterdir()} == {"config.json", "history.csv"}
    assert "test accuracy" in capsys.readouterr().out


def test_each_epochs_weights_may_be_kept(finished, tmp_path, monkeypatch):
    """As fp16; those before the first are the seed's, the last are the net's; a run that resumes keeps the same."""
    assert main(["train", *ARGUMENTS, "--out", str(tmp_path / "net"), "--keep-epochs"]) == 0
    kept = kept_weights(tmp_path / "net", tiny())
    assert list(kept) == [0, 1, 2] and not (finished / "epochs").exists()
    net, first = load_model(tmp_path / "net")[0], create(tiny(), seed=0)
    for epoch, whole in ((0, first), (2, net)):
        assert same_tensors(kept[epoch].state_dict(), {key: value.half().float() if value.dim() > 1 else value
                                                       for key, value in whole.state_dict().items()})
    assert not same_tensors(kept[1].state_dict(), kept[2].state_dict())
    stopped = tmp_path / "stopped"
    records = experiment.run(plan("resnet20_cifar", RECIPE, changes=settings(TINY_SETTINGS)), stopped,
                             torch.device("cpu"), keep_epochs=True)
    while next(records).epoch < 2:
        pass
    records.close()
    assert {file.name for file in (stopped / "epochs").iterdir()} == {"0000.safetensors", "0001.safetensors"}
    assert main(["train", *ARGUMENTS, "--out", str(stopped), "--keep-epochs"]) == 0
    for epoch, again in kept_weights(stopped, tiny()).items():
        assert same_tensors(again.state_dict(), kept[epoch].state_dict())


def test_a_folder_without_kept_weights_is_an_input_error(finished):
    with pytest.raises(InputError) as caught:
        kept_weights(finished, tiny())
    assert caught.value.key == "no_kept_weights"


def test_a_run_may_take_the_first_items_only(tmp_path):
    assert main(["train", *ARGUMENTS, "--out", str(tmp_path), "--items", "32"]) == 0
    info = load_model(tmp_path)[1]
    assert info.recipe["items"] == 32 and info.results["train"]["n"] == 32 and info.results["test"]["n"] == 40


def test_weights_may_be_stored_in_half_the_bytes(finished, tmp_path, capsys):
    out = tmp_path / "half"
    assert main(["train", *ARGUMENTS, "--half", "--out", str(out)]) == 0
    stored, whole = load_file(out / "model.safetensors"), load_file(finished / "model.safetensors")
    assert {value.dtype for value in stored.values() if value.dim() > 1} == {torch.float16}
    assert all(torch.equal(stored[key], value.half() if value.dim() > 1 else value) for key, value in whole.items())
    info, before = (json.loads((folder / "config.json").read_text()) for folder in (out, finished))
    assert same_score(info["results"]["test_fp32"], before["results"]["test"])
    assert "stored as fp16" in (out / "README.md").read_text()
    assert main(["evaluate", str(out), "--data", "fashion_mnist", "--json"]) == 0
    score = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert same_score(score, info["results"]["test"] | {"model": str(out), "data": "fashion_mnist"})


def test_half_the_bytes_must_not_cost_accuracy(tmp_path, monkeypatch):
    monkeypatch.setattr(experiment, "HALF_COSTS", -1.0)  # whatever it costs is too much
    out = tmp_path / "half"
    assert main(["train", *ARGUMENTS, "--half", "--out", str(out)]) == 0
    assert all(value.dtype != torch.float16 for value in load_file(out / "model.safetensors").values())
    assert "test_fp32" not in json.loads((out / "config.json").read_text())["results"]


def test_a_net_with_the_large_stem_sees_larger_images(tmp_path):
    arguments = ["d2l_resnet18", *ARGUMENTS[1:-len(TINY_SETTINGS)], "depths=1,1", "widths=4,8", "input_size=40x40"]
    assert main(["train", *arguments, "--epochs", "1", "--out", str(tmp_path)]) == 0
    net, info = load_model(tmp_path)
    resized = load_split("fashion_mnist", "test").resized((40, 40))
    assert info.architecture.input_size == (40, 40)
    assert evaluate(net, resized).accuracy == info.results["test"]["accuracy"]


@pytest.mark.parametrize("arguments", [
    [], ["resnet20_cifar"], ["resnet20_cifar", "--data", "cifar10"], ["resnet21_cifar", *ARGUMENTS[1:]],
    ["resnet20_cifar", "--data", "mnist", "--epochs", 1], ["resnet20_cifar", "--data", "cifar10", "--epochs", 1],
    [*ARGUMENTS, "--lr", -1], [*ARGUMENTS, "--batch", 81], [*ARGUMENTS, "--precision", "fp8"],
    [*ARGUMENTS, "--device", "abacus"], [*ARGUMENTS, "--device", "cuda:99"], ["--recipe", "nowhere.json"],
    ["--recipe", __file__], [*ARGUMENTS, "--set", "shortcut=Q"], [*ARGUMENTS, "--out", __file__],
])
def test_bad_input_to_train_is_one_line_and_status_2(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    refused(capsys, "train", *arguments)


def test_variants_are_made_to_fit_the_data():
    fashion, cifar = DATA["fashion_mnist"], DATA["cifar10"]
    assert adapt(config_of("resnet20_cifar"), cifar) == config_of("resnet20_cifar")
    assert adapt(config_of("plain56_cifar"), fashion) == config_of("plain56_cifar", in_channels=1, input_size=(28, 28))
    assert adapt(config_of("d2l_resnet18"), fashion) == config_of("d2l_resnet18")  # 64 x 64: images are resized
    assert adapt(config_of("resnet50"), cifar) == config_of("resnet50", classes=10)


def test_a_plan_takes_the_command_line_before_the_file(finished):
    planned = plan(None, {"data": "cifar10", "lr": 0.3}, finished / "config.json", {"order": "preact"})
    assert planned.config == config_of("resnet20_cifar", order="preact", depths=(1, 1, 1), widths=(4, 8, 8))
    assert planned.recipe == Recipe("cifar10", 2, batch=16, lr=0.3, precision="fp32")
    assert planned.name == "resnet20_cifar10_preact"


def test_hardware_is_named(monkeypatch):
    monkeypatch.setattr(experiment, "processor", lambda: "a processor")
    assert hardware(torch.device("cpu")) == "1 thread of a processor"
    assert hardware(torch.device("cpu"), 2) == "2 processes, each on 1 thread of a processor"


# evaluate ----------------------------------------------------------------------------------------


def test_evaluate_prints_the_configs_figures(finished, capsys):
    assert main(["evaluate", str(finished), "--data", "fashion_mnist", "--json"]) == 0
    answer, recorded = json.loads(capsys.readouterr().out), load_model(finished)[1].results["test"]
    assert same_score(answer, {"model": str(finished), "data": "fashion_mnist"} | recorded)
    assert main(["evaluate", str(finished), "--data", "fashion_mnist", "--limit", "7"]) == 0
    assert "(n 7)" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [
    ["--data", "cifar10"], ["--data", "mnist"], ["--data", "fashion_mnist", "--limit", 0],
    ["--data", "fashion_mnist", "--precision", "fp8"], ["--data", "fashion_mnist", "--device", "abacus"],
])
def test_bad_input_to_evaluate_is_one_line_and_status_2(finished, capsys, arguments):
    refused(capsys, "evaluate", finished, *arguments)
    refused(capsys, "evaluate", finished / "nothing", "--data", "fashion_mnist")


# torchrun ----------------------------------------------------------------------------------------


def in_two_processes(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """`resnet train` under torchrun, from a folder of its own."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
               "-m", "resnet", "train", *arguments]
    root = str(Path(__file__).parent.parent)
    return subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": root}, cwd=folder,
                          timeout=180, capture_output=True, text=True)


@pytest.mark.slow
def test_a_single_epoch_in_a_fresh_folder_ends_well_in_all_processes(tmp_path):
    """The only checkpoint is there before the second process looks for it."""
    done = in_two_processes(tmp_path, *ARGUMENTS, "--epochs", "1", "--out", "net")
    assert done.returncode == 0, done.stderr
    assert {file.name for file in (tmp_path / "net").iterdir()} == {"model.safetensors", "config.json", "history.csv",
                                                                    "README.md"}


@pytest.mark.slow
def test_two_processes_train_what_one_does_in_two_parts(tmp_path, capfd):
    """Weights, running statistics and results of two gloo processes under torchrun against one."""
    done = in_two_processes(tmp_path, *ARGUMENTS, "--out", str(tmp_path / "two"), "--json")
    assert done.returncode == 0, done.stderr
    assert main(["train", *ARGUMENTS, "--micro-batches", "2", "--out", str(tmp_path / "one")]) == 0
    two, one = load_file(tmp_path / "two/model.safetensors"), load_file(tmp_path / "one/model.safetensors")
    for key in one:
        if "num_batches_tracked" not in key:  # one process counts its parts; nothing reads the count
            torch.testing.assert_close(two[key], one[key], rtol=1e-5, atol=1e-6)
    assert not same_tensors(one, create(tiny()).state_dict())
    infos = [load_model(tmp_path / name)[1] for name in ("two", "one")]
    assert infos[0].recipe == infos[1].recipe and infos[0].hardware.startswith("2 processes")
    for split in ("train", "test"):
        assert same_score(*(info.results[split] for info in infos))
    told = [line for line in done.stdout.splitlines() if line and "[Gloo]" not in line]  # torch 2.8's own words
    assert [json.loads(line)["results"] for line in told] == [infos[0].results]  # one process speaks
