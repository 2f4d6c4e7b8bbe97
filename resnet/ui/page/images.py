"""Tensors -> pictures in a page: small PNGs in data: URLs, so that no file stays on the server."""

import base64
import io
import math

import torch
import torch.nn.functional as F
from torch import Tensor

DRAWN = 224  # pixels: smaller pictures are enlarged to this under a heat map, by whole steps
AMBER, RED = (255.0, 200.0, 40.0), (200.0, 20.0, 30.0)  # as in style.css, .legend
OPAQUE = 0.72


def png_url(pixels: Tensor) -> str:
    """uint8 [1 or 3, h, w] -> a data: URL of a PNG."""
    return "data:image/png;base64," + base64.b64encode(packed(pixels)).decode()


def packed(pixels: Tensor, kind: str = "PNG") -> bytes:
    """uint8 [1 or 3, h, w] -> a picture file's bytes, "PNG" or "JPEG"."""
    from PIL import Image

    plane = pixels[0] if len(pixels) == 1 else pixels.permute(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(plane.contiguous().numpy()).save(buffer, kind)
    return buffer.getvalue()


def grey(values: Tensor) -> Tensor:
    """A map [h, w] -> uint8 [1, h, w], its smallest value black and its largest white."""
    low, high = values.min(), values.max()
    scaled = (values - low) / (high - low) if high > low else torch.zeros_like(values)
    return (255 * scaled).round().to(torch.uint8)[None]


def overlay(pixels: Tensor, heat: Tensor) -> Tensor:
    """A map [h', w'], not negative, over the picture uint8 [1 or 3, h, w] -> uint8 [3, H, W].

    The picture is enlarged pixel by pixel and never smoothed; the map is interpolated, and its
    largest value is the strongest colour.
    """
    step = max(1, math.ceil(DRAWN / max(pixels.shape[-2:])))
    picture = pixels.expand(3, -1, -1).repeat_interleave(step, 1).repeat_interleave(step, 2).float()
    smooth = F.interpolate(heat[None, None], tuple(picture.shape[-2:]), mode="bilinear", align_corners=False)[0]
    strength = smooth / (heat.max() if heat.max() > 0 else 1)
    low, high = (torch.tensor(colour).view(3, 1, 1) for colour in (AMBER, RED))
    colour, opacity = low + (high - low) * strength, OPAQUE * strength
    return (picture * (1 - opacity) + colour * opacity).round().clamp(0, 255).to(torch.uint8)
