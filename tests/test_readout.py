"""What can be read behind each block: by hand on small nets, and the bundled nets' records against a run of now."""

import pytest
import torch

from resnet.checkpoint import save_model
from resnet.data import load_samples, normalise
from resnet.explain.evidence import Questions, gather
from resnet.explain.readout import class_means, decided, means_of, outputs, pooled, save
from resnet.hub.load import load
from resnet.hub.ref import WEIGHTS
from resnet.lab import readout
from resnet.lab.images import images_for
from resnet.model import BasicBlock
from resnet.surgery import block_sites
from resnet.util.errors import InputError
from tests.factories import made_info, made_split, tiny
from tests.test_surgery import living

DEEP = {"depths": (2, 3, 2)}
SPLIT = made_split(40)
NAMES = sorted(file.parent.name for file in WEIGHTS.glob(f"*/{readout.FILE}"))


@pytest.fixture
def net():
    return living(tiny(**DEEP))


def test_the_nearest_mean_is_counted_in_each_channels_deviation():
    """Two classes that differ in a quiet channel, under a loud one that says nothing."""
    quiet = torch.tensor([0.0, 0.1, 1.0, 1.1]).repeat(50)
    loud = 100 * torch.randn(200, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 0, 1, 1]).repeat(50)
    means = class_means({"layer1.0": torch.stack([quiet, loud], 1)}, labels)
    asked = torch.tensor([[0.05, 60.0], [1.05, -60.0]])
    assert means.nearest("layer1.0", asked).tolist() == [0, 1]
    assert means.means["layer1.0"][:, 0].tolist() == pytest.approx([0.05, 1.05])


@pytest.mark.parametrize("said, place", [([3], 0), ([1, 3, 3], 1), ([3, 1, 3], 2), ([3, 3, 3], 0), ([1, 2, 3], 2)])
def test_where_an_answer_is_decided(said, place):
    assert decided(said) == place


def test_behind_the_last_block_the_classifier_reads_the_answer(net):
    x = normalise(SPLIT.images, SPLIT.spec)
    *_, (site, last) = outputs(net, x)
    with torch.inference_mode():
        assert torch.equal(net.head(last), net(x)) and site.name == "layer3.1"
    rows = readout.read(net, SPLIT, readout.means_on(net, SPLIT), len(SPLIT))
    assert [row.block for row in rows] == [site.name for site in block_sites(net.config)]
    with torch.inference_mode():
        correct = 100 * float((net(x).argmax(1) == SPLIT.labels).double().mean())
    assert rows[-1].direct == pytest.approx(correct) and rows[-1].settled == 100
    assert all((row.direct is None) == (not row.block.startswith("layer3")) for row in rows)
    assert [row.turned is None for row in rows] == [True, False, False, False, False, True, False]
    assert [row.settled for row in rows] == sorted(row.settled for row in rows)


def test_shares_of_one_block_by_hand(net):
    rows = readout.read(net, SPLIT, readout.means_on(net, SPLIT), len(SPLIT))
    with torch.inference_mode():
        x = net.stem(normalise(SPLIT.images, SPLIT.spec))
        block = net.layer1[0]
        assert isinstance(block, BasicBlock)
        branch, y = block.residual(x), block(x)
        ratio = (branch.flatten(1).norm(dim=1) / x.flatten(1).norm(dim=1)).mean()
        change = ((y - x).flatten(1).norm(dim=1) / x.flatten(1).norm(dim=1)).mean()
    assert rows[0].ratio == pytest.approx(float(ratio), rel=1e-4)
    assert rows[0].change == pytest.approx(float(change), rel=1e-4)
    assert rows[2].change is None and rows[2].ratio  # layer2.0 changes the shape


