"""Ten photographs that packages of the tests bring along; none is in this repository."""

import io
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

PHOTOGRAPHS = {
    "gradio": ("media_assets/images/cheetah.jpg", "media_assets/images/cheetah1.jpg", "media_assets/images/groot.jpeg",
               "media_assets/images/lion.jpg", "media_assets/images/tower.jpg", "test_data/cheetah2.jpg"),
    "skimage": ("data/astronaut.png", "data/chelsea.png", "data/coffee.png", "data/rocket.jpg"),
}


@lru_cache(maxsize=1)
def photographs() -> tuple[bytes, ...]:
    """As files."""
    return tuple((Path(find_spec(package).origin).parent / name).read_bytes()
                 for package, names in PHOTOGRAPHS.items() for name in names)


def as_pillow(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")
