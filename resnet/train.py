"""Training as a generator of progress records: resumable, alone or under torchrun.

The command line draws a bar from the records, the page a chart, a test a list. The recipe is the
same for a net and its plain twin, and so are the initial weights and the order of the images.
"""

import csv
import dataclasses
import io
import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from resnet.config import ResNetConfig
from resnet.data import Split, augment, normalise
from resnet.errors import InputError
from resnet.evaluate import autocast, evaluate
from resnet.model import create

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run besides the net and the data.

    The learning rate rises linearly from 0 to `lr` over the first `warmup` of all iterations and
    falls linearly to 0. Weight decay acts on matrices and kernels, not on norms and biases.
    `flip` mirrors a random half of the images in one epoch and the other half in the next
    (Jordan 2024, arXiv 2404.00498, section 3.6). `micro_batches` splits each batch in equal parts,
    each with batch statistics of its own, as DDP over as many processes does.
    """

    data: str
    epochs: int
    batch: int = 128
    lr: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 0.15
    label_smoothing: float = 0.0
    pad: int = 4
    flip: bool = True
    seed: int = 0
    precision: str = "auto"
    micro_batches: int = 1
    train_eval: int = 10_000

    def __post_init__(self):
        for field in ("epochs", "batch", "micro_batches", "train_eval"):
            if getattr(self, field) < 1:
                raise InputError("recipe", field=field, value=getattr(self, field))
        for field in ("lr", "momentum", "weight_decay", "warmup", "label_smoothing", "pad"):
            if not 0 <= getattr(self, field) < math.inf:
                raise InputError("recipe", field=field, value=getattr(self, field))


@dataclass(frozen=True)
class Row:
    """One line of history.csv, at the end of an epoch. Errors in per cent, losses in nats.

    The training figures are taken without augmentation on the first `train_eval` training images.
    """

    seed: int
    epoch: int
    iteration: int
    lr: float
    train_loss: float
    train_error: float
    test_loss: float
    test_error: float
    seconds: float


@dataclass(frozen=True)
class Progress:
    """One iteration done; `row` is set by the last one of an epoch."""

    epoch: int
    iteration: int
    iterations: int
    lr: float
    loss: float
    images_per_second: float
    row: Row | None = None


@dataclass(frozen=True)
class Workers:
    """This process among torchrun's: rank of world."""

    rank: int = 0
    world: int = 1

    def slice(self, batch: int) -> slice:
        part = batch // self.world
        return slice(self.rank * part, (self.rank + 1) * part)


def learning_rate(recipe: Recipe, iteration: int, iterations: int) -> float:
    """For the `iteration`-th update (0-based)."""
    done = (iteration + 1) / iterations
    if done < recipe.warmup:
        return recipe.lr * done / recipe.warmup
    return recipe.lr * (iterations - iteration) / (iterations * (1 - recipe.warmup) + 1)


