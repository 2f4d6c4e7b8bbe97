"""Small made data sets and nets for the tests of training: seconds instead of hours."""

import io
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from PIL import Image

from resnet.checkpoint import ModelInfo
from resnet.config import ResNetConfig, config_of
from resnet.data import Split, data_spec

TINY = {"depths": (1, 1, 1), "widths": (4, 8, 8)}
TINY_SETTINGS = ("depths=1,1,1", "widths=4,8,8")


def tiny(variant: str = "resnet20_cifar", **changes) -> ResNetConfig:
    """A net of eight layers for Fashion-MNIST."""
    return config_of(variant, **{"in_channels": 1, "input_size": (28, 28)} | TINY | changes)


@contextmanager
def one_thread() -> Iterator[None]:
    """Nets this small only lose time to a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def made_split(n: int, name: str = "fashion_mnist", seed: int = 0) -> Split:
    """Noise around a brightness that tells the class."""
    spec = data_spec(name)
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, len(spec.classes), (n,), generator=generator)
    noise = torch.randint(0, 60, (n, spec.channels, *spec.size), generator=generator)
    return Split(spec, (noise + 19 * labels.view(-1, 1, 1, 1) % 196).to(torch.uint8), labels)


def made_info(config: ResNetConfig, name: str = "fashion_mnist", **changes) -> ModelInfo:
    spec = data_spec(name)
    values = {"name": "made", "variant": "resnet20_cifar", "architecture": config, "data": name,
              "labels": spec.classes, "mean": spec.mean, "std": spec.std}
    return ModelInfo(**values | changes)


def write_parquet(split: Split, root: Path, part: str) -> Path:
    """A split in the layout of the Hub's data set repository under `root`."""
    import pyarrow
    import pyarrow.parquet

    spec = split.spec
    file = root / spec.repository / spec.folder / f"{part}-00000-of-00001.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    cells = [{"bytes": _png(image), "path": None} for image in split.images]
    columns = {spec.image_column: cells, spec.label_column: split.labels.tolist()}
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file


def _png(image: torch.Tensor) -> bytes:
    pixels = image[0] if len(image) == 1 else image.permute(1, 2, 0)
    file = io.BytesIO()
    Image.fromarray(pixels.numpy()).save(file, "PNG")
    return file.getvalue()


def same_tensors(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def draw(folder: Path, colour: tuple[int, int, int], n: int, kind: str = "png") -> None:
    """Pictures of a colour with noise, of several shapes."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = random.Random(str(folder))
    for i in range(n):
        picture = Image.new("RGB", (20 + 3 * i, 24), colour)
        for _ in range(40):
            place = noise.randrange(picture.width), noise.randrange(picture.height)
            picture.putpixel(place, tuple(noise.randrange(256) for _ in range(3)))
        picture.save(folder / f"{i:03}.{kind}")


def draw_flowers(root: Path) -> Path:
    """A folder of three classes with ten pictures each, in three scripts."""
    for name, colour in (("rose", (200, 20, 40)), ("玫瑰", (240, 120, 150)), ("été", (20, 160, 60))):
        draw(root / name, colour, 10)
    return root
