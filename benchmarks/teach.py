"""How well does a head learn classes that its net never saw, and how long does that take?

Pictures of one data set's test images through nets trained on the other: five classes at random, a few pictures of
each, then 15 others of each are asked about. Printed: accuracy over all episodes for ridge regression by strength and
for class means, what leave-one-out says of the same heads, and the time of one fit. Needs both data sets
($RESNET_DATA); about three minutes on one core.

    python -m benchmarks.teach [--episodes 60]

Measured with 60 episodes (seeds 0 to 59), one core, accuracy in % of five classes, left out in brackets:

| pictures, net | of each class | ridge 0.1 | class means |
|---|---|---|---|
| Fashion-MNIST, resnet18_cifar10 | 3 / 10 / 40 | 57.3 (47.0) / 72.9 (72.1) / 85.1 (84.7) | 53.8 / 62.5 / 69.1 |
| Fashion-MNIST, resnet56_cifar10 | 3 / 10 / 40 | 61.4 (51.2) / 71.8 (71.4) / 82.7 (81.2) | 61.0 / 68.0 / 73.4 |
| Fashion-MNIST, plain56_cifar10 | 3 / 10 / 40 | 48.0 (34.4) / 56.1 (52.6) / 65.4 (63.3) | 49.0 / 55.1 / 59.0 |
| CIFAR-10, resnet56_fashion_mnist | 3 / 10 / 40 | 31.1 (20.8) / 39.0 (36.3) / 46.0 (45.8) | 31.2 / 36.3 / 39.5 |
| CIFAR-10, plain56_fashion_mnist | 3 / 10 / 40 | 23.0 (11.6) / 24.9 (20.0) / 27.5 (25.5) | 21.9 / 23.2 / 25.0 |

A fit of 200 pictures in ten classes: 4.6 ms with 64 features, 4.7 with 512, 9.0 with 2,048.
"""

import argparse
import statistics
import time

import torch
from torch import Tensor

from resnet.data import load_split
from resnet.explain.heads import STRENGTH, fit
from resnet.explain.vectors import feature_vectors
from resnet.hub.load import load
from resnet.inference.predict import see

NETS = {"fashion_mnist": ("resnet18_cifar10", "resnet56_cifar10", "plain56_cifar10"),
        "cifar10": ("resnet56_fashion_mnist", "plain56_fashion_mnist")}
WAYS, SHOTS, ASKED, POOL = 5, (3, 10, 40), 15, 1_200
STRENGTHS = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0)
HEADS = {**{f"ridge {strength:g}": ("ridge", strength) for strength in STRENGTHS}, "means": ("means", STRENGTH)}


def pool(data: str, net: str) -> tuple[Tensor, Tensor]:
    """Features and classes of the first test images."""
    split, loaded = load_split(data, "test").first(POOL), load(net)
    seen = torch.stack([see(image.expand(3, -1, -1), loaded).pixels for image in split.images])
    return torch.cat([feature_vectors(part, loaded).features for part in seen.split(200)]), split.labels


def episode(features: Tensor, labels: Tensor, shots: int, seed: int) -> dict[str, tuple[float, float]]:
    """(accuracy of other pictures, accuracy left out) by head."""
    generator = torch.Generator().manual_seed(seed)
    classes = torch.randperm(int(labels.max()) + 1, generator=generator)[:WAYS].tolist()
    rows = [(labels == one).nonzero().flatten() for one in classes]
    rows = [row[torch.randperm(len(row), generator=generator)[:shots + ASKED]] for row in rows]
    x, asked = (torch.cat([features[row[part]] for row in rows]) for part in (slice(shots), slice(shots, None)))
    y, truth = (torch.arange(WAYS).repeat_interleave(n) for n in (shots, ASKED))
    found = {name: fit(x, y, WAYS, kind, strength) for name, (kind, strength) in HEADS.items()}
    return {name: (float((one.head(asked).argmax(1) == truth).double().mean()), one.correct / one.n)
            for name, one in found.items()}


def milliseconds(n: int = 200, d: int = 512, classes: int = 10) -> float:
    """The median of twenty fits."""
    x, y, took = torch.randn(n, d), torch.arange(n) % classes, []
    for _ in range(20):
        start = time.perf_counter()
        fit(x, y, classes)
        took.append(1e3 * (time.perf_counter() - start))
    return statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--episodes", type=int, default=60)
    args = parser.parse_args()
    for d in (64, 512, 2048):
        print(f"a fit of 200 pictures in 10 classes, {d} features: {milliseconds(d=d):.1f} ms")
    for data, nets in NETS.items():
        for net in nets:
            features, labels = pool(data, net)
            for shots in SHOTS:
                found = [episode(features, labels, shots, seed) for seed in range(args.episodes)]
                told = "  ".join(f"{name} {100 * statistics.fmean(one[name][0] for one in found):.1f} "
                                 f"({100 * statistics.fmean(one[name][1] for one in found):.1f})" for name in HEADS)
                print(f"{data} through {net}, {WAYS} classes of {shots}, accuracy in % (left out): {told}", flush=True)


if __name__ == "__main__":
    main()
