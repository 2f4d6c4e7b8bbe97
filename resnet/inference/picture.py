"""A stranger's picture -> the tensor that a net sees. Safe first: size before pixels, one decode at a time."""

import io
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from resnet.hub.preprocessing import FILTERS, Steps
from resnet.util.errors import InputError

MAX_BYTES = 25_000_000
MAX_PIXELS = 50_000_000
MAX_RATIO = 200
MAX_SCALED = 50_000_000  # pixels: a long picture whose short edge is scaled up
_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601
_decoding = Lock()


@dataclass(frozen=True)
class Seen:
    """What the net was shown.

    pixels     uint8 [channels, height, width] at the net's size, before mean and std
    grey, inverted, padded, cropped   what was done to get there
    original   (height, width) of the picture in pixels
    """

    pixels: Tensor
    original: tuple[int, int]
    grey: bool = False
    inverted: bool = False
    padded: bool = False
    cropped: bool = False


def decode(source: "str | Path | bytes") -> Tensor:
    """A JPEG, PNG or WebP file, or its bytes -> uint8 RGB [3, height, width], upright, on white.

    Raises:
        InputError: not such a file, damaged, or over 25 MB, 50 megapixels or 200:1.
    """
    data = source if isinstance(source, bytes) else _read(Path(source))
    kind = _check_header(data)
    with _decoding:
        try:
            return _decode_jpeg(data) if kind == "JPEG" else _decode_other(data, kind)
        except (OSError, RuntimeError, ValueError, SyntaxError) as error:
            raise InputError("picture_damaged") from error


def prepare(image: Tensor, channels: int, size: tuple[int, int]) -> Seen:
    """uint8 RGB [3, h, w] -> the net's input, as its data set was made.

    One channel: Fashion-MNIST's own steps (Xiao et al. 2017, arXiv 1708.07747, section 2): grey, dark
    background, longest edge to the net's size, centred. Three channels: shortest edge, centre crop.
    """
    original = tuple(image.shape[-2:])
    if channels == 3:
        return Seen(_crop(_resize(image, size, max), size), original, cropped=original[0] != original[1])
    inverted = bool(_grey(_border(image)).float().mean() > 127.5)
    fitted = _grey(_resize(image, size, min))  # scaled first: within a rounding of the other order, and less to do
    was_grey = _is_grey(image)
    return Seen(_pad(255 - fitted if inverted else fitted, size), original, grey=not was_grey, inverted=inverted,
                padded=tuple(fitted.shape[-2:]) != tuple(size))


def follow(image: Tensor, channels: int, steps: Steps) -> Seen:
    """uint8 RGB [3, h, w] -> the net's input as its repository asks: scaled, then the centre cut out.

    Raises:
        InputError: a net of neither one nor three channels, or a picture so narrow that it would be scaled beyond
            `MAX_SCALED`.
    """
    if channels not in (1, 3):
        raise InputError("channels_unknown", channels=channels)
    original = tuple(image.shape[-2:])
    scaled = steps.scaled(*original)
    if scaled[0] * scaled[1] > MAX_SCALED:
        raise InputError("picture_narrow", width=original[1], height=original[0], size=f"{scaled[0]}×{scaled[1]}")
    top, left = steps.corner(*scaled)
    planes = _scale(image if channels == 3 else _grey(image), scaled, steps)
    was_grey = channels == 3 or _is_grey(image)
    return Seen(planes[:, top:top + steps.size[0], left:left + steps.size[1]].contiguous(), original,
                grey=not was_grey, cropped=scaled != steps.size)


