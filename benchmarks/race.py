"""The race's gap: by how much a residual net leads its plain twin, over seeds, at the app's default settings.

Counted by iterations, so that a busy machine changes nothing but the time; the rate of a free machine says
how many of them fit into a minute. A seed counts as a visible gap where the residual net's training loss (mean
of the last 25 iterations) is at most three quarters of the plain net's.

    python -m benchmarks.race [--seeds 10] [--iterations 300] [--depth 38]    one line a seed
    python -m benchmarks.race --record [--iterations 400]                     the race that the page opens with
"""

import argparse
import statistics
import sys
from collections import deque

from resnet.lab.race import RaceSettings
from resnet.lab.race_layers import layers_csv
from resnet.lab.race_log import RECORDED, RECORDED_LAYERS, Race, to_csv, watch
from resnet.training.experiment import versions
from resnet.util.files import write_file

VISIBLE = 0.75


def run(settings: RaceSettings, iterations: int) -> Race:
    """The whole race; its progress on standard error."""
    last = deque(map(_told, watch(settings, "cpu", iterations)), maxlen=1)
    print("\r", end="", file=sys.stderr)
    return last.pop()


def _told(race: Race) -> Race:
    for lap in race.laps[-1:]:
        print(f"\riteration {lap.iteration}, {lap.elapsed:.0f} s ", end="", file=sys.stderr)
    return race


def gaps(settings: list[RaceSettings], iterations: int) -> None:
    """A line per race, then their summary."""
    print(f"{versions()}; {iterations} iterations; depth {settings[0].depth}, width {settings[0].width}, "
          f"learning rate {settings[0].lr}")
    print(f"{'seed':>4} {'plain':>7} {'residual':>9} {'ratio':>6} {'plain test':>11} {'residual test':>14} {'it/s':>6}")
    ratios, hardware = [], ""
    for one in settings:
        done = run(one, iterations)
        hardware = done.hardware
        plain, residual, last = done.losses(True)[-1], done.losses(False)[-1], done.tests[-1]
        ratios.append(residual / plain)
        print(f"{one.seed:4} {plain:7.3f} {residual:9.3f} {ratios[-1]:6.2f} {last.plain_test:9.1f} % "
              f"{last.residual_test:12.1f} % {iterations / done.laps[-1].elapsed:6.1f}", flush=True)
    print(f"visible gap (ratio <= {VISIBLE}) at {sum(ratio <= VISIBLE for ratio in ratios)} of {len(ratios)} seeds; "
          f"median ratio {statistics.median(ratios):.2f}; {hardware}")


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--depth", type=int, default=RaceSettings().depth)
    parser.add_argument("--record", action="store_true", help=f"write {RECORDED.name} and {RECORDED_LAYERS.name}")
    args = parser.parse_args()
    if args.record:
        done = run(RaceSettings(), args.iterations)
        write_file(RECORDED, to_csv(done))
        write_file(RECORDED_LAYERS, layers_csv(done.layers))
    else:
        gaps([RaceSettings(depth=args.depth, seed=seed) for seed in range(args.seeds)], args.iterations)


if __name__ == "__main__":
    main()
