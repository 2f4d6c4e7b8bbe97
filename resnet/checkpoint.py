"""Tensors <-> model: a folder with model.safetensors and config.json, written and read strictly.

The layout is that of a model repository on the Hub. Nothing is ever unpickled; a tensor that is
missing, extra, misshapen, oddly typed or not finite is named, and nothing half-loaded is returned.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

import torch
from torch import Tensor

from resnet.config import ResNetConfig, net_title
from resnet.model import ResNet
from resnet.util.errors import InputError
from resnet.util.files import CONFIG_FILE, INDEX_FILE, OURS, WEIGHTS_FILE, write_file

FLOATS, COUNTS = (torch.float32, torch.float16, torch.bfloat16), (torch.int64, torch.int32)
MAX_TEXT = 200  # characters of a label, a name, a machine
COUNTER = ".num_batches_tracked"
MAX_SHARD = 9_500_000  # a plain push to a Space refuses files over 10 MB


def are_labels(names: Sequence[object]) -> TypeGuard[Sequence[str]]:
    """Whether these may be classes' names, whoever wrote them: short, printable, not empty."""
    return all(_is_line(name) and name for name in names)


def _is_line(text: object) -> bool:
    return isinstance(text, str) and text.isprintable() and len(text) <= MAX_TEXT


@dataclass(frozen=True)
class ModelInfo:
    """config.json: what a trained net is, was trained on and reached.

    `results` maps "test" and "train" to {"n", "accuracy", "loss"}, taken without augmentation; "test" has "confusion"
    too, a row of counts by answer for each true class. `chosen` says which other recipes were tried on the test
    images before this one, "" where none was.
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
    chosen: str = ""

    @property
    def title(self) -> str:
        """ "ResNet-20" or "plain-20", as the papers write them."""
        return net_title(self.architecture.plain, self.architecture.depth)

    @classmethod
    def from_json(cls, text: str, source: str) -> "ModelInfo":
        """Raises InputError when the text is not such a record."""
        try:
            data = json.loads(text)
            data = dict(data.get(OURS, data))
            data["architecture"] = ResNetConfig.from_dict(data["architecture"])
            for key in ("labels", "mean", "std"):
                data[key] = tuple(data[key])
            info = cls(**data)
            info._check()
            return info
        except InputError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError("not_a_model_config", source=source) from error

    def _check(self) -> None:
        """Raises ValueError when the parts do not belong together."""
        channels = self.architecture.in_channels
        if not (are_labels(self.labels) and len(self.labels) == self.architecture.classes):
            raise ValueError("labels")
        if not all(_is_line(text) for text in (self.name, self.variant, self.data, self.hardware, self.chosen)):
            raise ValueError("texts")
        if len(self.mean) != channels or len(self.std) != channels or not all(0 < std < 1e9 for std in self.std):
            raise ValueError("mean and std")
        if not all(-1e9 < mean < 1e9 for mean in self.mean):
            raise ValueError("mean")
        if not all(isinstance(table, dict) for table in (self.results, self.recipe, self.versions)):
            raise ValueError("tables")

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"


def save_model(folder: Path, model: ResNet, info: ModelInfo, half: bool = False) -> None:
    """Write model.safetensors (or shards under 10 MB with their index) and config.json.

    Args:
        half: kernels and matrices as fp16; norms and biases stay fp32.

    Raises:
        InputError: the folder cannot be written.
    """
    from safetensors.torch import save

    state = stored(model, half)
    shards = _shards(state)
    files: dict[str, bytes | str] = {name: save(tensors, {"format": "pt"}) for name, tensors in shards.items()}
    if len(shards) > 1:
        index = {"metadata": {"total_size": sum(map(_bytes, state.values()))},
                 "weight_map": {key: name for name, tensors in shards.items() for key in tensors}}
        files[INDEX_FILE] = json.dumps(index, indent=2) + "\n"
    for name, data in files.items():
        write_file(folder / name, data)
    for stale in {*folder.glob("model*.safetensors*")} - {folder / name for name in files}:
        stale.unlink()
    save_info(folder, info)


def stored(model: ResNet, half: bool) -> dict[str, Tensor]:
    """A net's tensors as files hold them; `half` as in `save_model`."""
    return {key: (value.half() if half and value.dim() > 1 else value).detach().cpu().contiguous()
            for key, value in model.state_dict().items()}


def save_info(folder: Path, info: ModelInfo) -> None:
    """Write config.json alone, as a run does that leaves no weights."""
    write_file(folder / CONFIG_FILE, info.to_json())


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


