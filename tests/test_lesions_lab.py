import copy
import math
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import update_bn

from resnet.checkpoint import save_model
from resnet.data import normalise
from resnet.hub.load import bundled, load
from resnet.lab import lesions, paths
from resnet.lab.lesions import INTACT, Task, each_alone, effects, effects_in_chunks, several_at_random
from resnet.surgery import lesioned
from resnet.training.evaluate import as_seen, evaluate
from resnet.util.errors import InputError
from tests.factories import made_info, made_split, same_tensors, tiny
from tests.test_surgery import living

DEEP = {"depths": (2, 3, 2)}
SPLIT = made_split(40)


def net_of(**changes):
    return living(tiny(**DEEP | changes))


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"shortcut": "none"}, {"order": "preact"}])
def test_a_sweep_is_an_evaluation_of_each_lesioned_net(changes, monkeypatch):
    monkeypatch.setattr(lesions, "AT_ONCE", 16)
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


@pytest.mark.parametrize("changes", [{}, {"shortcut": "none"}, {"order": "preact"}, {"order": "bn_after_add"}])
def test_re_estimated_norms_are_those_of_the_lesioned_net(changes, monkeypatch):
    """Against torch's update_bn over the whole lesioned net."""
    monkeypatch.setattr(lesions, "BATCH", 16)
    net, calibration = net_of(**changes), made_split(48, seed=2)
    inputs = [normalise(images, calibration.spec) for images in calibration.images.split(16)]
    tasks = [INTACT, *(each_alone(net.config, operation)[-1] for operation in lesions.OPERATIONS),
             several_at_random(net.config)[-1]]
    before = {key: value.clone() for key, value in net.state_dict().items()}
    found = {Task(effect.operation, effect.blocks): effect for effect in effects(net, SPLIT, tasks, calibration)}
    for task in tasks:
        expected = copy.deepcopy(lesioned(net, task.lesion))
        update_bn(inputs, expected)
        score = evaluate(expected, SPLIT)
        assert (found[task].error, found[task].calibration) == (pytest.approx(score.error), 48)
        assert found[task].loss == pytest.approx(score.loss, rel=1e-4)
    assert same_tensors(before, net.state_dict()) and not net.training
    stale = next(effect for effect in effects(net, SPLIT, tasks) if effect.operation == "drop")
    assert stale.loss != pytest.approx(found[Task(stale.operation, stale.blocks)].loss, rel=1e-3)
    assert effects_in_chunks(net, SPLIT, tasks, calibration) == [found[task] for task in tasks]


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
    text = (tmp_path / lesions.FILES["running"]).read_text()
    assert lesions.read(tmp_path) == tuple(
        lesions.Effect(row.operation, row.blocks, row.n, float(f"{row.error:.6g}"), float(f"{row.loss:.6g}"))
        for row in rows)
    assert list(lesions.record(tmp_path, net, SPLIT)) == []
    cut = "".join(text.splitlines(keepends=True)[:7]) + "drop,layer1.0+layer3.0,40,1,1,0\n"  # no part of the plan
    (tmp_path / lesions.FILES["running"]).write_text(cut)
    list(lesions.record(tmp_path, net, SPLIT))
    assert (tmp_path / lesions.FILES["running"]).read_text() == text
    again = list(lesions.record(tmp_path, net, SPLIT, made_split(20, seed=3)))
    assert [(row.operation, row.blocks, row.n, row.calibration) for row in again] == [
        (row.operation, row.blocks, row.n, 20) for row in rows]
    assert len(lesions.read(tmp_path, "reestimated")) == len(rows) == len(lesions.read(tmp_path))


@pytest.mark.parametrize("module, file", [(lesions, lesions.FILES["running"]), (paths, paths.FILE)])
@pytest.mark.parametrize("content", ["", "operation,blocks,n,error,loss\ndrop\n", "length,count\n1,2\n",
                                     "operation,blocks,n,error,loss\ndrop,layer1.0,five,1,1\n", "\xff"])
def test_a_damaged_record_is_named(tmp_path, module, file, content):
    (tmp_path / file).write_bytes(content.encode("latin-1"))
    if content == "":
        assert module.read(tmp_path) == ()
        return
    with pytest.raises(InputError) as caught:
        module.read(tmp_path)
    assert file in str(caught.value)


@pytest.mark.parametrize("name", list(bundled()))
def test_the_recorded_lesions_are_of_these_weights(name):
    rows = lesions.recorded(name)
    intact = {row.n: row for row in rows if row.operation == "none"}
    if (test := bundled()[name].results["test"])["n"] in intact:
        row = intact[test["n"]]
        assert row.error == pytest.approx(100 * (1 - test["accuracy"]), abs=1e-4)
        assert row.loss == pytest.approx(test["loss"], rel=1e-4)
    afresh = lesions.recorded(name, "reestimated")
    assert all(row.calibration == lesions.CALIBRATION for row in afresh) and all(not row.calibration for row in rows)
    assert {(row.operation, row.blocks, row.n) for row in afresh} <= {
        (row.operation, row.blocks, row.n) for row in rows}
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
    assert all(row.product == row.count * row.median > 0 for row in rows)
    assert all(row.low <= row.median <= row.high for row in rows)
    assert rows[0].samples == rows[-1].samples == 15 and {row.samples for row in rows} <= {5, 15}


def test_a_share_is_of_the_images_own_gradient():
    """The only path of length 0 of a net, by hand; every image held against its own whole gradient."""
    net = net_of()
    gates = torch.zeros(len(SPLIT), 7, dtype=torch.bool)
    x = normalise(SPLIT.images, SPLIT.spec)
    leaf = x.clone().requires_grad_()
    whole, = torch.autograd.grad(F.cross_entropy(net(leaf), SPLIT.labels, reduction="sum"), leaf)
    along = paths.gradients_along(net, x, SPLIT.labels, gates)
    shares = along.double().flatten(1).norm(dim=1) / whole.double().flatten(1).norm(dim=1)
    shortest = next(paths.path_lengths(net, SPLIT, samples=400))
    assert shares.min() <= shortest.median <= shares.max()
    assert shortest.mean == pytest.approx(shares.mean().item(), rel=0.2)


def test_the_interval_of_the_median_holds_it_as_often_as_it_says():
    """400 draws of a heavy-tailed quantity, whose median is 1."""
    generator = torch.Generator().manual_seed(0)
    held = 0
    for _ in range(400):
        median, low, high = paths._typical((3 * torch.randn(100, generator=generator)).exp().double())
        assert low <= median <= high
        held += low <= 1 <= high
    assert 0.92 <= held / 400 <= 0.98


def test_half_of_everything():
    rows = [paths.PathLength(k, 1, 9, median, median / 2, median * 2, 1) for k, median in enumerate((1, 2, 4, 2, 1))]
    assert paths.half_length(rows, lambda row: row.product) == 2
    assert paths.half_length(rows, lambda row: row.count * row.mean) == 2
    assert paths.half_range(rows) == (1, 3)  # within the intervals the first two carry 6 of 9.5, or 1.5 of 15.5


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
    assert [(row.length, row.count) for row in kept] == [(k, math.comb(3, k)) for k in range(4)]
    assert kept[0].samples == kept[-1].samples == 12
    assert [row.median for row in kept] == pytest.approx([row.median for row in rows], rel=1e-5)
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
