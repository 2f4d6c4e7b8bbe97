"""A model reference -> a loaded model: bundled, in a folder or file here, or on the Hub.

Loaded models are shared and read-only: eval mode, no gradients; whoever changes one copies it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from resnet.checkpoint import CONFIG_FILE, ModelInfo, read_tensors, restore
from resnet.hub.cache import complete, last_snapshot, snapshot, used
from resnet.hub.describe import describe
from resnet.hub.downloads import AWAY, Progress, fetch
from resnet.hub.header import local_header
from resnet.hub.preprocessing import Steps
from resnet.hub.recognise import Recognised, recognise_header
from resnet.hub.ref import WEIGHTS, is_bundled, is_local, read_reference
from resnet.model import ResNet
from resnet.util.errors import InputError
from resnet.util.lru import LRU
from resnet.util.machine import memory
from resnet.util.note import Note

MEMORY = min(2_000_000_000, memory() // 4)  # bytes of loaded weights that are kept
REMEMBERED = 256


@dataclass(frozen=True)
class LoadedModel:
    """A net with its trained weights, what is known of it, and how it wants its pictures.

    steps       from the repository's files; None: as the data set that `info.data` names was made
    test_steps  at timm's larger test size, where the repository names one
    notes       sentences for the user: how it was recognised, and what had to be assumed
    """

    reference: str
    model: ResNet
    info: ModelInfo
    steps: Steps | None = None
    test_steps: Steps | None = None
    notes: tuple[Note, ...] = ()

    @property
    def nbytes(self) -> int:
        return sum(tensor.numel() * tensor.element_size() for tensor in self.model.state_dict().values())


_models: LRU[LoadedModel] = LRU(MEMORY, lambda loaded: loaded.nbytes)
_places: dict[tuple[str, bool], Path] = {}


def bundled() -> dict[str, ModelInfo]:
    """The models that ship with the app, by name; no weights are read."""
    return {folder.name: _info(folder) for folder in sorted(WEIGHTS.glob("*/")) if (folder / CONFIG_FILE).exists()
            and folder.name != "runs"}


def load(reference: str, trusted: bool = True) -> LoadedModel:
    """The model behind a bundled name, a Hub repository (owner/name[@revision]), a folder or a .safetensors file.

    What this process had from the Hub before is taken again without asking it; `obtain` asks.

    Args:
        trusted: as in `obtain`.

    Raises:
        InputError: there is none, it is no plain ResNet, its files are not sound, or the Hub fails.
    """
    if is_at_hand(reference, trusted) and (path := _places.get((reference, trusted))):
        used(path)
        return _loaded(reference, _Place(path, True))
    return load_anew(reference, trusted)


def load_anew(reference: str, trusted: bool = True) -> LoadedModel:
    """`load`, but the Hub is asked for what stands there now."""
    steps = obtain(reference, trusted)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def is_at_hand(reference: str, trusted: bool = False) -> bool:
    """Whether `load` needs no Hub: it is bundled, or was fetched by this process for one as trusted."""
    path = _places.get((reference, trusted))
    return is_bundled(reference) or (path is not None and path.is_dir())


def obtain(reference: str, trusted: bool = False) -> Iterator[Progress]:
    """`load` as a generator, which yields the progress of a download; its value is the LoadedModel.

    Closing it gives the download up, unless others wait for it too.

    Args:
        trusted: the reference is this machine's owner's, so it may name local paths, and the owner's Hub
            token is sent; a visitor's may not.

    Raises:
        InputError: as `load`.
    """
    place = yield from _find(reference, trusted)
    return _loaded(reference, place)


def _loaded(reference: str, place: "_Place") -> LoadedModel:
    loaded = _models.get(_stamp(place.path), lambda: _open(reference, place))
    if reference == loaded.reference and not place.notes:
        return loaded
    return replace(loaded, reference=reference, notes=(*loaded.notes, *place.notes))


@dataclass(frozen=True)
class _Place:
    """Where weights are; hub: they are a stranger's, and what they claim to be called and to reach is left out."""

    path: Path
    hub: bool = False
    notes: tuple[Note, ...] = ()


def _find(reference: str, trusted: bool) -> Iterator[Progress]:
    """A model's place; of the Hub, downloaded if need be."""
    if is_bundled(reference):
        return _Place(WEIGHTS / reference)
    if trusted and is_local(reference):
        return _Place(Path(os.path.expanduser(reference)))
    if "/" not in reference:
        raise InputError("unknown_model", name=reference[:80], known=", ".join(bundled()))
    try:
        header = read_reference(reference, trusted)
        path = snapshot(header)
        if complete(path, header):
            used(path)
        else:
            _check_head(recognise_header(header, reference))
            yield from fetch(header, path, trusted)
    except InputError as error:
        kept = _places.get((reference, trusted)) or (last_snapshot(reference) if trusted else None)
        if error.key not in AWAY or kept is None:
            raise
        return _Place(kept, True, (Note("from_cache"),))
    if len(_places) < REMEMBERED:
        _places[reference, trusted] = path
    return _Place(path, True)


def _stamp(path: Path) -> tuple:
    """The path, and when its files last changed: a folder may be trained into again."""
    files = [path] if path.is_file() else sorted(file for file in path.glob("*.*") if file.name[0] != ".")
    return path.resolve(), tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)


def _open(reference: str, place: _Place) -> LoadedModel:
    """Read, recognise, translate, check, restore."""
    found = recognise_header(local_header(place.path), reference)
    _check_head(found)
    tensors = {found.mapping[name]: tensor for name, tensor in read_tensors(place.path).items()}
    told = describe(found, place.path)
    info = replace(told.info, name=reference, results={}, recipe={}) if place.hub else told.info
    return LoadedModel(reference, restore(found.config, tensors), info, told.steps, told.test_steps,
                       (*found.notes, *told.notes))


def _check_head(found: Recognised) -> None:
    if found.headless:
        raise InputError("headless", model=found.name[:80])


@lru_cache(maxsize=64)
def _info(folder: Path) -> ModelInfo:
    file = folder / CONFIG_FILE
    return ModelInfo.from_json(file.read_text("utf-8"), str(file))
