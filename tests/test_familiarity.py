"""How strange a picture is to a net: the number, its record beside the weights, and its table in the model card."""

import csv
from dataclasses import replace

import pytest
import torch

from resnet.data import DATA, load_samples, normalise, photo
from resnet.explain.evidence import Questions, gather
from resnet.explain.familiarity import FILE, Calibration, calibrated, calibration_of, figures, save
from resnet.hub.fingerprint import norms
from resnet.hub.load import bundled, load
from resnet.hub.ref import WEIGHTS
from resnet.lab import familiarity
from resnet.lab.familiarity import Separation, read, with_section
from resnet.util.errors import InputError
from tests.factories import one_thread

MODEL, COLOUR = "resnet20_fashion_mnist", "resnet20_cifar10"


@pytest.fixture(scope="module", autouse=True)
def threads():
    with one_thread():
        yield


def test_the_figures_are_those_of_the_norms():
    """One picture by hand: at each norm, over places and then over channels; per block, the mean of its logarithms."""
    loaded = load(MODEL)
    x = normalise(load_samples("fashion_mnist", "test").images[:3], loaded.info)
    found = figures(loaded.model, x)
    by_hand = {}

    def look(norm, args):
        var, mean = torch.var_mean(args[0][1], (1, 2), correction=0)
        known = norm.running_var + norm.eps
        by_hand[norm] = ((mean - norm.running_mean) ** 2 / known).mean().log()

    hooks = [norm.register_forward_pre_hook(look) for norm in norms(loaded.model)]
    with torch.no_grad():
        loaded.model(x)
    for hook in hooks:
        hook.remove()
    block = loaded.model.layer2[1]
    expected = (by_hand[block.bn1] + by_hand[block.bn2]) / 2
    place = 2 * (1 + 3 + 1)  # bn1, layer1's three blocks, layer2.0; two figures each
    assert found.shape == (3, 2 * 10) and found[1, place] == pytest.approx(float(expected), abs=1e-4)


def test_the_distance_is_mahalanobis():
    generator = torch.Generator().manual_seed(0)
    mixed = torch.randn(4000, 3, generator=generator) @ torch.tensor([[1.0, 0.9, 0], [0, 0.5, 0], [0, 0, 3]]) + 5
    test = mixed[:1000]
    found = calibrated(mixed, test)
    assert found.distances.shape == (1000,) and found.distances.pow(2).mean() == pytest.approx(1, abs=0.1)
    along, across = torch.tensor([6.0, 5.9, 5]), torch.tensor([6.0, 4.1, 5])  # as far, one of them as they scatter
    assert found.distance(along[None]) < 1 < 2 < found.distance(across[None])
    assert found.strangeness(mixed.mean(0)).below < 0.01 and not found.strangeness(mixed.mean(0)).unlike
    far = found.strangeness(torch.full((3,), 100.0))
    assert far.below == 1 and far.unlike and far.n == 1000


def test_it_is_kept_and_found_again(tmp_path):
    assert calibration_of(tmp_path / "nothing") is None
    made = Calibration(torch.rand(4), torch.rand(4, 4), torch.rand(9))
    save(tmp_path, made)
    again = calibration_of(tmp_path)
    assert all(getattr(made, name).equal(getattr(again, name)) for name in ("mean", "precision", "distances"))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / FILE).write_bytes(b"nothing")
    with pytest.raises(InputError) as caught:
        calibration_of(tmp_path / "b")
    assert caught.value.key == "damaged_record"


@pytest.mark.parametrize("name", bundled())
def test_every_bundled_net_has_a_record_and_its_card_says_it(name):
    rows, card = read(WEIGHTS / name), (WEIGHTS / name / "README.md").read_text("utf-8")
    info = bundled()[name]
    others, m = {data for data in DATA if data != info.data}, min(5_000, info.results["test"]["n"])
    assert {row.pictures for row in rows} == {"noise", "photographs"} | others and len(rows) == 2 + len(others)
    assert with_section(card, rows, name) == card
    for row in rows:
        assert f"| {row.n:,} | {row.auc:.3f} | {100 * row.found:.1f} % |" in card and row.m == m
    calibration = calibration_of(WEIGHTS / name)
    assert len(calibration.distances) == m and calibration.distances.diff().min() >= 0


def test_a_section_is_put_before_use_and_replaced():
    rows = (Separation("noise", 10, 20, 0.987, 0.5),)
    card = "# a\n\ntext\n\n## Use\n\nlike this\n"
    once = with_section(card, rows, "a")
    assert once.index("## Strange") < once.index("## Use") and "| 10 | 0.987 | 50.0 % |" in once
    assert with_section(once, (replace(rows[0], auc=0.5),), "a").count("## Strange") == 1


def test_the_command_measures_what_it_says(tmp_path, monkeypatch):
    """With few pictures: the files' figures against a plain count over all pairs."""
    for what, n in (("TRAIN", 200), ("TEST", 60), ("OTHERS", 40)):
        monkeypatch.setattr(familiarity, what, n)
    monkeypatch.setattr(familiarity, "DATA", {"fashion_mnist": familiarity.DATA["fashion_mnist"]})
    loaded = load(MODEL)
    rows = {row.pictures: row for row in familiarity.record(tmp_path, loaded)}
    assert list(csv.DictReader((tmp_path / familiarity.FILE).open())) and rows.keys() == {"noise", "photographs"}
    noise = torch.randint(0, 256, (40, 1, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    calibration = calibration_of(tmp_path)
    strange = calibration.distance(figures(loaded.model, normalise(noise, loaded.info)))
    pairs = (strange[:, None] > calibration.distances[None]).double().mean()
    assert rows["noise"].auc == pytest.approx(float(pairs), abs=1e-6) and (rows["noise"].n, rows["noise"].m) == (40, 60)


def test_a_picture_gets_its_number_with_the_evidence():
    noise = torch.randint(0, 256, (3, 32, 32), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    known, strange = (gather(picture, load(COLOUR), Questions()).strangeness for picture in (photo("cat"), noise))
    assert strange.unlike and not known.unlike and strange.distance > 1.5 * known.distance
    assert gather(noise, load(COLOUR).read_as({"zero_pad": "both"}), Questions()).strangeness is None
