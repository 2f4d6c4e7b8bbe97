"""A trained net made deeper, and trained a little further: the three arms of resnet.surgery, in turn.

All arms see the same batches, one iteration each in turn, at one learning rate. A few dozen iterations show
which arms have to be repaired first; they say nothing of where long training would end.
"""

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace

import torch

from resnet.checkpoint import ModelInfo
from resnet.data import Split, normalise
from resnet.hub.load import load
from resnet.lab.images import images_for, random_images
from resnet.lab.race import FOREVER, in_turn, one_thread
from resnet.lab.race_log import TICK
from resnet.model import ResNet
from resnet.surgery import deepened
from resnet.training.evaluate import evaluate
from resnet.training.recipe import Recipe
from resnet.training.workers import pick_device

ITERATIONS, BATCH, RATE = 40, 32, 0.003


@dataclass(frozen=True)
class Growth:
    """So far. By arm: training losses in nats by iteration, and test errors in per cent of the net before the
    blocks, with them, and after the training (as many as are known)."""

    losses: dict[str, tuple[float, ...]]
    errors: dict[str, tuple[float, ...]]


def grow(names: dict[str, str], after: str, count: int, items: int, calibration: int = 250, seed: int = 0,
         iterations: int = ITERATIONS, device: str = "auto") -> Generator[Growth, None, None]:
    """Make the nets deeper and train them: a record at once, then every 0.4 s, and the whole at last.

    Args:
        names: by arm, the bundled net that it grows.
        after, count: where the blocks go and how many, as in `deepened`.
        items: the first so many test images that ship; calibration: training images for the norms' statistics.

    Raises:
        InputError: as `deepened`; or the data do not ship.
    """
    where = pick_device(device)
    so_far = Growth(dict.fromkeys(names, ()), dict.fromkeys(names, ()))
    yield so_far
    nets, splits = {}, {}
    for arm, name in names.items():
        loaded = load(name)
        train_set, test_set = splits[arm] = _images(loaded.info, items)
        with one_thread(where):
            drawn = random_images(train_set, calibration, seed)
            nets[arm] = deepened(loaded.model, arm, after, count, normalise(drawn.images, drawn.spec), seed)
            errors = tuple(evaluate(net, test_set).error for net in (loaded.model, nets[arm]))
        yield (so_far := replace(so_far, errors=so_far.errors | {arm: errors}))
    *_, (train_set, test_set) = splits.values()
    yield from _trained(so_far, nets, train_set, test_set, iterations, where)


def _images(info: ModelInfo, items: int) -> tuple[Split, Split]:
    """What a net is trained and tested on here."""
    return images_for(info, "train", shipped=True), images_for(info, "test", items, shipped=True)


def _trained(so_far: Growth, nets: dict[str, ResNet], train_set: Split, test_set: Split, iterations: int,
             where: torch.device) -> Generator[Growth, None, None]:
    recipe = Recipe(train_set.spec.name, FOREVER, batch=BATCH, lr=RATE, warmup=0.0, pad=0, flip=False,
                    precision="fp32", train_eval=1)
    turns = in_turn(list(nets.values()), recipe, train_set, test_set, where)
    told = time.perf_counter()
    with closing(turns):
        for _, turn in zip(range(iterations), turns, strict=False):
            losses = {arm: (*so_far.losses[arm], progress.loss) if progress else so_far.losses[arm]
                      for arm, progress in zip(nets, turn, strict=True)}
            so_far = replace(so_far, losses=losses)
            if time.perf_counter() - told > TICK:
                yield so_far
                told = time.perf_counter()
    for arm, net in nets.items():
        with one_thread(where):
            after = (*so_far.errors[arm], evaluate(net, test_set).error)
        yield (so_far := replace(so_far, errors=so_far.errors | {arm: after}))
