"""Fashion-MNIST and CIFAR-10 as tensors, read from the Hub's data set repositories.

A split is looked for in `$RESNET_DATA` (a folder laid out like the repositories), then among the
bundled samples, then on the Hub; it is decoded once and kept in the user's cache.
"""

import io
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from resnet.errors import InputError

SAMPLES = Path(__file__).parent / "samples"


@dataclass(frozen=True)
class DataSpec:
    """Where a data set lives on the Hub and what its nets need to know about it."""

    name: str
    title: str
    repository: str
    folder: str
    image_column: str
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: tuple[int, int]

    @property
    def channels(self) -> int:
        return len(self.mean)


@dataclass(frozen=True)
class Split:
    """images: uint8 [n, channels, height, width]; labels: int64 [n]."""

    spec: DataSpec
    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, n: int | None) -> "Split":
        return self if n is None else Split(self.spec, self.images[:n], self.labels[:n])


DATA = {
    spec.name: spec
    for spec in (
        DataSpec(
            "fashion_mnist", "Fashion-MNIST", "zalando-datasets/fashion_mnist", "fashion_mnist", "image",
            ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
             "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
            (0.2860,), (0.3530,), (28, 28)),
        DataSpec(
            "cifar10", "CIFAR-10", "uoft-cs/cifar10", "plain_text", "img",
            ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
            (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616), (32, 32)),
    )
}


def data_spec(name: str) -> DataSpec:
    """Raises InputError for an unknown data set."""
    if name not in DATA:
        raise InputError("unknown_data", name=name[:80], known=", ".join(DATA))
    return DATA[name]


def load_split(name: str, split: str) -> Split:
    """A whole split ("train" or "test") of a data set.

    Raises:
        InputError: unknown data set, or its files can be neither found nor fetched.
    """
    spec = data_spec(name)
    if not os.environ.get("RESNET_DATA") and split == "test" and sample_file(name, split).exists():
        return load_samples(name, split)
    source = _locate(spec, split)
    state = source.stat()
    cached = _cache_folder() / f"{name}-{split}-{state.st_size}-{int(state.st_mtime)}.safetensors"
    if not cached.exists():
        save_split(_decode(spec, source), cached)
    return _read_split(spec, cached)


def load_samples(name: str, split: str) -> Split:
    """What ships with the app: the whole test set of Fashion-MNIST and a part of its training set."""
    return _read_split(data_spec(name), sample_file(name, split))


def sample_file(name: str, split: str) -> Path:
    return SAMPLES / f"{name}-{split}.safetensors"


def normalise(images: Tensor, spec: DataSpec) -> Tensor:
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
    padded = torch.nn.functional.pad(images, (pad,) * 4).permute(0, 2, 3, 1)
    cropped = padded[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return cropped.permute(0, 3, 1, 2)


def _locate(spec: DataSpec, split: str) -> Path:
    inside = f"{spec.folder}/{split}-00000-of-00001.parquet"
    root = os.environ.get("RESNET_DATA")
    if root:
        path = Path(root) / spec.repository / inside
        if not path.exists():
            raise InputError("data_missing", title=spec.title, path=str(path))
        return path
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(spec.repository, inside, repo_type="dataset"))
    except Exception as error:  # the client raises its own, the transport's and OSError
        raise InputError("data_unreachable", title=spec.title, repository=spec.repository) from error


def _decode(spec: DataSpec, path: Path) -> Split:
    import numpy as np
    import pyarrow.parquet as parquet
    from PIL import Image

    table = parquet.read_table(path)
    pictures = (Image.open(io.BytesIO(cell["bytes"].as_py()), formats=["PNG"]) for cell in table[spec.image_column])
    images = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))
    images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()
    return Split(spec, images, torch.tensor(table["label"].to_numpy().astype("int64")))


def save_split(split: Split, path: Path) -> None:
    """Write a split as uint8 safetensors; a kill leaves the old file or the new one."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    save_file({"images": split.images, "labels": split.labels.to(torch.uint8)}, partial)
    os.replace(partial, path)


def _read_split(spec: DataSpec, path: Path) -> Split:
    from safetensors.torch import load_file

    tensors = load_file(path)
    return Split(spec, tensors["images"], tensors["labels"].long())


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "resnet-space"
