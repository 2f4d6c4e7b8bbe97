"""Two nets side by side: what each part and layer costs in both, which differ, and what that says."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from resnet.tracing.records import CONVOLUTIONS, Layer, Trace
from resnet.util.fields import spell
from resnet.util.note import Note
from resnet.util.numbers import signed, significant

EQUAL_BUDGET = 0.05  # relative; ResNet-50 and ResNeXt-50 differ by 2 % in parameters and 3.5 % in multiply-adds


@dataclass(frozen=True)
class PartRow:
    """A part of the papers' tables in both nets; None and 0 where one lacks it. Differences are b less a.

    output  (channels, height, width) that leaves the part
    """

    part: str
    outputs: tuple[tuple[int, ...] | None, tuple[int, ...] | None]
    blocks: tuple[int, int]
    params: tuple[int, int]
    macs: tuple[int, int]

    @property
    def params_difference(self) -> int:
        return self.params[1] - self.params[0]

    @property
    def macs_difference(self) -> int:
        return self.macs[1] - self.macs[0]


@dataclass(frozen=True)
class LayerRow:
    """A layer by its name in both nets.

    differs     what is not the same: of "type", "shape" (without the batch), "groups", "params", "macs";
                or "only_a", "only_b" where the other net has no such layer
    """

    name: str
    part: str
    a: Layer | None
    b: Layer | None
    differs: tuple[str, ...]

    @property
    def known(self) -> tuple[Layer, ...]:
        """The layer in the nets that have it, one or two."""
        return tuple(layer for layer in (self.a, self.b) if layer)


@dataclass(frozen=True)
class Difference:
    """`parts` in the order of the net with more of them; `layers` in the order of execution."""

    a: str
    b: str
    params: tuple[int, int]
    macs: tuple[int, int]
    parts: tuple[PartRow, ...]
    layers: tuple[LayerRow, ...]
    statements: tuple[Note, ...]

    @property
    def changed(self) -> tuple[LayerRow, ...]:
        return tuple(row for row in self.layers if row.differs)


def difference(a: Trace, b: Trace) -> Difference:
    """Align two traces by the names of their parts and layers. Multiply-adds are for each trace's whole batch."""
    layers = tuple(_layer_rows(a, b))
    return Difference(a.name, b.name, (a.params, b.params), (a.macs, b.macs), tuple(_part_rows(a, b)), layers,
                      tuple(_statements(a, b, layers)))


def _part_rows(a: Trace, b: Trace) -> Iterator[PartRow]:
    ours, theirs = ({stage.group: stage for stage in trace.stages} for trace in (a, b))
    for part in _merged(list(ours), list(theirs)):
        one, other = ours.get(part), theirs.get(part)
        yield PartRow(part, (one and one.output[1:], other and other.output[1:]),
                      (len(one.blocks) if one else 0, len(other.blocks) if other else 0),
                      (one.params if one else 0, other.params if other else 0),
                      (one.macs if one else 0, other.macs if other else 0))


def _layer_rows(a: Trace, b: Trace) -> Iterator[LayerRow]:
    ours, theirs = ({layer.name: layer for layer in trace.layers} for trace in (a, b))
    groups = {layer.name: layer.group for layer in (*b.layers, *a.layers)}
    for name in _merged(list(ours), list(theirs)):
        one, other = ours.get(name), theirs.get(name)
        yield LayerRow(name, groups[name], one, other, _differs(one, other))


def _differs(one: Layer | None, other: Layer | None) -> tuple[str, ...]:
    if one is None or other is None:
        return ("only_b",) if one is None else ("only_a",)
    same = {
        "type": one.type == other.type,
        "shape": (one.input[1:], one.output[1:]) == (other.input[1:], other.output[1:]),
        "groups": one.groups == other.groups,
        "params": one.params == other.params,
        "macs": one.macs // one.input[0] == other.macs // other.input[0],
    }
    return tuple(key for key, equal in same.items() if not equal)


def _merged(ours: list[str], theirs: list[str]) -> list[str]:
    """Our order; a name that only the other net has stands after the shared name that precedes it there."""
    following: dict[str | None, list[str]] = {}
    anchor, known = None, set(ours)
    for name in theirs:
        if name in known:
            anchor = name
        else:
            following.setdefault(anchor, []).append(name)
    return [name for shared in (None, *ours) for name in ([shared] if shared else []) + following.get(shared, [])]


# What it says ------------------------------------------------------------------------------------


_statement = partial(Note, under="difference")


def _statements(a: Trace, b: Trace, layers: tuple[LayerRow, ...]) -> Iterator[Note]:
    names = {"a": a.name, "b": b.name}
    if not any(row.differs for row in layers):
        yield _statement("same_layers", names)
    else:
        yield from _parameter_statements(a, layers, names)
        yield from _budget(a, b, names)
    if a.config.depths == b.config.depths and a.config.block != b.config.block:
        yield _statement("blocks", names | {"n": sum(a.config.depths)})
    yield from _settings(a, b)


def _parameter_statements(a: Trace, layers: tuple[LayerRow, ...], names: dict) -> Iterator[Note]:
    """Whether weights of one net fit the other: which layers' parameters differ."""
    other = [row for row in layers if _tensors(row.a) != _tensors(row.b)]
    if not other:
        yield _statement("same_parameters", names | {"params": f"{a.params:,}"})
    elif all(layer.on_shortcut for row in other for layer in row.known):
        count = sum(row.known[0].type in CONVOLUTIONS for row in other)
        yield _statement("same_but_projections", names | {"n": count})


def _tensors(layer: Layer | None) -> tuple | None:
    """What fixes the shapes of a layer's parameters; None if it has none."""
    if layer is None or not layer.params:
        return None
    return layer.input[1] // (layer.groups or 1), layer.output[1], layer.kernel, layer.params


def _budget(a: Trace, b: Trace, names: dict) -> Iterator[Note]:
    macs = a.macs / a.input[0], b.macs / b.input[0]  # one image
    if (a.params, macs[0]) == (b.params, macs[1]):
        return
    close = max(abs(b.params / a.params - 1), abs(macs[1] / macs[0] - 1)) <= EQUAL_BUDGET
    yield _statement("equal_budget" if close else "unequal_budget",
                    names | {"params": _percent(a.params, b.params), "macs": _percent(*macs)})


def _percent(before: float, after: float) -> str:
    """ "+3.5", "−2.1": relative to the first, in percent; a true minus sign."""
    change = 100 * (after / before - 1)
    return signed(change if abs(change) >= 0.05 else 0, significant)


def _settings(a: Trace, b: Trace) -> Iterator[Note]:
    ours, theirs = a.config.to_dict(), b.config.to_dict()
    changed = [field for field in ours if ours[field] != theirs[field]]
    if changed:
        yield _statement("settings", {"settings": ", ".join(
            f"{field} {spell(ours[field])} → {spell(theirs[field])}" for field in changed)})
