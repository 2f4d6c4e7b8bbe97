"""Images per second in training: this project's way against the plain way, in turn in one run.

Plain: a torchvision-style data set of PIL images, RandomCrop, RandomHorizontalFlip, ToTensor and
Normalize in a DataLoader with 2 workers; fp32, contiguous, SGD. Ours: resnet.training.train as it is, with
batches augmented as tensors, channels_last and, where the processor is fast at it, bf16. Same net,
same batch of 128, made images of CIFAR-10's shape, so nothing is downloaded.

Each round times both for some seconds after a warm-up; the workers of the plain way live only while
it is timed. Printed are the medians over the rounds and of the rounds' ratios.

    python -m benchmarks.training [--nets resnet20_cifar ...] [--rounds 5] [--seconds 8]
"""

import argparse
import statistics
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.machine import heading
from resnet import create
from resnet.data import DATA, Split
from resnet.training.train import Recipe, train
from resnet.util.precision import resolve

BATCH, WARM_UP, WORKERS = 128, 3, 2
NETS = ("resnet20_cifar", "resnet56_cifar", "resnet18_cifar")


class Pictures(Dataset):
    """Arrays handed out as PIL images through a transform, as torchvision's CIFAR10 does."""

    def __init__(self, images: np.ndarray, labels: list[int], transform: Callable):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int):
        return self.transform(Image.fromarray(self.images[i])), self.labels[i]


def made_split(n: int = 50_000) -> Split:
    """Random pixels and labels."""
    spec = DATA["cifar10"]
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 3, *spec.size), dtype=torch.uint8, generator=generator)
    return Split(spec, images, torch.randint(0, 10, (n,), generator=generator))


def plain_loader(split: Split) -> DataLoader:
    augment = transforms.Compose([
        transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), transforms.ToTensor(),
        transforms.Normalize(split.spec.mean, split.spec.std)])
    pictures = Pictures(split.images.permute(0, 2, 3, 1).contiguous().numpy(), split.labels.tolist(), augment)
    return DataLoader(pictures, BATCH, shuffle=True, num_workers=WORKERS, drop_last=True)


def plain_steps(net: nn.Module, loader: DataLoader) -> Generator[float, None, None]:
    """One update per step; the loss."""
    optimiser = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)
    criterion = nn.CrossEntropyLoss()
    net.train()
    for images, labels in loader:
        optimiser.zero_grad()
        loss = criterion(net(images), labels)
        loss.backward()
        optimiser.step()
        yield loss.item()


def images_per_second(steps: Iterator, seconds: float) -> float:
    """Over at least `seconds` and 3 steps, after a warm-up."""
    for _ in range(WARM_UP):
        next(steps)
    done, started = 0, time.perf_counter()
    while done < 3 or time.perf_counter() - started < seconds:
        next(steps)
        done += 1
    return done * BATCH / (time.perf_counter() - started)


def compare(name: str, split: Split, rounds: int, seconds: float) -> list[tuple[float, float]]:
    """(plain, ours) in images/s, a pair per round."""
    plain_net, loader = create(name), plain_loader(split)
    ours = train(create(name).config, Recipe("cifar10", epochs=1000, batch=BATCH, lr=0.01), split, split)
    pairs = []
    for _ in range(rounds):
        with closing(plain_steps(plain_net, loader)) as plain:  # closing ends the workers
            theirs = images_per_second(plain, seconds)
        pairs.append((theirs, images_per_second(ours, seconds)))
    return pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--nets", nargs="+", default=NETS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0)
    args = parser.parse_args()
    split = made_split()
    print(f"{heading()}; batch {BATCH}, ours in {resolve('auto')}; "
          f"medians of {args.rounds} rounds of {args.seconds:g} s")
    print(f"{'net':16} {'plain img/s':>12} {'ours img/s':>12} {'ratio':>7}   ratios of the rounds")
    for name in args.nets:
        pairs = compare(name, split, args.rounds, args.seconds)
        plain, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratios = sorted(our / other for other, our in pairs)
        print(f"{name:16} {plain:12,.0f} {ours:12,.0f} {statistics.median(ratios):7.2f}   {ratios[0]:.2f} to "
              f"{ratios[-1]:.2f}", flush=True)


if __name__ == "__main__":
    main()
