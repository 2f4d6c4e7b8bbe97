"""The bytes of a stranger's picture -> its pixels: size before pixels, scans before decoding, no copy too many.

JPEG is decoded by torchvision, which brings libjpeg-turbo: Pillow 12's decoder has a known heap overflow
(CVE-2026-112403). So is WebP, for which Pillow keeps four copies of four bytes a pixel; but torchvision knows no
animation, and Pillow shows its first frame.
"""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from resnet.util.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

MAX_BYTES = 25_000_000
MAX_PIXELS = 1 << 24
MAX_KEPT = 3_200_000  # pixels: more are averaged, 2×2, 3×3 or more at a time, to at most so many
MAX_RATIO = 200
MAX_SCANS = 100  # of a progressive JPEG; encoders write ten
MAX_SEGMENTS = 10_000  # of a JPEG; cameras write dozens
_STRIP = 64  # rows of the result that are made at a time
_ORIENTATION = 0x0112  # in EXIF
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")  # of a JPEG file; neither filling nor a restart
_TEM, _SOI, _EOI, _SOS = 0x01, 0xD8, 0xD9, 0xDA  # ITU-T T.81, table B.1


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    pixels   uint8 RGB [3, height, width], upright, on white, at most `MAX_KEPT` of them
    size     (height, width) before they were averaged
    """

    pixels: Tensor
    size: tuple[int, int]


def unpack(data: "bytes | memoryview", pixels: int = MAX_PIXELS) -> Picture:
    """The bytes of a JPEG, PNG or WebP file of at most so many pixels.

    Raises:
        InputError: not such a file, damaged, over 25 MB, over `pixels`, over 200:1, of over 100 scans, or there is
            not the memory.
    """
    kind = _check_header(data, pixels)
    if kind == "JPEG" and _scans(data) > MAX_SCANS:
        raise InputError("picture_scans", limit=MAX_SCANS)
    try:
        return _jpeg(data) if kind == "JPEG" else _webp(data) if _is_still_webp(data) else _by_pillow(data, kind)
    except Exception as error:  # whatever a decoder raises: of a broken picture that is struct.error, KeyError, ...
        scarce = isinstance(error, MemoryError) or "memory" in str(error).lower()  # libjpeg's and torch's are no class
        raise InputError("picture_costly" if scarce else "picture_damaged") from error


def _check_header(data: "bytes | memoryview", pixels: int) -> str:
    """The kind of file, from its header alone: Pillow opens lazily, so no pixel is decoded here."""
    from PIL import Image

    if not data:
        raise InputError("picture_empty")
    if len(data) > MAX_BYTES:
        raise InputError("picture_bytes", limit=MAX_BYTES // 1_000_000)
    if _segments(data) > MAX_SEGMENTS:
        raise InputError("picture_costly")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
            (width, height), kind = picture.size, picture.format
    except Image.DecompressionBombError as error:
        raise InputError("picture_pixels", limit=MAX_PIXELS // 1_000_000) from error
    except Exception as error:
        known = bytes(data[:4]).startswith((b"\xff\xd8\xff", b"\x89PNG")) or data[8:12] == b"WEBP"
        raise InputError("picture_damaged" if known else "picture_kind") from error
    if width * height > pixels:
        raise InputError("picture_pixels", limit=MAX_PIXELS // 1_000_000)
    if max(width, height) > MAX_RATIO * min(width, height):
        raise InputError("picture_ratio", width=width, height=height, limit=MAX_RATIO)
    return str(kind)


def _scans(data: "bytes | memoryview") -> int:
    """How often a JPEG file goes over its picture: each scan takes time for all pixels, and few bytes."""
    scans = (kind for kind in _markers(data) if kind == _SOS)
    return sum(1 for _ in islice(scans, MAX_SCANS + 1))


def _segments(data: "bytes | memoryview") -> int:
    """Of a JPEG file: Pillow remembers each, thirty bytes for four of the file's."""
    return sum(1 for _ in islice(_markers(data), MAX_SEGMENTS + 1)) if bytes(data[:2]) == b"\xff\xd8" else 0


