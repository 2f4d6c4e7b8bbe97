"""Training from anyone's weights: a new head, a frozen body at first, layer-wise rates, mixup."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from resnet.__main__ import main
from resnet.checkpoint import load_model
from resnet.data import normalise
from resnet.hub.load import load
from resnet.model import create
from resnet.training.experiment import begun, plan
from resnet.training.recipe import Recipe, rate_scale
from resnet.training.train import Workers, _Run, train
from resnet.util.errors import InputError
from tests.factories import draw_flowers, made_split, one_thread, same_tensors, tiny
from tests.test_cli_train import in_two_processes

RECIPE = Recipe("fashion_mnist", epochs=3, batch=16, lr=0.05, pad=2, precision="fp32")
TRAIN, TEST = made_split(48), made_split(16, seed=1)
START = "resnet20_cifar10"


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    return draw_flowers(tmp_path_factory.mktemp("pictures") / "flowers")


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with one_thread():
        yield


def states(recipe: Recipe) -> dict[int, dict]:
    """The net's tensors at the end of each epoch; 0: before the first."""
    net = create(tiny(), seed=recipe.seed)
    found = {0: {name: tensor.clone() for name, tensor in net.state_dict().items()}}
    for progress in train(tiny(), recipe, TRAIN, TEST, net=net):
        if progress.row:
            found[progress.epoch] = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    return found


def test_the_body_is_frozen_for_the_first_epochs_and_its_statistics_too(tmp_path):
    recipe = replace(RECIPE, freeze=2)
    found = states(recipe)
    for epoch in (1, 2):
        assert {name for name in found[0] if not torch.equal(found[0][name], found[epoch][name])} == {
            "fc.weight", "fc.bias"}
    moved = {name for name in found[0] if not torch.equal(found[2][name], found[3][name])}
    assert moved == found[0].keys()
    stopped = train(tiny(), recipe, TRAIN, TEST, tmp_path)
    while next(stopped).epoch != 2:
        pass
    stopped.close()
    rest = train(tiny(), recipe, TRAIN, TEST, tmp_path)
    while True:
        try:
            next(rest)
        except StopIteration as end:
            assert same_tensors(end.value.state_dict(), found[3])
            break


def test_parts_learn_the_slower_the_further_they_are_from_the_head():
    recipe = replace(RECIPE, layer_decay=0.5)
    scales = {name: rate_scale(recipe, name, 3) for name in (
        "fc.weight", "norm.bias", "layer3.0.conv1.weight", "layer2.0.bn1.weight", "layer1.0.conv1.weight",
        "bn1.weight", "conv1.weight")}
    assert list(scales.values()) == [1, 0.5, 0.5, 0.25, 0.125, 0.0625, 0.0625]
    run = _Run(tiny(), replace(recipe, weight_decay=0.0, momentum=0.0), torch.device("cpu"), Workers())
    before = {name: parameter.detach().clone() for name, parameter in run.net.named_parameters()}
    grads = {}
    run.optimiser.register_step_pre_hook(lambda *_: grads.update(
        {name: parameter.grad.clone() for name, parameter in run.net.named_parameters()}))
    run.update(TRAIN.images[:16], TRAIN.labels[:16], TRAIN.spec, 0.3)
    for name, after in run.net.named_parameters():
        expected = before[name] - 0.3 * rate_scale(recipe, name, 3) * grads[name]
        torch.testing.assert_close(after.detach(), expected)


def test_mixup_is_the_papers_loss():
    """Of mixed images, the mixed loss: in eval mode, so that the net is the same function for both."""
    run = _Run(tiny(), RECIPE, torch.device("cpu"), Workers())
    run.net.eval()
    images, labels = normalise(TRAIN.images[:8], TRAIN.spec), TRAIN.labels[:8]
    run.mix = 0.3
    loss = run.backward(images, labels)
    mixed = 0.3 * images + 0.7 * images.flip(0)
    soft = 0.3 * F.one_hot(labels, 10).float() + 0.7 * F.one_hot(labels.flip(0), 10).float()
    assert loss == pytest.approx(F.cross_entropy(run.net(mixed), soft).item(), rel=1e-5)


def test_mixing_is_drawn_by_the_seed():
    one, other, plain = (states(replace(RECIPE, epochs=1, mixup=alpha))[1] for alpha in (0.4, 0.4, 0.0))
    assert same_tensors(one, other) and not same_tensors(one, plain)


def test_a_net_begins_with_the_body_of_its_start_and_a_head_of_its_own(flowers):
    experiment = plan(None, {"data": str(flowers), "epochs": 1, "init": START})
    net, start = begun(experiment).state_dict(), load(START).model.state_dict()
    assert all(torch.equal(net[name], start[name]) for name in net if not name.startswith("fc."))
    assert net["fc.weight"].shape == (3, 64) and start["fc.weight"].shape == (10, 64)
    assert experiment.config.classes == 3 and experiment.name == "resnet20_flowers"
    assert plan("resnet20_cifar", {"data": str(flowers), "epochs": 1, "init": START}).config == experiment.config


@pytest.mark.parametrize("variant, changes", [("resnet56_cifar", {}), ("resnet50", {}), (None, {"depths": "1,1,1"})])
def test_weights_of_another_net_are_refused(flowers, variant, changes):
    with pytest.raises(InputError, match=START) as caught:
        plan(variant, {"data": str(flowers), "epochs": 1, "init": START}, changes=changes)
    assert caught.value.key == "init_misfit"


def test_a_start_that_is_not_there_is_one_line(flowers, capsys):
    assert main(["train", "--init", "zebra", "--data", str(flowers), "--epochs", "1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


OPTIONS = ["--init", START, "--epochs", "2", "--batch", "8", "--lr", "0.05", "--freeze", "1", "--layer-decay", "0.7",
           "--mixup", "0.2", "--precision", "fp32", "--device", "cpu"]


@pytest.mark.slow
def test_two_processes_go_on_from_weights_as_one_does(flowers, tmp_path, capfd):
    """The pictures are decoded by one of them; weights and results are those of one process in two parts."""
    done = in_two_processes(tmp_path, "--data", str(flowers), *OPTIONS, "--out", "two")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("is held out") == 1  # one speaks
    alone = ["--micro-batches", "2", "--out", str(tmp_path / "one")]
    assert main(["train", "--data", str(flowers), *OPTIONS, *alone]) == 0
    (two, told), (one, alone) = (load_model(tmp_path / name) for name in ("two", "one"))
    for key, value in one.state_dict().items():
        if "num_batches_tracked" not in key:
            torch.testing.assert_close(two.state_dict()[key], value, rtol=1e-4, atol=1e-5)
    assert told.recipe == alone.recipe and told.recipe["init"] == START
    card = (tmp_path / "one" / "README.md").read_text()
    assert f"from the weights of `{START}`, with a new head that learned alone for 1 epoch," in " ".join(card.split())
    assert "terms of their own" in card
