"""Tensors <-> model: a folder with model.safetensors and config.json, written and read strictly.

The layout is that of a model repository on the Hub. Nothing is ever unpickled; a tensor that is
missing, extra, misshapen, oddly typed or not finite is named, and nothing half-loaded is returned.
"""

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from resnet.config import ResNetConfig
from resnet.errors import InputError
from resnet.model import ResNet

WEIGHTS_FILE, INDEX_FILE, CONFIG_FILE = "model.safetensors", "model.safetensors.index.json", "config.json"
MAX_SHARD = 9_500_000  # a plain push to a Space refuses files over 10 MB


@dataclass(frozen=True)
class ModelInfo:
    """config.json: what a trained net is, was trained on and reached.

    `results` maps "test" and "train" to {"n", "accuracy", "loss"}, taken without augmentation.
    """

    name: str
    variant: str
    architecture: ResNetConfig
    data: str
    labels: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    results: dict = field(default_factory=dict)
    recipe: dict = field(default_factory=dict)
    seconds: float | None = None
    hardware: str = ""
    versions: dict = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str, source: str) -> "ModelInfo":
        """Raises InputError when the text is not such a record."""
        try:
            data = json.loads(text)
            data["architecture"] = ResNetConfig.from_dict(data["architecture"])
            for key in ("labels", "mean", "std"):
                data[key] = tuple(data[key])
            return cls(**data)
        except InputError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError("not_a_model_config", source=source) from error

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"


def save_model(folder: Path, model: ResNet, info: ModelInfo) -> None:
    """Write model.safetensors (or shards under 10 MB with their index) and config.json.

    Raises:
        InputError: the folder cannot be written.
    """
    from safetensors.torch import save_file

    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    shards = _shards(state)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, tensors in shards.items():
            save_file(tensors, folder / f"{name}.partial", {"format": "pt"})
            os.replace(folder / f"{name}.partial", folder / name)
        if len(shards) > 1:
            index = {"metadata": {"total_size": sum(map(_bytes, state.values()))},
                     "weight_map": {key: name for name, tensors in shards.items() for key in tensors}}
            (folder / INDEX_FILE).write_text(json.dumps(index, indent=2) + "\n")
        (folder / CONFIG_FILE).write_text(info.to_json(), "utf-8")
    except OSError as error:
        raise InputError("cannot_write", folder=str(folder), reason=error.strerror or str(error)) from error


def load_model(folder: Path) -> tuple[ResNet, ModelInfo]:
    """The net in a folder, on the CPU in eval mode, and its config.json.

    Raises:
        InputError: a file is missing or damaged, or the tensors are not exactly this net's.
    """
    config_file = folder / CONFIG_FILE
    if not config_file.exists():
        raise InputError("no_model_config", folder=str(folder))
    info = ModelInfo.from_json(config_file.read_text("utf-8"), str(config_file))
    return restore(info.architecture, read_tensors(folder)), info


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder, whole or sharded."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    tensors: dict[str, Tensor] = {}
    for file in _weight_files(folder):
        try:
            tensors |= load_file(file)
        except (SafetensorError, OSError) as error:
            raise InputError("damaged_weights", file=file.name) from error
    return tensors


def restore(config: ResNetConfig, tensors: dict[str, Tensor]) -> ResNet:
    """A net with exactly these weights, fp32, eval mode.

    Raises:
        InputError: naming the first tensor that is missing, extra, misshapen, mistyped or not finite.
    """
    with torch.device("meta"):
        model = ResNet(config)
    check_tensors(model.state_dict(), tensors)
    state = {key: value if value.dtype == torch.int64 else value.float() for key, value in tensors.items()}
    model.load_state_dict(state, strict=True, assign=True)
    return model.eval().requires_grad_(False)


def check_tensors(expected: dict[str, Tensor], found: dict[str, Tensor]) -> None:
    for key in expected.keys() - found.keys():
        raise InputError("tensor_missing", tensor=key)
    for key in found.keys() - expected.keys():
        raise InputError("tensor_extra", tensor=key[:80])
    for key, want in expected.items():
        have = found[key]
        if have.shape != want.shape:
            raise InputError("tensor_shape", tensor=key, found=list(have.shape), expected=list(want.shape))
        if have.is_floating_point() != want.is_floating_point() or have.dtype == torch.float64:
            raise InputError("tensor_type", tensor=key, found=str(have.dtype).removeprefix("torch."))
        if have.is_floating_point() and not have.isfinite().all():
            raise InputError("tensor_not_finite", tensor=key)


def _weight_files(folder: Path) -> list[Path]:
    whole, index = folder / WEIGHTS_FILE, folder / INDEX_FILE
    if whole.exists():
        return [whole]
    try:
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
        if all(Path(name).name == name and (folder / name).exists() for name in names):
            return [folder / name for name in names]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    raise InputError("no_weights", folder=str(folder))


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _shards(state: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    groups: list[dict[str, Tensor]] = [{}]
    used = 0
    for key, tensor in state.items():
        if groups[-1] and used + _bytes(tensor) > MAX_SHARD:
            groups.append({})
            used = 0
        groups[-1][key] = tensor
        used += _bytes(tensor)
    if len(groups) == 1:
        return {WEIGHTS_FILE: groups[0]}
    return {f"model-{i + 1:05d}-of-{len(groups):05d}.safetensors": group for i, group in enumerate(groups)}
