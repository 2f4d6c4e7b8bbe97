"""A net's forward pass and a whole request, beside what else one would use, in turn in one run.

    pip install -r benchmarks/requirements.txt
    python -m benchmarks.inference [--nets resnet18 ...] [--peers ...] [--rounds 15] [--quick]
    RESNET_DATA=... python -m benchmarks.inference --agreement [--limit N]

Peers: torchvision and timm eager, transformers' pipeline, ONNX Runtime (fp32, int8), OpenVINO (fp32, bf16, int8),
ours, ours without eight bits, and a candidate that ours was chosen against (benchmarks/prepacked.py). Each lives in a
process of its own (benchmarks/peers.py says how and why) with the same random weights, in which one class leads
clearly, as where a trained net is sure: a picture of which it is not costs ours a second look, one fp32 forward. A
round asks each peer once for each batch, one after another, the first peer changing from round to round; calls for a
tenth of a second before the timed one are not timed (benchmarks/idle.py asks what an answer after a pause costs).
"forward": normalised fp32 tensors in, fp32 logits out. "request": bytes of a JPEG of 1000x800 pixels in, five labels
out.

Printed are medians in milliseconds, in brackets the least, and the median over the rounds of each round's
ratio to ours. Agreement: the largest difference of a logit from torchvision's (from plain eager ours for
CIFAR nets), in parts of the largest logit. --agreement scores the bundled models' whole test sets instead.

Aims: ours forward within 10 % of the faster int8 peer, without eight bits within 5 % of the fastest float peer; no
float peer's request quicker than ours, which is hoped to be twice as fast; bf16 within 0.1 points of fp32.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import torch
from torch import nn

from benchmarks.machine import heading
from benchmarks.peers import INT8, PEERS
from resnet.data import load_split
from resnet.hub.load import bundled, load
from resnet.inference.fast import fast
from resnet.model import create
from resnet.training.evaluate import as_seen, evaluate

ROOT = Path(__file__).parent.parent
NETS = ("resnet18", "resnet50", "resnet56_cifar")
BATCHES = (1, 8, 32)
BEHIND_INT8, BEHIND_FLOAT, HOPED = 1.10, 1.05, 2.0
LEAD = 20  # of one class, in logits
Key = tuple[str, int]


@dataclass
class Process:
    """A running peer, and what it has told."""

    name: str
    popen: subprocess.Popen
    load: float = 0.0
    memory: float = 0.0
    seconds: dict[Key, list[float]] = field(default_factory=dict)

    def read(self) -> dict:
        line = cast(IO[str], self.popen.stdout).readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self.popen.wait()}")
        told = json.loads(line)
        self.memory = max(self.memory, told["memory"])
        return told

    def ask(self, what: str, batch: int) -> dict:
        pipe = cast(IO[str], self.popen.stdin)
        pipe.write(json.dumps({"what": what, "batch": batch}) + "\n")
        pipe.flush()
        return self.read()


def start(name: str, net: str, weights: Path, picture: Path, threads: int) -> Process:
    """Loaded, and asked once; the next peer starts after it."""
    arguments = [sys.executable, "-m", "benchmarks.peers", name, net, str(weights), str(picture), str(threads)]
    process = Process(name, subprocess.Popen(arguments, cwd=ROOT, text=True, stdin=subprocess.PIPE,
                                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                             env=os.environ | {"OMP_NUM_THREADS": str(threads)}))
    process.load = process.read()["load"]
    return process


def save_weights(net: str, file: Path) -> None:
    """Random, but with batch norms that have seen images, so that the logits are of a sensible size."""
    from safetensors.torch import save_file

    model = create(net).train()
    for norm in [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]:
        norm.momentum = None  # the mean over what was seen
    with torch.no_grad():
        model(torch.randn(8, 3, *model.config.input_size, generator=torch.Generator().manual_seed(1)))
    model.fc.bias.data[0] += LEAD
    save_file(model.state_dict(), file)


def save_picture(file: Path) -> None:
    from PIL import Image

    from resnet.data import photo_file

    buffer = io.BytesIO()
    Image.open(photo_file("cat")).convert("RGB").resize((1000, 800)).save(buffer, "JPEG", quality=90)
    file.write_bytes(buffer.getvalue())


def measure(net: str, names: list[str], rounds: int, batches: tuple[int, ...], threads: int) -> list[Process]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        save_weights(net, folder / "weights.safetensors")
        save_picture(folder / "picture.jpg")
        peers = []
        for name in names:
            if not PEERS[name].only or net in PEERS[name].only:
                peers.append(start(name, net, folder / "weights.safetensors", folder / "picture.jpg", threads))
                stack.callback(peers[-1].popen.wait)
                stack.callback(peers[-1].popen.stdin.close)
        for what in ("forward", "request"):
            for batch in batches:
                for _ in range(2):  # each shape's first two calls compile
                    for peer in peers:
                        peer.ask(what, batch)
        for i in range(rounds):
            for what, batch in [(what, batch) for what in ("forward", "request") for batch in batches]:
                for peer in peers[i % len(peers):] + peers[:i % len(peers)]:
                    peer.seconds.setdefault((what, batch), []).append(peer.ask(what, batch)["seconds"])
        logits = {peer.name: torch.tensor(peer.ask("logits", 32)["logits"]) for peer in peers}
    print(table(net, peers, batches, logits), flush=True)
    return peers


def ratio(peer: Process, other: Process, key: Key) -> float:
    """The median over the rounds of peer's time in parts of other's."""
    return statistics.median(a / b for a, b in zip(peer.seconds[key], other.seconds[key], strict=True))


def table(net: str, peers: list[Process], batches: tuple[int, ...], logits: dict[str, torch.Tensor]) -> str:
    ours = next((peer for peer in peers if peer.name == "ours"), peers[-1])
    keys = [(what, batch) for what in ("forward", "request") for batch in batches]
    lines = [f"\n{net:<16}" + "".join(f"{what + ' ' + str(batch):>25}" for what, batch in keys)
             + f"{'load s':>9}{'MB':>7}{'logits':>9}{'top-1':>7}"]
    reference = logits[peers[0].name]
    for peer in peers:
        line = f"{peer.name:<16}"
        for key in keys:
            times = [1e3 * seconds for seconds in peer.seconds[key]]
            line += f"{statistics.median(times):9.2f} ({min(times):7.2f}){ratio(peer, ours, key):6.2f}"
        found = logits[peer.name]
        off = float((found - reference).abs().max() / reference.abs().max())
        same = float((found.argmax(1) == reference.argmax(1)).float().mean())
        lines.append(line + f"{peer.load:9.1f}{peer.memory:7.0f}{off:9.4f}{same:7.2f}")
    return "\n".join(lines)


def verdicts(net: str, peers: list[Process], batches: tuple[int, ...]) -> list[str]:
    by_name = {peer.name: peer for peer in peers}
    told = []

    def held(mine: str, others: list[str], what: str, limit: float) -> None:
        """Against the quickest of some peers, by the rounds' median ratio."""
        for batch in batches if mine in by_name and others else ():
            ratios = {name: ratio(by_name[mine], by_name[name], (what, batch)) for name in others}
            name, found = max(ratios.items(), key=lambda item: item[1])
            verdict = "reached" if found <= limit else "MISSED "
            told.append(f"{verdict}  {net}: {mine}, {what} {batch} takes {found:.2f} of the time of {name} "
                        f"(aim: {limit:.2f})")

    int8 = [name for name in by_name if name in INT8]
    floats = [name for name in by_name if name not in (*INT8, "ours", "ours float")]
    held("ours", int8, "forward", BEHIND_INT8)
    held("ours float", floats, "forward", BEHIND_FLOAT)
    held("ours", floats, "request", 1.0)
    held("ours", floats, "request", 1 / HOPED)
    return told


