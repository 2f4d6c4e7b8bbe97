import math
from itertools import product

import pytest
import torch
import torch.nn.functional as F

from resnet.checkpoint import save_model
from resnet.hub.load import bundled, load
from resnet.lab import lesions, paths
from resnet.lab.lesions import INTACT, Task, each_alone, effects, effects_in_chunks, several_at_random
from resnet.surgery import lesioned
from resnet.training.evaluate import as_seen, evaluate
from resnet.util.errors import InputError
from tests.factories import made_info, made_split, tiny
from tests.test_surgery import living

DEEP = {"depths": (2, 3, 2)}
SPLIT = made_split(40)


def net_of(**changes):
    return living(tiny(**DEEP | changes))


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"shortcut": "none"}, {"order": "preact"}])
def test_a_sweep_is_an_evaluation_of_each_lesioned_net(changes, monkeypatch):
    monkeypatch.setattr(lesions, "BATCH", 16)
    net = net_of(**changes)
    tasks = [INTACT, *(task for operation in lesions.OPERATIONS for task in each_alone(net.config, operation)),
             *several_at_random(net.config)[:3]]
    found = list(effects(net, SPLIT, tasks))
    assert {Task(effect.operation, effect.blocks) for effect in found} == set(tasks) and len(found) == len(tasks)
    for effect in found:
        score = evaluate(lesioned(net, Task(effect.operation, effect.blocks).lesion), SPLIT)
        assert (effect.n, effect.error) == (40, pytest.approx(score.error))
        assert effect.loss == pytest.approx(score.loss, rel=1e-5)


def test_chunks_add_up(monkeypatch):
    net = net_of()
    tasks = [INTACT, *each_alone(net.config, "swap")]
    whole = effects_in_chunks(net, SPLIT, tasks)
    monkeypatch.setattr(lesions, "CHUNK", 7)
    for one, other in zip(whole, effects_in_chunks(net, SPLIT, tasks), strict=True):
        assert (one.operation, one.blocks, one.n) == (other.operation, other.blocks, other.n)
        assert (one.error, one.loss) == (pytest.approx(other.error), pytest.approx(other.loss, rel=1e-5))


def test_what_a_net_cannot_have_is_refused_before_anything_is_measured():
    net = net_of(shortcut="none")
    for task in (Task("drop", ("layer2.0",)), Task("melt", ("layer1.0",))):
        with pytest.raises(InputError):
            next(effects(net, SPLIT, [INTACT, task]))


def test_several_at_random():
    tasks = several_at_random(tiny(**DEEP))  # five blocks keep the shape: 10 pairs, 10 triples, 5, all
    counts = [len(task.blocks) for task in tasks]
    assert counts == [1] * 5 + [2] * 10 + [3] * 10 + [4] * 5 + [5]
    assert len(set(tasks)) == len(tasks) and all("layer2.0" not in task.blocks for task in tasks)
    assert tasks == several_at_random(tiny(**DEEP, shortcut="none")) == several_at_random(tiny(**DEEP))
    assert several_at_random(tiny(depths=(1, 1, 1))) == []


def test_a_record_is_resumed_and_read_back(tmp_path, monkeypatch):
    net = living(tiny(depths=(2, 1, 1)))
    save_model(tmp_path, net, made_info(net.config))
    monkeypatch.setattr(lesions, "SEVERAL_N", 10)
    rows = list(lesions.record(tmp_path, net, SPLIT))
    text = (tmp_path / lesions.FILE).read_text()
    assert lesions.read(tmp_path) == tuple(
        lesions.Effect(row.operation, row.blocks, row.n, float(f"{row.error:.6g}"), float(f"{row.loss:.6g}"))
        for row in rows)
    assert list(lesions.record(tmp_path, net, SPLIT)) == []
    cut = "".join(text.splitlines(keepends=True)[:7]) + "drop,layer1.0+layer3.0,40,1,1\n"  # no part of the plan
    (tmp_path / lesions.FILE).write_text(cut)
    list(lesions.record(tmp_path, net, SPLIT))
    assert (tmp_path / lesions.FILE).read_text() == text


@pytest.mark.parametrize("module", [lesions, paths])
@pytest.mark.parametrize("content", ["", "operation,blocks,n,error,loss\ndrop\n", "length,count\n1,2\n",
                                     "operation,blocks,n,error,loss\ndrop,layer1.0,five,1,1\n", "\xff"])
def test_a_damaged_record_is_named(tmp_path, module, content):
    (tmp_path / module.FILE).write_bytes(content.encode("latin-1"))
    if content == "":
        assert module.read(tmp_path) == ()
        return
    with pytest.raises(InputError) as caught:
        module.read(tmp_path)
    assert module.FILE in str(caught.value)


