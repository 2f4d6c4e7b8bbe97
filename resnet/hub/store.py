"""What a process holds of models: headers, places, downloads and loaded weights, shared by all who ask.

Torch takes seconds to import, and a Hub that fails should be told of before that: so what needs it is
imported where it is needed, after the header was read.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from resnet.hub.cache import last_snapshot, mark_used, read_mark, write_mark
from resnet.hub.downloads import Downloads, Progress
from resnet.hub.header import Header
from resnet.hub.local import local_header
from resnet.hub.ref import WEIGHTS, ModelRef, bundled_names
from resnet.hub.remote import AWAY, HUB_SECONDS, remote_header
from resnet.util.errors import InputError
from resnet.util.files import CONFIG_FILE
from resnet.util.lru import LRU
from resnet.util.machine import memory
from resnet.util.note import Note

if TYPE_CHECKING:
    from resnet.checkpoint import ModelInfo
    from resnet.hub.loaded import LoadedModel
    from resnet.hub.recognise import Recognised

MEMORY = min(2_000_000_000, memory() // 4)  # bytes of loaded weights that are kept
HEADERS, HEADER_SECONDS = 64, 300  # from the Hub: how many are kept, and for how long
PLACES = 256  # repositories that count as at hand
INFOS = 64


class ModelStore:
    """Models by their references.

    headers     of repositories, so that a change of view asks the Hub once
    places      the folders of repositories that this process had from the Hub
    models      loaded ones, by kind, place and when its files last changed; shared, so read-only
    infos       what the bundled ones are, by name
    downloads   those that run, and the files that were found sound
    hub_answers whether the Hub did, when it was asked last; False until it is asked
    """

    def __init__(self, header_seconds: float = HEADER_SECONDS, places: int = PLACES):
        self.headers: LRU[Header] = LRU(HEADERS, seconds=header_seconds)
        self.places: LRU[Path] = LRU(places)
        self.models: LRU[LoadedModel] = LRU(MEMORY, lambda loaded: loaded.nbytes)
        self.infos: LRU[ModelInfo] = LRU(INFOS)
        self.downloads = Downloads()
        self.hub_answers = False

    def bundled(self) -> dict[str, ModelInfo]:
        """The models that ship with the app, by name; no weights are read."""
        return {name: self._info(name) for name in bundled_names()}

    def _info(self, name: str) -> ModelInfo:
        from resnet.checkpoint import ModelInfo

        file = WEIGHTS / name / CONFIG_FILE
        return self.infos.get(name, lambda: ModelInfo.from_json(file.read_text("utf-8"), str(file)))

    def header(self, ref: ModelRef, seconds: float = HUB_SECONDS) -> Header:
        """What a model's files say of its tensors; no weights are read.

        Args:
            seconds: the limit for the Hub.

        Raises:
            InputError: there is no such model, it is damaged, or the Hub fails; the sentence says which.
        """
        if ref.path is not None:
            return local_header(ref.path, str(ref))
        return self.headers.get(ref, lambda: self._asked(ref, seconds))

    def _asked(self, ref: ModelRef, seconds: float) -> Header:
        try:
            found = remote_header(ref, seconds)
        except InputError as error:
            self.hub_answers = error.key not in AWAY
            raise
        self.hub_answers = True
        return found

    def knows(self, ref: ModelRef) -> bool:
        """Whether `header` needs no Hub."""
        return ref.path is not None or self.headers.peek(ref) is not None

    def recognise(self, ref: ModelRef, seconds: float = HUB_SECONDS) -> Recognised:
        """The network behind a model's header; where the Hub is away, of what came from it before, as in `obtain`.

        Raises:
            InputError: as `header`, or it is no plain ResNet.
        """
        notes: tuple[Note, ...] = ()
        try:
            header = self.header(ref, seconds)
        except InputError as error:
            kept = self._kept(ref, error)
            header, notes = local_header(kept, str(ref)), (Note("from_cache"),)
        from resnet.hub.recognise import recognise_header

        found = recognise_header(header)
        return replace(found, notes=(*found.notes, *notes))

    def is_at_hand(self, ref: ModelRef) -> bool:
        """Whether `load` needs no Hub: the model is on this machine, or was fetched by this process."""
        return self._place(ref) is not None

    def adopt(self, ref: ModelRef) -> bool:
        """Whether another tool has fetched the whole of it, such as a Space's preload_from_hub: it is at hand then."""
        folder = last_snapshot(ref)
        if folder is None or not (self.downloads.files.complete(folder) or self._sound_links(folder)):
            return False
        self.places.put(ref, folder)
        return True

    def _sound_links(self, folder: Path) -> bool:
        """Whether huggingface_hub's links lead to what the Hub had, whose tags its files are called by; marked so."""
        with suppress(OSError):
            write_mark(folder, {file.name: file.resolve().name for file in folder.iterdir() if file.is_symlink()})
        return self.downloads.files.complete(folder)

    def load(self, ref: ModelRef) -> LoadedModel:
        """The model, downloaded if need be; what this process had from the Hub before is taken without asking it.

        Raises:
            InputError: there is none, it is no plain ResNet, its files are not sound, or the Hub fails.
        """
        path = self._place(ref)
        if path is None:
            return self.load_anew(ref)
        if ref.kind == "hub":
            self.places.put(ref, path)  # as the one asked for last
            mark_used(path)
        return self._loaded(ref, path)

    def load_anew(self, ref: ModelRef) -> LoadedModel:
        """`load`, but the Hub is asked for what stands there now."""
        steps = self.obtain(ref)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value

    def obtain(self, ref: ModelRef) -> Generator[Progress, None, LoadedModel]:
        """`load_anew` as a generator, which yields the progress of a download; its value is the LoadedModel.

        Closing it gives the download up, unless others wait for it too. Where the Hub is away, what came
        from it before is taken: by this process, or for this machine's owner by any.

        Raises:
            InputError: as `load`.
        """
        if ref.path is not None:
            return self._loaded(ref, ref.path)
        try:
            path = yield from self.downloads.fetch(ref, self.header(ref))
        except InputError as error:
            if error.key not in AWAY:
                self.headers.pop(ref)  # what it told may be no longer so
            else:
                self.hub_answers = False
            return self._loaded(ref, self._kept(ref, error), Note("from_cache"))
        self.places.put(ref, path)
        return self._loaded(ref, path)

    def _place(self, ref: ModelRef) -> Path | None:
        """Where a model lies, if the Hub need not be asked for it."""
        if ref.path is not None:
            return ref.path
        path = self.places.peek(ref)
        return path if path is not None and self.downloads.files.complete(path) else None

    def _kept(self, ref: ModelRef, error: InputError) -> Path:
        """What came from the Hub before. Raises the error where it says more than that the Hub is away, or none did."""
        kept = self._place(ref) or self._last_snapshot(ref) if error.key in AWAY else None
        if kept is None:
            raise error
        return kept

    def _last_snapshot(self, ref: ModelRef) -> Path | None:
        """What any process of this machine's owner had from the Hub; this app's only if it is as it came."""
        found = last_snapshot(ref) if ref.trusted else None
        altered = found is not None and read_mark(found) is not None and not self.downloads.files.complete(found)
        return None if altered else found

    def _loaded(self, ref: ModelRef, path: Path, *notes: Note) -> LoadedModel:
        from resnet.hub.loaded import read_model

        loaded = self.models.get((ref.kind, ref.limited, *_stamp(path)), lambda: read_model(ref, path))
        if ref == loaded.ref and not notes:
            return loaded
        return replace(loaded, ref=ref, notes=(*loaded.notes, *notes))


def _stamp(path: Path) -> tuple:
    """The path, and when its files last changed: a folder may be trained into again."""
    files = [path] if path.is_file() else sorted(file for file in path.glob("*.*") if file.name[0] != ".")
    return path.resolve(), tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)


_store: ModelStore | None = None
_lock = threading.Lock()


def current() -> ModelStore:
    """This process's store: the one that `use` named, else one that is made now."""
    global _store
    with _lock:
        if _store is None:
            _store = ModelStore()
        return _store


def use(store: ModelStore) -> None:
    """From now on `store` is this process's."""
    global _store
    _store = store
