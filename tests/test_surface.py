import copy
import csv
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet.commands import surface as command
from resnet.data import normalise, sample_file
from resnet.hub.load import load
from resnet.lab import surfaces as module
from resnet.lab.images import images_for
from resnet.lab.plane import Ground, Walker, fingerprint
from resnet.lab.surface import FILE, Height, Slice, directions, read, record
from resnet.lab.surfaces import Case, Surface, pairs, recorded, verdict
from resnet.model import create
from resnet.training.evaluate import evaluate
from resnet.util.errors import InputError
from tests.factories import made_info, made_split, same_tensors, tiny

NET, PLAIN = create(tiny(), seed=3).eval(), create(tiny("plain20_cifar"), seed=4).eval()
IMAGES = made_split(40)
SMALL = Slice(grid=3, span=0.5, n=20, seed=1)


def heights(folder, net=NET, where=SMALL, images=IMAGES) -> list[Height]:
    return list(record(folder, net, images, where))


def test_filters_of_a_direction_have_the_norms_of_the_nets():
    """By the definition of Li et al. 2018, section 4, in numpy; biases and norms do not move."""
    parameters = dict(NET.named_parameters())
    for direction in directions(NET, seed=5):
        assert set(direction) == {name for name in parameters if name.endswith(("conv1.weight", "conv2.weight"))
                                  or name == "fc.weight"}
        for name, drawn in direction.items():
            for filter_drawn, filter_own in zip(drawn.numpy(), parameters[name].detach().numpy(), strict=True):
                assert np.linalg.norm(filter_drawn) == pytest.approx(np.linalg.norm(filter_own), rel=1e-5)


def test_directions_are_random_independent_and_the_seeds():
    first, second = directions(NET, 5)
    cosine = torch.nn.functional.cosine_similarity(first["fc.weight"].flatten(), second["fc.weight"].flatten(), 0)
    assert abs(cosine) < 0.5 and same_tensors(first, directions(NET, 5)[0])
    assert not same_tensors(first, directions(NET, 6)[0])


def test_twins_move_along_directions_drawn_from_the_same_numbers():
    one, other = directions(NET, 5)[0]["conv1.weight"], directions(PLAIN, 5)[0]["conv1.weight"]
    assert torch.allclose(one / one.flatten(1).norm(dim=1).view(-1, 1, 1, 1),
                          other / other.flatten(1).norm(dim=1).view(-1, 1, 1, 1), atol=1e-6)


def test_the_centre_is_the_net_bit_for_bit_and_its_loss_the_evaluated_one(tmp_path):
    walker = Walker(NET, *directions(NET, 1))
    walker.go(0.5, -0.5)
    assert not same_tensors(walker.net.state_dict(), NET.state_dict())
    assert same_tensors(walker.go(0.0, 0.0).state_dict(), NET.state_dict())
    centre, = (height for height in heights(tmp_path) if (height.a, height.b) == (0, 0))
    score = evaluate(NET, IMAGES.first(20))
    assert (centre.loss, centre.error) == (score.loss, score.error)


def test_a_point_is_the_loss_of_weights_plus_a_d1_plus_b_d2(tmp_path):
    moved = create(tiny(), seed=3).eval()
    first, second = directions(NET, 1)
    state = moved.state_dict()
    moved.load_state_dict(state | {name: state[name] + 0.5 * first[name] - 0.5 * second[name] for name in first})
    point, = (height for height in heights(tmp_path) if (height.a, height.b) == (0.5, -0.5))
    assert point.loss == pytest.approx(evaluate(moved, IMAGES.first(20)).loss, rel=1e-5)


def test_the_shared_net_is_left_as_it_was(tmp_path):
    before = {name: value.clone() for name, value in NET.state_dict().items()}
    heights(tmp_path)
    assert same_tensors(before, NET.state_dict())


