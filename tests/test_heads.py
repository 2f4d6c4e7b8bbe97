"""Heads in closed form, against training them n times, and against scikit-learn's."""

import pytest
import torch
import torch.nn.functional as F

from resnet.explain.heads import HEADS, STRENGTH, Paired, fit, paired

CLASSES = 3


def made(n: int = 30, d: int = 50, spread: float = 3.0, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Features around a point for each class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % CLASSES
    points = torch.randn(CLASSES, d, generator=generator)
    return points[labels] + spread * torch.randn(n, d, generator=generator), labels


def ridge_weights(x: torch.Tensor, y: torch.Tensor, penalty: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The normal equations of d features and an intercept that costs nothing."""
    inputs = torch.cat([x, torch.ones(len(x), 1)], 1).double()
    cost = penalty * torch.eye(inputs.shape[1], dtype=torch.double)
    cost[-1, -1] = 0
    found = torch.linalg.solve(inputs.T @ inputs + cost, inputs.T @ y.double())
    return found[:-1].T, found[-1]


def penalty_of(x: torch.Tensor) -> float:
    return STRENGTH * float((x.double() - x.double().mean(0)).square().sum(1).mean())


def proportional(found: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Up to one positive factor for all: the temperature."""
    factor = (found * wanted).sum() / wanted.square().sum()
    return bool(factor > 0) and torch.allclose(found.double() / factor.double(), wanted.double(), atol=1e-4)


def test_ridge_is_the_normal_equations_solution():
    x, labels = made()
    weight, bias = ridge_weights(x, 2 * F.one_hot(labels, CLASSES) - 1, penalty_of(x))
    head = fit(x, labels, CLASSES).head
    assert proportional(torch.cat([head.weight, head.bias[:, None]], 1), torch.cat([weight, bias[:, None]], 1))


@pytest.mark.parametrize("d", [10, 50], ids=["more pictures", "more features"])
def test_ridge_left_out_is_training_n_times(d):
    x, labels = made(d=d)
    y, kept = 2 * F.one_hot(labels, CLASSES) - 1, torch.ones(len(x), dtype=torch.bool)
    again = []
    for i in range(len(x)):
        kept[i] = False
        weight, bias = ridge_weights(x[kept], y[kept], penalty_of(x))
        again.append(weight @ x[i].double() + bias)
        kept[i] = True
    found = fit(x, labels, CLASSES)
    assert proportional(found.left_out, torch.stack(again))
    assert 0 < found.correct < found.n  # something was at stake


def test_means_left_out_is_taking_them_n_times():
    x, labels = made()
    again = torch.empty(len(x), CLASSES)
    for i in range(len(x)):
        kept = torch.arange(len(x)) != i
        means = torch.stack([x[kept & (labels == c)].mean(0) for c in range(CLASSES)])
        again[i] = -(x[i] - means).square().sum(1) / 2
    found = fit(x, labels, CLASSES, "means")
    shift = again + x.square().sum(1, keepdim=True) / 2
    assert proportional(found.left_out, shift) and torch.equal(found.answers, again.argmax(1))


@pytest.mark.peers
def test_ridge_is_scikit_learns():
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, labels = made()
    peer = linear_model.RidgeClassifier(alpha=penalty_of(x)).fit(x.double().numpy(), labels.numpy())
    head = fit(x, labels, CLASSES).head
    new, _ = made(n=300, seed=1)
    assert proportional(head(new), torch.tensor(peer.decision_function(new.double().numpy())))
    assert head(new).argmax(1).tolist() == peer.predict(new.double().numpy()).tolist()


@pytest.mark.parametrize("kind", HEADS)
def test_two_classes_of_pictures_that_are_all_alike_give_no_answer_but_no_nonsense(kind):
    found = fit(torch.ones(6, 4), torch.tensor([0, 0, 0, 1, 1, 1]), 2, kind)
    assert found.left_out.isfinite().all() and found.head(torch.ones(1, 4)).isfinite().all()


@pytest.mark.parametrize("kind", HEADS)
def test_probabilities_fit_how_often_the_left_out_answers_are_right(kind):
    sure, unsure = (fit(*made(n=90, spread=spread), CLASSES, kind) for spread in (0.5, 6.0))
    for found in (sure, unsure):
        claimed = found.chances.amax(1).mean()
        assert claimed == pytest.approx(found.correct / found.n, abs=0.1)
    assert sure.chances.amax(1).mean() > unsure.chances.amax(1).mean()


def test_the_hardest_picture_is_the_one_with_a_wrong_label():
    x, labels = made(spread=0.3)
    labels = labels.clone()
    labels[7] = (labels[7] + 1) % CLASSES
    found = fit(x, labels, CLASSES)
    assert found.hardest(3)[0] == 7 and not found.right[7]


@pytest.mark.parametrize(("only", "p", "verdict"), [
    ((0, 0), 1, "alike"), ((5, 0), 0.0625, "alike"), ((6, 0), 0.03125, "first"), ((0, 6), 0.03125, "second"),
    ((9, 1), 22 / 1024, "first"), ((3, 3), 1, "alike")])
def test_pictures_that_only_one_gets_right_decide(only, p, verdict):
    found = Paired(40, 20 + only[0], 20 + only[1], *only)
    assert found.p == pytest.approx(p) and found.verdict == verdict


def test_pairs_are_counted_picture_by_picture():
    x, labels = made()
    first, second = fit(x, labels, CLASSES), fit(x[:, :5], labels, CLASSES)
    found = paired(first, second)
    assert found.first - found.second == found.only_first - found.only_second == first.correct - second.correct
