"""A checkpoint's header -> the network that it belongs to; no weights are read."""

from dataclasses import dataclass, replace
from math import prod

from resnet.config import VARIANTS, ResNetConfig
from resnet.hub.header import Header, check_weights
from resnet.hub.infer import infer_config, learned
from resnet.tracing.trace import name_of, trace
from resnet.util.errors import InputError
from resnet.util.note import Note


@dataclass(frozen=True)
class Recognised:
    """The network behind a checkpoint, from its header; no weights were read.

    name        what users call the checkpoint; `variant` is what the network is called here
    spelling    whose tensor names these are: "torchvision", "transformers" or "cifar"
    mapping     the file's tensor names -> torchvision's
    notes       sentences for the user: how it was recognised, and what had to be assumed
    headless    the file has no classifier, and the config's is an assumption
    """

    config: ResNetConfig
    spelling: str
    notes: tuple[Note, ...]
    headless: bool
    mapping: dict[str, str]
    header: Header

    @property
    def name(self) -> str:
        return self.header.name

    @property
    def variant(self) -> str:
        return next((name for name, known in VARIANTS.items() if _same_body(known, self.config)),
                    name_of(self.config))

    @property
    def bytes_read(self) -> int:
        return self.header.bytes_read

    @property
    def file_size(self) -> int:
        """Of the weights, all shards together, in bytes."""
        return self.header.file_size

    def check_head(self) -> None:
        """Raises InputError for a file without a classifier: it can be traced, and not asked."""
        if self.headless:
            raise InputError("headless", model=self.name[:80])

    def to_dict(self) -> dict:
        """JSON-friendly."""
        return {"variant": self.variant, "spelling": self.spelling, "headless": self.headless,
                "bytes_read": self.bytes_read, "file_size": self.file_size, "files": list(self.header.files),
                "revision": self.header.revision, "notes": [note.sentence() for note in self.notes]}


def _same_body(known: ResNetConfig, config: ResNetConfig) -> bool:
    """Equal but for what fine-tuning changes."""
    return replace(known, classes=config.classes, in_channels=config.in_channels,
                   input_size=config.input_size) == config


def recognise_header(header: Header) -> Recognised:
    """The network of a header, whose weights may be anywhere.

    Raises:
        InputError: not a plain ResNet, weights of another type, or parameters that do not add up.
    """
    found = infer_config(header.shapes, header.config)
    check_weights(header)
    _check_total(found.config, header, found.headless)
    return Recognised(found.config, found.spelling.name, found.notes, found.headless, found.spelling.mapping, header)


def _check_total(config: ResNetConfig, header: Header, headless: bool) -> None:
    """The trace's parameters are the file's: a second count, by another way than the names."""
    layers = trace(config).layers
    expected = sum(layer.params for layer in layers if not (headless and layer.name == "fc"))
    found = sum(map(prod, learned(header.shapes).values()))
    if found != expected:
        raise InputError("params_differ", found=f"{found:,}", expected=f"{expected:,}")

