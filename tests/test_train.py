import csv
import errno
import json
import math
import multiprocessing
import os
import random
from dataclasses import asdict, replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from resnet.model import create
from resnet.training.recipe import Recipe, learning_rate, window_side
from resnet.training.resume import CHECKPOINT, HISTORY_FILE, load_rows
from resnet.training.train import Workers, _Run, train
from resnet.util import files
from resnet.util.errors import InputError
from tests.factories import made_split, one_thread, same_tensors, tiny

RECIPE = Recipe("fashion_mnist", epochs=3, batch=16, lr=0.05, pad=2, precision="fp32")
TRAIN, TEST = made_split(100), made_split(30, seed=1)


def finish(out=None, recipe=RECIPE, config=None, train_set=TRAIN):
    """The trained net and all records."""
    records, generator = [], train(config or tiny(), recipe, train_set, TEST, out)
    while True:
        try:
            records.append(next(generator))
        except StopIteration as end:
            return end.value, records


@pytest.fixture(scope="module", autouse=True)
def threads():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    out = tmp_path_factory.mktemp("uninterrupted")
    net, records = finish(out)
    return out, net, records


# a run -------------------------------------------------------------------------------------------


def test_a_run_tells_every_iteration_and_every_epoch(uninterrupted):
    _, net, records = uninterrupted
    assert [record.iteration for record in records] == list(range(1, 19))  # 3 epochs of 6 batches
    assert [record.iteration for record in records if record.row] == [6, 12, 18]
    assert all(record.iterations == 18 and math.isfinite(record.loss) for record in records)
    assert [record.lr for record in records] == [learning_rate(RECIPE, i, 18) for i in range(18)]
    assert net.training and all(weight.requires_grad for weight in net.parameters())  # it could go on


def test_history_has_a_line_per_epoch(uninterrupted):
    out, _, records = uninterrupted
    with (out / HISTORY_FILE).open(newline="") as file:
        lines = list(csv.DictReader(file))
    rows = [record.row for record in records if record.row]
    assert len(lines) == len(rows) == 3 and load_rows(out) == rows
    for line, row in zip(lines, rows, strict=True):
        assert {key: float(value) for key, value in line.items()} == pytest.approx(asdict(row), rel=1e-5)


def test_training_learns():
    _, records = finish(recipe=replace(RECIPE, epochs=12, lr=0.1))
    rows = [record.row for record in records if record.row]
    assert rows[-1].train_error < 50 < rows[0].train_error  # ten classes of different brightness


def test_the_seed_decides_the_run():
    nets = [finish(recipe=replace(RECIPE, epochs=1, seed=seed))[0].state_dict() for seed in (0, 0, 1)]
    assert same_tensors(nets[0], nets[1]) and not same_tensors(nets[0], nets[2])


def test_twins_start_alike_and_see_the_same_images(monkeypatch):
    residual, plain = create(tiny("resnet20_cifar"), seed=5), create(tiny("plain20_cifar"), seed=5)
    assert same_tensors(residual.state_dict(), plain.state_dict())
    seen = {}
    for variant in ("resnet20_cifar", "plain20_cifar"):
        batches = seen.setdefault(variant, [])
        monkeypatch.setattr(_Run, "update", lambda run, *batch, kept=batches: kept.append(batch) or 0.0)
        finish(config=tiny(variant))
    for one, other in zip(seen["resnet20_cifar"], seen["plain20_cifar"], strict=True):
        assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1]) and one[2:] == other[2:]


def test_every_image_is_mirrored_in_every_other_epoch(monkeypatch):
    split = made_split(32)
    split.images[..., :14], split.images[..., 14:] = 0, torch.arange(1, 33, dtype=torch.uint8).view(-1, 1, 1, 1)
    left = []
    monkeypatch.setattr(_Run, "update", lambda run, images, *rest: left.append(
        {int(image.max()): bool(image[0, 0, 0]) for image in images}) or 0.0)
    finish(recipe=replace(RECIPE, epochs=2, batch=32, pad=0), train_set=split)
    first, second = left
    assert all(second[key] != mirrored for key, mirrored in first.items()) and 8 < sum(first.values()) < 24


