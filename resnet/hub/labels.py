"""The names of a net's classes: the repository's own, ImageNet's where it has a thousand, else numbers."""

import re
from collections.abc import Sequence
from functools import lru_cache

from resnet.checkpoint import are_labels
from resnet.util.errors import InputError
from resnet.util.files import PACKAGE
from resnet.util.note import Note


def read_labels(config: object, classes: int) -> tuple[tuple[str, ...], Note]:
    """A name per class, and where the names are from.

    `label_names` is timm's (beside or in `pretrained_cfg`), `id2label` transformers', `labels` ours.
    """
    config = config if isinstance(config, dict) else {}
    details = config.get("pretrained_cfg")
    details = details if isinstance(details, dict) else {}
    for found in (config.get("label_names"), details.get("label_names"), config.get("id2label"), config.get("labels")):
        if names := _names(found, classes):
            return names, Note("labels_told")
    if classes == 1000:
        return imagenet(), Note("labels_imagenet")
    return tuple(f"class_{i}" for i in range(classes)), Note("labels_numbered", {"n": f"{classes:,}"})


_NUMBER = re.compile(r"(?:class|label)?[ _-]?(\d+)", re.IGNORECASE)  # "class_3", transformers' "LABEL_3", "3"
_SAME = {"plane": "airplane", "aeroplane": "airplane", "car": "automobile", "tshirt": "tshirttop"}


def are_numbers(labels: Sequence[str]) -> bool:
    """Whether classes have no names, only their places."""
    found = [_NUMBER.fullmatch(label) for label in labels]
    return all(match is not None and int(match[1]) == i for i, match in enumerate(found))


def class_order(labels: Sequence[str], classes: Sequence[str], model: str) -> tuple[int, ...]:
    """Which of a net's answers means each of a data set's classes, by the names; numbered ones are in their order.

    Raises:
        InputError: the names are not the data set's.
    """
    if are_numbers(labels) or tuple(labels) == tuple(classes):
        return tuple(range(len(classes)))
    known = {_plain(label): i for i, label in enumerate(labels)}
    strange = next((name for name in classes if _plain(name) not in known), None)
    if strange is not None or len(known) != len(classes):
        shown = ", ".join(label[:40] for label in labels[:4])
        raise InputError("labels_differ", model=model[:80], names=shown, name=strange or classes[0])
    return tuple(known[_plain(name)] for name in classes)


def _plain(label: str) -> str:
    """ "T-Shirt" -> "tshirttop": without case and signs, in the data set's own word for it."""
    bare = "".join(filter(str.isalnum, label.casefold()))
    return _SAME.get(bare, bare)


def _names(found: object, classes: int) -> tuple[str, ...] | None:
    """A list, or a table from "0" on; None where it is not a name per class."""
    if isinstance(found, dict):
        found = [found.get(str(i)) for i in range(classes)] if len(found) == classes else None
    if not isinstance(found, list) or len(found) != classes:
        return None
    return tuple(found) if are_labels(found) else None


@lru_cache(maxsize=1)
def imagenet() -> tuple[str, ...]:
    """ImageNet-1k's classes in the usual order and torchvision's words, without its 170 MB."""
    return tuple((PACKAGE / "papers/imagenet_classes.txt").read_text("utf-8").splitlines())