class Tensors(Mapping[str, Tensor]):
    """Tensors in files, each read when it is asked for: what is converted one by one is never all there twice.

    Args:
        names: the files' names of tensors -> those wanted; others are left. None: all, as they are called.

    Raises:
        InputError: a file is missing or damaged, or a shard does not hold what the index says.
    """

    def __init__(self, files: Mapping[Path, set[str] | None], names: Mapping[str, str] | None):
        from safetensors import safe_open

        self._places: dict[str, tuple[Path, safe_open, str]] = {}
        for file, keys in files.items():
            with _in_a_sentence(file):
                opened = safe_open(file, "pt", backend="pread")  # a mapped file could be changed or cut behind the net
            found = set(opened.keys())
            if keys not in (None, found):
                raise InputError("damaged_weights", file=file.name)
            wanted = {name: name for name in found} if names is None else names
            self._places |= {wanted[name]: (file, opened, name) for name in found if name in wanted}

    def __getitem__(self, key: str) -> Tensor:
        file, opened, name = self._places[key]
        with _in_a_sentence(file):
            return opened.get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def read_tensors(folder: Path, names: Mapping[str, str] | None = None) -> Tensors:
    """All tensors of a folder, whole or sharded, or of a single .safetensors file; `names` and errors as in `Tensors`.
    """
    files = {folder: None} if folder.is_file() else _weight_files(folder)
    return Tensors(files, names)


@contextmanager
def _in_a_sentence(file: Path) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, OSError) as error:
        raise InputError("damaged_weights", file=file.name) from error


def restore(config: ResNetConfig, tensors: Mapping[str, Tensor]) -> ResNet:
    """A net with exactly these weights, fp32, eval mode. Batch norm's counters may be absent.

    Raises:
        InputError: naming the first tensor that is missing, extra, misshapen, mistyped or not finite.
    """
    with torch.device("meta"):
        model = ResNet(config)
    expected = model.state_dict()
    _check_names(expected, {*tensors, *(key for key in expected if key.endswith(COUNTER))})
    state = {key: _restored(key, want, tensors) for key, want in expected.items()}
    model.load_state_dict(state, strict=True, assign=True)
    return model.eval().requires_grad_(False)


def _restored(key: str, want: Tensor, tensors: Mapping[str, Tensor]) -> Tensor:
    value = _counter(tensors.get(key)) if key.endswith(COUNTER) else tensors[key]
    if value.dim() == 4 and want.dim() == 2 and value.shape[2:] == (1, 1):
        value = value.flatten(1)  # a linear layer stored as a 1x1 convolution
    _check_tensor(key, want, value)
    return value.float() if value.is_floating_point() else value


def _counter(value: "Tensor | None") -> Tensor:
    """Batches that a norm has seen: some releases leave them out, or store them as int32 or in a list of one."""
    if value is None:
        return torch.zeros((), dtype=torch.int64)
    return value.reshape(()).long() if value.dtype in COUNTS and value.numel() == 1 else value


def check_tensors(expected: dict[str, Tensor], found: dict[str, Tensor]) -> None:
    """Raises InputError for the first tensor of `found` that is not as in `expected`."""
    _check_names(expected, found.keys())
    for key, want in expected.items():
        _check_tensor(key, want, found[key])


def _check_names(expected: dict[str, Tensor], found: Set[str]) -> None:
    for key in sorted(expected.keys() - found):
        raise InputError("tensor_missing", tensor=key)
    for key in sorted(found - expected.keys()):
        raise InputError("tensor_extra", tensor=key[:80])


def _check_tensor(key: str, want: Tensor, have: Tensor) -> None:
    if have.shape != want.shape:
        raise InputError("tensor_shape", tensor=key, found=list(have.shape), expected=list(want.shape))
    if have.dtype not in (FLOATS if want.is_floating_point() else COUNTS):
        raise InputError("tensor_type", tensor=key, found=str(have.dtype).removeprefix("torch."))
    if not have.isfinite().all():
        raise InputError("tensor_not_finite", tensor=key)
    if key.endswith("running_var") and (have < 0).any():
        raise InputError("tensor_negative", tensor=key)


def _weight_files(folder: Path) -> Mapping[Path, set[str] | None]:
    """The files, each with the tensors that it must hold (None: whatever it holds)."""
    if (folder / WEIGHTS_FILE).exists():
        return {folder / WEIGHTS_FILE: None}
    files: dict[str, set[str]] = {}
    try:
        for key, name in json.loads((folder / INDEX_FILE).read_text("utf-8"))["weight_map"].items():
            files.setdefault(name, set()).add(key)
        if files and all(Path(name).name == name and (folder / name).exists() for name in files):
            return {folder / name: keys for name, keys in files.items()}
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
