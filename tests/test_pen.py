"""Digits that a script draws: the same each time, in the page's ink, and test styles that no training drawing has."""

import pytest
import torch
from safetensors.torch import load_file

from resnet import pen
from resnet.data import PEN, data_spec, load_split
from resnet.util.errors import InputError


def drawn(n: int, train: bool, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    return pen.drawings(n, train, torch.Generator().manual_seed(seed))


def test_drawings_are_the_same_each_time_and_of_every_digit():
    (images, labels), (again, _), (others, _) = drawn(40, True), drawn(40, True), drawn(40, True, seed=1)
    assert images.shape == (40, 1, 28, 28) and images.dtype == torch.uint8
    assert torch.equal(images, again) and not torch.equal(images, others)
    assert labels.bincount().tolist() == [4] * 10
    assert (images.amax((1, 2, 3)) > 200).all() and ((images > 0).float().mean((1, 2, 3)) < 0.5).all()


def test_every_style_is_whole_and_in_its_square():
    """No style has many more places than are kept, so that none loses more than the tip of its last line."""
    for digit, styles in enumerate(pen.STYLES):
        assert len(styles) >= 4 and len(set(styles)) == len(styles), digit
        for style in styles:
            strokes = [[tuple(map(float, point.split())) for point in stroke.split(",")] for stroke in style.split("|")]
            assert all(0 <= value <= 100 for stroke in strokes for point in stroke for value in point)
            steps = [pen.LINE if len(stroke) == 2 else pen.CURVE for stroke in strokes]
            places = sum((n + 1) * (len(stroke) - 1) for n, stroke in zip(steps, strokes, strict=True))
            assert places <= pen.MOST + 5, style


def test_test_styles_are_never_trained_on(monkeypatch):
    """With one style taken for another the drawings show which was drawn."""
    monkeypatch.setattr(pen, "STYLES", tuple(("50 5,50 95", "50 5,50 95", "5 50,95 50") for _ in range(10)))
    for train in (True, False):
        images, _ = drawn(20, train)
        heights = (images.amax(3) > 100).sum((1, 2))
        assert (heights > 10).all() if train else (heights < 12).all()


def test_the_ink_is_that_of_the_pages_pen():
    """ui/stream/web/picture.js: 255 * clamp(PEN - distance), from the middle of each pixel."""
    line = torch.stack([torch.linspace(4, 20, pen.MOST), torch.full((pen.MOST,), 14.0)], 1)[None]
    image = pen._inked(line, torch.Generator().manual_seed(0))[0, 0].float()
    share = float(torch.rand(1, 1, 1, 1, generator=torch.Generator().manual_seed(0)))
    for row in range(28):
        expected = 255 * min(1.0, max(0.0, pen.INK + 0.7 * (share - 0.4) - abs(row + 0.5 - 14)))
        assert float(image[row, 12]) == pytest.approx(expected, abs=1)
    script = (pen.SCANS_FILE.parent.parent / "ui" / "stream" / "web" / "picture.js").read_text()
    assert f"const PEN = {pen.INK};" in script


def test_scans_are_parted_by_their_place():
    held = load_file(pen.SCANS_FILE)
    assert len(held["labels"]) == pen.SCANS and held["images"].max() == 16 and held["labels"].bincount().min() > 170
    (train, labels), (test, others) = pen.scans(True), pen.scans(False)
    assert len(train) == 2 * pen.SCANNED and len(test) == pen.SCANS - pen.SCANNED
    assert labels[:pen.SCANNED].tolist() == held["labels"][:pen.SCANNED].tolist()
    assert others.tolist() == held["labels"][pen.SCANNED:].tolist()


@pytest.mark.slow
def test_the_splits_are_what_the_spec_says():
    train, test = load_split("pen_digits", "train"), load_split("pen_digits", "test")
    assert train.spec is test.spec is data_spec("pen_digits") is PEN
    pixels = train.images / 255
    assert (pixels.mean().item(), pixels.std().item()) == pytest.approx((PEN.mean[0], PEN.std[0]), abs=6e-3)
    assert {name: len(part) for name, part in test.named.items()} == {"drawn": 2_000, "scanned": 597}
    assert torch.equal(torch.cat([part.images for part in test.named.values()]), test.images)
    assert not {row.tobytes() for row in train.images.numpy()} & {row.tobytes() for row in test.images.numpy()}


def test_other_data_sets_name_no_parts():
    assert load_split("fashion_mnist", "test").named == {}
    with pytest.raises(InputError, match="fashion_mnist, cifar10"):
        data_spec("letters")
