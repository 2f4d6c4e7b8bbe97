"""A race so far as one record, a few times a second; and a finished one, to and from CSV."""

import dataclasses
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from math import isnan
from operator import attrgetter
from pathlib import Path
from statistics import fmean

from resnet.lab.race import Lap, RaceSettings, one_thread, race
from resnet.lab.race_layers import LayerState, layers_from_csv
from resnet.training.experiment import hardware
from resnet.training.workers import pick_device
from resnet.util.csv import csv_text, read_rows, record_of
from resnet.util.fields import hints

RECORDED = Path(__file__).parent / "recorded" / "race.csv"  # by benchmarks/race.py --record
RECORDED_LAYERS = RECORDED.with_name("race_layers.csv")
WINDOW = 25  # iterations: a batch of 64 is too few to read a loss from
TICK = 0.4  # seconds between two records


@dataclass(frozen=True)
class Race:
    """A race as far as it went. hardware: what computed it, "1 thread of AMD EPYC"."""

    settings: RaceSettings
    laps: tuple[Lap, ...]
    hardware: str

    def losses(self, plain: bool) -> list[float]:
        """Training losses in nats, by iteration: the mean over the last 25; NaN after a net has run away."""
        raw = [lap.plain_loss if plain else lap.residual_loss for lap in self.laps]
        return [fmean(raw[max(0, i + 1 - WINDOW):i + 1]) for i in range(len(raw))]

    def lost_at(self, plain: bool) -> int | None:
        """The iteration at which a net's loss stopped being a number."""
        return next((lap.iteration for lap in self.laps if isnan(lap.plain_loss if plain else lap.residual_loss)), None)

    @property
    def layers(self) -> tuple[LayerState, ...]:
        """Of both nets, at every iteration that was looked at."""
        return tuple(state for lap in self.laps for state in lap.layers)

    @property
    def tests(self) -> tuple[Lap, ...]:
        """The laps with test errors, one per epoch."""
        return tuple(lap for lap in self.laps if lap.plain_test is not None or lap.residual_test is not None)


def watch(settings: RaceSettings, device: str = "auto", iterations: int | None = None) -> Generator[Race, None, None]:
    """Run a race (the arguments are lab.race's): a record at once, then every 0.4 s, and the whole at last.

    Raises:
        InputError: the device does not exist.
    """
    where = pick_device(device)
    with one_thread(where):
        so_far = Race(settings, (), hardware(where))
    yield so_far
    laps, told = [], time.perf_counter()
    with closing(race(settings, device, iterations)) as running:
        for lap in running:
            laps.append(lap)
            if time.perf_counter() - told > TICK:
                yield replace(so_far, laps=tuple(laps))
                told = time.perf_counter()
    yield replace(so_far, laps=tuple(laps))


def to_csv(race: Race) -> str:
    """A line per lap, each with the settings; empty where there is nothing, six significant digits."""
    columns = [name for name in hints(Lap) if name != "layers"]
    before = (*dataclasses.astuple(race.settings), race.hardware)
    rows = ((*before, *(getattr(lap, name) for name in columns)) for lap in race.laps)
    return csv_text((*hints(RaceSettings), "hardware", *columns), rows, digits=6)


def from_csv(lines: Iterable[str], layers: Iterable[LayerState] = ()) -> Race:
    """The inverse of to_csv, but for the digits; `layers` go to the laps that they belong to."""
    rows = read_rows(lines)
    looked = {iteration: tuple(states) for iteration, states in groupby(layers, key=attrgetter("iteration"))}
    laps = (record_of(Lap, row) for row in rows)
    return Race(record_of(RaceSettings, rows[0]),
                tuple(replace(lap, layers=looked.get(lap.iteration, ())) for lap in laps), rows[0]["hardware"])


@lru_cache(maxsize=1)
def recorded() -> Race:
    """The race that ships with the app, run with the default settings."""
    with RECORDED.open(encoding="utf-8") as laps, RECORDED_LAYERS.open(encoding="utf-8") as layers:
        return from_csv(laps, layers_from_csv(layers))
