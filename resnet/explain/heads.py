"""A classifier on a net's features in closed form: ridge regression, or nearest class means; both are linear layers.

Every picture is also answered by the head of all the others (leave-one-out). For both heads that takes no second
training: ridge regression's left-out errors are its errors over 1 - h_ii, the hat matrix's diagonal (Allen 1974), and
a class mean without one picture is a subtraction. tests/test_heads.py trains them n times instead.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

HEADS = ("ridge", "means")
STRENGTH = 0.1  # of ridge's penalty, in mean squared distances of the features from their mean (benchmarks/teach.py)
TEMPERATURES = torch.logspace(-3, 1, 81, dtype=torch.double)  # of what logits scatter by
TINY = 1e-12


@dataclass(frozen=True)
class Head:
    """A linear layer: features [n, d] -> logits [n, classes] by weight [classes, d] and bias [classes], all fp32."""

    weight: Tensor
    bias: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        return F.linear(features, self.weight, self.bias)


@dataclass(frozen=True)
class Fit:
    """A head, and what the heads without one picture each say of that picture.

    left_out   [n, classes] logits
    labels     [n] class indices
    """

    head: Head
    left_out: Tensor
    labels: Tensor

    @property
    def n(self) -> int:
        return len(self.labels)

    @property
    def answers(self) -> Tensor:
        """[n], of each picture by the head of the others."""
        return self.left_out.argmax(1)

    @property
    def right(self) -> Tensor:
        """[n] bools: which pictures the others' head names correctly."""
        return self.answers == self.labels

    @property
    def correct(self) -> int:
        return int(self.right.sum())

    @property
    def chances(self) -> Tensor:
        """[n, classes] probabilities of the left-out answers."""
        return self.left_out.softmax(1)

    def hardest(self, k: int) -> list[int]:
        """The k pictures whose own class gets least from the others' head, the hardest first."""
        own = self.chances.gather(1, self.labels[:, None])[:, 0]
        return own.argsort(stable=True)[:k].tolist()


def fit(features: Tensor, labels: Tensor, classes: int, kind: str = "ridge", strength: float = STRENGTH) -> Fit:
    """A head for features [n, d] of pictures of `classes` classes, labels [n]; each class has two pictures or more.

    The logits are divided by the temperature that fits the left-out answers best, so that their softmax means
    something; its targets are Platt's (1999), which never reach 1.

    Args:
        kind: "ridge" regresses on 1 for the class and -1 for the others, with an intercept that is not penalised;
            "means" gives the class whose mean is nearest.
        strength: of ridge's penalty; ridge = strength * mean squared distance of the features from their mean.
    """
    x = features.double()
    weight, bias, left_out = (_ridge(x, labels, classes, strength) if kind == "ridge" else _means(x, labels, classes))
    scale = _temperature(left_out, labels)
    return Fit(Head((weight / scale).float(), (bias / scale).float()), (left_out / scale).float(), labels)


def _ridge(x: Tensor, labels: Tensor, classes: int, strength: float) -> tuple[Tensor, Tensor, Tensor]:
    """In its dual form, which is small where there are fewer pictures than features."""
    n, y = len(x), 2 * F.one_hot(labels, classes).double() - 1
    centre, level = x.mean(0), y.mean(0)
    off = x - centre
    gram = off @ off.T
    penalty = max(strength * float(gram.diagonal().mean()), TINY)
    inverse = torch.linalg.inv(gram + penalty * torch.eye(n, dtype=x.dtype))
    dual = inverse @ (y - level)
    weight = dual.T @ off
    rest = penalty * inverse.diagonal() - 1 / n  # 1 - h_ii; the intercept takes 1 / n
    return weight, level - weight @ centre, y - penalty * dual / rest[:, None]


def _means(x: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """-|x - mean|^2 / 2, less what is the same for all classes: that is linear in x."""
    member = F.one_hot(labels, classes).double()
    counts, sums = member.sum(0), member.T @ x
    means = sums / counts[:, None]
    bias = -means.square().sum(1) / 2
    left_out = x @ means.T + bias
    own = (sums[labels] - x) / (counts[labels] - 1)[:, None]
    left_out[torch.arange(len(x)), labels] = (x * own).sum(1) - own.square().sum(1) / 2
    return means, bias, left_out


def _temperature(logits: Tensor, labels: Tensor) -> float:
    """Of all tried the one with the smallest cross-entropy of logits [n, classes]."""
    n, classes = logits.shape
    targets = (1 + n * F.one_hot(labels, classes).double()) / (n + classes)
    tried = TEMPERATURES * max(float((logits - logits.mean(1, keepdim=True)).std()), TINY)
    losses = -((logits / tried.view(-1, 1, 1)).log_softmax(2) * targets).sum(2).mean(1)
    return float(tried[losses.argmin()])


@dataclass(frozen=True)
class Paired:
    """Two heads on the same n pictures, left out one by one: how many each names correctly, and those that only one
    of the two does."""

    n: int
    first: int
    second: int
    only_first: int
    only_second: int

    @property
    def p(self) -> float:
        """The exact sign test's (McNemar 1947): how often a fair coin would split those as unevenly, or more."""
        n, fewer = self.only_first + self.only_second, min(self.only_first, self.only_second)
        return min(1.0, 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n)

    @property
    def verdict(self) -> str:
        """ "first" or "second" is better, or they are "alike": not told apart at p < 0.05."""
        if self.p >= 0.05:
            return "alike"
        return "first" if self.only_first > self.only_second else "second"


def paired(first: Fit, second: Fit) -> Paired:
    """Of the same pictures in the same order."""
    one, other = first.right, second.right
    return Paired(first.n, first.correct, second.correct, int((one & ~other).sum()), int((other & ~one).sum()))
