"""A network that another library built, as it stands in memory -> one of ours: by its state dict, and asking both."""

import copy
import json
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from resnet.checkpoint import restore
from resnet.config import ResNetConfig
from resnet.hub.header import Header
from resnet.hub.loaded import LoadedModel, describe
from resnet.hub.recognise import Recognised, recognise_header
from resnet.hub.ref import ModelRef
from resnet.model import ResNet
from resnet.util.errors import InputError

TYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
         torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
         torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2"}
NEAR = 1e-3  # of the largest logit: fp16 weights are copied exactly, sums are taken in another order
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
    tensors = {ours: state[name].detach().cpu().clone() for name, ours in found.mapping.items()}
    noise = _noise(found.config)
    answer = _answer(copy.deepcopy(module).cpu().float().eval(), noise)
    for config in _readings(found.config):
        model = restore(config, tensors)
        if _agree(_answer(model, noise), answer):
            described = describe(replace(found, config=config), None)
            return LoadedModel(ModelRef("memory", found.name, trusted=True), model, described.info, described.steps,
                               described.test_steps, (*found.notes, *described.notes))
    raise InputError("module_differs", kind=found.name)


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
    """The nets that have these tensors, the likeliest first."""
    other = "1x1" if config.stride_in == "3x3" else "3x3"
    return [config, replace(config, stride_in=other)] if config.block == "bottleneck" else [config]


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
