"""A picture -> the tensor that a net sees."""

import os
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Lock

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from resnet.hub.preprocessing import FILTERS, Steps
from resnet.inference import decoding
from resnet.util.errors import InputError

MAX_SCALED = 1 << 24  # pixels: a long picture whose short edge is scaled up
_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601
_scaling: "Lock | BoundedSemaphore" = Lock()  # one picture at a time: a narrow one of 300 bytes becomes 50 MB


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


def start() -> None:
    """Called once by the main thread of the page, before it starts others: from then on other processes decode."""
    decoding.start()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget)


def scale_at_once(n: int) -> None:
    """Called once by a command whose pictures are its owner's: so many threads may scale them beside each other."""
    global _scaling
    _scaling = BoundedSemaphore(n)


def _forget() -> None:
    """A thread that the forked process has not may have held the lock."""
    global _scaling
    _scaling = Lock()


def decode(source: "str | Path | bytes") -> Tensor:
    """A JPEG, PNG or WebP file, or its bytes -> uint8 RGB [3, height, width], upright, on white.

    Of more than 3.2 megapixels 2×2, 3×3 or more at a time are averaged to one (`decoding.open_picture` keeps the size).

    Raises:
        InputError: not such a file, damaged, or over 25 MB, 16 megapixels, 200:1 or 100 scans; where the page is
            served, also over 4 s or 170 MB of decoding.
    """
    return decoding.open_picture(source).pixels


def prepare(image: Tensor, channels: int, size: tuple[int, int]) -> Seen:
    """uint8 RGB [3, h, w] -> the net's input, as its data set was made.

    One channel: Fashion-MNIST's own steps (Xiao et al. 2017, arXiv 1708.07747, section 2): grey, dark
    background, longest edge to the net's size, centred. Three channels: shortest edge, centre crop.
    """
    with _scaling:
        original = _size(image)
        if channels == 3:
            return Seen(_crop(_resize(image, size, max), size), original, cropped=original[0] != original[1])
        inverted = bool(_grey(_border(image)).float().mean() > 127.5)
        fitted = _grey(_resize(image, size, min))  # scaled first: within a rounding of the other order, less to do
        return Seen(_pad(255 - fitted if inverted else fitted, size), original, grey=not _is_grey(image),
                    inverted=inverted, padded=tuple(fitted.shape[-2:]) != tuple(size))


def follow(image: Tensor, channels: int, steps: Steps) -> Seen:
    """uint8 RGB [3, h, w] -> the net's input as its repository asks: scaled, then the centre cut out.

    Raises:
        InputError: a net of neither one nor three channels, or a picture so narrow that it would be scaled beyond
            `MAX_SCALED`.
    """
    if channels not in (1, 3):
        raise InputError("channels_unknown", channels=channels)
    original = _size(image)
    scaled = steps.scaled(*original)
    if scaled[0] * scaled[1] > MAX_SCALED:
        raise InputError("picture_narrow", width=original[1], height=original[0], size=f"{scaled[0]}×{scaled[1]}")
    top, left = steps.corner(*scaled)
    with _scaling:
        planes = _scale(image if channels == 3 else _grey(image), scaled, steps)
        pixels = planes[:, top:top + steps.size[0], left:left + steps.size[1]].contiguous()
    was_grey = channels == 3 or _is_grey(image)
    return Seen(pixels, original, grey=not was_grey, cropped=scaled != steps.size)


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
    scaled = np.array(picture.resize((size[1], size[0]), FILTERS.index(steps.filter)))
    return torch.from_numpy(scaled).reshape(*size, len(image)).permute(2, 0, 1)


def _size(image: Tensor) -> tuple[int, int]:
    height, width = image.shape[-2:]
    return height, width


def _grey(image: Tensor) -> Tensor:
    red, green, blue = (plane.float().mul_(weight) for plane, weight in zip(image, _GREY, strict=True))
    return (red + green).add_(blue).round_().to(torch.uint8)[None]


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