def test_a_consumer_may_stop_at_any_record(tmp_path):
    generator = train(tiny(), RECIPE, TRAIN, TEST, tmp_path)
    for _ in range(8):
        next(generator)
    generator.close()
    assert len(load_rows(tmp_path)) == 1
    net, _ = finish(tmp_path)
    assert same_tensors(net.state_dict(), finish()[0].state_dict())


# the recipe --------------------------------------------------------------------------------------


def test_the_learning_rate_rises_and_falls_in_straight_lines():
    rates = [learning_rate(Recipe("cifar10", 1, lr=0.2, warmup=0.25), i, 100) for i in range(100)]
    peak = rates.index(max(rates))
    assert 23 <= peak <= 25 and 0.19 < rates[peak] <= 0.2 and 0 < rates[0] < 0.01 and 0 < rates[-1] < 0.003
    for part in (rates[:24], rates[24:]):
        steps = [after - before for before, after in zip(part, part[1:], strict=False)]
        assert max(steps) - min(steps) < 1e-12
    assert learning_rate(Recipe("cifar10", 1, lr=0.2, warmup=0.0), 0, 100) <= 0.2


def test_windows_are_narrow_for_half_of_the_epochs_and_the_whole_image_for_a_fifth():
    recipe = Recipe("cifar10", 100, window=20)
    sides = [window_side(recipe, epoch, 32) for epoch in range(100)]
    assert sides == sorted(sides) and set(sides) == {20, 24, 28, 32}
    assert set(sides[:50]) == {20} and set(sides[80:]) == {32} and set(sides[55:75]) >= {24, 28}
    for window in (0, 32, 64):
        assert {window_side(replace(recipe, window=window), epoch, 32) for epoch in range(100)} == {32}
    assert {window_side(replace(recipe, window=30), epoch, 32) for epoch in range(100)} <= {30, 32}


def test_a_run_shows_its_windows_and_resumes_within_them(tmp_path, monkeypatch):
    recipe = replace(RECIPE, epochs=4, window=20)
    whole, _ = finish(recipe=recipe)
    generator = train(tiny(), recipe, TRAIN, TEST, tmp_path)
    [next(generator) for _ in range(13)]  # into the third epoch
    generator.close()
    assert same_tensors(whole.state_dict(), finish(tmp_path, recipe)[0].state_dict())
    shapes = []
    monkeypatch.setattr(_Run, "update", lambda run, images, *rest: shapes.append(tuple(images.shape)) or 0.0)
    finish(recipe=recipe)
    assert shapes[:6] == [(16, 1, 20, 20)] * 6 and shapes[-6:] == [(16, 1, 28, 28)] * 6


def test_a_step_is_the_papers_sgd(monkeypatch):
    """One update against the formulas: Nesterov momentum, decay on kernels and matrices only."""
    run = _Run(tiny(), replace(RECIPE, weight_decay=0.1), torch.device("cpu"), Workers())
    before = {name: p.detach().clone() for name, p in run.net.named_parameters()}
    grads = {}
    monkeypatch.setattr(run.optimiser, "zero_grad", lambda set_to_none: grads.update(
        {name: p.grad.clone() for name, p in run.net.named_parameters()}))
    run.update(TRAIN.images[:16], TRAIN.labels[:16], TRAIN.spec, 0.3)
    for name, after in run.net.named_parameters():
        decayed = before[name] if after.ndim > 1 else 0
        expected = before[name] - 0.3 * (1 + 0.9) * _plain_gradient(grads[name], decayed)
        torch.testing.assert_close(after.detach(), expected, rtol=1e-5, atol=1e-6)


def _plain_gradient(grad, decayed):
    return grad + 0.1 * decayed


@pytest.mark.parametrize(("field", "value"), [
    ("epochs", 0), ("batch", -1), ("lr", float("nan")), ("lr", float("inf")), ("lr", "fast"), ("momentum", 1.5),
    ("weight_decay", -1), ("warmup", 2), ("flip", 1), ("seed", -1), ("epochs", True), ("epochs", 1.5),
    ("precision", "fp8"), ("data", 3), ("pad", -1), ("label_smoothing", 1.1), ("window", -1),
])
def test_a_bad_recipe_names_the_field(field, value):
    with pytest.raises(InputError) as caught:
        replace(RECIPE, **{field: value})
    assert caught.value.values["field"] == field


