"""A network that another library built, as it stands in memory -> one of ours: by its state dict, and asking both.

What a net computes is known from its answers, so that batch norm's statistics only tell how its pictures were made.
"""

import copy
import json
from contextlib import suppress
from dataclasses import replace
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from resnet.checkpoint import restore
from resnet.config import ResNetConfig
from resnet.hub.fingerprint import rebuilt
from resnet.hub.header import Header
from resnet.hub.loaded import LoadedModel, describe, most_likely
from resnet.hub.readings import FIELDS, STATED, STRUCTURE, Reading, name_of, structure
from resnet.hub.recognise import Recognised, recognise_header
from resnet.hub.ref import ModelRef
from resnet.model import ResNet
from resnet.util.errors import InputError

TYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
         torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
         torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2"}
NEAR = 1e-3  # of the largest logit: fp16 weights are copied exactly, sums are taken in another order
READINGS = 100  # of a module, that are tried
PIXELS = 64  # a side, of the noise that both nets are asked about


def recognise_module(module: nn.Module) -> Recognised:
    """The network behind a module's state dict; torchvision's, timm's, transformers', or any spelled like one of them.

    Raises:
        InputError: as `recognise_header`.
    """
    state = _state(module)
    return recognise_header(Header(
        name=type(module).__name__,
        shapes={name: tuple(tensor.shape) for name, tensor in state.items()},
        dtypes={name: TYPES.get(tensor.dtype, str(tensor.dtype)) for name, tensor in state.items()},
        bytes_read=0,
        sizes={"": sum(tensor.numel() * tensor.element_size() for tensor in state.values())},
        config=_described(module)))


def load_module(module: nn.Module) -> LoadedModel:
    """A net of ours with a copy of the module's weights, which gives the module's own answers to noise.

    Raises:
        InputError: as `recognise_module`; it has no classifier; or no net with its tensors answers as it does.
    """
    found = recognise_module(module)
    found.check_loadable()
    state = _state(module)
    model = _that_answers_as(module, found.config, {ours: state[name].detach().cpu().clone()
                                                    for name, ours in found.mapping.items()})
    if model is None:
        raise InputError("module_differs", kind=found.name)
    described = describe(replace(found, config=model.config), None)
    reading = Reading(model.config, name_of((described.info.mean, described.info.std)))
    loaded = LoadedModel(ModelRef("memory", found.name, trusted=True), model, described.info, described.steps,
                         described.test_steps, (*found.notes, *described.notes), reading)
    known = described.told | {*STRUCTURE, "channels"}  # its first convolution stays as it is
    return loaded if known >= {*FIELDS} else most_likely(loaded, reading, known)


def _that_answers_as(module: nn.Module, config: ResNetConfig, tensors: dict[str, Tensor]) -> ResNet | None:
    """The net with these tensors that answers noise as the module does."""
    noise = _noise(config)
    answer = _answer(copy.deepcopy(module).cpu().float().eval(), noise)
    model = restore(config, tensors)
    nets = (rebuilt(one, model.state_dict()) for one in _readings(config))
    return next((net for net in nets if _agree(_answer(net, noise), answer)), None)


def _state(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in module.state_dict().items() if isinstance(tensor, Tensor)}


def _described(module: nn.Module) -> object:
    """What its library keeps beside it, as the library's config.json says it."""
    if isinstance(module, ResNet):
        return {"architecture": module.config.to_dict()}
    timm, transformers = getattr(module, "pretrained_cfg", None), getattr(module, "config", None)
    if isinstance(timm, dict) and "architecture" in timm:
        return _plain({"architecture": timm["architecture"], "pretrained_cfg": timm})
    return _plain(transformers.to_dict()) if transformers and hasattr(transformers, "to_dict") else None


def _plain(values: dict[str, Any]) -> object:
    return json.loads(json.dumps(values, default=str))


def _readings(config: ResNetConfig) -> list[ResNetConfig]:
    """The nets that have these tensors, those with the fewest changes first."""
    fields, start = structure(config), Reading(config, STATED)
    found = {start: 0}
    for values in product(*fields.values()):
        reading = start
        with suppress(InputError):  # no net has both
            for field, value in zip(fields, values, strict=True):
                reading = reading.changed(field, value)
            found[reading] = reading.steps_from(start)
    return [reading.config for reading in sorted(found, key=found.__getitem__)[:READINGS]]


def _noise(config: ResNetConfig) -> Tensor:
    size = config.input_size if config.head == "flatten" else (PIXELS, PIXELS)
    return torch.randn(2, config.in_channels, *size, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def _answer(module: nn.Module, pictures: Tensor) -> Tensor:
    """Logits [n, classes], on the CPU."""
    found = module(pictures)
    return getattr(found, "logits", found)


def _agree(ours: Tensor, theirs: object) -> bool:
    return isinstance(theirs, Tensor) and ours.shape == theirs.shape and bool(
        (ours - theirs).abs().max() <= NEAR * theirs.abs().max())
