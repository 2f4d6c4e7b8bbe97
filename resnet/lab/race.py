"""The race: a plain net and its residual twin, trained in turn, one iteration each.

Both are trained by resnet.training.train, from the same initial weights, on the same batches in the same order,
on the Fashion-MNIST training items that ship with the app, pooled to 14x14 pixels. What happens at
which iteration follows from the settings alone; how many iterations fit into the seconds, from the machine.
"""

import itertools
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from math import nan

import torch
import torch.nn.functional as F
from torch import nn

from resnet.config import ResNetConfig, config_of
from resnet.data import Split, load_samples
from resnet.lab.race_layers import LayerState, due, layer_states
from resnet.model import ResNet, create
from resnet.training.recipe import Recipe
from resnet.training.train import TrainingProgress, train
from resnet.training.workers import pick_device
from resnet.util.errors import InputError

DATA, SIZE, BATCH, TESTED = "fashion_mnist", (14, 14), 64, 500
DEPTHS, WIDTHS = tuple(range(8, 57, 6)), (4, 8, 12)
RATES = (0.01, 0.03, 0.1, 0.3)
SECONDS = (5, 90)
MAX_SEED = 999_999
FOREVER = 1_000_000  # epochs: the recipe's learning rate falls to 0 at their end, so within a race it stays


@dataclass(frozen=True)
class RaceSettings:
    """What decides a race.

    depth    weighted layers, 6n + 2: three stages of n blocks (He et al. 2015, section 4.2)
    width    channels of the first stage; the second has twice, the third four times as many
    lr       the learning rate, constant
    norm     batch norm after every convolution; without it the convolutions have biases
    seed     of the initial weights and of the order of the images
    seconds  how long the two train together

    Raises:
        InputError: a value that is not offered.
    """

    depth: int = 38
    width: int = 8
    lr: float = 0.1
    norm: bool = True
    seed: int = 0
    seconds: int = 40

    def __post_init__(self):
        for field, allowed in (("depth", DEPTHS), ("width", WIDTHS), ("lr", RATES)):
            if (value := getattr(self, field)) not in allowed:
                raise InputError("choice", field=field, value=value, allowed=", ".join(map(str, allowed)))
        for field, low, high in (("seed", 0, MAX_SEED), ("seconds", *SECONDS)):
            if not low <= (value := getattr(self, field)) <= high:
                raise InputError("between", field=field, value=f"{value:,}", low=low, high=f"{high:,}")

    def config(self, plain: bool) -> ResNetConfig:
        """The net, with option A shortcuts or none."""
        blocks = (self.depth - 2) // 6
        return config_of("plain20_cifar" if plain else "resnet20_cifar", depths=(blocks,) * 3,
                         widths=tuple(self.width * 2**stage for stage in range(3)), in_channels=1,
                         input_size=SIZE, conv_bias=not self.norm)

    def recipe(self) -> Recipe:
        """The training loss is followed by the iteration, so an epoch's end looks at test images only."""
        return Recipe(DATA, FOREVER, batch=BATCH, lr=self.lr, warmup=0.0, pad=1, seed=self.seed, precision="fp32",
                      train_eval=1)


@dataclass(frozen=True)
class Lap:
    """One iteration of both nets: their training losses on its batch in nats (NaN once a net has run away).

    elapsed      seconds since the first iteration, both nets' work together
    plain_test, residual_test   test error in per cent on the first 500 test images, at an epoch's end
    layers       of both nets before this iteration, as initialised before the first; empty between those looked at
    """

    iteration: int
    elapsed: float
    plain_loss: float
    residual_loss: float
    plain_test: float | None = None
    residual_test: float | None = None
    layers: tuple[LayerState, ...] = ()


def race(settings: RaceSettings, device: str = "auto", iterations: int | None = None) -> Generator[Lap, None, None]:
    """Run a race, a record per iteration; closing the generator ends all work.

    Args:
        device: "auto" is the GPU where there is one. On a CPU one thread computes, which leaves the other
            cores to other visitors, and makes the outcome of an iteration independent of their number.
        iterations: stop after so many instead of after the settings' seconds.

    Raises:
        InputError: the device does not exist.
    """
    where = pick_device(device)
    nets = [_net(settings, plain) for plain in (True, False)]
    turns = in_turn(nets, settings.recipe(), images("train"), images("test").first(TESTED), where)
    started = None
    with closing(turns):
        for iteration in itertools.count(1):
            layers = _layers(nets, iteration, where) if due(iteration) else ()
            if not (turn := next(turns, None)):
                return
            one, other = turn
            started = started or time.perf_counter()
            elapsed = time.perf_counter() - started
            yield Lap(iteration, elapsed, _loss(one), _loss(other), _test(one), _test(other), layers)
            if iteration >= iterations if iterations else elapsed >= settings.seconds:
                return


def _layers(nets: Sequence[ResNet], iteration: int, device: torch.device) -> tuple[LayerState, ...]:
    with one_thread(device):
        return tuple(state for plain, net in zip((True, False), nets, strict=True)
                     for state in layer_states(net, images("train"), iteration, plain))


def in_turn(nets: Sequence[ResNet], recipe: Recipe, train_set: Split, test_set: Split,
            device: torch.device) -> Generator[tuple[TrainingProgress | None, ...], None, None]:
    """Train nets in place, one iteration each in turn, on the same batches; a net that ran away has None."""
    with ExitStack() as stack:
        runs = [stack.enter_context(closing(_run(net, recipe, train_set, test_set, device))) for net in nets]
        while True:
            with one_thread(device):
                turn = tuple(next(run, None) for run in runs)
            if not any(turn):
                return
            yield turn


def _run(net: ResNet, recipe: Recipe, train_set: Split, test_set: Split,
         device: torch.device) -> Generator[TrainingProgress, None, None]:
    """A net's training; ends where its loss stops being a number."""
    try:
        yield from train(net.config, recipe, train_set, test_set, device=device, net=net)
    except InputError as error:
        if error.key != "loss_not_finite":
            raise


def _net(settings: RaceSettings, plain: bool) -> ResNet:
    net = create(settings.config(plain), seed=settings.seed)
    if not settings.norm:
        remove_norms(net)
    return net


def remove_norms(net: ResNet) -> None:
    """Put nothing in the place of every batch norm, in place."""
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())


@lru_cache(maxsize=2)
def images(split: str) -> Split:
    """The bundled images at 14x14, each pixel the mean of four."""
    whole = load_samples(DATA, split)
    return replace(whole, images=F.avg_pool2d(whole.images.float(), 2).round().to(torch.uint8))


@contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """On a CPU, the thread that calls computes alone; the number is this thread's own."""
    if device.type != "cpu":
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _loss(progress: TrainingProgress | None) -> float:
    return progress.loss if progress else nan


def _test(progress: TrainingProgress | None) -> float | None:
    return progress.row.test_error if progress and progress.row else None
