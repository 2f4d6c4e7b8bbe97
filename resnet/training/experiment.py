"""From a variant and a recipe to a folder in the layout of weights/<name>/."""

import dataclasses
import platform
import re
from collections.abc import Generator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch

from resnet.checkpoint import ModelInfo, save_info, save_model
from resnet.config import ResNetConfig, config_of
from resnet.data import DataSpec, Split
from resnet.hub.load import load
from resnet.hub.loaded import LoadedModel
from resnet.model import ResNet, create
from resnet.training.card import UNROUNDED, model_card
from resnet.training.evaluate import Score, evaluate
from resnet.training.pictures import Preparing, Source, source_of, splits_of
from resnet.training.recipe import Recipe
from resnet.training.resume import CHECKPOINT, load_rows
from resnet.training.train import TrainingProgress, train
from resnet.training.workers import ALONE, Workers
from resnet.util.errors import InputError
from resnet.util.files import CONFIG_FILE, write_file
from resnet.util.machine import processor
from resnet.util.precision import resolve

CARD_FILE = "README.md"
HALF_COSTS = 0.0005  # of the test accuracy, at most


@dataclass(frozen=True)
class Experiment:
    """What is trained, on what, and how."""

    variant: str
    config: ResNetConfig
    recipe: Recipe
    source: Source

    @property
    def name(self) -> str:
        """resnet20_fashion_mnist; another order or seed than usual shows: resnet20_cifar10_preact_seed1."""
        order = f"_{self.config.order}" if self.config.order != "original" else ""
        seed = f"_seed{self.recipe.seed}" if self.recipe.seed else ""
        data = re.sub(r"[^\w.-]+", "_", self.recipe.data.rpartition("/")[2])
        return f"{self.variant.removesuffix('_cifar')}_{data}{order}{seed}"


def plan(variant: str | None, recipe: dict, source: Path | None = None, changes: dict | None = None) -> Experiment:
    """An experiment out of what the command line says.

    Args:
        variant: a variant's name; None takes the net of `source`, or of the weights that it starts from.
        recipe: fields of Recipe; they go before those of `source`.
        source: config.json of a trained net, to repeat its run or to train another variant in its way.
        changes: fields of ResNetConfig.

    Raises:
        InputError: nothing to train, nothing to train on, or a bad value.
    """
    info = _read_info(source) if source else None
    recipe = (info.recipe if info else {}) | recipe
    if not (variant or info or recipe.get("init")) or "data" not in recipe or "epochs" not in recipe:
        raise InputError("train_needs")
    parsed, base = Recipe.from_dict(recipe), config_of(variant) if variant else info.architecture if info else None
    pictures = source_of(parsed.data, parsed.held_out, parsed.seed)
    start = load(parsed.init) if parsed.init else None
    part = not isinstance(pictures, DataSpec) and not pictures.held
    parsed = dataclasses.replace(parsed, data=pictures.name, held_out=0.0 if part else parsed.held_out)
    if start and (variant or not info):
        config = _continued(start, len(pictures.classes))
    else:
        assert base
        config = base if info and not variant and parsed.data == info.data else adapt(base, pictures)
    config = config_of(config, **(changes or {}))
    if start:
        check_start(start, config)
    if start and variant:
        check_start(start, config_of(variant, in_channels=config.in_channels))
    name = variant or (info.variant if info else start.info.variant if start else "")
    return Experiment(name, config, parsed, pictures)


def adapt(config: ResNetConfig, source: Source) -> ResNetConfig:
    """A variant made for a data set: its channels and classes, and, with the 3x3 stem, its size.

    Nets with the 7x7 stem are made for larger pictures; for them the images are resized. Pictures of one's own come in
    colours and at any size.
    """
    if not isinstance(source, DataSpec):
        return config_of(config, in_channels=3, classes=len(source.classes))
    size = source.size if config.stem == "3x3" else config.input_size
    return config_of(config, in_channels=source.channels, classes=len(source.classes), input_size=size)


def _continued(start: LoadedModel, classes: int) -> ResNetConfig:
    """A trained net's config, made for other classes, at the size that it saw."""
    size = start.steps.size if start.steps else start.info.architecture.input_size
    return config_of(start.info.architecture, classes=classes, input_size=size)


def check_start(start: LoadedModel, config: ResNetConfig) -> None:
    """Raises InputError for weights whose body is not the net's."""
    wanted, found = (_body(one) for one in (config, start.info.architecture))
    if wanted != found:
        raise InputError("init_misfit", model=str(start.ref)[:80], net=start.info.title)


def _body(config: ResNetConfig) -> dict[str, torch.Size]:
    """The shapes of all tensors but the head's."""
    with torch.device("meta"):
        return {name: tensor.shape for name, tensor in ResNet(config).state_dict().items()
                if not name.startswith("fc.")}


def begun(experiment: Experiment) -> ResNet:
    """The net before the first step: drawn by the seed, with the body of `init` where there is one."""
    net = create(experiment.config, seed=experiment.recipe.seed)
    if experiment.recipe.init:
        weights = load(experiment.recipe.init).model.state_dict()
        net.load_state_dict({name: tensor for name, tensor in weights.items() if not name.startswith("fc.")},
                            strict=False)
    return net


