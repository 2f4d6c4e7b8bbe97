"""An answer after a pause: the inference thread's workers spread over the processors, and left to the kernel.

Two processes hold the same net's quick form, one as it is served, one whose threads were left alone. They are
asked in turn, each after a pause, for a few forward passes in a row. Printed are the medians over the rounds
in ms, and of the rounds' ratios.

    python -m benchmarks.idle [--net resnet18] [--rounds 40] [--pause 0.3] [--row 3]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import torch

from resnet.training.experiment import hardware, versions
from tests.running import ROOT


def serve(net: str, spread: bool) -> None:
    """For every line with a number, that many forward passes; their milliseconds as a line of JSON."""
    from resnet.inference import serving
    from resnet.inference.fast import fast
    from resnet.model import create

    if not spread:
        serving._spread = lambda threads: None
    server, model = serving.start(), create(net).eval()
    size = model.config.input_size
    quick = server.heavy(lambda: fast(model, torch.device("cpu"), "auto", size))
    inputs = torch.zeros(1, model.config.in_channels, *size)

    def row(n: int) -> list[float]:
        times = []
        for _ in range(n):
            started = time.perf_counter()
            quick(inputs)
            times.append(1e3 * (time.perf_counter() - started))
        return times

    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(server.heavy(lambda: row(int(line)))), flush=True)  # noqa: B023


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--net", default="resnet18")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--pause", type=float, default=0.3)
    parser.add_argument("--row", type=int, default=3)
    args = parser.parse_args()
    processes = {}
    for name, spread in (("left alone", False), ("spread", True)):
        code = f"from benchmarks.idle import serve; serve({args.net!r}, {spread})"
        processes[name] = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, text=True, stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        processes[name].stdout.readline()
    times = {name: [] for name in processes}
    for i in range(args.rounds):
        for name in list(processes)[::1 if i % 2 else -1]:
            time.sleep(args.pause)
            processes[name].stdin.write(f"{args.row}\n")
            processes[name].stdin.flush()
            times[name].append(json.loads(processes[name].stdout.readline()))
    print(f"{hardware(torch.device('cpu'))}; {versions()}; {args.net}, batch 1, after {args.pause} s; "
          f"{args.rounds} rounds; ms")
    for name, rows in times.items():
        print(f"{name:12}" + "".join(f"{statistics.median(column):8.2f}" for column in zip(*rows, strict=True)))
    rounds = [[a / b for a, b in zip(*rows, strict=True)] for rows in zip(*times.values(), strict=True)]
    print(f"{'ratio':12}" + "".join(f"{statistics.median(column):8.2f}" for column in zip(*rounds, strict=True)))
    for process in processes.values():
        process.stdin.close()
        process.wait()


if __name__ == "__main__":
    main()