def agreement(limit: int | None) -> None:
    """Accuracy of each bundled model on its test set: eager fp32, and the quick forms."""
    print(f"{'model':28}{'n':>7}{'eager fp32':>12}{'quick fp32':>12}{'quick bf16':>12}{'points':>8}")
    cpu = torch.device("cpu")
    for name, info in bundled().items():
        loaded = load(name)
        split = as_seen(load_split(info.data, "test").first(limit), info)
        nets = [loaded.model] + [fast(loaded.model, cpu, kind, info.architecture.input_size)
                                 for kind in ("fp32", "bf16")]
        found = [evaluate(_Evaluated(net), split, batch=250) for net in nets]
        points = 100 * (found[2].accuracy - found[0].accuracy)
        print(f"{name:28}{found[0].n:7,}" + "".join(f"{100 * score.accuracy:12.2f}" for score in found)
              + f"{points:+8.2f}  {'reached' if abs(points) <= 0.1 else 'MISSED'} ({nets[2].way})", flush=True)


class _Evaluated(nn.Module):
    """A callable as a module, which resnet.training.evaluate asks for."""

    def __init__(self, call: Callable[[torch.Tensor], torch.Tensor]):
        super().__init__()
        self.call = call
        self.place = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.call(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--nets", nargs="+", default=NETS)
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--quick", action="store_true", help="three rounds, batches 1 and 8: does it run?")
    parser.add_argument("--agreement", action="store_true")
    parser.add_argument("--limit", type=int, help="of test images, for --agreement")
    args = parser.parse_args()
    if args.agreement:
        return agreement(args.limit)
    rounds, batches = (3, (1, 8)) if args.quick else (args.rounds, tuple(args.batches))
    print(f"{heading()}; {args.threads} threads; {rounds} rounds; ms: median (least) and ratio to ours")
    told = []
    for net in args.nets:
        told += verdicts(net, measure(net, args.peers, rounds, batches, args.threads), batches)
    print("\n" + "\n".join(told))
    return None


if __name__ == "__main__":
    main()
