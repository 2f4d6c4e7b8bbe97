"""What came of the arms of resnet.lab.ablation: recorded beside this file, and while a visitor watches."""

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import fmean

from resnet.lab.ablation import ARMS, DEPTHS, RATES, SEEDS, Arm, train_arms
from resnet.lab.race_log import TICK
from resnet.util.csv import read_records

RECORDED = Path(__file__).parent / "recorded" / "ablation.csv"
COMMAND = "-m benchmarks.ablation"
CHANCE = math.log(10)  # nats: the loss of guessing among ten classes
LEARNS = 0.9 * CHANCE  # a net whose final loss is below it with every seed is said to train
LAST, LATELY = 50, 10  # steps over which a loss is averaged: the final one, and one on the way
LIVE_DEPTHS, LIVE_STEPS = (8, 14, 20), 100


@dataclass(frozen=True)
class Outcome:
    """A net after `steps` steps at the rate lr: mean training loss of the last 50 batches in nats, None if it ran
    away; hardware: what computed it."""

    shortcut: bool
    norm: bool
    start: str
    depth: int
    lr: float
    seed: int
    steps: int
    loss: float | None
    hardware: str

    @property
    def arm(self) -> Arm:
        return Arm(self.shortcut, self.norm, self.start)


def measure(arm: Arm, depth: int, lr: float, seed: int, steps: int, hardware: str) -> Outcome:
    """Train one net on the CPU."""
    losses = [loss for loss, in train_arms([arm], depth, lr, seed, steps, "cpu") if loss is not None]
    final = fmean(losses[-LAST:]) if len(losses) == steps else None
    return Outcome(arm.shortcut, arm.norm, arm.start, depth, lr, seed, steps, final, hardware)


@lru_cache(maxsize=1)
def recorded() -> tuple[Outcome, ...]:
    """All that was recorded.

    Raises:
        InputError: the record is damaged.
    """
    return read_records(RECORDED, Outcome, COMMAND)


@dataclass(frozen=True)
class Best:
    """An arm at a depth with the learning rate that suits it best: final losses by seed, infinite if it ran away."""

    arm: Arm
    depth: int
    lr: float
    losses: tuple[float, ...]

    @property
    def trains(self) -> bool:
        return max(self.losses) < LEARNS

    def below(self, other: "Best") -> bool:
        """Whether every seed ends lower than every seed of the other."""
        return max(self.losses) < min(other.losses)


def best(outcomes: Sequence[Outcome]) -> dict[tuple[Arm, int], Best]:
    """By arm and depth, the rate with the lowest mean loss over the seeds, of those that have all seeds."""
    found = {}
    for arm in ARMS:
        for depth in DEPTHS:
            runs = [one for one in outcomes if (one.arm, one.depth) == (arm, depth)]
            tried = [Best(arm, depth, lr, tuple(math.inf if one.loss is None else one.loss
                                                for one in runs if one.lr == lr)) for lr in RATES]
            found[arm, depth] = min((one for one in tried if len(one.losses) == len(SEEDS)),
                                    key=lambda one: fmean(one.losses))
    return found


def deepest(found: dict[tuple[Arm, int], Best], arm: Arm) -> int:
    """The depth up to which an arm trains; 0: at none."""
    reached = 0
    for depth in DEPTHS:
        if not found[arm, depth].trains:
            break
        reached = depth
    return reached


@dataclass(frozen=True)
class Trial:
    """All arms with or without norm as far as they went: training losses in nats by arm; those of one that ran away
    end there."""

    losses: dict[Arm, tuple[float, ...]]
    steps: int

    def lately(self, arm: Arm) -> float:
        """Mean loss of the last 10 batches; infinite if it ran away."""
        losses = self.losses[arm]
        return fmean(losses[-LATELY:]) if len(losses) == self.steps else math.inf


def watch(depth: int, norm: bool, lr: float, seed: int, steps: int = LIVE_STEPS,
          device: str = "auto") -> Generator[Trial, None, None]:
    """Train all arms in turn: a record every 0.4 s, and the whole at last.

    Raises:
        InputError: a depth that the race does not offer, or there is no such device.
    """
    losses: dict[Arm, list[float]] = {arm: [] for arm in ARMS if arm.norm == norm}
    step, told = 0, time.perf_counter()
    for step, turn in enumerate(train_arms(list(losses), depth, lr, seed, steps, device), 1):
        for arm, loss in zip(losses, turn, strict=True):
            losses[arm] += [] if loss is None else [loss]
        if time.perf_counter() - told > TICK:
            yield _trial(losses, step)
            told = time.perf_counter()
    yield _trial(losses, step)


def _trial(losses: dict[Arm, list[float]], steps: int) -> Trial:
    return Trial({arm: tuple(series) for arm, series in losses.items()}, steps)