def test_steps_scale_the_branches_only(net):
    x = normalise(SPLIT.images[:5], SPLIT.spec)
    with torch.inference_mode():
        assert torch.allclose(readout.stepped(net, 1.0)(x), net(x), atol=1e-6)
        h = net.stem(x)
        for block in net.blocks:
            h = torch.relu(0.5 * block.residual(h.clone()) + block.downsample(h))
        assert torch.allclose(readout.stepped(net, 0.5)(x), net.head(h), atol=1e-5)
        h = net.stem(x)
        for site, block in zip(block_sites(net.config), net.blocks, strict=True):
            for _ in range(2 if site.same_shape else 1):
                step = 0.5 if site.same_shape else 1.0
                h = torch.relu(step * block.residual(h.clone()) + block.downsample(h))
        assert torch.allclose(readout.stepped(net, 0.5, 2)(x), net.head(h), atol=1e-5)
        plain = living(tiny(shortcut="none", **DEEP))
        assert torch.equal(readout.stepped(plain, 0.5)(x), plain(x))


def test_a_record_goes_on_where_it_was_stopped(tmp_path, net):
    save_model(tmp_path, net, made_info(net.config))
    steps = readout.record(tmp_path, net, SPLIT, SPLIT)
    first, _ = next(steps), next(steps)
    steps.close()
    held = readout.read_rows(tmp_path)
    assert len(held) == 2 * len(first) and (held[0].step, held[-1].times) == (1.0, 2)
    assert len(list(readout.record(tmp_path, net, SPLIT, SPLIT))) == len(readout.plan(net)) - 2
    assert {(row.step, row.times) for row in readout.read_rows(tmp_path)} == set(readout.plan(net))
    assert means_of(tmp_path) is not None
    plain = living(tiny(shortcut="none", **DEEP))
    assert readout.plan(plain) == [(1.0, 1)]


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "readout.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="readout"):
        means_of(tmp_path)
    assert means_of(tmp_path / "away") is None


def test_means_are_kept_and_found_again(tmp_path, net):
    means = readout.means_on(net, SPLIT)
    save(tmp_path, means)
    again = means_of(tmp_path)
    assert again and all(torch.equal(again.means[block], means.means[block]) for block in means.means)
    features = pooled(next(outputs(net, normalise(SPLIT.images, SPLIT.spec)))[1])
    assert torch.equal(again.nearest("layer1.0", features), means.nearest("layer1.0", features))


@pytest.mark.parametrize("name", ["resnet20_fashion_mnist", "plain20_fashion_mnist"])
def test_a_picture_is_read_behind_each_block(name):
    """The evidence's readings against the blocks run one by one; the last is the answer."""
    loaded = load(name)
    image = load_samples("fashion_mnist", "test").images[0]
    found = gather(image.expand(3, -1, -1), loaded, Questions(), "fp32")
    means, x = means_of(WEIGHTS / name), normalise(found.seen.pixels[None], loaded.info)
    assert means and len(found.forming) == 9 and found.forming[-1].answer == int(found.logits.argmax())
    for one, (site, out) in zip(found.forming, outputs(loaded.model, x), strict=True):
        assert (one.block, one.nearest) == (site.name, int(means.nearest(site.name, pooled(out))))
        assert (one.answer is None) == (site.stage < 2)
    assert [one.answer for one in gather(image.expand(3, -1, -1), load("resnet18_cifar10"), Questions()).forming
            ].count(None) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("20_fashion_mnist")])
def test_what_is_recorded_is_measured_again(name):
    loaded, rows = load(name), readout.course(name).rows
    means = means_of(WEIGHTS / name)
    test = images_for(loaded.info, "test", 500)
    for now, held in zip(readout.read(loaded.model, test, means, rows[0].train), rows, strict=True):
        assert now.nearest == pytest.approx(held.nearest, abs=9)
        for name, within in (("direct", {"abs": 9}), ("change", {"rel": 0.1}), ("ratio", {"rel": 0.1})):
            fresh, known = getattr(now, name), getattr(held, name)
            assert (fresh is None) == (known is None)
            assert fresh is None or fresh == pytest.approx(known, **within)


@pytest.mark.parametrize("name", NAMES)
def test_every_record_is_whole(name):
    net = load(name)
    rows = readout.recorded(name)
    assert {(row.step, row.times) for row in rows} == set(readout.plan(net.model))
    whole = readout.course(name)
    assert whole and [row.block for row in whole.rows] == [site.name for site in
                                                           block_sites(net.info.architecture)]
    assert whole.accuracy == pytest.approx(100 * net.info.results["test"]["accuracy"], abs=2.5)
    assert means_of(WEIGHTS / name).means.keys() == {row.block for row in whole.rows}
