"""Pictures of few bytes and much work, and others that cost what they can: as the bytes of a file."""

import struct
import zlib
from functools import partial

from PIL import Image

from tests.pictures import encode, noise

SIDE = 4096  # pixels: the largest square that is taken


def scan_bomb(side: int, scans: int) -> bytes:
    """A grey progressive JPEG of one DC scan and then the same empty AC scan many times (libjpeg-turbo, LJT-01-003)."""
    blocks = ((side + 7) // 8) ** 2
    head = (b"\xff\xd8" + _segment(0xDB, b"\0" + b"\1" * 64)
            + _segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\x00")
            + _segment(0xC4, b"\x00" + bytes([1, *[0] * 15, 0]))
            + _segment(0xC4, b"\x10" + bytes([1, 0, 0, 0, 14, *[0] * 11, 0xE0, *[0x10 * k for k in range(14)]]))
            + _segment(0xDA, b"\x01\x01\x00\x00\x00\x00") + _packed("0" * blocks))
    return head + (_segment(0xDA, b"\x01\x01\x00\x01\x3f\x00") + _packed(_empty(blocks))) * scans + b"\xff\xd9"


def _segment(marker: int, data: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def _packed(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")


def _empty(blocks: int) -> str:
    """End-of-band runs: fifteen bits for 32,767 blocks without a coefficient, then the rest."""
    runs, rest = divmod(blocks, 32_767)
    exponent = rest.bit_length() - 1
    code = "" if not rest else "0" if exponent == 14 else format(0b10000 + exponent, "05b")
    return ("0" + "1" * 14) * runs + code + (format(rest - (1 << exponent), f"0{exponent}b") if exponent > 0 else "")


def png(width: int, height: int, data: bytes = b"", interlaced: bool = False, before: bytes = b"",
        colours: int = 2) -> bytes:
    """A PNG file of 8 bits a channel; `before` are chunks between its header and its pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + head + before + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def flood(segments: int) -> bytes:
    """A small JPEG behind so many empty comments, each of which a reader of headers looks at."""
    return b"\xff\xd8" + b"\xff\xfe\x00\x02" * segments + encode(noise(), "JPEG")[2:]


def broken_exif() -> bytes:
    """83 bytes of a sound PNG whose eXIf chunk breaks off."""
    return png(1, 1, zlib.compress(b"\0\0"), before=chunk(b"eXIf", b"MM\0*"), colours=0)


def _flat(mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (SIDE, SIDE), 200)


def _detailed() -> Image.Image:
    return noise(512, 512).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _with_alpha() -> Image.Image:
    picture = _flat()
    picture.putalpha(100)
    return picture


BOMBS = {  # name: what makes it
    "4,000 scans": partial(scan_bomb, SIDE, 4_000),
    "98 scans": partial(scan_bomb, SIDE, 98),
    "a WebP of one colour": lambda: encode(_flat(), "WEBP", lossless=True),
    "a WebP with alpha": lambda: encode(_with_alpha(), "WEBP", method=0),
    "a PNG of one colour": lambda: encode(_flat()),
    "a PNG with alpha": lambda: encode(_with_alpha()),
    "an interlaced PNG": lambda: png(SIDE, SIDE, zlib.compress(bytes(4 * SIDE * SIDE), 9), interlaced=True, colours=6),
    "a progressive JPEG": lambda: encode(_detailed(), "JPEG", quality=90, subsampling=0, progressive=True),
    "a progressive JPEG in four colours": lambda: encode(_detailed().convert("CMYK"), "JPEG", progressive=True),
    "an animation": lambda: encode(_flat(), "WEBP", save_all=True, append_images=[Image.new("RGB", (SIDE, SIDE))]),
    "a million comments": partial(flood, 1_000_000),
    "25 MB of comments": partial(flood, 6_200_000),
    "a million texts": lambda: png(1, 1, zlib.compress(b"\0\0"), before=chunk(b"tEXt", b"a\0b") * 1_500_000, colours=0),
    "50 megapixels": partial(scan_bomb, 7_071, 4),
    "a strip of 200 to 1": lambda: encode(Image.new("RGB", (40_000, 200))),
}
