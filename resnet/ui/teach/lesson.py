"""A visitor's lesson: classes, pictures of them, what nets read of these, and the head that follows from it."""

import base64
import binascii
import secrets
import time
from dataclasses import dataclass
from threading import RLock

import torch
import torch.nn.functional as F
from torch import Tensor

from resnet.explain.heads import Fit, fit
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef
from resnet.inference.picture import decode
from resnet.inference.predict import see
from resnet.ui.page import device
from resnet.ui.page.images import packed
from resnet.ui.teach.limits import CLASSES, ENCODED, NAME, NEEDED, NETS_KEPT, PICTURES, SIDE
from resnet.ui.teach.view import TeachView
from resnet.util.errors import InputError
from resnet.util.lru import LRU

THUMBNAIL = 56  # pixels


@dataclass(frozen=True)
class Picture:
    """A picture as the page sent it, a small one to show, and its class's number."""

    data: bytes
    thumbnail: str
    group: int
    name: str = ""


@dataclass(frozen=True)
class Taught:
    """A head, the names of its classes, and its pictures in the order of the fit.

    kept          numbers of the pictures that were taught: of classes with enough of them
    milliseconds  of the fit, left-out answers included; the features come before it
    """

    fit: Fit
    labels: tuple[str, ...]
    kept: tuple[int, ...]
    milliseconds: float


class Lesson:
    """Classes and pictures by their numbers, which stay when others go.

    key      the lesson's name in addresses, which nobody can guess
    lock     held while it is changed or read as a whole
    compared whether its pictures go through the bundled twins as well
    over     its visitor left: nobody keeps it any more
    view     which net and head were drawn last: those that are downloaded
    """

    def __init__(self):
        self.key, self.lock = secrets.token_urlsafe(16), RLock()
        self.classes: dict[int, str] = {}
        self.pictures: dict[int, Picture] = {}
        self.compared = self.over = False
        self.view: TeachView | None = None
        self._number = 0
        self._vectors: LRU[dict[int, Tensor]] = LRU(NETS_KEPT)
        self._heads: LRU[Taught] = LRU(NETS_KEPT)

    @property
    def nbytes(self) -> int:
        held = sum(len(one.data) + len(one.thumbnail) for one in list(self.pictures.values()))
        return held + sum(4 * vector.numel() for net in self._vectors.values() for vector in list(net.values()))

    def add_class(self, name: str) -> int:
        """Raises InputError for one class too many, or a name that another has."""
        if len(self.classes) >= CLASSES:
            raise InputError("teach_classes", limit=CLASSES)
        self._number += 1
        self.classes[self._number] = self._named(name)
        self._heads.clear()
        return self._number

    def rename(self, group: int, name: str) -> None:
        """Raises InputError for a name that cannot be, or that another class has."""
        self._check_class(group)
        self.classes[group] = self._named(name, group)
        self._heads.clear()

    def _named(self, name: str, group: int = 0) -> str:
        bare = " ".join(name.split())
        if not bare or not bare.isprintable() or len(bare) > NAME:
            raise InputError("teach_name", limit=NAME)
        if any(other == bare for number, other in self.classes.items() if number != group):
            raise InputError("teach_twice", name=bare)
        return bare

    def _check_class(self, group: int) -> None:
        if group not in self.classes:
            raise InputError("teach_gone")

    def remove_class(self, group: int) -> None:
        """With its pictures; raises InputError where it is gone already."""
        self._check_class(group)
        for number in self.numbers(group):
            self.forget(number)
        del self.classes[group]
        self._heads.clear()

    def numbers(self, group: int) -> list[int]:
        """Of a class's pictures."""
        return [number for number, picture in self.pictures.items() if picture.group == group]

    def add_picture(self, group: int, data: bytes, name: str = "") -> None:
        """Raises InputError for what is no picture, too large a one, or one too many."""
        self._check_class(group)
        if len(self.pictures) >= PICTURES:
            raise InputError("teach_full", limit=PICTURES)
        pixels = decoded(data)
        self._number += 1
        self.pictures[self._number] = Picture(data, thumbnail_url(pixels), group, name)
        self._heads.clear()

    def forget(self, number: int) -> None:
        """One picture, and all that was read of it."""
        self.pictures.pop(number, None)
        for known in self._vectors.values():
            known.pop(number, None)
        self._heads.clear()

    @property
    def groups(self) -> list[int]:
        """The classes that have enough pictures to be taught."""
        return [group for group in self.classes if len(self.numbers(group)) >= NEEDED]

    @property
    def ready(self) -> bool:
        return len(self.groups) >= 2

    def taught(self, model: ModelRef, loaded: LoadedModel, kind: str) -> Taught:
        """The head on a net's features.

        Raises:
            InputError: fewer than two classes have enough pictures, or the net costs too much.
        """
        if not self.ready:
            raise InputError("teach_few", needed=NEEDED)
        return self._heads.get((str(model), kind), lambda: self._fitted(model, loaded, kind))

    def _fitted(self, model: ModelRef, loaded: LoadedModel, kind: str) -> Taught:
        groups = self.groups
        kept = [number for group in groups for number in self.numbers(group)]
        labels = torch.tensor([groups.index(self.pictures[number].group) for number in kept])
        vectors, start = self.vectors(kept, model, loaded), time.perf_counter()
        found = fit(vectors, labels, len(groups), kind)
        took = 1e3 * (time.perf_counter() - start)
        return Taught(found, tuple(self.classes[group] for group in groups), tuple(kept), took)

    def vectors(self, numbers: list[int], model: ModelRef, loaded: LoadedModel) -> Tensor:
        """[n, d]: what a net's classifier reads of the pictures; each is put through it once."""
        known = self._vectors.get(str(model), dict)
        new = [number for number in numbers if number not in known]
        if new:
            seen = torch.stack([see(decoded(self.pictures[number].data), loaded).pixels for number in new])
            known |= zip(new, device.features(seen, model).features, strict=True)
        return torch.stack([known[number] for number in numbers])


def from_page(text: object) -> bytes:
    """A picture's bytes from what the page's script sends.

    Raises:
        InputError: too long, or no base64.
    """
    if not isinstance(text, str):
        raise InputError("picture_empty")
    if len(text) > ENCODED:
        raise InputError("teach_picture", limit=f"{ENCODED // 1000}")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("picture_empty") from error


def decoded(data: bytes) -> Tensor:
    """uint8 RGB [3, height, width].

    Raises:
        InputError: no picture, or one larger than the page sends.
    """
    pixels = decode(data)
    if max(pixels.shape[-2:]) > SIDE:
        raise InputError("teach_side", width=pixels.shape[-1], height=pixels.shape[-2], limit=SIDE)
    return pixels


def thumbnail_url(pixels: Tensor) -> str:
    """uint8 [3, h, w] -> a data: URL of a small JPEG, some 2 kB."""
    scale = min(1.0, THUMBNAIL / min(pixels.shape[-2:]))
    size = [max(1, round(side * scale)) for side in pixels.shape[-2:]]
    small = F.interpolate(pixels[None], size, mode="bilinear", antialias=True)[0] if scale < 1 else pixels
    return "data:image/jpeg;base64," + base64.b64encode(packed(small, "JPEG")).decode()


