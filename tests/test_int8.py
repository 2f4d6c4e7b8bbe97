import shutil
from dataclasses import replace

import pytest
import torch

from resnet.data import load_samples, normalise
from resnet.hub.load import bundled, load
from resnet.hub.ref import WEIGHTS
from resnet.inference import int8_record
from resnet.inference.fast import fast
from resnet.inference.int8 import INPUT, guessed_ranges, int8, seen_ranges, step, supported
from resnet.inference.int8_record import (
    AGREEMENT,
    POINTS,
    checked,
    compared,
    is_close,
    margin_error,
    recorded,
    with_second_look,
)
from resnet.surgery import Lesion, lesioned
from resnet.training.evaluate import as_seen
from resnet.util.errors import InputError
from tests.test_fast import CPU, trained

NAME = "resnet20_fashion_mnist"
RECORDED = [name for name in bundled() if (WEIGHTS / name / int8_record.FILE).exists()]
here = pytest.mark.skipif(not supported(load(NAME).info.architecture), reason="no VNNI here")


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    """Normalised, as NAME sees them."""
    info = load(NAME).info
    split = as_seen(load_samples(info.data, "test").first(320), info)
    return normalise(split.images, split.spec)


@here
@pytest.mark.parametrize("kind", ["resnet20_cifar", "resnet20_cifar in B", "plain20_cifar", "resnet18", "resnet18 D",
                                  "resnext50_32x4d", "d2l_resnet18 flat"])
def test_every_kind_stays_near_fp32(kind):
    net, x = trained(kind)
    run, nbytes = int8(net, seen_ranges(net, [x]), (40, 48))
    with torch.inference_mode():
        found, expected = run(x), net(x)
    assert found.dtype == torch.float32 and nbytes > 0
    assert float((found - expected).norm() / (expected - expected.mean()).norm()) < 0.1


@here
@pytest.mark.parametrize("kind", ["resnet18 preact", "resnet26 deep D se", "resnet26 blur eca"])
def test_other_kinds_are_refused(kind):
    net, _ = trained(kind)
    with pytest.raises(ValueError):
        int8(net, {}, (40, 48))


@here
def test_a_net_that_was_operated_on_is_refused():
    net, x = trained("resnet20_cifar")
    with pytest.raises(ValueError):
        int8(lesioned(net, Lesion(halved=("layer1.1",))), seen_ranges(net, [x]), (40, 48))


@here
def test_any_number_of_pictures_is_the_same_as_one_by_one(images):
    net = load(NAME).model
    run, _ = int8(net, recorded(WEIGHTS / NAME).ranges, (28, 28))
    with torch.inference_mode():
        torch.testing.assert_close(run(images[:29]), torch.cat([run(one[None]) for one in images[:29]]))
        assert run(images[:3, :, :24, :20]).shape == (3, 10)


def test_ranges_hold_what_was_seen():
    net, x = trained("resnet20_cifar in B")
    ranges = seen_ranges(net, [x, 2 * x])
    assert ranges[INPUT] == (float(2 * x.min()), float(2 * x.max()))
    with torch.no_grad():
        assert ranges["layer3.0"][1] == pytest.approx(float(net.features(2 * x).max()), rel=1e-4)
    assert {name for name in ranges if "downsample" in name} == {"layer2.0.downsample.0", "layer3.0.downsample.0"}
    guessed = guessed_ranges(net, x)
    assert all(guessed[name][1] >= high for name, (_, high) in seen_ranges(net, [x]).items())


def test_zero_is_one_of_the_steps():
    assert step(0.0, 255.0) == (1.0, 0)
    assert step(-128.0, 127.0) == (1.0, 128)


def test_who_lies_close_is_asked_again():
    rough = torch.tensor([[3.0, 2.9], [5.0, 1.0], [1.0, 1.2]])
    exact = torch.tensor([[2.9, 3.0], [4.8, 1.0], [1.2, 1.0]])
    assert is_close(rough, 0.3).tolist() == [True, False, True]
    found = with_second_look(lambda x: rough[x].clone(), lambda x: exact[x], 0.3)(torch.arange(3))
    assert found.tolist() == torch.stack([exact[0], rough[1], exact[2]]).tolist()
    assert margin_error(rough, exact).tolist() == pytest.approx([0.2, 0.2, 0.4])


def test_the_verdict_follows_from_the_counts():
    labels = torch.zeros(2000, dtype=torch.long)
    exact = torch.tensor([[1.0, 0.0]]).repeat(2000, 1)
    off = exact.clone()
    off[:2] = torch.tensor([0.0, 0.1])
    record = compared({}, 0.2, 5, off, exact, labels)
    assert (record.accuracy, record.agreement, record.again, record.shown) == ((1.0, 0.999), 0.999, 0.001, 1.0)
    assert record.admitted
    assert not compared({}, 0.05, 5, off, exact, labels).admitted  # a wrong answer would be shown
    off[2] = off[0]
    assert not compared({}, 0.2, 5, off, exact, labels).admitted  # 0.15 points


@pytest.mark.parametrize("name", RECORDED)
def test_what_is_recorded_of_the_bundled_nets_keeps_its_word(name):
    record = recorded(WEIGHTS / name)
    assert record.n == bundled()[name].results["test"]["n"]
    assert record.accuracy[0] == pytest.approx(bundled()[name].results["test"]["accuracy"], abs=0.0003)
    good = round(100 * abs(record.accuracy[0] - record.accuracy[1]), 6) <= POINTS and record.agreement >= AGREEMENT
    assert record.admitted == (good and record.shown == 1)
    assert record.shown >= 0.9999


def test_a_damaged_record_is_told(tmp_path):
    assert recorded(tmp_path) is None
    shutil.copy(WEIGHTS / NAME / int8_record.FILE, tmp_path)
    recorded.cache_clear()
    text = (tmp_path / int8_record.FILE).read_text()
    (tmp_path / int8_record.FILE).write_text(text.replace('"margin"', '"margins"'))
    with pytest.raises(InputError):
        recorded(tmp_path)


def shown(net, run, images, margin: float) -> torch.Tensor:
    exact = fast(net, CPU, "fp32", tuple(images.shape[-2:])).run
    with torch.inference_mode():
        return torch.cat([with_second_look(run, exact, margin)(part) for part in images.split(16)]).argmax(1)


@here
@pytest.mark.slow
def test_what_a_visitor_sees_is_what_fp32_answers(images):
    net, record = load(NAME).model, recorded(WEIGHTS / NAME)
    run, _ = int8(net, record.ranges, (28, 28))
    with torch.inference_mode():
        assert torch.equal(shown(net, run, images, record.margin), net(images).argmax(1))


@here
@pytest.mark.slow
def test_so_it_is_without_data(images):
    loaded = load(NAME)
    record = checked(loaded.model, replace(loaded.info, data=""), (28, 28))
    assert record.admitted and record.margin > 0
    run, _ = int8(loaded.model, record.ranges, (28, 28))
    with torch.inference_mode():
        agrees = shown(loaded.model, run, images, record.margin) == loaded.model(images).argmax(1)
    assert agrees.float().mean() >= 0.99


@here
@pytest.mark.exhaustive
@pytest.mark.parametrize("name", RECORDED)
def test_the_records_can_be_measured_again(name):
    from benchmarks.int8 import measure

    found, record = measure(name), recorded(WEIGHTS / name)
    assert found.shown == 1 or not record.admitted
    assert found.agreement == pytest.approx(record.agreement, abs=0.001)
    assert found.accuracy == pytest.approx(record.accuracy, abs=0.0005)
