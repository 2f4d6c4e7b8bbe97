"""Training as a generator of progress records: resumable, alone or under torchrun.

The command line draws a bar from the records, the page a chart, a test a list. The recipe is the
same for a net and its plain twin, and so are the initial weights and the order of the images.

Under torchrun every process takes its part of each batch, and gradients are averaged (DDP). Batch
norm normalises each part by the part's own statistics; the running statistics that evaluation uses
are the mean over the processes. Both are what one process does with as many `micro_batches`, so the
number of processes does not change the result.
"""

import math
import random
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet.config import ResNetConfig
from resnet.data import DataSpec, Split, augment, cut_window, normalise
from resnet.model import ResNet, create
from resnet.training.evaluate import evaluate
from resnet.training.recipe import Recipe, learning_rate, rate_scale, window_side
from resnet.training.resume import Row, keep_weights, load_checkpoint, open_folder, save_checkpoint
from resnet.training.workers import ALONE, Workers
from resnet.util.errors import InputError
from resnet.util.precision import autocast

BATCH_NORM_MOMENTUM = 0.1
__all__ = ["TrainingProgress", "Recipe", "Row", "Workers", "learning_rate", "train"]


@dataclass(frozen=True)
class TrainingProgress:
    """One iteration done; `row` is set by the last one of an epoch."""

    epoch: int
    iteration: int
    iterations: int
    lr: float
    loss: float
    images_per_second: float
    row: Row | None = None


def train(config: ResNetConfig, recipe: Recipe, train_set: Split, test_set: Split, out: Path | None = None,
          device: "str | torch.device" = "cpu", workers: Workers = ALONE,
          net: ResNet | None = None, keep_epochs: bool = False) -> Generator[TrainingProgress, None, ResNet]:
    """Train, yielding a record per iteration; with `out`, checkpoint every epoch and resume from there.

    `net` is trained in place of fresh weights drawn by the recipe's seed. With `keep_epochs` every epoch's weights
    stay in `out`, and those before the first.

    The generator's value (StopIteration.value, or `yield from`) is the trained model. It changes
    nothing global, so a consumer may stop at any record; the last checkpoint stands.

    Raises:
        InputError: the folder belongs to another run or cannot be written, the data do not fit the
            net, or the loss stops being a number (the last good checkpoint is kept).
    """
    recipe = replace(recipe, micro_batches=max(recipe.micro_batches, workers.world))
    _check(config, recipe, train_set, workers)
    run = _Run(config, recipe, torch.device(device), workers, net)
    rows = _open(run, out) if out else []
    kept = out if keep_epochs and workers.rank == 0 else None
    if kept and not rows:
        keep_weights(kept, run.net, 0)
    for epoch in range(len(rows), recipe.epochs):
        seconds = rows[-1].seconds if rows else 0.0
        for progress in run.epoch(epoch, train_set):
            if progress.iteration % run.steps(train_set):
                yield progress
                continue
            rows.append(run.row(progress, train_set, test_set, seconds + run.seconds))
            if kept:
                keep_weights(kept, run.net, epoch + 1)
            if out and workers.rank == 0:
                save_checkpoint(out, run.net, run.optimiser, recipe, rows)
            yield replace(progress, row=rows[-1])
    return run.net


