"""Pictures of every kind: decoded as Pillow decodes them, or refused in a sentence; JPEG never by Pillow."""

import io
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, JpegImagePlugin

from resnet.hub.load import load
from resnet.hub.preprocessing import Steps
from resnet.inference.decoder import MAX_KEPT, unpack
from resnet.inference.decoding import open_picture
from resnet.inference.picture import decode, follow
from resnet.inference.predict import see
from resnet.util.errors import InputError
from tests.pictures import encode, gradient, noise
from tests.security.bombs import SIDE, broken_exif, png, scan_bomb
from tests.security.checks import EVERY_CHECK

FAST = settings(deadline=None, derandomize=True, database=None, suppress_health_check=EVERY_CHECK)
MODES = {"PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), "WEBP": ("RGB", "RGBA"), "JPEG": ("L", "RGB", "CMYK")}


def on_white(picture: Image.Image) -> np.ndarray:
    """What a viewer shows on a white page, [height, width, 3], by Pillow alone."""
    if picture.mode == "I;16":
        picture = Image.fromarray((np.asarray(picture) >> 8).astype("uint8"))
    picture = picture.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return np.asarray(white.convert("RGB"))


def refused(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        decode(data)
    sentence = str(caught.value)
    assert 8 < len(sentence) < 300 and "\n" not in sentence and "PIL" not in sentence
    return caught.value.key


@st.composite
def pictures(draw) -> tuple[Image.Image, str, int]:
    """(picture, kind of file, EXIF orientation)."""
    kind = draw(st.sampled_from(list(MODES)))
    mode = draw(st.sampled_from(MODES[kind]))
    width, height = draw(st.integers(1, 48)), draw(st.integers(1, 48))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    if mode == "I;16":
        picture = Image.fromarray(rng.integers(0, 65_536, (height, width), dtype=np.uint16))
    elif mode in ("LA", "RGBA"):
        channels = {"LA": 2, "RGBA": 4}[mode]
        picture = Image.fromarray(rng.integers(0, 256, (height, width, channels), dtype=np.uint8), mode)
    else:
        smooth = np.add.outer(np.arange(height), np.arange(width)) * 255 // max(1, width + height - 2)
        rgb = smooth[..., None] if kind == "JPEG" else rng.integers(0, 256, (height, width, 3))
        picture = Image.fromarray(np.broadcast_to(rgb, (height, width, 3)).astype("uint8")).convert(mode)
    return picture, kind, draw(st.sampled_from([1, 1, 2, 3, 4, 5, 6, 7, 8]))


def written(picture: Image.Image, kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "JPEG" else {}
    return encode(picture, kind, exif=exif, **options)


@settings(FAST, max_examples=300)
@given(pictures())
def test_a_sound_picture_is_seen_as_others_see_it(drawn):
    picture, kind, orientation = drawn
    data = written(picture, kind, orientation)
    with Image.open(io.BytesIO(data)) as theirs:
        expected = on_white(ImageOps.exif_transpose(theirs)).astype(int)
    ours = decode(data).permute(1, 2, 0).numpy()
    assert ours.shape == expected.shape
    far = abs(ours - expected).max()
    assert far <= (12 if picture.mode == "CMYK" else 4 if kind == "JPEG" else 0 if picture.mode != "I;16" else 1)


@settings(FAST, max_examples=200)
@given(pictures(), st.data())
def test_a_hurt_picture_is_decoded_or_refused_in_a_sentence(drawn, data):
    whole = bytearray(written(*drawn))
    if data.draw(st.booleans()):
        whole = whole[:data.draw(st.integers(0, len(whole) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 8))):
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = decode(bytes(whole))
    except InputError as error:
        assert error.key.startswith("picture_")
    else:
        assert pixels.dtype.is_signed is False and pixels.shape[0] == 3 and pixels.ndim == 3


@settings(FAST, max_examples=150)
@given(st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"GIF89a", b"BM", b"II*\0",
                        b"%PDF-1.7\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\0\0\0 ftypheic",
                        b"\0\0\0\x0cjP  "]),
       st.binary(max_size=200))
def test_noise_behind_any_beginning_is_refused(start, rest):
    assert refused(start + rest).startswith("picture_")


def corpus() -> dict[str, tuple[bytes, str]]:
    """Files and the key of their refusal."""
    bomb = zlib.compress(bytes(50_000_000), 9)
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"
    return {
        "nothing": (b"", "picture_empty"), "TIFF": (encode(noise(), "TIFF"), "picture_kind"),
        "GIF": (encode(noise(), "GIF"), "picture_kind"), "BMP": (encode(noise(), "BMP"), "picture_kind"),
        "ICO": (encode(noise(), "ICO"), "picture_kind"), "PDF": (encode(noise(), "PDF"), "picture_kind"),
        "EPS": (encode(noise(), "EPS"), "picture_kind"), "JPEG 2000": (encode(noise(), "JPEG2000"), "picture_kind"),
        "PPM": (encode(noise(), "PPM"), "picture_kind"), "SVG": (svg, "picture_kind"),
        "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "picture_kind"),
        "a claim of 10^18 pixels": (png(2**30, 2**30), "picture_pixels"),
        "a claim of no pixels": (png(0, 5), "picture_damaged"),
        "17 megapixels": (png(4_200, 4_100, bomb), "picture_pixels"),
        "a bomb behind a small claim's end": (png(4_000, 4_000, bomb[:2_000]), "picture_damaged"),
        "1 x 20000": (encode(Image.new("L", (1, 20_000))), "picture_ratio"),
        "26 MB": (bytes(26_000_000), "picture_bytes"),
        "orientation that breaks off": (broken_exif(), "picture_damaged"),
        "101 scans": (scan_bomb(64, 100), "picture_scans"),
        "text in a PNG that unpacks to 100 MB": (encode(noise())[:33] + png(1, 1)[33:], "picture_damaged"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", corpus())
def test_the_corpus_is_refused(name):
    data, key = corpus()[name]
    assert refused(data) == key


def test_the_extension_says_nothing(tmp_path):
    for name, kind in (("a.png", "JPEG"), ("a.gif", "PNG"), ("a.txt", "WEBP")):
        (tmp_path / name).write_bytes(encode(noise(), kind))
        assert decode(tmp_path / name).shape == (3, 60, 80)


def test_of_an_animation_the_first_frame_is_seen():
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "green", "blue")]
    for kind in ("PNG", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        pixels = decode(encode(frames[0], kind, save_all=True, append_images=frames[1:], **options))
        assert pixels[:, 0, 0].tolist() == [255, 0, 0]


def test_pillow_decodes_no_jpeg(monkeypatch):
    def decoding(*_):
        raise AssertionError("Pillow decodes a JPEG")

    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "load", decoding)
    for mode in ("L", "RGB", "CMYK"):
        assert decode(encode(noise(mode=mode), "JPEG")).shape == (3, 60, 80)
    assert decode(encode(noise(), "JPEG", progressive=True)).shape == (3, 60, 80)


def test_a_hundred_scans_are_decoded():
    assert decode(scan_bomb(64, 99)).shape == (3, 64, 64)


def test_what_looks_like_a_scan_in_a_comment_or_behind_the_end_is_none():
    data = encode(noise(), "JPEG", progressive=True, comment=b"\xff\xda" * 200)
    assert torch.equal(decode(data + b"\xff\xda" * 200), decode(encode(noise(), "JPEG", progressive=True)))


@pytest.mark.slow
@pytest.mark.parametrize("kind, options", [
    ("PNG", {}), ("WEBP", {"lossless": True}), ("JPEG", {"quality": 95, "subsampling": 0})])
@pytest.mark.parametrize("orientation, mode", [(1, "RGB"), (6, "RGB"), (1, "RGBA")])
def test_a_large_picture_is_averaged_and_keeps_its_size(kind, options, orientation, mode):
    whole = gradient(2403, 1601).convert(mode)  # neither side a multiple of the factor
    if mode == "RGBA":
        whole.putalpha(Image.linear_gradient("L").resize(whole.size))
    whole = whole.convert("RGB") if kind == "JPEG" else whole
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = unpack(encode(whole, kind, exif=exif, **options))
    upright = Image.fromarray(on_white(whole)).reduce(2)
    upright = upright.transpose(Image.Transpose.ROTATE_270) if orientation == 6 else upright
    assert found.size == ((2403, 1601) if orientation == 6 else (1601, 2403))
    assert found.pixels.shape[1] * found.pixels.shape[2] <= MAX_KEPT
    difference = abs(found.pixels.permute(1, 2, 0).numpy().astype(int) - np.asarray(upright).astype(int))
    assert difference.mean() < 1 and difference.max() <= (4 if kind == "JPEG" else 1)


def test_the_largest_square_is_taken():
    assert unpack(encode(Image.new("L", (SIDE, SIDE)))).size == (SIDE, SIDE)


@pytest.mark.slow
@pytest.mark.parametrize("filter_", ["bilinear", "bicubic"])
def test_averaging_changes_little_of_what_a_net_sees(filter_):
    whole = noise(240, 160).resize((2400, 1600), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(0).integers(-8, 9, (1600, 2400, 3))
    whole = Image.fromarray((np.asarray(whole) + grain).clip(0, 255).astype("uint8"))
    steps = Steps((224, 224), (256, 256), filter=filter_)
    found = follow(unpack(encode(whole, compress_level=1)).pixels, 3, steps).pixels.int()
    exact = follow(torch.from_numpy(np.array(whole)).permute(2, 0, 1), 3, steps).pixels.int()
    difference = (found - exact).abs()
    assert difference.max() <= 3 and difference.float().mean() < 0.5


def test_a_net_is_told_the_size_before_averaging():
    data = encode(Image.new("RGB", (2403, 1601), "white"))
    assert see(open_picture(data), load("resnet20_fashion_mnist")).original == (1601, 2403)
