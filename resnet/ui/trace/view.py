"""The Trace tab's state: a net, changes to it, an input, and what is looked at."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Self

from resnet.config import CHOICES, ResNetConfig, config_of
from resnet.hub.recognise import Recognised, without_classifier
from resnet.hub.ref import named_model
from resnet.hub.store import current
from resnet.tracing.cost import SCOPES, UNITS, Cost
from resnet.tracing.diagram import FOLDS
from resnet.tracing.records import Trace
from resnet.tracing.trace import trace
from resnet.ui.page.sharing import View
from resnet.ui.wall.guard import place_at_the_hub
from resnet.util.fields import hints, option, spell

# The builder's fields; sizes and classes have controls of their own.
BUILT = ("block", "depths", "widths", "stem", "shortcut", "order", "groups", "width_per_group", "stride_in",
         "conv_bias", "shortcut_norm", "head", "in_channels")
LATER = ("stem_width", "pool", "anti_alias", "attention", "reduction", "norm", "standardised", "activation", "opening",
         "closing_norm", "zero_pad", "halving", "drop_path")
UNNAMED = "resnet50"
YES_NO = {"true": "build.yes", "false": "build.no"}


def of_net(name: str, **more: Any) -> Any:
    """A field that a net brings along: where it is not set, it is the net's own."""
    return option(None, own=lambda view: own_values(view.variant)[name],
                  known=lambda view: is_known(view.variant), of="variant", **more)


def built(name: str, **more: Any) -> Any:
    """A field of the config that the builder changes."""
    if name in CHOICES:
        more = {"choices": CHOICES[name], "titles": True} | more
    return of_net(name, label=f"build.{name}", **more)


@dataclass(frozen=True)
class TraceView(View):
    """What is None is the net's own. A link that speaks of a net without naming it means ResNet-50, as it always did.

    variant     a variant's name, a bundled model's, or a Hub repository
    beside      a second variant, drawn beside; "" for none
    focus       the layer or block that is looked into
    fold        how the map shows equal blocks
    """

    variant: str = option("resnet20_cifar", label="trace.network", menu=True)
    height: int = of_net("height", label="trace.height")
    width: int = of_net("width", label="trace.width")
    classes: int = of_net("classes", label="trace.classes")
    batch: int = option(1, label="trace.batch")
    block: str = built("block")
    depths: str = built("depths")
    widths: str = built("widths")
    stem: str = built("stem")
    shortcut: str = built("shortcut")
    order: str = built("order")
    groups: int = built("groups")
    width_per_group: int = built("width_per_group")
    stride_in: str = built("stride_in")
    conv_bias: str = built("conv_bias", choices=tuple(YES_NO), titles=YES_NO)
    shortcut_norm: str = built("shortcut_norm", choices=tuple(YES_NO), titles=YES_NO)
    head: str = built("head")
    in_channels: int = built("in_channels")
    stem_width: int = built("stem_width")
    pool: str = built("pool")
    anti_alias: str = built("anti_alias")
    attention: str = built("attention")
    reduction: int = built("reduction")
    norm: str = built("norm")
    standardised: str = built("standardised", choices=tuple(YES_NO), titles=YES_NO)
    activation: str = built("activation")
    opening: str = built("opening")
    closing_norm: str = built("closing_norm", choices=tuple(YES_NO), titles=YES_NO)
    zero_pad: str = built("zero_pad")
    halving: str = built("halving")
    drop_path: str = built("drop_path")
    count: str = option("macs", choices=UNITS, label="trace.count", titles={unit: f"trace.{unit}" for unit in UNITS})
    scope: str = option("conv_fc", choices=SCOPES, label="trace.count", titles={
        scope: f"trace.scope_{scope}" for scope in SCOPES})
    beside: str = option("", label="trace.beside", menu=True)
    focus: str = option("layer1.0", of="variant", hidden=True)
    fold: str = option("runs", choices=FOLDS, label="trace.fold", titles=True)

    def __post_init__(self):
        super().__post_init__()
        if self.beside:
            config_of(self.beside)

    @classmethod
    def of_link(cls, said: Mapping[str, str]) -> Self:
        return super().of_link({"variant": UNNAMED, **said} if said.keys() & hints(cls).keys() else said)

    def defaults(self) -> dict[str, Any]:
        """The net is always named, but in the link of the first view."""
        found = super().defaults()
        return found if self == type(self)() else found | {"variant": ""}

    @property
    def config(self) -> ResNetConfig:
        """The base with the builder's changes; a change that is none leaves the base as it is."""
        own = own_values(self.variant)
        fields = (*BUILT, *LATER, "classes")
        changed = {name: getattr(self, name) for name in fields if getattr(self, name) != own[name]}
        if self.head == "flatten":  # a flatten head is made for one size: the one that is asked for
            changed["input_size"] = self.size
        return config_of(base(self.variant)[0], **changed)

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width


@dataclass(frozen=True)
class TraceReading:
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
    with nullcontext() if is_known(name) else place_at_the_hub():
        found = current().recognise(ref)
    return found.config, found


def traced(view: TraceView, uploaded: Recognised | None = None) -> tuple[Trace, Recognised | None]:
    """What the view describes, and for a checkpoint, by its name or `uploaded`, what it was recognised as.

    Of one without a classifier none is counted, unless the number of classes is set.

    Raises:
        InputError: as `base` and `tracing.trace.trace`.
    """
    found, result = uploaded or base(view.variant)[1], trace(view.config, view.size, view.batch)
    bare = found is not None and found.headless and view.classes == found.config.classes
    return without_classifier(result) if bare else result, found


def is_known(name: str) -> bool:
    """Whether a name's config needs no question to the Hub.

    Raises:
        InputError: as ModelRef.parse.
    """
    ref = named_model(name)
    return ref is None or current().knows(ref)


def own_values(name: str) -> dict[str, Any]:
    """What the controls show of a name's own config: tuples as "3,4,6,3", truth as "true"."""
    return spelled(base(name)[0])


def spelled(config: ResNetConfig) -> dict[str, Any]:
    """A config's values as the builder's controls hold them."""
    values = {name: _held(getattr(config, name)) for name in (*BUILT, *LATER)}
    return values | {"height": config.input_size[0], "width": config.input_size[1], "classes": config.classes}


def _held(value: Any) -> Any:
    """A config's value as its control holds it: numbers as they are, the rest as text."""
    return spell(value) if isinstance(value, (bool, float, tuple)) else value
