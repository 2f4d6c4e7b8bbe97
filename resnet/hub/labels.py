"""The names of a net's classes: the repository's own, ImageNet's where it has a thousand, else numbers."""

from functools import lru_cache

from resnet.checkpoint import are_labels
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
