"""Files of weights -> a loaded model: recognised, translated, checked, restored, and described by what stands beside.

Loaded models are shared and read-only: eval mode, no gradients; whoever changes one copies it.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from resnet.checkpoint import ModelInfo, read_tensors, restore
from resnet.hub.affordable import check_affordable
from resnet.hub.header import PROCESSOR, SMALL, read_json
from resnet.hub.labels import read_labels
from resnet.hub.local import Folder, local_header
from resnet.hub.preprocessing import Steps, read_preprocessing
from resnet.hub.recognise import Recognised, recognise_header
from resnet.hub.ref import ModelRef
from resnet.model import ResNet
from resnet.util.files import CONFIG_FILE
from resnet.util.note import Note
from resnet.util.numbers import by


@dataclass(frozen=True)
class LoadedModel:
    """A net with its trained weights, what is known of it, and how it wants its pictures.

    steps       from the repository's files; None: as the data set that `info.data` names was made
    test_steps  at timm's larger test size, where the repository names one
    notes       sentences for the user: how it was recognised, and what had to be assumed
    """

    ref: ModelRef
    model: ResNet
    info: ModelInfo
    steps: Steps | None = None
    test_steps: Steps | None = None
    notes: tuple[Note, ...] = ()

    def __repr__(self) -> str:
        """What it is and what it takes; the weights have a repr of their own: `.model`."""
        config, params = self.info.architecture, sum(weight.numel() for weight in self.model.parameters())
        return (f"<LoadedModel {self.ref}: {self.info.title}, {params:,} parameters, "
                f"{by((config.in_channels, *config.input_size))} -> {config.classes} classes>")

    @property
    def nbytes(self) -> int:
        return sum(tensor.numel() * tensor.element_size() for tensor in self.model.state_dict().values())


def read_model(ref: ModelRef, path: Path) -> LoadedModel:
    """The model in a folder or a .safetensors file.

    Of a stranger's, from the Hub, what it claims to be called and to reach is left out.

    Raises:
        InputError: it is no plain ResNet with a classifier, costs too much for a visitor, a file is not sound, or
            asks for what is not done here.
    """
    found = recognise_header(local_header(path, str(ref)))
    found.check_loadable()
    described = describe(found, path)
    if ref.limited:
        check_affordable(found.config, described.sizes)
    model = restore(found.config, read_tensors(path, found.mapping))
    info = described.info
    if ref.kind == "hub":
        info = replace(info, name=str(ref), results={}, recipe={})
    return LoadedModel(ref, model, info, described.steps, described.test_steps, (*found.notes, *described.notes))


@dataclass(frozen=True)
class _Description:
    """What the files beside a checkpoint say of it; the fields are LoadedModel's."""

    info: ModelInfo
    steps: Steps | None = None
    test_steps: Steps | None = None
    notes: tuple[Note, ...] = ()

    @property
    def sizes(self) -> set[tuple[int, int]]:
        """(height, width) of the pictures that the net will see."""
        return {self.info.architecture.input_size} if self.steps is None else {
            steps.size for steps in (self.steps, self.test_steps) if steps}


def describe(found: Recognised, path: Path | None) -> _Description:
    """Classes, mean and std, and how the net wants its pictures; a path is where its files lie."""
    config = found.header.config
    if isinstance(config, dict) and isinstance(config.get("architecture"), dict) and "labels" in config:
        return _Description(ModelInfo.from_json(json.dumps(config), f"{found.name[:80]}/{CONFIG_FILE}"))
    processor = read_json(Folder(path), PROCESSOR, SMALL) if path and path.is_dir() else None
    wanted = read_preprocessing(config, processor, found.config)
    labels, source = read_labels(config, found.config.classes)
    info = ModelInfo(found.name, found.variant, found.config, "", labels, wanted.mean, wanted.std)
    return _Description(info, wanted.steps, wanted.test, (*wanted.notes, source))
