"""What a checkpoint's tensors leave open: the readings of a net, by which it may have been built and shown pictures.

All readings of a checkpoint have the same tensors. Which one was trained, only batch norm's running statistics can
tell (resnet.hub.fingerprint).
"""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from resnet.config import CHOICES, CIFAR_ORDERS, ResNetConfig
from resnet.hub.preprocessing import NORMALISATIONS, Colours
from resnet.util.errors import InputError

STRUCTURE = ("shortcut", "zero_pad", "halving", "order", "stride_in", "activation", "pool")  # fields of the config
COLOURS = ("normalisation", "channels")
FIELDS = (*STRUCTURE, *COLOURS)
STATED = "stated"  # a normalisation without a name here: its repository gives the numbers


@dataclass(frozen=True)
class Reading:
    """One of a checkpoint's readings.

    normalisation   one of NORMALISATIONS, or STATED
    channels        "rgb" or "bgr": the order in which the first convolution takes the colours
    """

    config: ResNetConfig
    normalisation: str
    channels: str = "rgb"

    def value(self, field: str) -> str:
        """Of one of FIELDS."""
        return getattr(self if field in COLOURS else self.config, field)

    def changed(self, field: str, value: str) -> "Reading":
        """With another value of one of FIELDS."""
        if field in COLOURS:
            return replace(self, **{field: value})
        padded = {} if value != "none" else {"zero_pad": "behind", "halving": "subsample"}  # a plain net pads nothing
        return replace(self, config=replace(self.config, **{field: value}, **padded))

    def beyond(self, other: "Reading") -> dict[str, str]:
        """This reading's values where they are not the other's."""
        return {field: self.value(field) for field in FIELDS if self.value(field) != other.value(field)}

    def steps_from(self, other: "Reading") -> int:
        """Fields of the structure that differ, and one for the colours."""
        different = self.beyond(other).keys()
        return len(different & {*STRUCTURE}) + bool(different & {*COLOURS})


def open_choices(reading: Reading) -> dict[str, tuple[str, ...]]:
    """What the tensors leave open at a reading: field -> all that it could be."""
    return structure(reading.config) | _colours(reading)


def structure(config: ResNetConfig) -> dict[str, tuple[str, ...]]:
    """The fields of a config that leave no trace in the tensors, and what each could be."""
    halves, zero_padded = len(config.depths) > 1, config.shortcut == "A"
    pools = tuple(pool for pool in CHOICES["pool"] if pool != "conv" and (pool != "zeros" or config.order == "preact"))
    rows = (
        ("shortcut", config.shortcut in ("A", "none"), ("A", "none")),
        ("zero_pad", zero_padded and len(set(config.widths)) > 1, CHOICES["zero_pad"]),
        ("halving", zero_padded and halves, CHOICES["halving"]),
        ("order", (config.block, config.stem, config.activation) == ("basic", "3x3", "relu")
         and config.order != "preact", ("original", *CIFAR_ORDERS)),
        ("stride_in", config.block == "bottleneck" and halves and config.anti_alias == "none", CHOICES["stride_in"]),
        ("activation", config.order not in CIFAR_ORDERS, CHOICES["activation"]),
        ("pool", config.pooled and config.pool != "conv" and config.anti_alias == "none", pools),
    )
    return {field: values for field, is_open, values in rows if is_open}


def _colours(reading: Reading) -> dict[str, tuple[str, ...]]:
    """How values from 0 to 255 may have become the net's input."""
    own = (STATED,) if reading.normalisation == STATED else ()
    known = own + tuple(NORMALISATIONS.get(reading.config.in_channels, {}))
    return {"normalisation": known} | ({"channels": ("rgb", "bgr")} if reading.config.in_channels == 3 else {})


def neighbours(reading: Reading, fields: Collection[str] = FIELDS) -> Iterator[Reading]:
    """The readings that differ in one of the fields."""
    for field, values in open_choices(reading).items():
        if field in fields:
            yield from (reading.changed(field, value) for value in values if value != reading.value(field))


def product(start: Reading, fields: Collection[str] = FIELDS) -> Iterator[Reading]:
    """Every reading that differs from `start` in some of the fields; itself first, then those nearest to it."""
    seen, waiting = {start}, deque([start])
    while waiting:
        yield (reading := waiting.popleft())
        fresh = [one for one in neighbours(reading, fields) if one not in seen]
        seen |= {*fresh}
        waiting += dict.fromkeys(fresh)


def name_of(colours: Colours) -> str:
    """A normalisation's name."""
    known = NORMALISATIONS.get(len(colours[0]), {})
    return next((name for name, one in known.items() if one == colours), STATED)


def with_settings(reading: Reading, settings: Mapping[str, str]) -> Reading:
    """The reading with fields set by hand, in whatever order they can be: some orders are for ReLU only.

    Raises:
        InputError: the checkpoint's tensors decide a field, or it has no such value.
    """
    waiting = dict(settings)
    while waiting := {field: value for field, value in waiting.items()
                      if field not in FIELDS or value != reading.value(field)}:
        allowed = open_choices(reading)
        field = next((one for one, value in waiting.items() if value in allowed.get(one, ())), None)
        if field is None:
            raise _not_open(*next(iter(waiting.items())), allowed)
        reading = reading.changed(field, waiting[field])
    return reading


def _not_open(field: str, value: str, allowed: Mapping[str, tuple[str, ...]]) -> InputError:
    if field not in allowed:
        return InputError("reading_field", field=field[:80], known=", ".join(allowed))
    return InputError("choice", field=field, value=value[:40], allowed=", ".join(allowed[field]))


def spelled(settings: Mapping[str, str]) -> str:
    """ "zero_pad=both, channels=bgr", as `--set` takes them."""
    return ", ".join(f"{field}={value}" for field, value in settings.items())
