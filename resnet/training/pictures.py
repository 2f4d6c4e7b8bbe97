"""Pictures of one's own, or of anyone's data set on the Hub, as what a training needs: two splits with classes."""

import hashlib
import os
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch

from resnet.config import ResNetConfig
from resnet.data import NAMED, DataSpec, Split, load_split, unknown_data
from resnet.inference.pictures import Gathering, Group, gather
from resnet.util.errors import InputError
from resnet.util.note import Note

MEASURED = 2_000  # pictures of which mean and deviation are taken, evenly spaced
NAMED_FAILURES = 10
Item = TypeVar("Item")


@dataclass(frozen=True)
class Part:
    """Some pictures and their classes by number, in the order of the groups."""

    groups: tuple[Group, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Pictures:
    """What `--data` means besides a data set that is known by name.

    name        "./flowers" for a folder, "owner/name" for a repository on the Hub: no data set's that is known by name
    title       what sentences call it
    held        whether the test part was held out of the training part
    notes       what was left out, for the user
    """

    name: str
    title: str
    classes: tuple[str, ...]
    train: Part
    test: Part
    held: bool
    notes: tuple[Note, ...] = ()


Source = DataSpec | Pictures


def source_of(data: str, held_out: float, seed: int) -> Source:
    """What is behind a data set's name, a folder's path or a repository on the Hub ("owner/name").

    Args:
        held_out, seed: the share of pictures that is tested on, and by what it is drawn, where no part is for that.

    Raises:
        InputError: there is no such thing, or it holds no pictures of two classes.
    """
    if data in NAMED:
        return NAMED[data]
    if data.startswith((".", "/", "~")) or os.path.isdir(data):
        from resnet.training.folder import scan

        return scan(Path(os.path.expanduser(data)), held_out, seed)
    if "/" in data:
        from resnet.training.hub_pictures import on_the_hub

        return on_the_hub(data, held_out, seed)
    raise unknown_data(data)


def held(pictures: dict[str, list[Item]], share: float, seed: int,
         name: Callable[[Item], str]) -> tuple[dict[str, list[Item]], dict[str, list[Item]]]:
    """What is trained on and what is held out of each class: drawn by seed and name, so that it stays when others come.

    At least one picture of each class is trained on, and of two and more one is held out.
    """
    kept, apart = {}, {}
    for label, items in pictures.items():
        drawn = sorted(items, key=lambda item: hashlib.sha256(
            f"{seed}/{name(item)}".encode(errors="surrogateescape")).digest())
        n = min(max(1, round(share * len(items))), len(items) - 1)
        tested = set(drawn[:n])
        apart[label] = [item for item in items if item in tested]
        kept[label] = [item for item in items if item not in tested]
    return kept, apart


def held_note(share: float, seed: int) -> Note:
    """What `held` did, for the user."""
    return Note("data_held_out", {"share": f"{100 * share:g}", "seed": seed}, "training")


@dataclass(frozen=True)
class Preparing:
    """Pictures that have been decoded, of all of a part; or sentences for the user, when that is done."""

    done: int
    total: int
    notes: tuple[Note, ...] = ()


def splits_of(source: Source, config: ResNetConfig) -> Generator[Preparing, None, tuple[Split, Split]]:
    """The training and the test split at the net's own size; of pictures of one's own in its number of channels.

    Raises:
        InputError: see `load_split` and `gather`; or a class has no sound picture to train on.
    """
    if isinstance(source, DataSpec):
        train, test = (load_split(source.name, part) for part in ("train", "test"))
        return train.resized(config.input_size), test.resized(config.input_size)
    yield Preparing(0, 0, source.notes)
    train = yield from _split(source, source.train, config)
    missing = set(range(len(source.classes))) - set(train.labels.tolist())
    if missing:
        raise InputError("class_broken", name=source.classes[min(missing)])
    test = yield from test_split(source, config)
    spec = replace(train.spec, **measured(train))
    return replace(train, spec=spec), replace(test, spec=spec)


def test_split(source: Pictures, config: ResNetConfig) -> Generator[Preparing, None, Split]:
    """The part that is tested on; its mean and deviation are not measured.

    Raises:
        InputError: see `gather`; or none of it can be decoded.
    """
    split = yield from _split(source, source.test, config)
    if not len(split):
        raise InputError("pictures_untested", title=source.title)
    return split


def end_of(steps: "Generator[object, None, Item]") -> Item:
    """A generator's value."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def _split(source: Pictures, part: Part, config: ResNetConfig) -> Generator[Preparing, None, Split]:
    steps = gather(part.groups, config.in_channels, config.input_size)
    while True:
        try:
            found: Gathering = next(steps)
            yield Preparing(found.done, found.total)
        except StopIteration as end:
            gathered = end.value
            break
    if gathered.failed:
        yield Preparing(len(part.labels), len(part.labels), _failures(gathered.failed))
    plain = (0.0,) * config.in_channels, (1.0,) * config.in_channels
    spec = DataSpec(source.name, source.title, "", "", "", source.classes, *plain, config.input_size)
    return Split(spec, gathered.images, torch.tensor(part.labels, dtype=torch.int64)[gathered.kept])


def _failures(failed: tuple[tuple[str, InputError], ...]) -> tuple[Note, ...]:
    """Each with its sentence, as far as anyone reads them."""
    told = [Note("picture_left_out", {"file": name, "reason": error.sentence()}, "training") for name, error in
            failed[:NAMED_FAILURES]]
    return (Note("pictures_left_out", {"n": f"{len(failed):,}"}, "training"), *told)


def measured(split: Split) -> dict[str, tuple[float, ...]]:
    """Mean and standard deviation of each channel, for values from 0 to 1, to four digits."""
    images = split.images[::max(1, len(split) // MEASURED)][:MEASURED]
    values = images.float().div_(255).transpose(0, 1).flatten(1)
    return {"mean": tuple(round(value, 4) for value in values.mean(1).tolist()),
            "std": tuple(round(max(value, 1e-4), 4) for value in values.std(1).tolist())}
