"""Start: the scenes' figures from the histories and lesions of the 20- and 56-layer nets on CIFAR-10."""

from collections.abc import Iterator

from resnet.audit.checks import Audit, Figure, exactly, mean, rows, seeds_of
from resnet.ui.start.scenes import DEEP, KILLED, NEAR, numbers


def audits() -> Iterator[Audit]:
    yield Audit("start", (), tuple(_figures(numbers())))


def _figures(shown: dict[str, str]) -> Iterator[Figure]:
    for kind in ("plain", "resnet"):
        for depth in (20, DEEP):
            seeds = seeds_of(f"{kind}{depth}_cifar10")
            for split in ("test", "train"):
                error = mean(float(seed[-1][f"{split}_error"]) for seed in seeds)
                yield exactly(f"{kind}-{depth}, {split} error, %", shown[f"{kind}{depth}_{split}"], f"{error:.1f}")
            yield exactly(f"{kind}-{depth}, seeds", shown[f"seeds{depth}"], len(seeds))
    yield exactly("epochs", shown["epochs"], len(seeds_of("plain56_cifar10")[0]))
    for kind in ("plain", "resnet"):
        yield from _pulled(kind, shown)


def _pulled(kind: str, shown: dict[str, str]) -> Iterator[Figure]:
    """Without each of the blocks of the 56-layer net in turn."""
    every = rows(f"{kind}{DEEP}_cifar10", "lesions.csv")
    n = max(int(row["n"]) for row in every if row["operation"] == "drop")
    found = [row for row in every if int(row["n"]) == n]
    intact = next(float(row["error"]) for row in found if row["operation"] == "none")
    yield exactly(f"{kind}-{DEEP}, images without a block", shown["n"], f"{n:,}")
    errors = [float(row["error"]) for row in found if row["operation"] == "drop" and "+" not in row["blocks"]]
    if kind == "plain":
        yield exactly("plain-56, blocks that kill it", shown["killed"], sum(error > KILLED for error in errors))
        yield exactly("plain-56, blocks", shown["of_plain"], len(errors))
        return
    yield exactly("resnet-56, blocks shrugged off", shown["shrugged"], sum(error <= intact + NEAR for error in errors))
    yield exactly("resnet-56, blocks", shown["of_residual"], len(errors))
    yield exactly("resnet-56, worst, %", shown["worst"], f"{max(errors):.1f}")
    yield exactly("resnet-56, whole, %", shown["intact"], f"{intact:.1f}")