@pytest.mark.parametrize("name", list(bundled()))
def test_the_recorded_lesions_are_of_these_weights(name):
    rows = lesions.recorded(name)
    intact = {row.n: row for row in rows if row.operation == "none"}
    if (test := bundled()[name].results["test"])["n"] in intact:
        row = intact[test["n"]]
        assert row.error == pytest.approx(100 * (1 - test["accuracy"]), abs=1e-4)
        assert row.loss == pytest.approx(test["loss"], rel=1e-4)
    alone = {(row.operation, row.blocks) for row in rows if len(row.blocks) == 1}
    config = bundled()[name].architecture
    assert alone <= {(task.operation, task.blocks) for operation in lesions.OPERATIONS
                                 for task in each_alone(config, operation)}


# Paths ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, {"shortcut": "B"}, {"order": "preact"}])
def test_all_paths_together_are_the_gradient(changes):
    net = living(tiny(**{"depths": (1, 2, 1)} | changes)).double()
    x = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    labels = torch.tensor([3, 7])
    gates = torch.tensor(list(product([False, True], repeat=4)))
    each = [paths.gradients_along(net, x, labels, gate.expand(2, 4)) for gate in gates]
    mixed = paths.gradients_along(net, x[:1].expand(16, -1, -1, -1), labels[:1].expand(16), gates)
    leaf = x.clone().requires_grad_()
    expected, = torch.autograd.grad(F.cross_entropy(net(leaf), labels, reduction="sum"), leaf)
    torch.testing.assert_close(sum(each), expected)
    torch.testing.assert_close(mixed, torch.stack([gradient[0] for gradient in each]))
    assert all(gradient.abs().max() > 0 for gradient in each)


def test_path_lengths_are_binomial_and_seeded():
    net = net_of()
    rows = list(paths.path_lengths(net, SPLIT, samples=5))
    assert [row.count for row in rows] == [math.comb(7, k) for k in range(8)] and sum(r.count for r in rows) == 2**7
    assert rows == list(paths.path_lengths(net, SPLIT, samples=5))
    assert rows != list(paths.path_lengths(net, SPLIT, samples=5, seed=1))
    assert all(row.product == row.count * row.magnitude > 0 for row in rows)


def test_the_longest_path_of_all_is_the_one_without_shortcuts():
    """By hand: with every shortcut cut in the backward pass only the branches carry."""
    net = living(tiny(depths=(1, 1, 1)))
    x = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(4)).requires_grad_()
    y = net.relu(net.bn1(net.conv1(x)))
    for block in (net.layer1[0], net.layer2[0], net.layer3[0]):
        y = torch.relu(block.residual(y) + block.downsample(y).detach())
    loss = F.cross_entropy(net.fc(y.mean((2, 3))), labels := torch.tensor([0, 1, 2]), reduction="sum")
    expected, = torch.autograd.grad(loss, x)
    gates = torch.ones(3, 3, dtype=torch.bool)
    torch.testing.assert_close(paths.gradients_along(net, x.detach(), labels, gates), expected)


def test_a_plain_net_has_one_path():
    with pytest.raises(InputError) as caught:
        next(paths.path_lengths(net_of(shortcut="none"), SPLIT, 5))
    assert caught.value.key == "plain_paths"


def test_the_paths_record_is_kept_and_read_back(tmp_path, monkeypatch):
    net = living(tiny())
    rows = paths.record(tmp_path, net, SPLIT, samples=4)
    kept = paths.read(tmp_path)
    assert [(row.length, row.count, row.samples) for row in kept] == [(k, math.comb(3, k), 4) for k in range(4)]
    assert [row.magnitude for row in kept] == pytest.approx([row.magnitude for row in rows], rel=1e-5)
    monkeypatch.setattr(paths, "path_lengths", lambda *_: pytest.fail("measured again"))
    assert paths.record(tmp_path, net, SPLIT, samples=4) == kept


def test_the_images_are_seen_as_in_training():
    loaded = load("resnet20_fashion_mnist")
    from resnet.lab.images import images_for, random_images

    split = images_for(loaded.info, "test", 50, shipped=True)
    assert len(split) == 50 and split.spec.mean == loaded.info.mean == as_seen(split, loaded.info).spec.mean
    drawn = random_images(split, 20, 0)
    assert len(drawn) == 20 and torch.equal(drawn.labels, random_images(split, 20, 0).labels)
    with pytest.raises(InputError) as caught:
        images_for(load("resnet20_cifar10").info, "test", 50, shipped=True)
    assert caught.value.key == "no_samples"
