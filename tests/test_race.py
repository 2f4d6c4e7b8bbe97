import csv
import itertools
import math
from dataclasses import replace
from inspect import getgeneratorstate
from statistics import fmean

import pytest
import torch
from torch import nn

from resnet.data import load_samples
from resnet.lab import race as race_module
from resnet.lab.race import TESTED, RaceSettings, images, one_thread, race, remove_norms
from resnet.lab.race_log import Race, from_csv, recorded, to_csv, watch
from resnet.model import create
from resnet.training.recipe import learning_rate
from resnet.training.train import train
from resnet.util.errors import InputError

SMALL = RaceSettings(depth=8, width=4)


def laps(settings=SMALL, iterations=4) -> list:
    return list(race(settings, "cpu", iterations))


def alone(plain: bool, settings: RaceSettings, iterations: int) -> list[float]:
    """The losses of one of the nets, trained by itself."""
    run = train(settings.config(plain), settings.recipe(), images("train"), images("test").first(TESTED))
    with one_thread(torch.device("cpu")):
        return [next(run).loss for _ in range(iterations)]


def test_each_net_goes_its_way_as_if_it_were_alone():
    """Taking turns changes nothing: the same losses, bit for bit, as resnet.training.train's."""
    both = laps(iterations=8)
    assert [lap.plain_loss for lap in both] == alone(True, SMALL, 8)
    assert [lap.residual_loss for lap in both] == alone(False, SMALL, 8)


@pytest.mark.slow
def test_every_epoch_ends_with_a_test():
    both = laps(iterations=94)
    assert [lap.iteration for lap in both if lap.plain_test is not None] == [93]  # 6,000 images in batches of 64
    assert 0 < both[92].residual_test < 90 and both[93].residual_test is None


def test_the_seed_decides_a_race():
    courses = [[(lap.plain_loss, lap.residual_loss) for lap in laps(replace(SMALL, seed=seed))] for seed in (3, 3, 4)]
    assert courses[0] == courses[1] != courses[2]


def test_the_learning_rate_stays():
    run = train(SMALL.config(False), SMALL.recipe(), images("train"), images("test").first(TESTED))
    with one_thread(torch.device("cpu")):
        assert {f"{next(run).lr:.6f}" for _ in range(3)} == {"0.100000"}
    assert learning_rate(SMALL.recipe(), 100_000, 93 * SMALL.recipe().epochs) == pytest.approx(0.1, rel=0.002)


def test_the_images_are_the_bundled_ones_with_each_pixel_the_mean_of_four():
    pooled, whole = images("train"), load_samples("fashion_mnist", "train")
    four = whole.images[5, 0, 6:8, 10:12].float().mean()
    assert tuple(pooled.images.shape) == (6_000, 1, 14, 14) and abs(pooled.images[5, 0, 3, 5] - four) <= 0.5
    assert torch.equal(pooled.labels, whole.labels)


def test_without_norm_there_are_biases_in_its_place():
    settings = replace(SMALL, norm=False)
    net = create(settings.config(False))
    remove_norms(net)
    convolutions = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert not any(isinstance(module, nn.BatchNorm2d) for module in net.modules())
    assert len(convolutions) == 7 and all(conv.bias is not None for conv in convolutions)
    assert laps(settings) != laps() and all(math.isfinite(lap.residual_loss) for lap in laps(settings))


def test_a_net_that_runs_away_leaves_the_other_to_go_on():
    settings = RaceSettings(depth=56, width=12, lr=0.3, norm=False)
    course = Race(settings, tuple(laps(settings, 3)), "here")
    lost = course.lost_at(plain=False)
    assert lost and course.lost_at(plain=True) is None and len(course.laps) == 3
    assert all(math.isnan(loss) == (i + 1 >= lost) for i, loss in enumerate(course.losses(plain=False)))


def test_a_closed_race_ends_all_work():
    threads = torch.get_num_threads()
    running = watch(SMALL, "cpu")
    assert next(running).laps == () and len(next(running).laps) > 0  # at once, then as it goes
    running.close()
    assert getgeneratorstate(running) == "GEN_CLOSED" and torch.get_num_threads() == threads


def test_a_race_ends_with_its_time(monkeypatch):
    seconds = itertools.count()
    monkeypatch.setattr(race_module.time, "perf_counter", lambda: float(next(seconds)))
    elapsed = [lap.elapsed for lap in race(replace(SMALL, seconds=5), "cpu")]
    assert elapsed[-1] >= 5 > elapsed[-2]


def test_losses_are_means_of_the_last_25():
    course = recorded()
    raw = [lap.plain_loss for lap in course.laps]
    assert course.losses(plain=True)[40] == pytest.approx(fmean(raw[16:41]))
    assert course.losses(plain=True)[3] == pytest.approx(fmean(raw[:4]))


def test_the_recorded_race_was_run_with_the_default_settings():
    course = recorded()
    assert course.settings == RaceSettings() and course.hardware
    assert [lap.iteration for lap in course.laps] == list(range(1, len(course.laps) + 1))
    assert course.losses(plain=False)[-1] < 0.75 * course.losses(plain=True)[-1]


def test_the_recorded_race_begins_as_one_does_here():
    for lap, before in zip(laps(RaceSettings(), 2), recorded().laps[:2], strict=True):
        assert (lap.plain_loss, lap.residual_loss) == pytest.approx((before.plain_loss, before.residual_loss), rel=1e-2)


def test_a_race_survives_csv():
    course = Race(replace(SMALL, norm=False, seed=7), tuple(laps()), "1 thread, of something")
    again = from_csv(to_csv(course).splitlines())
    assert again.settings == course.settings and again.hardware == course.hardware
    for lap, before in zip(again.laps, course.laps, strict=True):
        assert lap.plain_loss == pytest.approx(before.plain_loss, rel=1e-5) and lap.plain_test is None
    rows = list(csv.DictReader(to_csv(course).splitlines()))
    assert rows[0]["depth"] == "8" and rows[-1]["iteration"] == "4" and rows[0]["plain_test"] == ""


@pytest.mark.parametrize("changes", [{"depth": 9}, {"depth": 1202}, {"width": 64}, {"lr": 1.0}, {"lr": math.nan},
                                     {"seed": -1}, {"seed": 10**6}, {"seconds": 1}, {"seconds": 3600}])
def test_what_is_not_offered_is_refused(changes):
    with pytest.raises(InputError) as caught:
        RaceSettings(**changes)
    assert caught.value.key in ("choice", "between") and caught.value.values["field"] in changes
