"""How well does a head learn classes that its net never saw, and how long does that take?

Pictures of one data set's test images through nets trained on the other: five classes at random, a few pictures of
each, then 15 others of each are asked about. Printed: accuracy over all episodes for ridge regression by strength and
for class means, what leave-one-out says of the same heads, and the time of one fit. Needs both data sets
($RESNET_DATA); about three minutes on one core.

    python -m benchmarks.teach [--episodes 100]
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
    parser.add_argument("--episodes", type=int, default=100)
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
