"""Digits as a pen draws them: strokes of our own, jittered, in the ink of the page's canvas; and scikit-learn's.

Each digit has several ways to be written. The last of each is kept for testing: what a net answers about it, it has
not learned by heart. The strokes stand in a square of 100 by 100, x to the right and y down, smooth through their
points; strokes that meet at a corner are two.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

SCANS_FILE = Path(__file__).parent / "samples" / "digits.safetensors"
SIDE, INK = 28, 1.5  # pixels of a picture; from the middle of a line to where it ends (ui/stream/web/picture.js)
DRAWN = {"train": 10_000, "test": 2_000}
SCANS, SCANNED = 1_797, 1_200  # of scikit-learn's, and how many of them, the first, train; the others test
CURVE, LINE = 20, 40  # steps between two points of a stroke, and along a straight one
MOST = 200  # places of a drawing; the longest, an angular 5, ends five sooner
CHUNK = 250

STYLES = (
    ("50 5,22 25,18 55,30 88,52 95,76 82,82 48,72 15,50 5", "40 8,10 35,12 70,45 95,85 80,92 45,75 10,40 8",
     "50 5,32 30,30 65,48 95,66 68,66 30,50 5", "62 12,30 15,15 50,30 90,65 90,85 50,70 12,45 10",
     "55 6,25 22,20 65,45 95,78 75,80 30,58 8,45 14,62 22"),
    ("50 5,50 95", "32 25,55 5|55 5,55 95", "30 28,52 6|52 6,52 94|28 94,76 94", "62 5,40 95",
     "50 5,50 95|25 95,75 95"),
    ("18 28,35 8,65 8,80 28,65 52,18 92|18 92,84 92", "20 25,45 5,75 15,75 40,45 75,22 90,25 75,45 80,85 95",
     "15 20,50 3,82 22,70 50,40 70,15 95|15 95,85 90", "18 10,80 10|80 10,18 92|18 92,84 92",
     "22 30,30 10,60 5,78 25,60 55,20 88,35 84,60 95,85 86"),
    ("20 12,50 4,76 22,60 44,42 47|42 47,72 54,80 75,55 95,18 86",
     "20 6,78 6|78 6,45 42|45 42,78 55,78 80,50 96,18 86", "18 18,45 4,74 15,68 38,45 47,75 60,76 85,45 96,16 84",
     "20 8,75 20|75 20,40 46|40 46,78 72|78 72,20 94"),
    ("25 5,15 58|15 58,85 58|65 30,65 95", "62 5,12 65|12 65,88 65|62 5,62 95", "28 8,25 50|25 50,80 50|78 5,74 95",
     "20 5,22 40,40 52,78 50|78 5,70 95"),
    ("76 6,28 6|28 6,24 45|24 45,55 38,80 58,74 85,45 96,18 86", "78 8,40 8,25 28,45 45,72 58,70 85,45 95,18 88",
     "78 6,24 6|24 6,24 46|24 46,76 46|76 46,76 92|76 92,20 92",
     "72 4,34 8|34 8,22 44|22 44,50 34,74 46,76 72,52 92,26 94"),
    ("68 6,35 28,20 62,35 93,65 92,78 70,60 52,35 58,24 72", "60 4,28 55,22 75,40 95,70 88,72 62,48 54,26 70",
     "75 15,50 5,24 35,20 70,42 95,74 84,72 58,42 54,22 68", "55 4,38 30,28 70,40 94,62 94,68 78,54 70,36 78"),
    ("18 8,80 8|80 8,42 95", "18 8,80 8|80 8,40 95|35 50,72 50", "15 12,45 8,80 10,60 45,48 95",
     "18 22,18 8|18 8,82 8|82 8,45 95", "18 20,18 8|18 8,80 8|80 8,58 45,46 95|36 52,74 50"),
    ("50 48,25 28,48 5,74 25,50 48,22 72,50 95,78 72,50 48",
     "72 18,45 5,28 25,55 48,76 72,48 95,24 75,50 46,74 25,68 12",
     "50 5,28 25,50 46,72 25,50 5|50 46,22 70,50 95,78 70,50 46",
     "50 4,36 18,50 34,64 18,50 4|50 34,16 64,50 96,84 64,50 34"),
    ("74 28,50 6,24 26,42 50,72 40,76 25|76 25,72 60,60 95", "72 10,40 5,22 28,40 50,70 38|72 8,70 95",
     "75 20,48 5,22 28,45 52,74 30,76 55,62 88,28 92", "70 25,52 8,30 24,44 46,70 28|70 25,66 70,44 95,22 82"),
)


def digits(split: str) -> tuple[Tensor, Tensor]:
    """ "train" or "test": uint8 [n, 1, 28, 28], light on black, and labels [n]; DRAWN first, then the scanned ones."""
    train = split == "train"
    generator = torch.Generator().manual_seed(0 if train else 1)
    drawn, digit = drawings(DRAWN[split], train, generator)
    scanned, label = scans(train)
    return torch.cat([drawn, scanned]), torch.cat([digit, label])


def drawings(n: int, train: bool, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """n pictures, each digit equally often, by the styles for training or by those kept for testing."""
    labels = torch.arange(n) % 10
    images = [_inked(torch.stack([_points(int(digit), train, generator) for digit in part]), generator)
              for part in labels.split(CHUNK)]
    return torch.cat(images), labels


def _points(digit: int, train: bool, generator: torch.Generator) -> Tensor:
    """[MOST, 2] places (x, y) in pixels along one drawing's lines; the last one repeated."""
    styles = STYLES[digit][:-1] if train else STYLES[digit][-1:]
    chosen = styles[int(torch.randint(len(styles), (), generator=generator))]
    strokes = [torch.tensor([[float(number) for number in point.split()] for point in stroke.split(",")]) / 100 - 0.5
               for stroke in chosen.split("|")]
    lines = [_smooth(stroke + 0.025 * torch.randn(stroke.shape, generator=generator)) for stroke in strokes]
    places = _moved(torch.cat(lines), generator)
    return places[torch.arange(MOST).clamp(max=len(places) - 1)]


