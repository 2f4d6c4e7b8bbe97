import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps

from resnet.data import load_samples
from resnet.inference.picture import decode, prepare
from resnet.util.errors import InputError
from tests.pictures import encode, gradient, noise


def as_tensor(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)


@pytest.mark.parametrize("kind, options, worst", [
    ("PNG", {}, 0), ("WEBP", {"lossless": True}, 0), ("WEBP", {"quality": 95}, 12), ("JPEG", {"quality": 95}, 12)])
def test_decodes_as_pillow_does(kind, options, worst):
    data = encode(gradient(), kind, **options)
    with Image.open(io.BytesIO(data)) as reference:
        difference = (decode(data).int() - as_tensor(reference).int()).abs()
    assert difference.max() <= worst


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_follows_the_exif_orientation(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(gradient(), kind, exif=exif)
    upright = as_tensor(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    found = decode(data)
    assert found.shape == upright.shape
    assert (found.int() - upright.int()).abs().float().mean() < 3


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1"])
def test_png_modes_become_rgb(mode):
    picture = gradient().convert(mode)
    expected = Image.new("RGBA", picture.size, "white")
    expected.alpha_composite(picture.convert("RGBA"))
    assert torch.equal(decode(encode(picture)), as_tensor(expected))


def test_transparent_becomes_white():
    assert decode(encode(Image.new("RGBA", (4, 4), (200, 0, 0, 0)))).unique().tolist() == [255]


def test_sixteen_bit_grey_keeps_its_shades():
    values = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    found = decode(encode(Image.fromarray(values)))
    assert torch.equal(found[0], torch.from_numpy((values >> 8).astype(np.uint8)))


def test_cmyk_jpeg():
    found = decode(encode(gradient().convert("CMYK"), "JPEG", quality=95))
    assert (found.int() - as_tensor(gradient()).int()).abs().float().mean() < 4


def test_animation_shows_its_first_frame():
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    data = encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert decode(data)[:, 0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("data, key", [
    (b"", "picture_empty"),
    (b"just some text, whatever the name says", "picture_kind"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture_kind"),
    (b"%PDF-1.7", "picture_kind"),
    (encode(gradient(), "GIF"), "picture_kind"),
    (encode(gradient(), "TIFF"), "picture_kind"),
    (encode(noise(), "PNG")[:2000], "picture_damaged"),
    (encode(noise(), "JPEG")[:900], "picture_damaged"),
    (encode(noise(), "WEBP")[:500], "picture_damaged"),
    (encode(Image.new("L", (20_000, 1))), "picture_ratio"),
    (encode(Image.new("1", (10_000, 6_000))), "picture_pixels"),
    (encode(Image.new("1", (20_000, 20_000))), "picture_pixels"),
    (b"\x89PNG" + bytes(26_000_000), "picture_bytes"),
])
def test_refusals_are_one_sentence(data, key):
    with pytest.raises(InputError) as caught:
        decode(data)
    assert caught.value.key == key


def test_missing_file():
    with pytest.raises(InputError, match="cannot be read"):
        decode("no/such/picture.png")


def test_a_data_set_item_is_left_alone():
    item = torch.randint(0, 80, (1, 28, 28), dtype=torch.uint8)
    seen = prepare(item.expand(3, -1, -1), 1, (28, 28))
    assert torch.equal(seen.pixels, item)
    assert not (seen.grey or seen.inverted or seen.padded)


def test_an_item_for_a_net_that_takes_larger_pictures_is_resized_as_in_its_training():
    items = load_samples("fashion_mnist", "test").first(50)
    for item, resized in zip(items.images, items.resized((64, 64)).images, strict=True):
        assert torch.equal(prepare(item.expand(3, -1, -1), 1, (64, 64)).pixels, resized)


def test_a_product_photograph_becomes_a_fashion_mnist_item():
    photo = torch.full((3, 200, 400), 250, dtype=torch.uint8)
    photo[:, 50:150, 100:300] = torch.tensor([180, 20, 20], dtype=torch.uint8)[:, None, None]
    seen = prepare(photo, 1, (28, 28))
    assert seen.grey and seen.inverted and seen.padded and not seen.cropped
    assert seen.pixels.shape == (1, 28, 28)
    assert seen.pixels[0, 14, 14] == 255 - round(0.299 * 180 + 0.587 * 20 + 0.114 * 20)
    assert seen.pixels[0, 0, 0] == 0


@pytest.mark.parametrize("height, width", [(32, 32), (33, 32), (48, 64), (1, 7), (7, 1), (300, 31), (1000, 801)])
@pytest.mark.parametrize("channels, size", [(1, (28, 28)), (3, (32, 32)), (3, (24, 40))])
def test_any_shape_fits(height, width, channels, size):
    picture = torch.randint(0, 256, (3, height, width), dtype=torch.uint8)
    assert prepare(picture, channels, size).pixels.shape == (channels, *size)


def test_resizing_agrees_with_pillow():
    picture = gradient(320, 240)
    reference = picture.resize((43, 32), Image.Resampling.BILINEAR).crop((5, 0, 37, 32))
    found = prepare(as_tensor(picture), 3, (32, 32)).pixels
    assert (found.int() - as_tensor(reference).int()).abs().max() <= 1


@pytest.mark.parametrize("height, width", [(37, 61), (200, 150), (20, 13)])
def test_integers_and_the_quick_order_stay_within_a_rounding_of_plain_arithmetic(height, width):
    picture = as_tensor(noise(width, height))
    grey = (picture.double() * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(0, keepdim=True)
    border = torch.cat((grey[0, 0], grey[0, -1], grey[0, :, 0], grey[0, :, -1]))
    grey = 255 - grey if border.mean() > 127.5 else grey
    scale = 28 / max(height, width)
    target = round(height * scale), round(width * scale)
    expected = F.interpolate(grey[None], target, mode="bilinear", antialias=True)[0]
    top, left = (28 - target[0]) // 2, (28 - target[1]) // 2
    found = prepare(picture, 1, (28, 28)).pixels[:, top:top + target[0], left:left + target[1]]
    assert (found - expected).abs().max() <= 1.5  # 1, and the reference is not rounded
