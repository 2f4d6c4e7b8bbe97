"""Which nets train at all, and how deep? All arms of resnet.lab.ablation, recorded for the page.

A line is added to the record as each net ends, and what stands there is not trained again. One thread computes: with
300 steps a net of 8 layers takes about 2 seconds of a free core, one of 20 about 5, one of 56 about 15.

    python -m benchmarks.ablation [--steps 300]
"""

import argparse
import itertools
import sys

import torch

from resnet.lab.ablation import ARMS, DEPTHS, RATES, SEEDS, STEPS
from resnet.lab.ablation_log import COMMAND, RECORDED, Outcome, measure
from resnet.lab.race import one_thread
from resnet.training.experiment import hardware
from resnet.util.csv import read_records, records_csv
from resnet.util.fields import hints
from resnet.util.files import write_file


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS)
    args = parser.parse_args()
    with one_thread(torch.device("cpu")):
        machine = hardware(torch.device("cpu"))
    rows = list(read_records(RECORDED, Outcome, COMMAND)) if RECORDED.exists() else []
    done = {(row.arm, row.depth, row.lr, row.seed, row.steps) for row in rows}
    for lr, seed, depth, arm in itertools.product(RATES, SEEDS, DEPTHS, ARMS):
        if (arm, depth, lr, seed, args.steps) in done:
            continue
        rows.append(measure(arm, depth, lr, seed, args.steps, machine))
        write_file(RECORDED, records_csv(tuple(hints(Outcome)), rows, digits=6))
        print(rows[-1], file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
