"""Pictures that are in memory already: Pillow's, numpy's and torch's, as pixels."""

from pathlib import Path
from typing import TYPE_CHECKING, Union

import numpy as np
import torch
from torch import Tensor

from resnet.inference.decoder import Picture, from_pillow
from resnet.inference.decoding import open_picture
from resnet.util.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

AnyPicture = Union[str, Path, bytes, Tensor, np.ndarray, "Image.Image"]


def picture_of(image: AnyPicture) -> "Picture | Tensor":
    """A picture as `predict.see` takes it.

    Args:
        image: a JPEG, PNG or WebP file, or its bytes; a picture of Pillow's; an array [height, width] or
            [height, width, 1, 3 or 4], uint8 or float from 0 to 1; a uint8 RGB tensor [3, height, width].

    Raises:
        InputError: it is none of these.
    """
    from PIL import Image

    if isinstance(image, (str, Path, bytes)):
        return open_picture(image)
    if isinstance(image, Image.Image):
        return from_pillow(image)
    if isinstance(image, np.ndarray):
        return from_pillow(Image.fromarray(_bytes(image)))
    if isinstance(image, Tensor) and image.dtype == torch.uint8 and image.ndim == 3 and len(image) == 3:
        return image
    raise _strange(image)


def _bytes(array: np.ndarray) -> np.ndarray:
    """uint8 [height, width] or [height, width, 3 or 4]."""
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise _strange(array)
    if array.dtype.kind == "f" and array.min() >= 0 and array.max() <= 1:  # nor is NaN
        array = np.round(array * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise _strange(array)
    return np.ascontiguousarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array)


def _strange(image: object) -> InputError:
    """What it is, in a few words."""
    found = type(image).__name__
    if isinstance(image, (np.ndarray, Tensor)):
        found = f"{str(image.dtype).removeprefix('torch.')} {list(image.shape)}"
        if isinstance(image, np.ndarray) and image.dtype.kind in "fiu" and image.size:
            found += f", {image.min():g} to {image.max():g}"
    return InputError("picture_array", found=found[:80])
