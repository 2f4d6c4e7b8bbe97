"""How long does a trace take beside torchinfo, cold (a fresh process) and warm?

    pip install -r benchmarks/requirements.txt
    python -m benchmarks.shapes [runs]

Cold: every measurement is a process of its own. `import torch`, which both need, is timed apart and
left out; everything after it counts, the library's own import and PyTorch's first use included.
Warm: the second and later calls in one process. The peers take turns within each round; printed are
medians over the rounds and the median of the rounds' ratios.

torchinfo is timed in two ways: as people call it, torchinfo.summary(model, input_size) on a model built
on the CPU, where it runs the net on a real tensor; and on the meta device, where nothing is computed.
Building the model is part of both, as ours builds what it traces. The model is ours, the same for all.

Aims: cold at 1024 px at least 20 times faster than torchinfo as people call it (50 hoped for), no
slower than torchinfo on meta; resnet1202_cifar under a second; a warm trace under 100 ms.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CASES = [("resnet18", 224), ("resnet18", 1024), ("resnet152", 224), ("resnet152", 1024), ("resnet1202_cifar", 32)]
PEERS = ("ours", "torchinfo", "torchinfo on meta")
WARM_CALLS = 3
PROGRAM = """
import json, sys, time
peer, name, size, calls = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
started = time.perf_counter()
import torch
imported = time.perf_counter()

def ours():
    from resnet.tracing.trace import trace
    return trace(name, size).params

def torchinfo():
    import torchinfo
    from resnet.model import ResNet
    from resnet.config import config_of
    return torchinfo.summary(ResNet(config_of(name)), (1, 3, size, size), verbose=0).total_params

def torchinfo_on_meta():
    import torchinfo
    from resnet.model import ResNet
    from resnet.config import config_of
    with torch.device("meta"):
        net, x = ResNet(config_of(name)), torch.empty(1, 3, size, size)
    return torchinfo.summary(net, input_data=x, device="meta", verbose=0).total_params

call = {"ours": ours, "torchinfo": torchinfo, "torchinfo on meta": torchinfo_on_meta}[peer]
times, params = [], None
for _ in range(1 + calls):
    begun = time.perf_counter()
    params = call()
    times.append(time.perf_counter() - begun)
print(json.dumps({"import": imported - started, "cold": times[0], "warm": sorted(times[1:])[calls // 2],
                  "params": params}))
"""


def measured(peer: str, name: str, size: int) -> dict:
    """Seconds in a fresh process: {"import", "cold", "warm"}, and the parameters that the peer counted."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, peer, name, str(size), str(WARM_CALLS)], cwd=ROOT,
                          check=True, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    return json.loads(done.stdout)


def one_case(name: str, size: int, runs: int) -> list[dict]:
    """A round holds a measurement of each peer, in turn, the first peer changing from round to round."""
    rounds = []
    for i in range(runs):
        order = [PEERS[(i + k) % len(PEERS)] for k in range(len(PEERS))]
        rounds.append({peer: measured(peer, name, size) for peer in order})
        assert len({result["params"] for result in rounds[-1].values()}) == 1, rounds[-1]
    return rounds


def table(name: str, size: int, rounds: list[dict]) -> str:
    lines = []
    for peer in PEERS:
        row = f"{name:<18} {size:>5}  {peer:<18}"
        for kind in ("cold", "warm"):
            seconds = statistics.median(result[peer][kind] for result in rounds)
            ratio = statistics.median(result[peer][kind] / result["ours"][kind] for result in rounds)
            row += f"{1e3 * seconds:>12,.1f} {ratio:>8.1f}"
        lines.append(row)
    return "\n".join(lines)


def main(runs: int) -> None:
    measured("ours", "resnet18", 224)  # warms the file cache
    print(f"{'net':<18} {'px':>5}  {'peer':<18}{'cold, ms':>12} {'/ ours':>8}{'warm, ms':>12} {'/ ours':>8}")
    imports = []
    for name, size in CASES:
        rounds = one_case(name, size, runs)
        imports += [result["import"] for peers in rounds for result in peers.values()]
        print(table(name, size, rounds), flush=True)
    print(f"import torch, in none of the above: {1e3 * statistics.median(imports):,.0f} ms "
          f"(median of {len(imports)}; {runs} rounds, {os.cpu_count()} cores)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
