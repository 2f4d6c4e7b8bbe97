"""Files of weights -> a loaded model: recognised, translated, checked, restored, and described by what stands beside.

Loaded models are shared and read-only: eval mode, no gradients; whoever changes one copies it.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from resnet.checkpoint import ModelInfo, read_tensors, restore
from resnet.hub.affordable import check_affordable
from resnet.hub.fingerprint import NO_LIKENESS, Verdict, look, rebuilt, verdict_notes
from resnet.hub.header import PROCESSOR, SMALL, read_json
from resnet.hub.hints import read_hints
from resnet.hub.labels import read_labels
from resnet.hub.local import Folder, local_header
from resnet.hub.preprocessing import NORMALISATIONS, Steps, read_preprocessing
from resnet.hub.readings import COLOURS, FIELDS, STATED, STRUCTURE, Reading, name_of, with_settings
from resnet.hub.recognise import Recognised, recognise_header
from resnet.hub.ref import ModelRef
from resnet.model import ResNet
from resnet.util.files import CONFIG_FILE, own_record
from resnet.util.lru import LRU
from resnet.util.note import Note
from resnet.util.numbers import by

OTHERS = 4  # readings by hand that a net keeps; they share its tensors


@dataclass(frozen=True)
class LoadedModel:
    """A net with its trained weights, what is known of it, and how it wants its pictures.

    steps       from the repository's files; None: as the data set that `info.data` names was made
    test_steps  at timm's larger test size, where the repository names one
    notes       sentences for the user: how it was recognised, and what had to be assumed
    reading     which of its tensors' readings `model` and `info` are; None for what was made in memory
    verdict     what its batch norms' statistics say of the others; None where they were not asked
    by_hand     fields of the reading that were set, "zero_pad=both"
    """

    ref: ModelRef
    model: ResNet
    info: ModelInfo
    steps: Steps | None = None
    test_steps: Steps | None = None
    notes: tuple[Note, ...] = ()
    reading: Reading | None = None
    verdict: Verdict | None = None
    by_hand: tuple[str, ...] = ()
    _others: "LRU[LoadedModel]" = field(default_factory=lambda: LRU(OTHERS), repr=False, compare=False)

    def __repr__(self) -> str:
        """What it is and what it takes; the weights have a repr of their own: `.model`."""
        config, params = self.info.architecture, sum(weight.numel() for weight in self.model.parameters())
        return (f"<LoadedModel {self.ref}: {self.info.title}, {params:,} parameters, "
                f"{by((config.in_channels, *config.input_size))} -> {config.classes} classes>")

    @property
    def nbytes(self) -> int:
        return sum(tensor.numel() * tensor.element_size() for tensor in self.model.state_dict().values())

    def read_as(self, settings: Mapping[str, str]) -> "LoadedModel":
        """These tensors by another reading: fields that they leave open, set by hand.

        Raises:
            InputError: the tensors decide such a field, or it has no such value.
        """
        if not settings:
            return self
        by_hand = tuple(f"{field}={value}" for field, value in settings.items())
        before = self.reading or Reading(self.info.architecture, name_of((self.info.mean, self.info.std)))
        after = with_settings(before, settings)
        other = self._others.get(after, lambda: self._read(before, after))
        return replace(other, ref=self.ref, notes=self.notes, by_hand=by_hand)

    def _read(self, before: Reading, reading: Reading) -> "LoadedModel":
        if reading == before:
            return self
        state = self.model.state_dict()
        if reading.channels != before.channels:  # it takes RGB, whatever its first convolution was trained on
            state["conv1.weight"] = state["conv1.weight"].flip(1)
        mean, std = (self.info.mean, self.info.std) if reading.normalisation == before.normalisation else (
            NORMALISATIONS[reading.config.in_channels][reading.normalisation])
        info = replace(self.info, architecture=reading.config, mean=mean, std=std)
        return replace(self, model=rebuilt(reading.config, state), info=info, reading=reading)


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
    reading = Reading(found.config, name_of((info.mean, info.std)))
    loaded = LoadedModel(ref, model, info, described.steps, described.test_steps, (*found.notes, *described.notes),
                         reading)
    return loaded if described.ours and ref.kind != "hub" else most_likely(loaded, reading, described.told)


def most_likely(loaded: LoadedModel, reading: Reading, told: Collection[str]) -> LoadedModel:
    """The model by the reading that its batch norms' statistics speak for, in what is not told.

    Args:
        reading: what `loaded` is; told: its fields that stay, as its repository states them.
    """
    own = loaded.info.mean, loaded.info.std
    known = NORMALISATIONS.get(reading.config.in_channels, {}) | {STATED: own}
    verdict = look(reading, told, loaded.model, known.__getitem__)
    if isinstance(verdict, Note):
        return replace(loaded, notes=(*loaded.notes, verdict))
    if verdict.best.shift > NO_LIKENESS:
        verdict = replace(verdict, taken=verdict.start)
    notes = (*loaded.notes, *verdict_notes(verdict, told))
    return replace(loaded._read(reading, verdict.taken.reading), notes=notes, verdict=verdict)


@dataclass(frozen=True)
class _Description:
    """What the files beside a checkpoint say of it; the first fields are LoadedModel's.

    told    what of a reading they state, so that it is not decided by statistics
    ours    they are in this app's own format
    """

    info: ModelInfo
    steps: Steps | None = None
    test_steps: Steps | None = None
    notes: tuple[Note, ...] = ()
    told: frozenset[str] = frozenset()
    ours: bool = False

    @property
    def sizes(self) -> set[tuple[int, int]]:
        """(height, width) of the pictures that the net will see."""
        return {self.info.architecture.input_size} if self.steps is None else {
            steps.size for steps in (self.steps, self.test_steps) if steps}


def describe(found: Recognised, path: Path | None) -> _Description:
    """Classes, mean and std, and how the net wants its pictures; a path is where its files lie."""
    config = found.header.config
    if (ours := own_record(config)) and "labels" in ours:
        info = ModelInfo.from_json(json.dumps(ours), f"{found.name[:80]}/{CONFIG_FILE}")
        return _Description(info, told=frozenset(FIELDS), ours=True)
    processor = read_json(Folder(path), PROCESSOR, SMALL) if path and path.is_dir() else None
    wanted = read_preprocessing(config, processor, found.config)
    labels, source = read_labels(config, found.config.classes)
    info = ModelInfo(found.name, found.variant, found.config, "", labels, wanted.mean, wanted.std)
    told = (STRUCTURE if read_hints(config).source else ()) + (COLOURS if wanted.told else ())
    return _Description(info, wanted.steps, wanted.test, (*wanted.notes, source), frozenset(told))