def _smooth(stroke: Tensor) -> Tensor:
    """A Catmull-Rom curve through [points, 2], which a straight line of two points stays."""
    before, after = 2 * stroke[:1] - stroke[1:2], 2 * stroke[-1:] - stroke[-2:-1]
    p = torch.cat([before, stroke, after])
    steps = LINE if len(stroke) == 2 else CURVE
    t = torch.arange(steps + 1).view(-1, 1, 1) / steps
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return curve.transpose(0, 1).reshape(-1, 2)


def _moved(places: Tensor, generator: torch.Generator) -> Tensor:
    """A drawing of some size, breadth, slant and turn, somewhere in the picture."""
    size, breadth, slant, turn = torch.rand(4, generator=generator).tolist()
    height, width = 14 + 10 * size, (14 + 10 * size) * (0.55 + 0.5 * breadth)
    x, y = width * places[:, 0] - 0.3 * (slant - 0.5) * 2 * height * places[:, 1], height * places[:, 1]
    angle = torch.tensor(0.3 * (turn - 0.5))
    placed = torch.stack([angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y], 1)
    low, high = placed.amin(0), placed.amax(0)
    room = (SIDE - 4 - (high - low)).clamp(min=0)
    return placed - low + 2 + room * (0.5 + 0.8 * (torch.rand(2, generator=generator) - 0.5))


def _inked(places: Tensor, generator: torch.Generator) -> Tensor:
    """[n, points, 2] -> uint8 [n, 1, 28, 28] in a pen's soft line, a little finer or broader than the page's."""
    row, column = torch.meshgrid(torch.arange(SIDE) + 0.5, torch.arange(SIDE) + 0.5, indexing="ij")
    pixels = torch.stack([column, row], -1).view(1, -1, 2).expand(len(places), -1, -1)
    away = torch.cdist(pixels, places).amin(2).view(-1, 1, SIDE, SIDE)
    ink = INK + 0.7 * (torch.rand(len(places), 1, 1, 1, generator=generator) - 0.4)
    return (255 * (ink - away).clamp(0, 1)).round().to(torch.uint8)


def scans(train: bool) -> tuple[Tensor, Tensor]:
    """scikit-learn's digits, 8x8 in 17 greys, made as large as a drawing: for training twice, of several sizes."""
    from safetensors.torch import load_file

    held = load_file(SCANS_FILE)
    part = slice(None, SCANNED) if train else slice(SCANNED, None)
    images, labels = held["images"][part].float() * 255 / 16, held["labels"][part].long()
    sides = (18, 23) if train else (20,)
    return torch.cat([_centred(images, side) for side in sides]), labels.repeat(len(sides))


def _centred(images: Tensor, side: int) -> Tensor:
    """[n, 1, 8, 8] -> uint8 [n, 1, 28, 28], in the middle."""
    larger = F.interpolate(images, (side, side), mode="bicubic", align_corners=False).clamp(0, 255).round()
    before, after = (SIDE - side) // 2, SIDE - side - (SIDE - side) // 2
    return F.pad(larger, (before, after, before, after)).to(torch.uint8)
