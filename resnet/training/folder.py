"""A folder of pictures, a folder a class: `flowers/rose/1.jpg`, or `flowers/train/rose/1.jpg` and `flowers/val/...`."""

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet.checkpoint import are_labels
from resnet.inference.pictures import in_groups
from resnet.training.pictures import Part, Pictures, held, held_note
from resnet.util.errors import InputError
from resnet.util.note import Note

TRAIN, TEST = ("train", "training"), ("val", "valid", "validation", "test")
KINDS = (".jpg", ".jpeg", ".png", ".webp")
SHOWN = 8  # names in a sentence


@dataclass(frozen=True)
class _Found:
    """The pictures of each class, sorted; empty: classes without any; others: how many files are no pictures."""

    pictures: dict[str, list[Path]]
    empty: tuple[str, ...]
    others: int


def scan(root: Path, held_out: float, seed: int) -> Pictures:
    """The classes of a folder, and its parts: `train` and `val`, else a seeded share of each class is held out.

    Raises:
        InputError: there is no such folder, fewer than two classes have pictures, or a class's name cannot be shown.
    """
    if not root.is_dir():
        raise InputError("data_folder", path=str(root))
    try:
        return _scan(root.resolve(), held_out, seed)
    except OSError as error:
        raise InputError("no_file", file=error.filename or str(root)) from error


def _scan(root: Path, held_out: float, seed: int) -> Pictures:
    train_root, test_root = _part(root, TRAIN), _part(root, TEST)
    found = _look(train_root or root)
    classes = tuple(found.pictures)
    if len(classes) < 2:
        raise InputError("data_classes", path=str(train_root or root), n=len(classes))
    strange = next((name for name in classes if not are_labels([name])), None)
    if strange is not None:
        raise InputError("class_name", name=strange)
    notes = _notes(found)
    if train_root and test_root:
        test = _look(test_root)
        notes += _strangers(test, classes)
        parts = found.pictures, test.pictures
    else:
        parts = held(found.pictures, held_out, seed, lambda file: str(file.relative_to(train_root or root)))
        notes += (held_note(held_out, seed),)
    train, tested = (_in_order(part, classes) for part in parts)
    if not tested.labels:
        raise InputError("pictures_untested", title=root.name)
    return Pictures(f"./{root.name}", root.name, classes, train, tested, not (train_root and test_root), notes)


def _part(root: Path, names: Sequence[str]) -> Path | None:
    """The folder of a part, which holds folders of its own: a class may be called `train`, too."""
    for name in names:
        for folder in sorted(root.iterdir()):
            if folder.name.lower() == name and folder.is_dir() and any(inside.is_dir() for inside in folder.iterdir()):
                return folder
    return None


def _look(root: Path) -> _Found:
    pictures: dict[str, list[Path]] = {}
    empty, others = [], 0
    for folder in sorted(root.iterdir()):
        if folder.name.startswith("."):
            continue
        if not folder.is_dir():
            others += 1
            continue
        files = [Path(place, name) for place, _, names in os.walk(folder) for name in names if name[0] != "."]
        found = sorted(file for file in files if file.suffix.lower() in KINDS)
        others += len(files) - len(found)
        name = unicodedata.normalize("NFC", folder.name)  # some systems write é as two letters
        if found:
            pictures.setdefault(name, []).extend(found)
        else:
            empty.append(name)
    return _Found(pictures, tuple(empty), others)


def _notes(found: _Found) -> tuple[Note, ...]:
    notes = []
    if found.empty:
        notes.append(Note("classes_empty", {"names": _some(found.empty)}, "training"))
    if found.others:
        notes.append(Note("files_left_out", {"n": f"{found.others:,}"}, "training"))
    return tuple(notes)


def _strangers(test: _Found, classes: Sequence[str]) -> tuple[Note, ...]:
    """Classes that are only tested on, and never trained."""
    strange = [name for name in test.pictures if name not in classes]
    return (Note("classes_untrained", {"names": _some(strange)}, "training"),) if strange else ()


def _some(names: Sequence[str]) -> str:
    return ", ".join(name[:40] for name in names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _in_order(pictures: dict[str, list[Path]], classes: tuple[str, ...]) -> Part:
    found = [(path, label) for label, name in enumerate(classes) for path in pictures.get(name, ())]
    return Part(in_groups([path for path, _ in found]), tuple(label for _, label in found))
