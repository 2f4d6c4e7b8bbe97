import copy

import pytest
import torch
import torch.nn.functional as F

from resnet.data import Split, normalise
from resnet.hub.load import load
from resnet.lab.deepen import moments
from resnet.lab.images import images_for, random_images
from resnet.surgery import ARMS, FRESH, MOST, Lesion, deepened, lesioned
from resnet.training.evaluate import evaluate
from resnet.util.errors import InputError
from tests.factories import made_split, same_tensors, tiny
from tests.test_surgery import living, pictures

NETS = {arm: "plain20_fashion_mnist" if plain else "resnet20_fashion_mnist" for arm, plain in ARMS.items()}
SPLIT = made_split(24)


def inputs(split: Split) -> torch.Tensor:
    return normalise(split.images, split.spec)


def grown(arm: str, after: str = "layer2.1", count: int = 2, **options):
    net = living(tiny(depths=(2, 3, 2), **({"shortcut": "none"} if ARMS[arm] else {})))
    return net, deepened(net, arm, after, count, inputs(SPLIT), **options)


@pytest.mark.parametrize("after", ["layer1.0", "layer2.1", "layer3.1"])
def test_a_residual_block_with_scale_zero_changes_no_bit(after):
    net, deeper = grown("zero", after)
    assert torch.equal(deeper(pictures()), net(pictures()))
    stage = int(after[5]) - 1
    assert deeper.config.depths[stage] == net.config.depths[stage] + 2


def test_so_do_dirac_blocks_to_what_floats_allow():
    net, deeper = grown("dirac")
    torch.testing.assert_close(deeper(pictures()), net(pictures()), rtol=1e-5, atol=1e-5)
    net, deeper = net.double(), copy.deepcopy(deeper).double()
    torch.testing.assert_close(deeper(pictures().double()), net(pictures().double()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("arm", FRESH)
def test_fresh_blocks_change_it(arm):
    net, deeper = grown(arm)
    assert (deeper(pictures()) - net(pictures())).abs().max() > 0.1


@pytest.mark.parametrize("arm", ARMS)
def test_the_old_blocks_keep_their_weights_and_the_new_ones_follow(arm):
    net, deeper = grown(arm)
    for old, new in (("conv1", "conv1"), ("layer2.1", "layer2.1"), ("layer2.2", "layer2.4"), ("layer3.0", "layer3.0"),
                     ("fc", "fc")):
        assert same_tensors(net.get_submodule(old).state_dict(), deeper.get_submodule(new).state_dict()), new
    if ARMS[arm]:  # without the new blocks it is the old net again
        assert torch.equal(lesioned(deeper, Lesion(dropped=("layer2.2", "layer2.3")))(pictures()), net(pictures()))


@pytest.mark.parametrize("arm", ARMS)
def test_the_new_norms_have_the_statistics_of_what_reaches_them(arm):
    """Against torch's own batch norm in training mode, which normalises by the batch."""
    _, deeper = grown(arm, count=1)
    seen = {}
    block = deeper.get_submodule("layer2.2")
    for name in ("bn1", "bn2"):
        norm = block.get_submodule(name)
        norm.register_forward_hook(lambda module, given, out, name=name: seen.update({name: (given[0], out.clone())}))
    with torch.no_grad():
        deeper(inputs(SPLIT))
    for name, (given, out) in seen.items():
        norm = block.get_submodule(name)
        expected = F.batch_norm(given, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)
        torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-4)
    assert set(seen) == {"bn1", "bn2"}


@pytest.mark.parametrize("arm", ARMS)
def test_a_grown_net_is_trainable_and_its_own(arm):
    net, deeper = grown(arm)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    deeper.train()
    optimiser = torch.optim.SGD(deeper.parameters(), lr=0.1)
    F.cross_entropy(deeper(pictures()), torch.arange(4)).backward()
    assert all(parameter.grad is not None for parameter in deeper.parameters())
    optimiser.step()
    assert same_tensors(net.state_dict(), before)
    new = deeper.get_submodule("layer2.2")
    assert new.bn2.weight.grad.abs().max() > 0, "the new blocks can leave their start"


def test_seeds():
    for arm in FRESH:
        one, again, other = (grown(arm, seed=seed)[1].state_dict() for seed in (0, 0, 1))
        assert same_tensors(one, again) and not same_tensors(one, other)
    net = living(tiny(shortcut="none"))
    state = torch.get_rng_state()
    deepened(net, "fresh", "layer1.0", 1, inputs(SPLIT))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("arm", ARMS)
def test_a_moment_is_an_evaluation_of_the_deeper_net(arm):
    net, _ = grown(arm)
    calibration, test = SPLIT, made_split(30, seed=1)
    found = list(moments(net, arm, "layer2.1", 3, calibration, test))
    assert [moment.inserted for moment in found] == [0, 1, 2, 3]
    reference = _logits(net, test)
    for moment in found:
        deeper = deepened(net, arm, "layer2.1", moment.inserted, inputs(calibration)) if moment.inserted else net
        score, difference = evaluate(deeper, test), (_logits(deeper, test) - reference).double()
        assert moment.error == pytest.approx(score.error) and moment.loss == pytest.approx(score.loss, rel=1e-5)
        assert moment.distance == pytest.approx(difference.norm().item() / 300**0.5, rel=1e-3, abs=1e-6)
        assert moment.largest == pytest.approx(difference.abs().max().item(), rel=1e-3, abs=1e-5)


def _logits(net, split):
    with torch.no_grad():
        return net(inputs(split))


@pytest.mark.parametrize("arm", ARMS)
def test_the_trained_twins_at_the_moment_of_insertion(arm):
    loaded = load(NETS[arm])
    calibration = random_images(images_for(loaded.info, "train", shipped=True), 100, 0)
    before, after = moments(loaded.model, arm, "layer3.2", 1, calibration, images_for(loaded.info, "test", 100))
    if arm == "zero":
        assert (after.error, after.loss, after.distance, after.changed) == (before.error, before.loss, 0, 0)
    elif arm == "dirac":
        assert after.error == before.error and 0 < after.largest < 1e-4
    elif arm == "shortcut":
        assert after.error < 40 and after.distance > 0.1 and after.changed > 0
    else:
        assert after.error > 40 > 15 > before.error and after.distance > 1


@pytest.mark.parametrize("arm, changes, after, count, key", [
    ("half", {}, "layer1.0", 1, "choice"), ("zero", {"shortcut": "none"}, "layer1.0", 1, "deepen_net"),
    ("fresh", {}, "layer1.0", 1, "deepen_net"), ("shortcut", {"shortcut": "none"}, "layer1.0", 1, "deepen_net"),
    ("zero", {"order": "preact"}, "layer1.0", 1, "deepen_net"),
    ("zero", {"block": "bottleneck"}, "layer1.0", 1, "deepen_net"), ("zero", {}, "layer1.9", 1, "no_block"),
    ("zero", {}, "fc", 1, "no_block"), ("zero", {}, "layer1.0", 0, "range"),
    ("zero", {}, "layer1.0", MOST + 1, "range"),
])
def test_what_cannot_be_grown_is_refused(arm, changes, after, count, key):
    with pytest.raises(InputError) as caught:
        deepened(living(tiny(**changes)), arm, after, count, inputs(SPLIT))
    assert caught.value.key == key
