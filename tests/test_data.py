import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps

from resnet import data
from resnet.data import DATA, NAMED, Split, augment, cut_window, load_samples, load_split, normalise
from resnet.util.errors import InputError
from resnet.util.files import cache_folder
from tests.factories import made_split, write_parquet
from tests.hub import StandInHub, pointed_at


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("RESNET_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data"


@pytest.mark.parametrize("name", [name for name, spec in NAMED.items() if spec.repository])
def test_pixels_and_labels_survive_the_parquet_file_and_the_cache(repository, monkeypatch, name):
    made = made_split(12, name)
    write_parquet(made, repository, "train")
    decoded = load_split(name, "train")
    monkeypatch.setattr(data, "_decode", None)  # from here on only the cache can answer
    cached = load_split(name, "train")
    for split in (decoded, cached):
        assert split.spec is NAMED[name]
        assert torch.equal(split.images, made.images) and split.images.is_contiguous()
        assert torch.equal(split.labels, made.labels) and split.labels.dtype == torch.int64


def test_a_damaged_cache_is_made_again(repository):
    write_parquet(made_split(5), repository, "train")
    load_split("fashion_mnist", "train")
    [cached] = cache_folder().iterdir()
    cached.write_bytes(cached.read_bytes()[:-7])
    assert len(load_split("fashion_mnist", "train")) == 5
    assert len(data._read_split(DATA["fashion_mnist"], cached)) == 5


def test_a_cache_that_cannot_be_written_does_no_harm(repository, monkeypatch, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    write_parquet(made_split(5), repository, "train")
    assert len(load_split("fashion_mnist", "train")) == 5


def test_what_is_missing_is_named(repository):
    with pytest.raises(InputError, match="train-00000-of-00001.parquet") as caught:
        load_split("cifar10", "train")
    assert caught.value.key == "data_missing"
    with pytest.raises(InputError, match="fashion_mnist, cifar10, cifar100, mnist"):
        load_split("zebra", "train")
    with pytest.raises(InputError, match="CIFAR-10"):
        load_samples("cifar10", "test")


def test_an_unreachable_hub_is_an_input_error_within_seconds(monkeypatch, tmp_path, capfd):
    monkeypatch.delenv("RESNET_DATA", raising=False)
    with pointed_at("http://127.0.0.1:9", tmp_path / "hub"), pytest.raises(InputError) as caught:
        start = time.perf_counter()
        load_split("cifar10", "test")
    assert caught.value.key == "data_unreachable"
    assert time.perf_counter() - start < 10 and capfd.readouterr().err == ""  # no tries that are told one by one


def test_what_was_fetched_before_is_taken_when_the_hub_is_away(monkeypatch, tmp_path):
    monkeypatch.delenv("RESNET_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made, spec = made_split(5, "cifar10"), DATA["cifar10"]
    file = write_parquet(made, tmp_path / "data", "train")
    with StandInHub() as hub:
        hub.add(spec.repository, {f"{spec.folder}/{file.name}": file.read_bytes()}, kind="datasets")
        with pointed_at(hub, tmp_path / "hub"):
            assert torch.equal(load_split("cifar10", "train").images, made.images)
    with pointed_at("http://127.0.0.1:9", tmp_path / "hub"):
        assert torch.equal(load_split("cifar10", "train").images, made.images)


def test_damaged_data_is_refused(repository):
    split = made_split(5)
    file = write_parquet(split, repository, "train")
    file.write_bytes(file.read_bytes()[:-50])
    assert _key_of_failure() == "damaged_data"
    write_parquet(Split(split.spec, split.images[:, :, 1:], split.labels), repository, "train")
    assert _key_of_failure() == "damaged_data"
    write_parquet(Split(split.spec, split.images, split.labels + 10), repository, "train")
    assert _key_of_failure() == "damaged_data"


def test_without_pyarrow_the_way_out_is_named(repository, monkeypatch):
    write_parquet(made_split(5), repository, "train")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert _key_of_failure() == "no_pyarrow"


def _key_of_failure() -> str:
    with pytest.raises(InputError) as caught:
        load_split("fashion_mnist", "train")
    return caught.value.key


def test_the_samples_are_the_data_sets_own(monkeypatch):
    monkeypatch.delenv("RESNET_DATA", raising=False)
    train, test = load_samples("fashion_mnist", "train"), load_samples("fashion_mnist", "test")
    assert (len(train), len(test)) == (6_000, 10_000)
    assert test.labels.bincount().tolist() == [1_000] * 10
    assert test.labels[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]  # as Zalando's t10k-labels begins
    assert torch.equal(load_split("fashion_mnist", "test").images, test.images)
    assert all(file.stat().st_size < 10_000_000 for file in data.SAMPLES.iterdir())


def test_the_specs_mean_and_std_are_the_images():
    spec, pixels = DATA["fashion_mnist"], load_samples("fashion_mnist", "train").images / 255
    assert spec.mean[0] == pytest.approx(pixels.mean().item(), abs=2e-3)  # of the whole training set, these are a tenth
    assert spec.std[0] == pytest.approx(pixels.std().item(), abs=2e-3)


@pytest.mark.parametrize("name", NAMED)
def test_normalise_is_the_formula(name):
    split = made_split(3, name)
    result = normalise(split.images, split.spec)
    mean, std = (torch.tensor(v, dtype=torch.float64).view(-1, 1, 1) for v in (split.spec.mean, split.spec.std))
    expected = torch.stack([(image.double() / 255 - mean) / std for image in split.images])
    torch.testing.assert_close(result.double(), expected, rtol=1e-5, atol=1e-5)
    assert result.dtype == torch.float32 and result.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("name", "pad"), [("fashion_mnist", 2), ("cifar10", 4), ("cifar10", 0)])
def test_augment_is_what_pillow_does_image_by_image(name, pad):
    images = made_split(40, name).images
    flip = torch.rand(40) < 0.5
    result = augment(images, pad, flip, torch.Generator().manual_seed(5))
    draws = torch.Generator().manual_seed(5)
    top, left = (torch.randint(0, 2 * pad + 1, (40,), generator=draws).tolist() for _ in range(2))
    for i, image in enumerate(images):
        assert torch.equal(result[i], _pad_crop_mirror(image, pad, top[i], left[i], bool(flip[i])))
    assert result.dtype == torch.uint8


def _pad_crop_mirror(image: torch.Tensor, pad: int, top: int, left: int, mirror: bool) -> torch.Tensor:
    _, height, width = image.shape
    planes = []
    for plane in image:
        picture = ImageOps.expand(Image.fromarray(plane.numpy()), border=pad)
        picture = picture.crop((left, top, left + width, top + height))
        picture = ImageOps.mirror(picture) if mirror else picture
        planes.append(torch.tensor(list(picture.tobytes()), dtype=torch.uint8).view(height, width))
    return torch.stack(planes)


def test_every_crop_comes_up_about_equally_often():
    images = torch.zeros(8_000, 1, 3, 3, dtype=torch.uint8)
    images[:, 0, 1, 1] = 1  # one bright pixel tells where the crop was taken
    crops = augment(images, 1, torch.zeros(8_000, dtype=torch.bool), torch.Generator().manual_seed(0))
    counts = crops.sum(0).flatten()
    assert counts.sum() == 8_000 and (counts - 8_000 / 9).abs().max() < 150  # five standard deviations


def test_resized_is_pillows_bilinear_to_a_rounding():
    split = made_split(4, "cifar10")
    assert split.resized((32, 32)) is split
    for size in ((64, 64), (20, 12)):
        resized = split.resized(size)
        assert resized.images.shape == (4, 3, *size) and resized.images.dtype == torch.uint8
        for image, original in zip(resized.images, split.images, strict=True):
            picture = Image.fromarray(original.permute(1, 2, 0).numpy()).resize(size[::-1], Image.Resampling.BILINEAR)
            expected = torch.tensor(list(picture.tobytes())).view(*size, 3).permute(2, 0, 1)
            assert (image.int() - expected).abs().max() <= 1


def test_resizing_beyond_memory_is_refused():
    split = made_split(1, "cifar10")
    many = Split(split.spec, split.images.expand(1_000_000, -1, -1, -1), split.labels)
    with pytest.raises(InputError, match="150.5 GB"):
        many.resized((224, 224))


def test_a_window_is_one_and_the_same_part_of_all_images_and_falls_everywhere():
    y, x = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    images = torch.stack([10 * y + x, 100 + 10 * y + x])[:, None].to(torch.uint8)
    generator, corners = torch.Generator().manual_seed(0), set()
    for _ in range(200):
        window = cut_window(images, 6, generator)
        top, left = divmod(int(window[0, 0, 0, 0]), 10)
        assert torch.equal(window, images[:, :, top:top + 6, left:left + 6])
        corners.add((top, left))
    assert corners == {(top, left) for top in range(3) for left in range(3)}


def test_a_window_of_the_whole_image_draws_nothing():
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    images = torch.zeros(2, 1, 8, 8)
    assert cut_window(images, 8, generator) is images and torch.equal(before, generator.get_state())
