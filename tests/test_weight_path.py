import math

import numpy as np
import pytest
import torch

from resnet.__main__ import main
from resnet.lab import trainings
from resnet.lab.curvature import read as read_bends
from resnet.lab.plane import Ground, fingerprint
from resnet.lab.weight_path import (
    PLANE,
    axes_of,
    path,
    principal,
    random_walk,
    read_path,
    read_plane,
    record_path,
    record_plane,
    ticks,
    vector,
)
from resnet.model import create
from resnet.util.errors import InputError
from tests.factories import TINY_SETTINGS, made_split, tiny, write_parquet

NETS = {epoch: create(tiny(), seed=epoch).eval() for epoch in range(5)}
POINTS = torch.stack([vector(net) for net in NETS.values()])
IMAGES = made_split(20)


def test_components_and_their_shares_are_numpys_and_torchs():
    """By numpy's covariance matrix, the definition, and by torch's own PCA."""
    drawn = torch.randn(8, 30, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    axes, shares = principal(drawn)
    values, vectors = np.linalg.eigh(np.cov(drawn.numpy().T))
    assert shares[:2].tolist() == pytest.approx((values[::-1] / values.sum())[:2].tolist())
    _, scales, torchs = torch.pca_lowrank(drawn, q=8, niter=10)
    assert shares.tolist() == pytest.approx((scales**2 / (scales**2).sum()).tolist(), abs=1e-9)
    for i in range(2):
        assert abs(axes[i].numpy() @ vectors[:, -1 - i]) == pytest.approx(1)
        assert abs(axes[i] @ torchs[:, i]).item() == pytest.approx(1)


def test_a_path_in_a_plane_is_found_whole():
    """A half circle in a turned plane of 50 dimensions: nothing is off it, and its two axes share all."""
    turn, _ = torch.linalg.qr(torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    angle = torch.linspace(0, math.pi, 9, dtype=torch.float64)
    points = torch.stack([angle.cos(), angle.sin()], 1) @ turn.T
    axes, shares = principal(points)
    assert shares[:2].sum().item() == pytest.approx(1)
    moved = points - points[-1]
    assert torch.allclose(moved @ axes.T @ axes, moved, atol=1e-9)


def test_a_random_walk_has_its_steps_lengths_and_lies_near_a_plane_too():
    """What makes the shares say little: of 12 steps in 5,000 dimensions two axes hold more than half."""
    points = torch.randn(13, 5_000, generator=torch.Generator().manual_seed(3), dtype=torch.float64).cumsum(0)
    walk = random_walk(points, seed=1)
    assert torch.allclose(walk.diff(dim=0).norm(dim=1), points.diff(dim=0).norm(dim=1))
    assert 0.5 < principal(walk)[1][:2].sum() < 0.95
    scattered = torch.randn(13, 5_000, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert principal(scattered)[1][:2].sum() < 0.3


def test_steps_are_the_weights_on_the_plane_about_the_last():
    steps, (first, second) = path(NETS), axes_of(NETS)
    flat = [torch.cat([part.reshape(-1) for part in axis.values()]).double() for axis in (first, second)]
    assert list(first) == [name for name, _ in NETS[0].named_parameters()]
    assert (flat[0] @ flat[1]).item() == pytest.approx(0, abs=1e-5) and flat[0].norm().item() == pytest.approx(1)
    for step, point in zip(steps, POINTS, strict=True):
        moved = point - POINTS[-1]
        assert (step.x, step.y) == pytest.approx(((moved @ flat[0]).item(), (moved @ flat[1]).item()), abs=1e-4)
        assert math.hypot(step.x, step.y, step.off) == pytest.approx(moved.norm().item(), rel=1e-5)
    assert (steps[-1].x, steps[-1].y, steps[-1].off) == (0, 0, 0) and steps[0].x > 0
    assert [step.epoch for step in steps] == list(NETS) and steps[0].share_x > steps[0].share_y > 0


def test_ticks_hold_the_path_and_a_margin():
    assert ticks((0.0, 10.0, 4.0), 8) == (-2.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0)


def test_a_point_of_the_plane_is_the_last_net_moved_along_the_axes(tmp_path):
    steps = record_path(tmp_path, NETS)
    assert read_path(tmp_path)[0].x == pytest.approx(steps[0].x, rel=1e-5)
    points = list(record_plane(tmp_path, NETS, IMAGES, "fixed", 3, 20))
    assert len(points) == 9 and read_plane(tmp_path) == tuple(points) and points[0].weights == fingerprint(NETS[4])
    state, (first, second) = NETS[4].state_dict(), axes_of(NETS)
    moved = create(tiny(), seed=0).eval()
    for point in (points[0], points[5]):
        moved.load_state_dict(state | {name: state[name] + point.x * first[name] + point.y * second[name]
                                       for name in first})
        assert (point.loss, point.error) == pytest.approx(Ground(IMAGES).height(moved), rel=1e-4)
    other = list(record_plane(tmp_path, NETS, IMAGES, "reestimated", 3, 20))
    assert len(read_plane(tmp_path)) == 18 and [one.loss for one in other] != [one.loss for one in points]


def test_a_stopped_plane_goes_on_and_another_is_refused(tmp_path):
    running = record_plane(tmp_path, NETS, IMAGES, "fixed", 3, 20)
    for _ in range(3):
        next(running)
    running.close()
    assert len(read_plane(tmp_path)) == 3
    assert len(list(record_plane(tmp_path, NETS, IMAGES, "fixed", 3, 20))) == 6
    for grid, n, nets in ((5, 20, NETS), (3, 10, NETS), (3, 20, {0: NETS[0], 1: NETS[1], 2: NETS[2]})):
        with pytest.raises(InputError) as caught:
            list(record_plane(tmp_path, nets, IMAGES, "fixed", grid, n))
        assert caught.value.key == "surface_other"
    with pytest.raises(InputError) as caught:
        list(record_plane(tmp_path, NETS, IMAGES, "fixed", 3, 21))
    assert caught.value.key == "surface_images" and len((tmp_path / PLANE).read_text().splitlines()) == 10


def test_the_command_reads_what_train_kept(tmp_path, monkeypatch, capsys):
    write_parquet(made_split(80), tmp_path, "train")
    write_parquet(made_split(40, seed=1), tmp_path, "test")
    monkeypatch.setenv("RESNET_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run = str(tmp_path / "run")
    assert main(["train", "resnet20_cifar", "--data", "fashion_mnist", "--epochs", "3", "--batch", "16", "--precision",
                 "fp32", "--device", "cpu", "--set", *TINY_SETTINGS, "--out", run, "--keep-epochs"]) == 0
    out = tmp_path / "out"
    command = ["path", run, "--grid", "3", "--n", "10", "--batch", "10", "--out", str(out)]
    assert main(command) == 0
    assert len(read_path(out)) == 4 and len(read_plane(out)) == 18 and len(read_bends(out)) == 8
    capsys.readouterr()
    assert main(command) == 0 and "loss" not in capsys.readouterr().out
    monkeypatch.setattr(trainings, "RECORDED", tmp_path)
    training, = trainings.recorded.__wrapped__()
    assert (training.info.name, training.seed, len(training.steps)) == ("resnet20_fashion_mnist", 0, 4)
    points = {(point.norm, point.x, point.y): point.loss for point in read_plane(out)}
    for norm, plane in training.planes.items():
        assert len(plane.across) == len(plane.up) == 3 and plane.n == 10
        assert all(plane.losses[i][j] == points[norm, x, y]
                   for i, x in enumerate(plane.across) for j, y in enumerate(plane.up))
    assert [bend.epoch for bend in training.bent("fixed")] == [0, 1, 2, 3]
    for file in (PLANE, "curvature.csv"):
        whole = (out / file).read_text()
        (out / file).write_text(whole.rpartition("\n")[0].rpartition("\n")[0] + "\n")
        assert trainings.recorded.__wrapped__() == ()  # the command has not finished
        (out / file).write_text(whole)


def test_the_trainings_that_ship_are_twins_of_one_recipe():
    found = trainings.recorded()
    assert trainings.seeds(found) and {one.plain for one in found} == {True, False}
    assert len({str(one.info.recipe | {"seed": 0}) for one in found}) == 1
    for one in found:
        assert (trainings.RECORDED / one.info.name / "path.csv").exists()
        assert [step.epoch for step in one.steps] == list(range(one.info.recipe["epochs"] + 1))
        assert all(bend.residual < 0.05 for bend in one.bends)