def train(config: ResNetConfig, recipe: Recipe, train_set: Split, test_set: Split, out: Path | None = None,
          device: str = "cpu", workers: Workers = Workers()) -> Iterator[Progress]:
    """Train, yielding a record per iteration; with `out`, checkpoint every epoch and resume from there.

    The generator's value (StopIteration.value, or `yield from`) is the trained model.

    Raises:
        InputError: the folder belongs to another run, the data do not fit the net, or the loss
            stops being a number (the last good checkpoint is kept).
    """
    _check(config, recipe, train_set, workers)
    run = _Run(config, recipe, torch.device(device), workers)
    rows = _resume(run, out) if out else []
    iterations = recipe.epochs * (len(train_set) // recipe.batch)
    for epoch in range(len(rows), recipe.epochs):
        started = time.perf_counter()
        progress = None
        for progress in run.epoch(epoch, train_set, iterations):
            if progress.iteration % (len(train_set) // recipe.batch):
                yield progress
        spent = time.perf_counter() - started + (rows[-1].seconds if rows else 0)
        rows.append(run.row(progress, train_set, test_set, spent))
        if out and workers.rank == 0:
            _save_checkpoint(run, rows, out)
        yield dataclasses.replace(progress, row=rows[-1])
    return run.net


class _Run:
    """The state that an iteration changes: weights and momentum."""

    def __init__(self, config: ResNetConfig, recipe: Recipe, device: torch.device, workers: Workers):
        self.config, self.recipe, self.device, self.workers = config, recipe, device, workers
        self.net = create(config, seed=recipe.seed).to(device, memory_format=torch.channels_last)
        decayed = [p for p in self.net.parameters() if p.ndim > 1]
        others = [p for p in self.net.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.SGD(
            [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0)
        self.model = nn.parallel.DistributedDataParallel(self.net) if workers.world > 1 else self.net

    def epoch(self, epoch: int, train_set: Split, iterations: int) -> Iterator[Progress]:
        recipe = self.recipe
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + epoch)
        mirrored = torch.rand(len(train_set), generator=torch.Generator().manual_seed(recipe.seed)) < 0.5
        order = torch.randperm(len(train_set), generator=generator)
        steps = len(train_set) // recipe.batch
        self.model.train()
        started = time.perf_counter()
        for step in range(steps):
            index = order[step * recipe.batch:(step + 1) * recipe.batch]
            flip = mirrored[index] ^ bool(epoch % 2) if recipe.flip else torch.zeros(len(index), dtype=torch.bool)
            images = augment(train_set.images[index], recipe.pad, flip, generator)
            lr = learning_rate(recipe, epoch * steps + step, iterations)
            loss = self.update(images, train_set.labels[index], train_set, lr)
            speed = recipe.batch * (step + 1) / (time.perf_counter() - started)
            yield Progress(epoch + 1, epoch * steps + step + 1, iterations, lr, loss, speed)

    def update(self, images: torch.Tensor, labels: torch.Tensor, train_set: Split, lr: float) -> float:
        """One step of SGD; the loss before it, over this process's part of the batch."""
        mine = self.workers.slice(len(labels))
        inputs = normalise(images[mine].to(self.device), train_set.spec)
        labels = labels[mine].to(self.device)
        parts = self.recipe.micro_batches
        total = 0.0
        for x, y in zip(inputs.chunk(parts), labels.chunk(parts), strict=True):
            with autocast(self.device, self.recipe.precision):
                logits = self.model(x)
            loss = F.cross_entropy(logits.float(), y, label_smoothing=self.recipe.label_smoothing) / parts
            loss.backward()
            total += loss.item()
        if not math.isfinite(total):
            raise InputError("loss_not_finite", lr=f"{lr:.3g}")
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return total

    def row(self, last: Progress, train_set: Split, test_set: Split, seconds: float) -> Row:
        shared = {"precision": self.recipe.precision, "rank": self.workers.rank, "world": self.workers.world}
        train_score = evaluate(self.net, train_set.first(self.recipe.train_eval), **shared)
        test_score = evaluate(self.net, test_set, **shared)
        return Row(self.recipe.seed, last.epoch, last.iteration, last.lr, train_score.loss, train_score.error,
                   test_score.loss, test_score.error, seconds)


def _check(config: ResNetConfig, recipe: Recipe, train_set: Split, workers: Workers) -> None:
    channels = train_set.images.shape[1]
    if config.in_channels != channels or config.classes != len(train_set.spec.classes):
        raise InputError("data_misfit", title=train_set.spec.title, channels=channels,
                         classes=len(train_set.spec.classes))
    if recipe.batch % (workers.world * recipe.micro_batches) or recipe.batch > len(train_set):
        raise InputError("batch_split", batch=recipe.batch, parts=workers.world * recipe.micro_batches,
                         n=len(train_set))


def _identity(run: _Run) -> str:
    """What a checkpoint must agree on to be continued."""
    recipe = dataclasses.asdict(run.recipe)
    return json.dumps({"config": run.config.to_dict(), "recipe": recipe}, sort_keys=True)


def _save_checkpoint(run: _Run, rows: list[Row], out: Path) -> None:
    from safetensors.torch import save_file

    tensors = {f"model.{key}": value.contiguous() for key, value in run.net.state_dict().items()}
    for name, parameter in run.net.named_parameters():
        tensors[f"momentum.{name}"] = run.optimiser.state[parameter]["momentum_buffer"].contiguous()
    metadata = {"run": _identity(run), "rows": json.dumps([dataclasses.asdict(row) for row in rows])}
    try:
        out.mkdir(parents=True, exist_ok=True)
        _replace(out / CHECKPOINT, lambda path: save_file(tensors, path, metadata))
        _replace(out / "history.csv", lambda path: path.write_text(to_csv(rows)))
    except OSError as error:
        raise InputError("cannot_write", folder=str(out), reason=error.strerror or str(error)) from error


def _replace(path: Path, write) -> None:
    """Write beside, then rename: a kill at any moment leaves the old file or the new one."""
    partial = path.with_suffix(".partial")
    write(partial)
    os.replace(partial, path)


def _resume(run: _Run, out: Path) -> list[Row]:
    from safetensors import safe_open

    path = out / CHECKPOINT
    if not path.exists():
        return []
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        if metadata["run"] != _identity(run):
            raise InputError("other_run", folder=str(out))
        tensors = {key: file.get_tensor(key) for key in file.keys()}
    run.net.load_state_dict({key[6:]: value for key, value in tensors.items() if key.startswith("model.")})
    for name, parameter in run.net.named_parameters():
        momentum = torch.empty_like(parameter).copy_(tensors[f"momentum.{name}"])
        run.optimiser.state[parameter]["momentum_buffer"] = momentum
    return [Row(**row) for row in json.loads(metadata["rows"])]


def to_csv(rows: list[Row]) -> str:
    """history.csv, six significant digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in dataclasses.fields(Row))
    for row in rows:
        writer.writerow(f"{v:.6g}" if isinstance(v, float) else v for v in dataclasses.astuple(row))
    return text.getvalue()
