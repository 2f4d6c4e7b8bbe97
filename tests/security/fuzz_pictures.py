"""Sound pictures, hurt at random: python -m tests.security.fuzz_pictures COUNT [SEED]

Each goes through the processes that decode for the page. It must come back as pixels or as a sentence: an input that
ends a decoder, takes all its time or fails otherwise is kept in tests/security/found, where it is a test from then on.
"""

import hashlib
import logging
import random
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from resnet.inference import decoding
from resnet.util.errors import InputError
from tests.pictures import encode, gradient, noise
from tests.security.bombs import broken_exif, chunk, png, scan_bomb

FOUND = Path(__file__).parent / "found"
INTERESTING = (b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\0\0", b"\xff\xda", b"\xff\xd9", b"\xff\xc2",
               b"\xff\xe1", b"Exif\0\0MM\0*", b"II*\0", b"eXIf", b"tRNS", b"PLTE", b"acTL", b"VP8X", b"ANMF", b"ALPH")


def sound() -> list[bytes]:
    """Small files of all kinds that are taken."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "words"
    rgb, frames = noise(33, 21), [noise(20, 20, seed) for seed in range(3)]
    return [
        *(encode(rgb.convert(mode), "JPEG", exif=exif) for mode in ("L", "RGB", "CMYK")),
        encode(rgb, "JPEG", progressive=True, subsampling=2), encode(rgb, "JPEG", restart_marker_blocks=1),
        scan_bomb(40, 5),
        *(encode(rgb.convert(mode), "PNG", exif=exif) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        encode(gradient().convert("I;16"), "PNG"), encode(rgb.quantize(9), "PNG", transparency=3), broken_exif(),
        png(20, 20, zlib.compress(bytes(4_000)), interlaced=True, colours=6),
        png(4, 4, zlib.compress(bytes(60)), before=chunk(b"zTXt", b"a\0\0" + zlib.compress(b"b" * 999))),
        encode(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        encode(rgb, "WEBP", exif=exif), encode(rgb, "WEBP", lossless=True), encode(rgb.convert("RGBA"), "WEBP"),
        encode(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
    ]


def mutants(count: int, seed: int) -> Iterator[bytes]:
    chance, seeds = random.Random(seed), sound()
    for _ in range(count):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 2, 3, 8))):
            _hurt(chance, data, seeds)
        yield _with_sums(bytes(data)) if chance.random() < 0.7 else bytes(data)


def _hurt(chance: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    """One change at one place."""
    at, length = chance.randrange(len(data) + 1), chance.choice((1, 2, 4, 16, 100))
    match chance.randrange(7):
        case 0:
            data[at:at + 1] = bytes([chance.randrange(256)])
        case 1 if data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        case 2:
            data[at:at + length] = b""
        case 3:
            data[at:at] = data[at:at + length] * chance.choice((1, 2, 50))
        case 4:
            word = chance.choice(INTERESTING)
            data[at:at + chance.choice((0, len(word)))] = word
        case 5:
            other = chance.choice(seeds)
            start = chance.randrange(len(other))
            data[at:at + length] = other[start:start + length]
        case 6 if chance.random() < 0.3:
            del data[at:]


def _with_sums(data: bytes) -> bytes:
    """A PNG file's checksums set right, so that what they guard is read."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        length = struct.unpack(">I", data[at:at + 4])[0]
        parts.append(chunk(data[at + 4:at + 8], data[at + 8:at + 8 + length]) if length < len(data) else data[at:])
        at += 12 + length
    return b"".join(parts)


class Failures(logging.Handler):
    """What the page would have logged: decoders that were ended."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())


def problem_of(data: bytes, failures: Failures) -> str:
    """"" for pixels or a sentence."""
    failures.told.clear()
    try:
        pixels = decoding.open_picture(data).pixels
        problem = "" if pixels.ndim == 3 and pixels.shape[0] == 3 and pixels.numel() else f"pixels {pixels.shape}"
    except InputError as error:
        problem = "" if error.key.startswith("picture_") else f"refused as {error.key}"
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    return problem or " ".join(failures.told)


def main(count: int, seed: int = 0) -> int:
    """How many inputs failed."""
    logging.getLogger().addHandler(failures := Failures())
    decoding.start()
    failed = 0
    kept = [file.read_bytes() for file in sorted(FOUND.glob("*.bin"))]
    for data in (*kept, *sound(), *mutants(count, seed)):
        if problem := problem_of(data, failures):
            failed += 1
            file = FOUND / f"{hashlib.sha256(data).hexdigest()[:16]}.bin"
            FOUND.mkdir(exist_ok=True)
            file.write_bytes(data)
            print(f"{file.name}: {problem}")
    print(f"{len(kept)} kept and {count:,} new: {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(bool(main(*map(int, sys.argv[1:]))))
