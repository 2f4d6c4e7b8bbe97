"""Checkpoints without weights: shapes in every spelling, and sparse .safetensors files made of them."""

import json
import re
import struct
from math import prod
from pathlib import Path

from resnet.config import ResNetConfig
from resnet.hub.header import BYTES
from resnet.hub.infer import Shapes, state_shapes

IMAGENET = ("resnet18", "resnet26", "resnet34", "resnet50", "resnet101", "resnet152", "resnet200", "wide_resnet50_2",
            "wide_resnet101_2", "resnext50_32x4d", "resnext101_32x4d", "resnext101_32x8d", "resnext101_64x4d")


def transformers_names(shapes: Shapes) -> Shapes:
    """torchvision's names -> those of ResNetForImageClassification, written from its source, not from ours."""
    renamed = {}
    for name, shape in shapes.items():
        top, _, rest = name.partition(".")
        if top == "conv1":
            new = f"resnet.embedder.embedder.convolution.{rest}"
        elif top == "bn1":
            new = f"resnet.embedder.embedder.normalization.{rest}"
        elif top == "fc":
            new = f"classifier.1.{rest}"
        else:
            block, part, end = re.fullmatch(r"(\d+)\.(downsample\.\d|\w+)\.(\w+)", rest).groups()
            inner = {"downsample.0": "shortcut.convolution", "downsample.1": "shortcut.normalization"}.get(part)
            kind = {"conv": "convolution", "bn": "normalization"}.get(part[:-1])
            inner = inner or f"layer.{int(part[-1]) - 1}.{kind}"
            new = f"resnet.encoder.stages.{int(top[5:]) - 1}.layers.{block}.{inner}.{end}"
        renamed[new] = shape
    return renamed


def cifar_names(shapes: Shapes, prefix: str = "") -> Shapes:
    """As in the CIFAR repositories on GitHub."""
    return {prefix + name.replace("fc.", "linear.").replace("downsample", "shortcut"): shape
            for name, shape in shapes.items()}


def of(net, **changes) -> Shapes:
    """The tensors of a timm model, or of a variant or config of ours."""
    from resnet.config import config_of

    if isinstance(net, (str, ResNetConfig)):
        return state_shapes(config_of(net, **changes))
    return {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}


def timm_model(name: str, **settings):
    """Without numbers: on the meta device."""
    import timm
    import torch

    with torch.device("meta"):
        return timm.create_model(name, pretrained=False, **settings)


def table(shapes: Shapes, dtype: str = "F32") -> dict:
    """The JSON of a header."""
    entries, offset = {}, 0
    for name, shape in shapes.items():
        kind = "I64" if name.endswith("num_batches_tracked") else dtype
        size = prod(shape) * BYTES[kind]
        entries[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    return entries


def write(file: Path, shapes: Shapes, dtype: str = "F32") -> Path:
    """A .safetensors file of the full size whose data are a hole on the disk."""
    entries = table(shapes, dtype)
    return write_raw(file, json.dumps(entries).encode(), max(e["data_offsets"][1] for e in entries.values()))


def write_raw(file: Path, header: bytes, room: int) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "wb") as stream:
        stream.write(struct.pack("<Q", len(header)) + header)
        stream.truncate(8 + len(header) + room)
    return file


def write_sharded(folder: Path, shapes: Shapes, parts: int) -> Path:
    """Shards and their index."""
    names = list(shapes)
    step = -(-len(names) // parts)
    index = {}
    for i in range(parts):
        file = f"model-{i + 1:05d}-of-{parts:05d}.safetensors"
        chunk = names[i * step:(i + 1) * step]
        write(folder / file, {name: shapes[name] for name in chunk})
        index |= dict.fromkeys(chunk, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    return folder
