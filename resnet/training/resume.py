"""What a run leaves behind after every epoch, and how it goes on from there.

checkpoint.safetensors holds weights, momentum and, as metadata, the net, the recipe and the rows so
far; history.csv repeats the rows for people and charts. Both appear whole or not at all. Where it is asked for,
every epoch's weights stay too, in epochs/.
"""

import dataclasses
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from resnet.checkpoint import check_tensors, read_tensors, restore, stored
from resnet.config import ResNetConfig
from resnet.model import ResNet
from resnet.training.recipe import Recipe
from resnet.util.csv import records_csv
from resnet.util.errors import InputError
from resnet.util.fields import from_mapping, hints
from resnet.util.files import CHECKPOINT_FILE, remove_partials, write_file

CHECKPOINT, HISTORY_FILE, EPOCHS = CHECKPOINT_FILE, "history.csv", "epochs"


@dataclass(frozen=True)
class Row:
    """One line of history.csv, at the end of an epoch. Errors in per cent, losses in nats.

    The training figures are taken without augmentation on the first `train_eval` training images;
    `seconds` is the time spent on training since the start, evaluation not counted.
    """

    seed: int
    epoch: int
    iteration: int
    lr: float
    train_loss: float
    train_error: float
    test_loss: float
    test_error: float
    seconds: float

    @property
    def finite(self) -> bool:
        return math.isfinite(self.train_loss) and math.isfinite(self.test_loss)


def to_csv(rows: Iterable[Row]) -> str:
    """history.csv, six significant digits."""
    return records_csv(list(hints(Row)), rows, digits=6)


def open_folder(out: Path, rows: list[Row]) -> None:
    """Make the folder and write the history so far: a folder that cannot be written fails now, not in an hour."""
    write_file(out / HISTORY_FILE, to_csv(rows))
    remove_partials(out)


def save_checkpoint(out: Path, net: ResNet, optimiser: torch.optim.Optimizer, recipe: Recipe,
                    rows: list[Row]) -> None:
    """Raises InputError when the folder cannot be written; the checkpoint before stays."""
    from safetensors.torch import save

    tensors = {f"model.{key}": value.contiguous() for key, value in net.state_dict().items()}
    tensors |= {f"momentum.{key}": value.contiguous() for key, value in _momentum(net, optimiser).items()}
    run = {"config": net.config.to_dict(), "recipe": dataclasses.asdict(recipe)}
    metadata = {"run": json.dumps(run, sort_keys=True), "rows": json.dumps([dataclasses.asdict(row) for row in rows])}
    write_file(out / CHECKPOINT, save(tensors, metadata))
    write_file(out / HISTORY_FILE, to_csv(rows))


def load_checkpoint(out: Path, net: ResNet, optimiser: torch.optim.Optimizer, recipe: Recipe) -> list[Row]:
    """Put the net and the optimiser where the checkpoint left them; its rows, none without a checkpoint.

    Raises:
        InputError: the checkpoint is damaged, or of another net or recipe.
    """
    path = out / CHECKPOINT
    if not path.exists():
        return []
    metadata, tensors = _read(path)
    run, rows = _metadata(metadata, path)
    if not _same_run(run, net.config, recipe):
        raise InputError("other_run", folder=str(out))
    _restore(net, optimiser, tensors)
    return rows


def keep_weights(out: Path, net: ResNet, epoch: int) -> None:
    """The weights after an epoch (0: before the first): kernels and matrices in fp16, norms and biases in fp32.

    Raises:
        InputError: the folder cannot be written.
    """
    from safetensors.torch import save

    write_file(out / EPOCHS / f"{epoch:04}.safetensors", save(stored(net, half=True), {"format": "pt"}))


def kept_weights(folder: Path, config: ResNetConfig) -> dict[int, ResNet]:
    """The nets that `keep_weights` left in a run's folder, by epoch, in eval mode.

    Raises:
        InputError: there are none, or one is damaged or of another net.
    """
    files = sorted((folder / EPOCHS).glob("*.safetensors"))
    if not files:
        raise InputError("no_kept_weights", folder=str(folder))
    return {int(file.stem): restore(config, read_tensors(file)) for file in files}


def load_rows(out: Path) -> list[Row]:
    """The rows alone; raises InputError when the checkpoint is damaged."""
    path = out / CHECKPOINT
    return _metadata(_read(path)[0], path)[1]


def _metadata(metadata: dict[str, str], path: Path) -> tuple[dict, list[Row]]:
    try:
        run, rows = json.loads(metadata["run"]), json.loads(metadata["rows"])
        return {"config": dict(run["config"]), "recipe": dict(run["recipe"])}, [from_mapping(Row, row) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("damaged_checkpoint", file=str(path)) from error


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError("damaged_checkpoint", file=str(path)) from error


def _same_run(run: dict, config: ResNetConfig, recipe: Recipe) -> bool:
    """Settings that came after the checkpoint was written must have their default."""
    try:
        return ResNetConfig.from_dict(run["config"]) == config and Recipe.from_dict(run["recipe"]) == recipe
    except InputError:  # settings of a later version
        return False


def _restore(net: ResNet, optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    weights = {key.removeprefix("model."): value for key, value in tensors.items() if key.startswith("model.")}
    check_tensors(net.state_dict(), weights)
    net.load_state_dict(weights)
    for name, parameter in net.named_parameters():
        if f"momentum.{name}" in tensors:
            # empty_like keeps the parameter's memory format, and with it the order of additions
            buffer = torch.empty_like(parameter).copy_(tensors[f"momentum.{name}"])
            optimiser.state[parameter]["momentum_buffer"] = buffer


def _momentum(net: ResNet, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    buffers = {name: optimiser.state[p].get("momentum_buffer") for name, p in net.named_parameters()}
    return {name: buffer for name, buffer in buffers.items() if buffer is not None}
