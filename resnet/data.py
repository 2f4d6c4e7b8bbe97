"""The named data sets as tensors, read from the Hub's data set repositories.

A split is looked for in `$RESNET_DATA` (a folder laid out like the repositories), then among the
bundled samples, then on the Hub; it is decoded once and kept in the user's cache. The pen's digits are drawn anew.
"""

import io
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from resnet import pen
from resnet.papers.datasets import DATA, NAMED, PEN, DataSpec, data_spec, data_title, unknown_data
from resnet.util.errors import InputError
from resnet.util.files import cache_folder, write_file

if TYPE_CHECKING:
    from PIL import Image

SAMPLES = Path(__file__).parent / "samples"
MAX_BYTES = 8_000_000_000
ANSWER_SECONDS = 6.0  # until the Hub has said anything
__all__ = ["DATA", "NAMED", "PEN", "DataSpec", "Split", "data_spec", "data_title", "load_samples", "load_split",
           "normalise", "unknown_data"]


@dataclass(frozen=True)
class Split:
    """images: uint8 [n, channels, height, width]; labels: int64 [n]."""

    spec: DataSpec
    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def named(self) -> "dict[str, Split]":
        """Those of the test images that are counted apart."""
        names, numbers = zip(*self.spec.parts, strict=True) if self.spec.parts else ((), ())
        pieces = zip(self.images.split(numbers), self.labels.split(numbers), strict=True) if numbers else ()
        return {name: replace(self, images=images, labels=labels)
                for name, (images, labels) in zip(names, pieces, strict=True)}

    def first(self, n: int | None) -> "Split":
        return self if n is None else replace(self, images=self.images[:n], labels=self.labels[:n])

    def resized(self, size: tuple[int, int]) -> "Split":
        """The images at (height, width), bilinear and antialiased, still uint8; itself where nothing changes.

        Raises:
            InputError: the result would not fit into memory.
        """
        n, channels, *now = self.images.shape
        if tuple(now) == tuple(size):
            return self
        total = n * channels * size[0] * size[1]
        if total > MAX_BYTES:
            raise InputError("resize_memory", title=self.spec.title, size=f"{size[0]}x{size[1]}",
                             gigabytes=f"{total / 1e9:,.1f}")
        return replace(self, images=F.interpolate(self.images, tuple(size), mode="bilinear", antialias=True))


def load_split(name: str, split: str) -> Split:
    """A whole split ("train" or "test") of a data set.

    Raises:
        InputError: unknown data set, or its files are damaged or can be neither found nor fetched.
    """
    spec = data_spec(name)
    if spec is PEN:
        return Split(spec, *pen.digits(split))
    if not os.environ.get("RESNET_DATA") and split == "test" and sample_file(name, split).exists():
        return load_samples(name, split)
    source = _locate(spec, split)
    state = source.stat()
    cached = cache_folder() / f"{name}-{split}-{state.st_size}-{int(state.st_mtime)}.safetensors"
    with suppress(InputError):  # a damaged copy is as good as none
        return _read_split(spec, cached)
    decoded = _decode(spec, source)
    with suppress(InputError):  # a cache that cannot be written only costs time
        save_split(decoded, cached)
    return decoded


def load_samples(name: str, split: str) -> Split:
    """What ships with the app: the whole test set of Fashion-MNIST and a part of its training set.

    Raises:
        InputError: nothing of this data set ships.
    """
    spec, file = data_spec(name), sample_file(name, split)
    if not file.exists():
        raise InputError("no_samples", title=spec.title)
    return _read_split(spec, file)


def sample_file(name: str, split: str) -> Path:
    return SAMPLES / f"{name}-{split}.safetensors"


def photo_file(name: str) -> Path:
    """A photograph that comes along: "cat", "coffee" or "rocket" (samples/README.md tells whose they are)."""
    return SAMPLES / "photos" / f"{name}.jpg"


def photo(name: str) -> Tensor:
    """The pixels of such a photograph, uint8 [3, height, width]."""
    from PIL import Image

    return _planes(Image.open(photo_file(name), formats=["JPEG"]))


class Normalised(Protocol):
    """Whatever knows the mean and the standard deviation of each channel: a data set's record, or a model's."""

    @property
    def mean(self) -> tuple[float, ...]: ...

    @property
    def std(self) -> tuple[float, ...]: ...


def normalise(images: Tensor, spec: Normalised) -> Tensor:
    """uint8 [n, c, h, w] -> float32 in channels_last, (x / 255 - mean) / std per channel."""
    mean = torch.tensor(spec.mean, device=images.device).view(1, -1, 1, 1) * 255
    std = torch.tensor(spec.std, device=images.device).view(1, -1, 1, 1) * 255
    return ((images.float() - mean) / std).contiguous(memory_format=torch.channels_last)