class _Run:
    """The state that an iteration changes: weights and momentum.

    frozen   only the head learns
    mix      how much of each image is its own; the rest is another's of the same part of the batch
    """

    def __init__(self, config: ResNetConfig, recipe: Recipe, device: torch.device, workers: Workers,
                 net: ResNet | None = None):
        self.recipe, self.device, self.workers = recipe, device, workers
        self.parts = recipe.micro_batches // workers.world
        self.seconds = 0.0
        net = net or create(config, seed=recipe.seed)
        self.net = net.to(device).to(memory_format=torch.channels_last)
        self.norms = [module for module in self.net.modules() if isinstance(module, nn.BatchNorm2d)]
        self.optimiser = _optimiser(self.net, recipe)
        self.frozen, self.mix = False, 1.0
        self.model = self._shared()

    def _shared(self) -> nn.Module:
        """Each process keeps running statistics of its own; row() joins them."""
        if self.workers.world == 1:
            return self.net
        return nn.parallel.DistributedDataParallel(self.net, broadcast_buffers=False)

    def freeze(self, frozen: bool) -> None:
        """From now on the head alone learns, or all does."""
        self.net.train(not frozen)  # frozen norms keep their statistics, too
        if frozen != self.frozen:
            for name, parameter in self.net.named_parameters():
                parameter.requires_grad_(not frozen or name.startswith("fc."))
            self.frozen, self.model = frozen, self._shared()  # which gradients there are is asked once

    def steps(self, train_set: Split) -> int:
        """Iterations an epoch; the images that fill no batch wait for another epoch's order."""
        return len(train_set) // self.recipe.batch

    def epoch(self, epoch: int, train_set: Split) -> Iterator[TrainingProgress]:
        """One pass; everything random in it comes from the seed and the epoch's number."""
        recipe, steps = self.recipe, self.steps(train_set)
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + epoch)
        mirrored = torch.rand(len(train_set), generator=torch.Generator().manual_seed(recipe.seed)) < 0.5
        order = torch.randperm(len(train_set), generator=generator)
        side = window_side(recipe, epoch, train_set.images.shape[-1])
        mixing = random.Random(f"{recipe.seed}/{epoch}")
        self.freeze(epoch < recipe.freeze)
        started = time.perf_counter()
        for step in range(steps):
            index = order[step * recipe.batch:(step + 1) * recipe.batch]
            flip = mirrored[index] ^ bool(epoch % 2) if recipe.flip else torch.zeros(len(index), dtype=torch.bool)
            images = cut_window(augment(train_set.images[index], recipe.pad, flip, generator), side, generator)
            lr = learning_rate(recipe, epoch * steps + step, recipe.epochs * steps)
            self.mix = mixing.betavariate(recipe.mixup, recipe.mixup) if recipe.mixup else 1.0
            loss = self.update(images, train_set.labels[index], train_set.spec, lr)
            self.seconds = time.perf_counter() - started
            yield TrainingProgress(epoch + 1, epoch * steps + step + 1, recipe.epochs * steps, lr, loss,
                           recipe.batch * (step + 1) / self.seconds)

    def update(self, images: Tensor, labels: Tensor, spec: DataSpec, lr: float) -> float:
        """One step of SGD; the loss before it, over the whole batch."""
        mine = self.workers.slice(len(labels))
        inputs = normalise(images[mine].to(self.device), spec)
        labels = labels[mine].to(self.device)
        total = 0.0
        for part, (x, y) in enumerate(zip(inputs.chunk(self.parts), labels.chunk(self.parts), strict=True)):
            self.weigh_statistics(part)
            total += self.backward(x, y)
        total = self.workers.mean(torch.tensor(total, device=self.device)).item() if self.workers.world > 1 else total
        if not math.isfinite(total):
            raise InputError("loss_not_finite", lr=f"{lr:.3g}")
        for group in self.optimiser.param_groups:
            group["lr"] = lr * group["scale"]
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return total

    def backward(self, images: Tensor, labels: Tensor) -> float:
        """Add the gradients of a part of the batch; its share of the loss."""
        if self.mix < 1:
            images = images.lerp(images.flip(0), 1 - self.mix)
        with autocast(self.device, self.recipe.precision):
            logits = self.model(images).float()
        loss = self.loss(logits, labels)
        if self.mix < 1:
            loss = self.mix * loss + (1 - self.mix) * self.loss(logits, labels.flip(0))
        loss.backward()
        return loss.item()

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """A part's share."""
        return F.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing) / self.parts

    def weigh_statistics(self, part: int) -> None:
        """Let the running statistics' updates by the parts of a batch make one update by the parts' mean.

        With momentum m and P parts, part i (0-based) has the momentum a / (1 - (P - 1 - i) a), a = m / P.
        """
        if self.parts > 1:
            share = BATCH_NORM_MOMENTUM / self.parts
            for norm in self.norms:
                norm.momentum = share / (1 - (self.parts - 1 - part) * share)

    def row(self, last: TrainingProgress, train_set: Split, test_set: Split, seconds: float) -> Row:
        """The epoch's line of history; raises InputError when the net has run away since the last loss."""
        for norm in self.norms:
            norm.momentum = BATCH_NORM_MOMENTUM
            self.workers.mean(norm.get_buffer("running_mean"))
            self.workers.mean(norm.get_buffer("running_var"))
        shared = {"precision": self.recipe.precision, "rank": self.workers.rank, "world": self.workers.world}
        train_score = evaluate(self.net, train_set.first(self.recipe.train_eval), **shared)
        test_score = evaluate(self.net, test_set, **shared)
        row = Row(self.recipe.seed, last.epoch, last.iteration, last.lr, train_score.loss, train_score.error,
                  test_score.loss, test_score.error, seconds)
        if not row.finite:
            raise InputError("loss_not_finite", lr=f"{last.lr:.3g}")
        return row


def _optimiser(net: ResNet, recipe: Recipe) -> torch.optim.SGD:
    """SGD with a group of parameters for each rate and decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate_scale(recipe, name, len(net.stages)), decay), []).append(parameter)
    return torch.optim.SGD(
        [{"params": found, "weight_decay": decay, "scale": scale} for (scale, decay), found in groups.items()],
        lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0)


def _check(config: ResNetConfig, recipe: Recipe, train_set: Split, workers: Workers) -> None:
    channels, classes = train_set.images.shape[1], len(train_set.spec.classes)
    if config.in_channels != channels or config.classes != classes:
        raise InputError("data_misfit", title=train_set.spec.title, channels=channels, classes=classes)
    if recipe.micro_batches % workers.world or recipe.batch % recipe.micro_batches or recipe.batch > len(train_set):
        raise InputError("batch_split", batch=recipe.batch, parts=recipe.micro_batches, n=len(train_set))


def _open(run: _Run, out: Path) -> list[Row]:
    """The rows of the checkpoint, if there is one, with the run put where it left off."""
    rows = load_checkpoint(out, run.net, run.optimiser, run.recipe)
    if run.workers.rank == 0:
        open_folder(out, rows)
    if run.workers.mean(torch.tensor(float(len(rows)), device=run.device)).item() != len(rows):
        raise InputError("not_shared", folder=str(out))
    return rows