def test_a_stopped_record_goes_on_to_the_same_file(tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    heights(whole)
    running = record(stopped, NET, IMAGES, SMALL)
    done = [next(running) for _ in range(6)]  # two lines of the grid
    running.close()
    assert read(stopped) == tuple(done)
    assert len(heights(stopped)) == 3 and heights(stopped) == []
    assert (stopped / FILE).read_text() == (whole / FILE).read_text()
    assert len(read(whole)) == 9 and read(whole)[0].slice == SMALL


@pytest.mark.parametrize("other", [{"where": replace(SMALL, grid=5)}, {"where": replace(SMALL, n=10)}, {"net": PLAIN},
                                   {"where": replace(SMALL, seed=2), "net": PLAIN}])
def test_a_file_of_another_slice_or_net_is_refused_and_kept(tmp_path, other):
    heights(tmp_path)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(InputError) as caught:
        heights(tmp_path, **other)
    assert caught.value.key == "surface_other" and (tmp_path / FILE).read_bytes() == before


def test_too_few_images_and_a_damaged_file_are_input_errors(tmp_path):
    with pytest.raises(InputError) as caught:
        heights(tmp_path, where=replace(SMALL, n=41))
    assert caught.value.key == "surface_images" and not (tmp_path / FILE).exists()
    (tmp_path / FILE).write_text("grid,span\n3,zebra\n")
    with pytest.raises(InputError) as caught:
        heights(tmp_path)
    assert caught.value.key == "damaged_record"


@pytest.mark.parametrize("changes", [{"grid": 20}, {"grid": 1}, {"grid": 103}, {"span": 0.0}, {"span": math.nan},
                                     {"span": 11.0}, {"n": 0}, {"seed": -1},
                                     {"norm": "none"}])
def test_a_slice_out_of_range_is_refused(changes):
    with pytest.raises(InputError):
        Slice(**changes)


def test_ticks_are_even_and_the_middle_one_is_zero():
    assert Slice(grid=5, span=1.0).ticks == (-1.0, -0.5, 0.0, 0.5, 1.0)
    assert Slice(grid=21, span=0.3).ticks[10] == 0.0


def test_only_finished_surfaces_are_shown(tmp_path, monkeypatch):
    for name, net in (("whole", NET), ("begun", PLAIN)):
        running = record(tmp_path / name, net, IMAGES, SMALL)
        for _ in range(9 if name == "whole" else 5):
            next(running)
        running.close()
    monkeypatch.setattr(module, "WEIGHTS", tmp_path)
    monkeypatch.setattr(module, "bundled", lambda: {name: made_info(tiny()) for name in ("whole", "begun", "without")})
    assert recorded.__wrapped__("begun") == recorded.__wrapped__("without") == {}
    rows = {(float(row["a"]), float(row["b"])): float(row["loss"])
            for row in csv.DictReader((tmp_path / "whole" / FILE).open())}
    surface = recorded.__wrapped__("whole")["fixed", 1]
    assert surface.centre == rows[0, 0] and surface.losses[0][2] == rows[-0.5, 0.5] and surface.slice == SMALL


def test_a_file_holds_a_slice_for_each_treatment_and_pair_of_directions(tmp_path):
    kinds = [replace(SMALL, seed=seed, norm=norm) for seed in (1, 2) for norm in ("fixed", "reestimated")]
    for where in kinds:
        assert len(heights(tmp_path, where=where)) == 9
    assert [height.slice for height in read(tmp_path)[::9]] == kinds
    losses = {tuple(height.loss for height in read(tmp_path)[9 * i:9 * i + 9]) for i in range(4)}
    assert len(losses) == 4


def test_reestimated_is_what_torchs_update_bn_gives(tmp_path):
    """At every point, over one batch of the slice's images; but for the variance's n - 1. Held fixed it is not."""
    moved, images = create(tiny(), seed=3), normalise(IMAGES.first(20).images, IMAGES.spec)
    first, second = directions(NET, 1)
    state = {name: value.clone() for name, value in NET.state_dict().items()}
    for norm, near in (("reestimated", True), ("fixed", False)):
        for point in heights(tmp_path, where=replace(SMALL, norm=norm)):
            moved.load_state_dict(state | {name: state[name] + point.a * first[name] + point.b * second[name]
                                           for name in first})
            torch.optim.swa_utils.update_bn([images], moved)
            again = Ground(IMAGES.first(20)).height(moved.eval())[0]
            assert (point.loss == pytest.approx(again, rel=1e-3)) == near


def made_case(plain: float, residual: float) -> Case:
    """Slices of 100 points, of which these shares are better than guessing."""
    def made(config, share: float) -> Surface:
        losses = tuple(tuple(0.0 if 10 * i + j < 100 * share else 3.0 for j in range(10)) for i in range(10))
        return Surface(made_info(config), SMALL, "fp32", losses, losses)

    return Case(made(tiny("plain20_cifar"), plain), made(tiny(), residual))


MORE, LESS, EVEN = made_case(0.1, 0.2), made_case(0.2, 0.1), made_case(0.1, 0.1)


@pytest.mark.parametrize("fixed, reestimated, key", [
    ([MORE, MORE, MORE], [LESS, LESS, LESS], "turns"), ([LESS, LESS, MORE], [MORE, LESS, MORE], "turns"),
    ([MORE, MORE, LESS], [MORE, MORE, MORE], "holds"), ([LESS], [LESS], "holds"),
    ([MORE, LESS], [MORE, MORE], "mixed"), ([MORE, EVEN], [LESS, LESS], "mixed"), ([EVEN], [EVEN], "mixed"),
    ([MORE, MORE], [], "one"), ([], [LESS], "one")])
def test_the_verdict_turns_with_the_records(fixed, reestimated, key):
    found = verdict({(norm, seed): case for norm, found in (("fixed", fixed), ("reestimated", reestimated))
                     for seed, case in enumerate(found)})
    assert found.key == key
    assert (found.fixed.residual, found.fixed.plain, found.fixed.cases) == (
        sum(case is MORE for case in fixed), sum(case is LESS for case in fixed), len(fixed))


@pytest.mark.slow
def test_bundled_surfaces_are_of_the_bundled_weights():
    """Their centre is the loss that is found on the same images, where those ship."""
    names = [name for twins in pairs().values() for name in twins.names]
    assert {"plain56_cifar10", "resnet56_cifar10", "plain56_fashion_mnist", "resnet56_fashion_mnist"} <= set(names)
    for name in names:
        loaded = load(name)
        assert {height.weights for height in read(module.WEIGHTS / name)} == {fingerprint(loaded.model)}
        for (norm, _), surface in recorded(name).items():
            if sample_file(loaded.info.data, "train").exists():
                images = images_for(loaded.info, "train", surface.slice.n, shipped=True)
                net = copy.deepcopy(loaded.model).train(norm == "reestimated")
                assert surface.centre == pytest.approx(Ground(images, surface.precision).height(net)[0], rel=0.02)


def test_the_command_writes_beside_the_weights_or_where_it_is_told(tmp_path, capsys):
    from argparse import ArgumentParser

    parser = ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["surface", "resnet20_fashion_mnist", "--grid", "3", "--n", "2", "--out", str(tmp_path)])
    args.run(args)
    assert len(read(tmp_path)) == 9 and "loss" in capsys.readouterr().out
    args.run(args)
    assert capsys.readouterr().out == f"{tmp_path / 'surface.csv'}: 9 points, 0 of them new\n"
    with pytest.raises(InputError, match="precision"):
        args.precision = "fp8"
        args.run(args)
