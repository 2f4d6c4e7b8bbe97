"""What the six scenes say and show, taken from the recorded runs and lesions."""

from dataclasses import dataclass
from functools import cache

from resnet.lab import lesions
from resnet.training.runs import series_of

DATA = "cifar10"
SHALLOW, DEEP = 20, 56
KILLED = 50.0  # per cent: an error from which a net of ten classes is said to have stopped working
NEAR = 3.0  # points: so much a net shrugs off
SCENES = ("nested", "degradation", "shortcut", "compared", "lesions", "open")  # in a link by their numbers, from 1
# The panels that show a scene in full, each with the field and value that choose its nets.
PANELS = {"degradation": "degradation&data=cifar10", "compared": "degradation&data=cifar10",
          "lesions": "lesions&nets=56_cifar10"}
OPEN_QUESTIONS = ("gradients", "responses", "deepen", "orders", "surface", "race")


@dataclass(frozen=True)
class Curve:
    """A net's test error in per cent, an epoch each (the mean over its seeds), and its last training error."""

    title: str
    depth: int
    plain: bool
    test: tuple[float, ...]
    train: float
    seeds: int

    @property
    def final(self) -> float:
        return self.test[-1]


@dataclass(frozen=True)
class Pulled:
    """Test error in per cent of a net without one of its blocks; `intact` with all of them; n test images;
    `reestimated`: the same errors where batch norm's statistics are estimated anew after each cut."""

    title: str
    plain: bool
    intact: float
    errors: dict[str, float]
    reestimated: dict[str, float]
    n: int

    @property
    def killed(self) -> int:
        """Blocks without which the net has stopped working."""
        return sum(error > KILLED for error in self.errors.values())

    @property
    def beyond_repair(self) -> int:
        """Blocks without which it has stopped working whatever batch norm's statistics."""
        return sum(min(error, self.reestimated[block]) > KILLED for block, error in self.errors.items())

    @property
    def shrugged(self) -> int:
        """Blocks without which the net has at most NEAR points more error."""
        return sum(error <= self.intact + NEAR for error in self.errors.values())

    @property
    def worst(self) -> float:
        return max(self.errors.values())


@cache
def curves() -> tuple[Curve, ...]:
    """plain-20, plain-56, ResNet-20, ResNet-56 on CIFAR-10."""
    return tuple(Curve(series.title, series.depth, series.plain, tuple(series.mean("test_error")),
                       series.final("train_error"), len(series.runs))
                 for series in series_of(DATA) if series.main)


def curve(depth: int, plain: bool) -> Curve:
    return next(one for one in curves() if (one.depth, one.plain) == (depth, plain))


@cache
def pulled(plain: bool) -> Pulled:
    """The 56-layer net without each of its blocks in turn."""
    name = f"{'plain' if plain else 'resnet'}{DEEP}_{DATA}"
    (intact, errors, n), (_, reestimated, _) = (_alone(name, norms) for norms in ("running", "reestimated"))
    return Pulled(curve(DEEP, plain).title, plain, intact, errors, reestimated, n)


def _alone(name: str, norms: str) -> tuple[float, dict[str, float], int]:
    """Error in per cent of the whole net, without each block, and of how many test images."""
    rows = lesions.recorded(name, norms)
    alone = [row for row in rows if row.operation == "drop" and len(row.blocks) == 1]
    intact = next(row for row in rows if row.operation == "none" and row.n == alone[0].n)
    return intact.error, {row.blocks[0]: row.error for row in alone if row.n == intact.n}, intact.n


def numbers() -> dict[str, str]:
    """Every figure that a sentence of the scenes quotes, by its placeholder."""
    kinds = {f"{'plain' if one.plain else 'resnet'}{one.depth}": one for one in curves()}
    found = {f"{name}_test": f"{one.final:.1f}" for name, one in kinds.items()}
    found |= {f"{name}_train": f"{one.train:.1f}" for name, one in kinds.items()}
    plain, residual = pulled(True), pulled(False)
    return found | {
        "seeds20": f"{kinds['plain20'].seeds}", "seeds56": f"{kinds['plain56'].seeds}",
        "shrugged": f"{residual.shrugged}", "near": f"{NEAR:g}",
        "killed": f"{plain.killed}", "still": f"{plain.beyond_repair}",
        "of_plain": f"{len(plain.errors)}", "of_residual": f"{len(residual.errors)}",
        "threshold": f"{KILLED:g}", "intact": f"{residual.intact:.1f}", "worst": f"{residual.worst:.1f}",
        "n": f"{plain.n:,}", "epochs": f"{len(kinds['plain56'].test)}"}
