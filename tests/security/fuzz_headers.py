"""Headers of .safetensors files, one or several, and what stands beside them, as a stranger's repository has them."""

import json
import random
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from resnet.config import VARIANTS, ResNetConfig
from resnet.hub.header import BYTES, PROCESSOR, read_header
from resnet.hub.infer import state_shapes
from resnet.hub.loaded import read_model
from resnet.hub.recognise import recognise_header
from resnet.hub.ref import ModelRef
from resnet.inference.predict import see
from resnet.model import create
from resnet.util.errors import InputError
from resnet.util.files import CONFIG_FILE, INDEX_FILE, WEIGHTS_FILE
from tests.checkpoints import cifar_names, table, transformers_names
from tests.factories import made_info, tiny
from tests.security import mutate
from tests.security.fuzz_texts import Target, sentence

# Headers -------------------------------------------------------------------------------------------------


def sound_headers() -> list[dict]:
    """{file: its JSON}; a file of weights is its header."""
    small = state_shapes(ResNetConfig(block="basic", depths=(1, 1, 1, 1)))
    deep, wide = (state_shapes(VARIANTS[name]) for name in ("resnet20_cifar", "resnet50"))
    halves = dict(list(deep.items())[:60]), dict(list(deep.items())[60:])
    shards = {f"model-{i}.safetensors": table(half) for i, half in enumerate(halves)}
    index = {"metadata": {}, "weight_map": {name: file for file, half in shards.items() for name in half}}
    return [{WEIGHTS_FILE: table(small)}, {WEIGHTS_FILE: table(small, "F16")}, {WEIGHTS_FILE: table(wide)},
            {WEIGHTS_FILE: table(transformers_names(small)), CONFIG_FILE: {"model_type": "resnet"}},
            {WEIGHTS_FILE: table(cifar_names(deep, "module."))}, {INDEX_FILE: index, **shards}]


def hurt_headers(chance: random.Random, sound: dict) -> dict:
    """Mostly with offsets that fit, so that what they guard is read."""
    name = chance.choice(list(sound))
    found = {**sound, name: mutate.value(chance, sound[name])}
    if isinstance(found[name], dict) and chance.random() < 0.7:
        _tile(found[name])
    return found


def _tile(header: dict) -> None:
    offset = 0
    for entry in header.values():
        with suppress(TypeError, KeyError, AttributeError, ValueError, MemoryError):  # a text, 10**30 times
            size = prod(entry["shape"]) * BYTES[entry["dtype"]]
            entry["data_offsets"] = [offset, offset + size]
            offset += size


class Files:
    """A Source (resnet.hub.header) of made files; the weights themselves are not there."""

    revision = ""

    def __init__(self, files: dict[str, Any]):
        self.files = {name: json.dumps(found).encode() for name, found in files.items()}
        self.bytes_read, self.tags = 0, {}

    def read(self, name: str, start: int, stop: int) -> tuple[bytes, int] | None:
        if name not in self.files:
            return None
        data = self.files[name]
        if not name.endswith(".safetensors"):
            return data[start:stop], len(data)
        return (struct.pack("<Q", len(data)) + data)[start:stop], 8 + len(data) + self._room(data)

    def names(self) -> list[str]:
        return list(self.files)

    def _room(self, data: bytes) -> int:
        entries = json.loads(data)
        ends = []
        for entry in entries.values() if isinstance(entries, dict) else ():
            with suppress(TypeError, KeyError, ValueError, IndexError, OverflowError):
                ends.append(int(entry["data_offsets"][1]))
        return max(0, *ends, 0)


@contextmanager
def asked_of_headers() -> Iterator[Callable[[dict], str]]:
    def ask(files: dict) -> str:
        try:
            found = recognise_header(read_header(Files(files), "a/net"))
        except InputError as error:
            return sentence(error)
        json.dumps(found.to_dict()).encode()
        return ""

    yield ask


HEADERS = Target(sound_headers, hurt_headers, asked_of_headers)

# Configs -------------------------------------------------------------------------------------------------


def sound_configs() -> list[dict]:
    """{file: its JSON} beside the weights of one small net."""
    timm = {"architecture": "resnet18", "num_classes": 10, "global_pool": "avg", "model_args": {"drop_rate": 0.1},
            "pretrained_cfg": {"input_size": [3, 224, 224], "test_input_size": [3, 288, 288], "crop_pct": 0.95,
                               "test_crop_pct": 1.0, "crop_mode": "center", "interpolation": "bicubic",
                               "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2], "label_names": list("abcdefghij")}}
    theirs = {"model_type": "resnet", "hidden_act": "relu", "downsample_in_first_stage": False,
              "id2label": {str(i): f"kind {i}" for i in range(10)}}
    processor = {"image_processor_type": "ConvNextImageProcessor", "do_resize": True, "do_normalize": True,
                 "size": {"shortest_edge": 224}, "crop_pct": 0.875, "resample": 3, "image_mean": [0.5, 0.5, 0.5],
                 "image_std": [0.2, 0.2, 0.2], "do_rescale": True, "rescale_factor": 1 / 255}
    other = {"image_processor_type": "ViTImageProcessor", "size": {"height": 224, "width": 200}, "resample": 2}
    return [{CONFIG_FILE: timm}, {CONFIG_FILE: theirs, PROCESSOR: processor}, {CONFIG_FILE: theirs, PROCESSOR: other},
            {CONFIG_FILE: json.loads(made_info(_net(), "cifar10").to_json())}, {CONFIG_FILE: {}}]


def _net() -> ResNetConfig:
    return tiny(in_channels=3, input_size=(32, 32))


def hurt_configs(chance: random.Random, sound: dict) -> dict:
    name = chance.choice(list(sound))
    return {**sound, name: mutate.value(chance, sound[name])}


@contextmanager
def asked_of_configs() -> Iterator[Callable[[dict], str]]:
    """What a repository says is read with its weights, and a picture is made what it asks for."""
    ref, picture = ModelRef("hub", "a/net", "main"), torch.zeros(3, 20, 30, dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / WEIGHTS_FILE).write_bytes(save(create(_net()).state_dict()))

        def ask(files: dict) -> str:
            for name in (CONFIG_FILE, PROCESSOR):
                (folder / name).unlink(missing_ok=True)
            for name, found in files.items():
                (folder / name).write_text(json.dumps(found))
            try:
                loaded = read_model(ref, folder)
                see(picture, loaded)
            except InputError as error:
                return sentence(error)
            sentences = [note.sentence(lang) for note in loaded.notes for lang in ("en", "zh")]
            json.dumps([loaded.info.labels, loaded.info.to_json(), sentences], ensure_ascii=False).encode()
            return ""

        yield ask


CONFIGS = Target(sound_configs, hurt_configs, asked_of_configs)