def test_a_recipe_survives_json():
    assert Recipe.from_dict(json.loads(json.dumps(asdict(RECIPE)))) == RECIPE
    with pytest.raises(InputError, match="colour"):
        Recipe.from_dict({"data": "cifar10", "epochs": 1, "colour": 1})
    with pytest.raises(InputError, match="epochs"):
        Recipe.from_dict({"data": "cifar10"})


# resuming ----------------------------------------------------------------------------------------


def _same_run(out, uninterrupted) -> bool:
    one, other = load_file(out / CHECKPOINT), load_file(uninterrupted[0] / CHECKPOINT)
    rows = [[replace(row, seconds=0.0) for row in load_rows(folder)] for folder in (out, uninterrupted[0])]
    histories = [[line.rsplit(",", 1)[0] for line in (folder / HISTORY_FILE).read_text().splitlines()]
                 for folder in (out, uninterrupted[0])]
    return same_tensors(one, other) and rows[0] == rows[1] and histories[0] == histories[1]


def _train_in_a_process(out):
    torch.set_num_threads(1)
    finish(out)


@pytest.mark.slow
def test_kill_9_at_random_moments_changes_nothing(tmp_path, uninterrupted):
    """Weights and momentum bit for bit, history but for the seconds."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.test_train"])  # torch is imported once
    out, draw, kills = tmp_path / "run", random.Random(3), 0
    for patience in range(1, 9):
        process = processes.Process(target=_train_in_a_process, args=(out,))
        process.start()
        process.join(draw.uniform(0.1, 0.3) * patience)
        kills += process.is_alive()
        process.kill()
        process.join()
    finish(out)
    assert kills and _same_run(out, uninterrupted) and not list(out.glob("*.partial"))


class Killed(BaseException):
    """Stands in for SIGKILL: nothing but `finally` sees it."""


@pytest.mark.slow
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("rename", range(1, 7))
def test_a_kill_around_every_rename_changes_nothing(tmp_path, uninterrupted, monkeypatch, rename, before):
    calls, replace_file = [], os.replace

    def replacing(source, target):
        calls.append(target)
        if before and len(calls) == rename:
            raise Killed
        replace_file(source, target)
        if len(calls) == rename:
            raise Killed

    monkeypatch.setattr(files.os, "replace", replacing)
    with pytest.raises(Killed):
        finish(tmp_path)
    monkeypatch.undo()
    finish(tmp_path)
    assert _same_run(tmp_path, uninterrupted)


def test_a_checkpoint_from_before_a_setting_existed_goes_on(tmp_path, uninterrupted):
    finish(tmp_path, replace(RECIPE))
    _change_metadata(tmp_path, lambda run: (run["recipe"].pop("micro_batches"), run["config"].pop("head")))
    finish(tmp_path)
    _change_metadata(tmp_path, lambda run: run["recipe"].update(later=1))
    with pytest.raises(InputError, match="another net or recipe"):
        finish(tmp_path)


def _change_metadata(out, change):
    with safe_open(out / CHECKPOINT, "pt") as file:
        metadata = file.metadata()
    run = json.loads(metadata["run"])
    change(run)
    save_file(load_file(out / CHECKPOINT), out / CHECKPOINT, metadata | {"run": json.dumps(run)})


# what goes wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [{"config": tiny("plain20_cifar")}, {"recipe": replace(RECIPE, lr=0.06)},
                                   {"recipe": replace(RECIPE, seed=1)}])
def test_a_checkpoint_of_another_run_is_refused_and_kept(tmp_path, other):
    finish(tmp_path, replace(RECIPE, epochs=1))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(InputError, match="another net or recipe"):
        finish(tmp_path, **{"recipe": replace(RECIPE, epochs=1)} | other)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("keep", [0, 100, 10_000, -1])
def test_a_damaged_checkpoint_is_an_input_error(tmp_path, uninterrupted, keep):
    (tmp_path / CHECKPOINT).write_bytes((uninterrupted[0] / CHECKPOINT).read_bytes()[:keep])
    with pytest.raises(InputError) as caught:
        finish(tmp_path)
    assert caught.value.key == "damaged_checkpoint"


@pytest.mark.parametrize("metadata", [None, {"run": "{", "rows": "[]"}, {"run": "[]", "rows": "[]"},
                                      {"run": '{"config": {}, "recipe": {}}', "rows": "[{}]"}])
def test_a_strange_checkpoint_is_an_input_error(tmp_path, metadata):
    save_file({"fc.bias": torch.zeros(1)}, tmp_path / CHECKPOINT, metadata)
    with pytest.raises(InputError) as caught:
        finish(tmp_path)
    assert caught.value.key == "damaged_checkpoint"


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path, uninterrupted, monkeypatch):
    fsync = os.fsync

    def nearly_full(descriptor):
        if (tmp_path / CHECKPOINT).exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(files.os, "fsync", nearly_full)
    with pytest.raises(InputError, match="No space left on device"):
        finish(tmp_path)
    assert len(load_rows(tmp_path)) == 1 and not list(tmp_path.glob("*.partial"))
    monkeypatch.undo()
    finish(tmp_path)
    assert _same_run(tmp_path, uninterrupted)


def test_a_folder_that_cannot_be_written_fails_before_the_first_step(tmp_path):
    (tmp_path / "run").write_text("a file in the folder's place")
    with pytest.raises(InputError, match="cannot be written"):
        next(train(tiny(), RECIPE, TRAIN, TEST, tmp_path / "run"))


def test_a_loss_that_runs_away_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    update = _Run.update

    def poisoned(run, images, labels, spec, lr):
        if (tmp_path / CHECKPOINT).exists():
            torch.nn.init.constant_(run.net.fc.weight, math.nan)
        return update(run, images, labels, spec, lr)

    monkeypatch.setattr(_Run, "update", poisoned)
    with pytest.raises(InputError, match="stopped being a number"):
        finish(tmp_path)
    assert len(load_rows(tmp_path)) == 1
    assert all(value.isfinite().all() for value in load_file(tmp_path / CHECKPOINT).values())


def test_an_absurd_learning_rate_is_an_input_error(tmp_path):
    with pytest.raises(InputError) as caught:
        finish(tmp_path, replace(RECIPE, epochs=5, lr=1e30, warmup=0.0))
    assert caught.value.key == "loss_not_finite"
    checkpoint = tmp_path / CHECKPOINT
    assert not checkpoint.exists() or all(value.isfinite().all() for value in load_file(checkpoint).values())


@pytest.mark.parametrize(("recipe", "config", "key"), [
    (replace(RECIPE, batch=101), tiny(), "batch_split"),
    (replace(RECIPE, micro_batches=3), tiny(), "batch_split"),
    (RECIPE, tiny(classes=11), "data_misfit"), (RECIPE, replace(tiny(), in_channels=3), "data_misfit"),
])
def test_what_does_not_fit_together_is_refused(recipe, config, key):
    with pytest.raises(InputError) as caught:
        finish(recipe=recipe, config=config)
    assert caught.value.key == key


# parts of a batch --------------------------------------------------------------------------------


def test_running_statistics_move_by_the_parts_mean():
    """Cut in four, the batch moves them as the mean over four nets that each see one part."""
    images, labels = TRAIN.images[:32], TRAIN.labels[:32]
    cut = _Run(tiny(), replace(RECIPE, batch=32, micro_batches=4), torch.device("cpu"), Workers())
    cut.update(images, labels, TRAIN.spec, 0.0)
    whole = [_Run(tiny(), RECIPE, torch.device("cpu"), Workers()) for _ in range(4)]
    for run, part in zip(whole, range(0, 32, 8), strict=True):
        run.update(images[part:part + 8], labels[part:part + 8], TRAIN.spec, 0.0)
    for i, norm in enumerate(cut.norms):
        for name in ("running_mean", "running_var"):
            mean = torch.stack([getattr(run.norms[i], name) for run in whole]).mean(0)
            torch.testing.assert_close(getattr(norm, name), mean, rtol=1e-5, atol=1e-6)