def augment(images: Tensor, pad: int, flip: Tensor, generator: torch.Generator) -> Tensor:
    """Random crops out of zero-padded images, mirrored where `flip` ([n], bool) says so; uint8 -> uint8."""
    n, _, height, width = images.shape
    top = torch.randint(0, 2 * pad + 1, (n, 1), generator=generator)
    left = torch.randint(0, 2 * pad + 1, (n, 1), generator=generator)
    rows = top + torch.arange(height)
    columns = torch.where(flip[:, None], left + torch.arange(width).flip(0), left + torch.arange(width))
    padded = F.pad(images, (pad,) * 4).permute(0, 2, 3, 1)
    cropped = padded[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return cropped.permute(0, 3, 1, 2)


def cut_window(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """The same square window of all images, anywhere in them: [n, c, h, w] -> [n, c, side, side].

    Nothing is drawn where the window is the whole image.
    """
    room = images.shape[-1] - side
    if not room:
        return images
    top, left = torch.randint(0, room + 1, (2,), generator=generator).tolist()
    return images[:, :, top:top + side, left:left + side]


def _locate(spec: DataSpec, split: str) -> Path:
    inside = f"{spec.folder}/{split}-00000-of-00001.parquet"
    root = os.environ.get("RESNET_DATA")
    if root:
        path = Path(root) / spec.repository / inside
        if not path.exists():
            raise InputError("data_missing", title=spec.title, path=str(path))
        return path
    try:
        return _of_the_hub(spec.repository, inside)
    except Exception as error:  # the client raises its own, the transport's and OSError
        raise InputError("data_unreachable", title=spec.title, repository=spec.repository) from error


def _of_the_hub(repository: str, file: str) -> Path:
    """The file in huggingface_hub's cache, downloaded if need be; first it is asked whether anybody answers, since
    the client tries five times, with pauses and warnings, before it says that nobody does."""
    from huggingface_hub import get_session, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import LocalEntryNotFoundError

    with suppress(LocalEntryNotFoundError):
        return Path(hf_hub_download(repository, file, repo_type="dataset", local_files_only=True))
    get_session().head(hf_hub_url(repository, file, repo_type="dataset"), timeout=ANSWER_SECONDS)
    return Path(hf_hub_download(repository, file, repo_type="dataset"))


def _decode(spec: DataSpec, path: Path) -> Split:
    """PNG cells and labels of a parquet file -> tensors."""
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:  # the page does without it
        raise InputError("no_pyarrow", title=spec.title) from error
    try:
        table = parquet.read_table(path, columns=[spec.image_column, spec.label_column])
        images = torch.stack([_pixels(cell["bytes"].as_py()) for cell in table[spec.image_column]])
        labels = torch.tensor(table[spec.label_column].to_pylist(), dtype=torch.int64)
        return _checked(Split(spec, images, labels), path)
    except (OSError, ValueError, TypeError, LookupError, RuntimeError) as error:  # ArrowInvalid is a ValueError
        raise InputError("damaged_data", file=str(path)) from error


def _pixels(png: bytes) -> Tensor:
    """uint8 [channels, height, width]."""
    from PIL import Image

    return _planes(Image.open(io.BytesIO(png), formats=["PNG"]))


def _planes(image: "Image.Image") -> Tensor:
    import numpy as np

    pixels = torch.from_numpy(np.array(image))
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1).contiguous()


def save_split(split: Split, path: Path) -> None:
    """Write a split as uint8 safetensors.

    Raises:
        InputError: the folder cannot be written.
    """
    from safetensors.torch import save

    write_file(path, save({"images": split.images, "labels": split.labels.to(torch.uint8)}))


def _read_split(spec: DataSpec, path: Path) -> Split:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
        return _checked(Split(spec, tensors["images"], tensors["labels"].long()), path)
    except (OSError, KeyError, SafetensorError) as error:
        raise InputError("damaged_data", file=str(path)) from error


def _checked(split: Split, path: Path) -> Split:
    images, labels = split.images, split.labels
    shape = (len(labels), split.spec.channels, *split.spec.size)
    if images.dtype != torch.uint8 or tuple(images.shape) != shape or not len(labels):
        raise InputError("damaged_data", file=str(path))
    if labels.min() < 0 or labels.max() >= len(split.spec.classes):
        raise InputError("damaged_data", file=str(path))
    return split
