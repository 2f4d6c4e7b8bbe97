"""Ten photographs: those that come along, and what scikit-image brings, which the tests install."""

import io
from functools import lru_cache
from importlib.resources import files

from PIL import Image

from resnet.data import photo_file

OURS = ("cat", "coffee", "rocket")
OTHERS = ("astronaut.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png",
          "motorcycle_right.png", "retina.jpg")


@lru_cache(maxsize=1)
def photographs() -> tuple[bytes, ...]:
    """As files."""
    folder = files("skimage") / "data"
    return tuple(file.read_bytes() for file in (*map(photo_file, OURS), *(folder / name for name in OTHERS)))


def as_pillow(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")
