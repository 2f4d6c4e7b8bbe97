"""A checkpoint's header -> the network that it belongs to; no weights are read."""

from dataclasses import dataclass, replace
from math import prod

from resnet.config import VARIANTS, ResNetConfig
from resnet.hub.header import TRACED_TYPES, Header, check_weights
from resnet.hub.infer import Shapes, infer_config, learned
from resnet.tracing.records import Trace
from resnet.tracing.trace import name_of, trace
from resnet.util.errors import InputError
from resnet.util.note import Note


@dataclass(frozen=True)
class Recognised:
    """The network behind a checkpoint, from its header; no weights were read.

    name        what users call the checkpoint; `variant` is what the network is called here
    spelling    whose tensor names these are: "torchvision", "transformers", "cifar", "children" or "resnetv2"
    mapping     the file's tensor names -> torchvision's, of the net's own tensors
    left        the other tensors: what their names begin with, and how many
    notes       sentences for the user: how it was recognised, and what had to be assumed
    headless    the file has no classifier of one linear layer, and the config's is an assumption
    layered     modules of a classifier that is more than that
    """

    config: ResNetConfig
    spelling: str
    notes: tuple[Note, ...]
    headless: bool
    mapping: dict[str, str]
    header: Header
    layered: tuple[str, ...] = ()
    left: tuple[tuple[str, int], ...] = ()

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

    def check_loadable(self) -> None:
        """Raises InputError for a file that can be traced, and not asked: without a classifier, or of other numbers."""
        if self.headless:
            raise InputError("layered" if self.layered else "headless", model=self.name[:80],
                             names=", ".join(name[:80].rstrip(".") for name in self.layered[:6]))
        check_weights(self.header, self.mapping)

    def to_dict(self) -> dict:
        """JSON-friendly."""
        return {"variant": self.variant, "spelling": self.spelling, "headless": self.headless,
                "left": [name for name, _ in self.left],
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
    spelling = found.spelling
    check_weights(header, spelling.mapping, TRACED_TYPES)
    _check_total(found.config, {name: header.shapes[name] for name in spelling.mapping}, found.headless)
    return Recognised(found.config, spelling.name, found.notes, found.headless, spelling.mapping, header,
                      spelling.layered, spelling.left)


def without_classifier(result: Trace) -> Trace:
    """The trace of a net whose file has none."""
    return replace(result, layers=tuple(layer for layer in result.layers if layer.name != "fc"))


def _check_total(config: ResNetConfig, shapes: Shapes, headless: bool) -> None:
    """The trace's parameters are the file's: a second count, by another way than the names."""
    result = trace(config)
    expected = (without_classifier(result) if headless else result).params
    found = sum(map(prod, learned(shapes).values()))
    if found != expected:
        raise InputError("params_differ", found=f"{found:,}", expected=f"{expected:,}")