def run(experiment: Experiment, out: Path, device: torch.device, workers: Workers = ALONE,
        weights: bool = True, keep: bool = False, half: bool = False,
        keep_epochs: bool = False) -> Generator[TrainingProgress | Preparing, None, ModelInfo]:
    """Train, evaluate and write the folder; resumes where a killed run stopped. The value is config.json's record.

    Args:
        weights: False leaves config.json and history.csv only, for a run whose curve is all that is wanted.
        keep: leave the checkpoint, so that more can be read from it.
        half: store kernels and matrices as fp16, unless that moves the test accuracy by more than HALF_COSTS.
        keep_epochs: leave every epoch's weights.

    Raises:
        InputError: see `train`; also data that cannot be had, or a folder with another finished net.
    """
    finished = _finished(experiment, out, device, workers)
    if finished:
        return finished
    train_set, test_set = yield from _splits(experiment)
    net = yield from train(experiment.config, experiment.recipe, train_set, test_set, out, device, workers,
                           begun(experiment), keep_epochs)
    workers.meet()  # the first process has written the last checkpoint
    seconds = load_rows(out)[-1].seconds
    test, unrounded = _tested(net, test_set, workers), {}
    if half:
        rounded = rounded_to_half(net)
        score = _tested(rounded, test_set, workers)
        half = abs(score.accuracy - test.accuracy) <= HALF_COSTS
        if half:
            net, test, unrounded = rounded, score, {UNROUNDED: _counted(test)}
    info = describe(experiment, net, train_set, test, seconds, workers)
    parts = {name: _summary(_tested(net, part, workers)) for name, part in test_set.named.items()}
    info = dataclasses.replace(info, results=info.results | parts | unrounded)
    if workers.rank == 0:
        _write(out, net, info, weights, half)
        if not keep:
            (out / CHECKPOINT).unlink()
    return info


def _splits(experiment: Experiment) -> Generator[Preparing, None, tuple[Split, Split]]:
    """Both parts, in the colours that the net's first weights know."""
    splits = yield from splits_of(experiment.source, experiment.config)
    train_set, test_set = splits[0].first(experiment.recipe.items or None), splits[1]
    if not experiment.recipe.init:
        return train_set, test_set
    known = load(experiment.recipe.init).info
    spec = dataclasses.replace(train_set.spec, mean=known.mean, std=known.std)
    return dataclasses.replace(train_set, spec=spec), dataclasses.replace(test_set, spec=spec)


def describe(experiment: Experiment, net: ResNet, train_set: Split, test: Score, seconds: float,
             workers: Workers = ALONE) -> ModelInfo:
    """config.json of a trained net; like the test set, the whole training set is evaluated in fp32."""
    spec, device = train_set.spec, next(net.parameters()).device
    return ModelInfo(
        experiment.name, experiment.variant, experiment.config, spec.name, spec.classes, spec.mean, spec.std,
        {"test": _counted(test), "train": _summary(_tested(net, train_set, workers))},
        dataclasses.asdict(_exact(experiment.recipe, device, workers)), round(seconds, 1),
        hardware(device, workers.world), versions())


def _tested(net: ResNet, split: Split, workers: Workers) -> Score:
    return evaluate(net, split, "fp32", rank=workers.rank, world=workers.world)


def _summary(score: Score) -> dict:
    return {"n": score.n, "accuracy": score.accuracy, "loss": score.loss}


def _counted(score: Score) -> dict:
    return _summary(score) | {"confusion": [list(row) for row in score.confusion]}


def hardware(device: torch.device, processes: int = 1) -> str:
    """ "2 threads of AMD EPYC", "NVIDIA H100"; several processes are counted."""
    if device.type == "cuda":
        each = torch.cuda.get_device_name(device)
    else:
        each = f"{torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''} of {processor()}"
    return each if processes == 1 else f"{processes} processes, each on {each}"


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), "torch": torch.__version__.partition("+")[0]}


def _exact(recipe: Recipe, device: torch.device, workers: Workers) -> Recipe:
    """With what "auto" and the number of processes meant in this run."""
    return dataclasses.replace(recipe, precision=resolve(recipe.precision, device),
                               micro_batches=max(recipe.micro_batches, workers.world))


def _finished(experiment: Experiment, out: Path, device: torch.device, workers: Workers) -> ModelInfo | None:
    """The record of a run that was finished in this folder before.

    Raises:
        InputError: it was another run.
    """
    if not (out / CONFIG_FILE).exists() or (out / CHECKPOINT).exists():
        return None
    info = _read_info(out / CONFIG_FILE)
    recipe = _exact(experiment.recipe, device, workers)
    if (info.architecture, Recipe.from_dict(info.recipe)) != (experiment.config, recipe):
        raise InputError("finished_other", folder=str(out))
    return info


def rounded_to_half(net: ResNet) -> ResNet:
    """A copy whose kernels and matrices hold what fp16 can; norms and biases, which weigh nothing, stay as they are."""
    rounded = deepcopy(net)
    with torch.no_grad():
        for parameter in rounded.parameters():
            if parameter.dim() > 1:
                parameter.copy_(parameter.half())
    return rounded


def _write(out: Path, net: ResNet, info: ModelInfo, weights: bool, half: bool) -> None:
    if not weights:
        save_info(out, info)
        return
    write_file(out / CARD_FILE, model_card(info))
    save_model(out, net, info, half)


def _read_info(file: Path) -> ModelInfo:
    try:
        return ModelInfo.from_json(file.read_text("utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("no_file", file=str(file)) from error
