"""What the files beside a checkpoint say of it: classes, mean and std, and how it wants its pictures."""

import json
from dataclasses import dataclass
from pathlib import Path

from resnet.checkpoint import CONFIG_FILE, ModelInfo
from resnet.hub.downloads import PROCESSOR, SMALL
from resnet.hub.labels import read_labels
from resnet.hub.preprocessing import Steps, read_preprocessing
from resnet.hub.recognise import Recognised
from resnet.util.errors import InputError
from resnet.util.note import Note


@dataclass(frozen=True)
class Described:
    """steps None: pictures are made as those of the data set that `info.data` names."""

    info: ModelInfo
    steps: Steps | None = None
    test_steps: Steps | None = None
    notes: tuple[Note, ...] = ()


def describe(found: Recognised, place: Path) -> Described:
    """A checkpoint's files, in a folder or beside a file.

    Raises:
        InputError: a file is damaged, or asks for something that is not done here.
    """
    config = found.header.config
    if isinstance(config, dict) and isinstance(config.get("architecture"), dict) and "labels" in config:
        return Described(ModelInfo.from_json(json.dumps(config), str(place / CONFIG_FILE)))
    processor = _read_json(place / PROCESSOR) if place.is_dir() else None
    told = read_preprocessing(config, processor, found.config)
    labels, from_where = read_labels(config, found.config.classes)
    info = ModelInfo(found.name, found.variant, found.config, "", labels, told.mean, told.std)
    return Described(info, told.steps, told.test, (*told.notes, from_where))


def _read_json(file: Path) -> object:
    """None where there is no such file."""
    if not file.is_file():
        return None
    if file.stat().st_size > SMALL:
        raise InputError("file_too_large", file=file.name, limit=SMALL // 10**6)
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("not_json", file=file.name) from error