def _scale(image: Tensor, size: tuple[int, int], steps: Steps) -> Tensor:
    """By the code that the nets' own libraries scale with: Pillow's and torch's differ in the last bit.

    The whole picture, though only its crop is needed: Pillow knows a box in single precision only, and one level
    of 255 in a thousandth of the pixels moves a random net's logits by more than tests/test_parity.py allows.
    """
    if steps.backend == "torch" and steps.filter in ("bilinear", "bicubic"):
        from torchvision.transforms.v2 import InterpolationMode
        from torchvision.transforms.v2.functional import resize

        return resize(image, list(size), InterpolationMode(steps.filter), antialias=True)
    from PIL import Image

    pixels = image.permute(1, 2, 0).contiguous().numpy()
    picture = Image.fromarray(pixels if len(image) == 3 else pixels[..., 0])
    scaled = np.array(picture.resize(size[::-1], FILTERS.index(steps.filter)))
    return torch.from_numpy(scaled).reshape(*size, len(image)).permute(2, 0, 1)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError("picture_missing", file=path.name[:80]) from error


def _check_header(data: bytes) -> str:
    """The kind of file, from its header alone: Pillow opens lazily, so no pixel is decoded here."""
    from PIL import Image

    if not data:
        raise InputError("picture_empty")
    if len(data) > MAX_BYTES:
        raise InputError("picture_bytes", limit=MAX_BYTES // 1_000_000)
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
            (width, height), kind = picture.size, picture.format
    except Image.DecompressionBombError as error:
        raise InputError("picture_pixels", limit=MAX_PIXELS // 1_000_000) from error
    except (OSError, ValueError, SyntaxError) as error:
        known = data.startswith((b"\xff\xd8\xff", b"\x89PNG")) or data[8:12] == b"WEBP"
        raise InputError("picture_damaged" if known else "picture_kind") from error
    if width * height > MAX_PIXELS:
        raise InputError("picture_pixels", limit=MAX_PIXELS // 1_000_000)
    if max(width, height) > MAX_RATIO * min(width, height):
        raise InputError("picture_ratio", width=width, height=height, limit=MAX_RATIO)
    return kind


def _decode_jpeg(data: bytes) -> Tensor:
    # Pillow 12's JPEG decoder has a known heap overflow (CVE-2026-112403); torchvision brings libjpeg-turbo.
    from torchvision.io import ImageReadMode, decode_jpeg

    encoded = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    return decode_jpeg(encoded, mode=ImageReadMode.RGB, apply_exif_orientation=True)


def _decode_other(data: bytes, kind: str) -> Tensor:
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(data), formats=(kind,)) as picture:
        picture = ImageOps.exif_transpose(picture)
        if picture.mode.startswith("I"):  # 16-bit grey: keep the high byte, Pillow would clip
            picture = Image.fromarray((np.asarray(picture).astype("uint32") >> 8).astype("uint8"))
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture)
        return torch.from_numpy(np.array(white.convert("RGB"))).permute(2, 0, 1).contiguous()


def _grey(image: Tensor) -> Tensor:
    return (image.float() * torch.tensor(_GREY).view(3, 1, 1)).sum(0, keepdim=True).round().to(torch.uint8)


def _resize(image: Tensor, size: tuple[int, int], choose) -> Tensor:
    """Scaled so that it just covers (choose=max) or just fits (min) `size`, antialiased."""
    height, width = image.shape[-2:]
    scale = choose(size[0] / height, size[1] / width)
    if scale == 1:
        return image
    target = (max(1, round(height * scale)), max(1, round(width * scale)))
    return F.interpolate(image[None], target, mode="bilinear", antialias=True)[0]


def _crop(image: Tensor, size: tuple[int, int]) -> Tensor:
    top, left = ((have - want) // 2 for have, want in zip(image.shape[-2:], size, strict=True))
    return image[:, top:top + size[0], left:left + size[1]]


def _pad(image: Tensor, size: tuple[int, int]) -> Tensor:
    top, left = ((want - have) // 2 for have, want in zip(image.shape[-2:], size, strict=True))
    bottom, right = size[0] - image.shape[-2] - top, size[1] - image.shape[-1] - left
    return F.pad(image, (left, right, top, bottom))


def _is_grey(image: Tensor) -> bool:
    return bool((image[0] == image[1]).all() and (image[1] == image[2]).all())


def _border(image: Tensor) -> Tensor:
    """[c, h, w] -> its outermost pixels, [c, 1, n]."""
    return torch.cat((image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1]), 1)[:, None]
