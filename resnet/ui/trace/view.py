"""The Trace tab's state: a net, changes to it, an input, and what is looked at."""

import dataclasses
from dataclasses import dataclass

from resnet.config import ResNetConfig, config_of
from resnet.hub.recognise import Recognised
from resnet.hub.ref import named_model
from resnet.hub.store import current
from resnet.tracing.cost import SCOPES, UNITS, Cost
from resnet.tracing.diagram import FOLDS
from resnet.tracing.records import Trace
from resnet.util.errors import InputError

# The builder's fields; sizes and classes have controls of their own.
BUILT = ("block", "depths", "widths", "stem", "shortcut", "order", "groups", "width_per_group", "stride_in",
         "conv_bias", "shortcut_norm", "head", "in_channels")


@dataclass(frozen=True)
class TraceView:
    """What is None is the net's own.

    variant     a variant's name, a bundled model's, or a Hub repository
    beside      a second variant, drawn beside; "" for none
    focus       the layer or block that is looked into
    fold        how the map shows equal blocks
    """

    variant: str = "resnet50"
    height: int = None
    width: int = None
    classes: int = None
    batch: int = 1
    block: str = None
    depths: str = None
    widths: str = None
    stem: str = None
    shortcut: str = None
    order: str = None
    groups: int = None
    width_per_group: int = None
    stride_in: str = None
    conv_bias: str = None
    shortcut_norm: str = None
    head: str = None
    in_channels: int = None
    count: str = "macs"
    scope: str = "conv_fc"
    beside: str = ""
    focus: str = "layer1.0"
    fold: str = "runs"

    def __post_init__(self):
        for name, value in own_values(self.variant).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        for name, allowed in (("count", UNITS), ("scope", SCOPES), ("fold", FOLDS)):
            if getattr(self, name) not in allowed:
                raise InputError("choice", field=name, value=getattr(self, name), allowed=", ".join(allowed))
        if self.beside:
            config_of(self.beside)

    def defaults(self) -> dict:
        plain = {field.name: field.default for field in dataclasses.fields(self)}
        return plain | own_values(self.variant)

    @property
    def config(self) -> ResNetConfig:
        """The base with the builder's changes; a change that is none leaves the base as it is."""
        own = own_values(self.variant)
        changed = {name: getattr(self, name) for name in (*BUILT, "classes") if getattr(self, name) != own[name]}
        if self.head == "flatten":  # a flatten head is made for one size: the one that is asked for
            changed["input_size"] = self.size
        return config_of(base(self.variant)[0], **changed)

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width


@dataclass(frozen=True)
class Reading:
    """What the panels draw: a trace, counted as the view asks, and for a checkpoint what it was recognised as."""

    view: TraceView
    trace: Trace
    cost: Cost
    recognised: Recognised | None
    milliseconds: float
    lang: str


def base(name: str) -> tuple[ResNetConfig, Recognised | None]:
    """The config that a name starts from: a variant's, or a checkpoint's by its header.

    Raises:
        InputError: no such variant or checkpoint; a visitor may not name this machine's files.
    """
    ref = named_model(name)
    if ref is None:
        return config_of(name), None
    found = current().recognise(ref)
    return found.config, found


def own_values(name: str) -> dict:
    """What the controls show of a name's own config: tuples as "3,4,6,3", truth as "true"."""
    return spelled(base(name)[0])


def spelled(config: ResNetConfig) -> dict:
    values = {name: _spell(getattr(config, name)) for name in BUILT}
    return values | {"height": config.input_size[0], "width": config.input_size[1], "classes": config.classes}


def _spell(value):
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, tuple) else value