def _markers(data: "bytes | memoryview") -> Iterator[int]:
    at = 0
    while (marker := _MARKER.search(data, at)) and (kind := marker[1][0]) != _EOI:
        yield kind
        at = marker.end()
        if kind not in (_TEM, _SOI):  # all others tell their length
            at += int.from_bytes(data[at:at + 2], "big")


def _jpeg(data: "bytes | memoryview") -> Picture:
    from torchvision.io import ImageReadMode, decode_jpeg

    planes = decode_jpeg(_encoded(data), mode=ImageReadMode.RGB, apply_exif_orientation=True)
    assert isinstance(planes, Tensor)  # of one file
    height, width = planes.shape[1:]
    if _factor(height * width) == 1:
        return Picture(planes, (height, width))
    return _finished(_rows_of(planes), height, width)


def _webp(data: "bytes | memoryview") -> Picture:
    from PIL import Image
    from torchvision.io import decode_webp

    with Image.open(io.BytesIO(data), formats=("WEBP",)) as picture:
        orientation = picture.getexif().get(_ORIENTATION, 1)
    del picture  # and its decoder, which holds two canvases
    planes = decode_webp(_encoded(data))
    return _finished(_rows_of(planes), planes.shape[1], planes.shape[2], orientation)


def _by_pillow(data: "bytes | memoryview", kind: str) -> Picture:
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=(kind,)) as picture:
        picture.load()
        return from_pillow(picture)


def from_pillow(picture: "Image.Image") -> Picture:
    """A picture of Pillow's as a file of it would be shown."""
    return _finished(lambda top, bottom: picture.crop((0, top, picture.width, bottom)), picture.height,
                     picture.width, picture.getexif().get(_ORIENTATION, 1))


def _is_still_webp(data: "bytes | memoryview") -> bool:
    """Bit 1 of an extended header's flags says that frames follow (RFC 9649, section 2.7)."""
    return data[8:12] == b"WEBP" and not (data[12:16] == b"VP8X" and data[20] & 2)


def _encoded(data: "bytes | memoryview") -> Tensor:
    writable = isinstance(data, memoryview) and not data.readonly
    return torch.frombuffer(data if writable else bytearray(data), dtype=torch.uint8)


def _rows_of(planes: Tensor) -> "Callable[[int, int], Image.Image]":
    """uint8 [3 or 4, height, width] -> some rows of it as a picture."""
    from PIL import Image

    return lambda top, bottom: Image.fromarray(planes[:, top:bottom].permute(1, 2, 0).contiguous().numpy())


def _finished(rows: "Callable[[int, int], Image.Image]", height: int, width: int, orientation: int = 1) -> Picture:
    """Averaged, on white and upright, some rows at a time so that no second copy of the whole is made."""
    factor = _factor(height * width)
    step = _STRIP * factor if factor > 1 else height
    strips = [np.asarray(_on_white(rows(top, min(top + step, height))).reduce(factor))
              for top in range(0, height, step)]
    upright = _upright(np.concatenate(strips), orientation)
    size = (width, height) if orientation in (5, 6, 7, 8) else (height, width)
    return Picture(torch.from_numpy(upright).permute(2, 0, 1), size)


def _factor(pixels: int) -> int:
    """How many pixels a side are averaged."""
    factor = 1
    while pixels > MAX_KEPT * factor * factor:
        factor += 1
    return factor


def _on_white(picture: "Image.Image") -> "Image.Image":
    """As RGB."""
    from PIL import Image

    if picture.mode.startswith("I"):  # 16-bit grey: keep the high byte, Pillow would clip
        picture = Image.fromarray((np.asarray(picture).astype("uint32") >> 8).astype("uint8"))
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture.convert("RGBA"))
    return white.convert("RGB")


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """uint8 [height, width, 3], turned and mirrored as EXIF says."""
    from PIL import Image, ImageOps

    if orientation == 1:
        return pixels
    picture = Image.fromarray(pixels)
    picture.getexif()[_ORIENTATION] = orientation
    return np.array(ImageOps.exif_transpose(picture))
