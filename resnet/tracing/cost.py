"""What a net costs, counted in every usual way, and why the numbers that people quote disagree.

A multiply-add is one operation to some and two to others, and most counters add batch norm and its
like in silence. `cost` counts by a stated convention; `reconcile` walks from the figure that a paper
prints to the number counted here and names the layers behind each step.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Any

from resnet.config import VARIANTS, ResNetConfig, config_of
from resnet.papers.tables import PUBLISHED, Published
from resnet.tracing.records import ACTIVATIONS, CONVOLUTIONS, Layer, Trace
from resnet.tracing.trace import Size, checked_size, name_of, trace
from resnet.util.errors import InputError
from resnet.util.fields import spell
from resnet.util.note import Note
from resnet.util.numbers import by, short
from resnet.util.text import text

UNITS = ("macs", "flops")
SCOPES = ("conv_fc", "all")
OTHERS = ("order", "opening", "closing_norm", "stem", "stem_width", "pool", "anti_alias", "attention", "reduction",
          "norm", "standardised", "zero_pad", "halving", "activation")  # settings that the first paper lacks
NAMED = 4  # layers that a sentence names before it counts the others


@dataclass(frozen=True)
class LayerCost:
    """One layer's count; 0 where the scope leaves it out."""

    name: str
    type: str
    group: str
    count: int


@dataclass(frozen=True)
class Cost:
    """Counts for the whole batch of the trace; `by_group` is keyed by the paper's parts, in order."""

    unit: str
    scope: str
    total: int
    layers: tuple[LayerCost, ...]
    by_group: dict[str, int]


def cost(trace: Trace, unit: str = "macs", scope: str = "conv_fc") -> Cost:
    """Count a trace's operations.

    Args:
        unit: "macs", where a multiply-add is one operation, or "flops", where it is two.
        scope: "conv_fc" counts the multiply-adds of convolutions and linear layers and nothing else;
            "all" adds the rest, where an addition, comparison or division is one operation in either unit:

            convolution, linear   + one addition per output value if there is a bias
            batch norm (inference, its four vectors folded into a scale and a shift)
                                  one multiply-add per value: 1 in macs, 2 in flops
            group norm            three per value: a sum, and the multiply-adds of the variance and of scale and shift
            activation, sigmoid   one per value: of ReLU, a comparison
            addition, channels' weights   one per value
            max pooling k x k     k * k - 1 comparisons per output value, also at the border
            average pooling       one per input value (n - 1 additions and one division per output)
            blur                  its nine multiply-adds per output value, as of a convolution, in every scope
            zero-padding, flatten nothing: they move values

    Raises:
        InputError: another unit or scope.
    """
    for field, value, allowed in (("unit", unit, UNITS), ("scope", scope, SCOPES)):
        if value not in allowed:
            raise InputError("choice", field=field, value=value, allowed=", ".join(allowed))
    layers = tuple(LayerCost(layer.name, layer.type, layer.group, _count(layer, unit, scope)) for layer in trace.layers)
    by_group = {stage.group: 0 for stage in trace.stages}
    for layer in layers:
        by_group[layer.group] += layer.count
    return Cost(unit, scope, sum(by_group.values()), layers, by_group)


def _count(layer: Layer, unit: str, scope: str) -> int:
    per_multiply_add = 2 if unit == "flops" else 1
    if scope == "conv_fc":
        return per_multiply_add * layer.macs
    if layer.type == "BatchNorm2d":
        return per_multiply_add * prod(layer.output)
    if layer.type == "GroupNorm":
        return (1 + 2 * per_multiply_add) * prod(layer.output)
    return per_multiply_add * layer.macs + _single_operations(layer)


def _single_operations(layer: Layer) -> int:
    """Operations of a layer that are no multiply-adds."""
    values = prod(layer.output)
    if layer.type in (*ACTIVATIONS, "Sigmoid", "Scale", "Add"):
        return values
    if layer.type == "MaxPool2d":
        return values * (layer.window.kernel**2 - 1)
    if layer.type in ("AdaptiveAvgPool2d", "AvgPool2d"):
        return prod(layer.input)
    return values if has_bias(layer) else 0


def has_bias(layer: Layer) -> bool:
    """Whether a convolution or linear layer has parameters beyond its weight."""
    if layer.type == "Linear":
        return layer.params > layer.input[1] * layer.output[1]
    if layer.type in CONVOLUTIONS:
        return layer.params > layer.output[1] * layer.input[1] // (layer.groups or 1) * layer.window.kernel**2
    return False


# From the published figure -----------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One reason why two counts of a net differ.

    key         "paper": the printed figure, rounded, and the paper's own net counted exactly;
                "counted": where no figure is printed, the net counted (before is None);
                "stride_in", "shortcut", "size", "setting": the net differs from the paper's in this;
                "scope": all operations are counted; "unit": multiply-adds become FLOPs
    layers      the names of the layers whose count the step changes, () for "paper" and "counted"
    values      what the sentence says beyond the counts: the setting's `field`, `old` and `new`
    """

    key: str
    before: int | None
    after: int
    layers: tuple[str, ...]
    values: dict

    def sentence(self, lang: str = "en") -> str:
        values = {"n": f"{len(self.layers):,}", "layers": name_some(self.layers, lang),
                  "before": short(self.before or 0), "after": short(self.after)}
        return Note(self.key, self.values | values, "cost.steps").sentence(lang)


@dataclass(frozen=True)
class Badge:
    """A net beside the figure its paper prints.

    equal       the count is within one unit of the figure's last printed digit
    steps       why it is not: the settings in which the net differs from the paper's, with their layers
    """

    figure: Published
    count: int
    equal: bool
    steps: tuple[Step, ...]

    @property
    def difference(self) -> float:
        return self.count - self.figure.value

    def sentence(self, lang: str = "en") -> str:
        values = {"source": self.figure.cite, "value": short(self.figure.value)}
        if self.equal:
            return text("cost.badge.equal", lang, **values)
        key = "more" if self.difference > 0 else "less"
        why = " ".join(step.sentence(lang) for step in self.steps) or text("cost.badge.unexplained", lang)
        return text(f"cost.badge.{key}", lang, **values, difference=short(abs(self.difference)), why=why)


def reconcile(net: "str | ResNetConfig", size: Size = None, quantity: str = "macs") -> tuple[Step, ...]:
    """From the figure a paper prints to every way of counting `net`, one image.

    The paper's net is found by its block, depths and widths; each setting that differs is changed in
    turn and traced, and steps that change nothing are left out. ResNet-50: 3.8 (printed), 3.858 (v1),
    4.089 (v1.5), 4.117 (all operations), 8.217 (FLOPs), each times 1e9.

    Args:
        quantity: "macs", or "params", which ends where the net is reached.

    Raises:
        InputError: as resnet.trace.
    """
    config = config_of(net)
    result = _traced(config, checked_size(config, size))
    steps = _from_paper(config, result, quantity)
    if quantity == "macs":
        own, everything, flops = (_by_name(cost(result, *how).layers, "count")
                                  for how in (("macs", "conv_fc"), ("macs", "all"), ("flops", "all")))
        steps += [_step("scope", own, everything, {}), _step("unit", everything, flops, {})]
    return tuple(steps)


def badge(net: "str | ResNetConfig", size: Size = None, quantity: str = "macs") -> Badge | None:
    """The net's count beside the published one; None where nothing is published of such a net."""
    config = config_of(net)
    figure = published_of(config, quantity)
    if figure is None:
        return None
    result = _traced(config, checked_size(config, size))
    count = getattr(result, quantity)
    equal = figure.matches(count)
    steps = () if equal else tuple(_from_paper(config, result, quantity)[1:])
    return Badge(figure, count, equal, steps)


def published_of(config: ResNetConfig, quantity: str) -> Published | None:
    """The figure printed of the net with this config's block, depths and widths."""
    for figure in PUBLISHED:
        base = VARIANTS[figure.variant]
        if figure.quantity == quantity and base.pooled == config.pooled and all(
                getattr(base, field) == getattr(config, field) for field in
                ("block", "depths", "widths", "groups", "width_per_group")):
            return figure
    return None


def paper_net(figure: Published) -> ResNetConfig:
    """As He et al. build it: option A for basic blocks and B for bottlenecks, with the stride in the first 1x1."""
    config = VARIANTS[figure.variant]
    return replace(config, stride_in="1x1", shortcut="A" if config.block == "basic" else "B")


def _from_paper(config: ResNetConfig, result: Trace, quantity: str) -> list[Step]:
    figure, count = published_of(config, quantity), getattr(result, quantity)
    if figure is None:
        return [Step("counted", None, count, (), {"net": name_of(config)})]
    now = paper_net(figure)
    counts = _counted(now, now.input_size, quantity)
    steps = [Step("paper", round(figure.value), sum(counts.values()), (), {"source": figure.cite})]
    height, width = result.input[2:]
    for key, changed, size, values in _changes(now, config, (height, width)):
        after = _counted(changed, size, quantity)
        step = _step(key, counts, after, values)
        steps += [step] if step.layers else []
        counts = after
    return steps


def _changes(now: ResNetConfig, end: ResNetConfig, size: tuple[int, ...]) -> Iterator[tuple]:
    """(key, config so far, its size, values) for each setting in which the nets differ."""
    for field in ("stride_in", "shortcut", *OTHERS, "conv_bias", "shortcut_norm", "in_channels", "classes"):
        old, new = getattr(now, field), getattr(end, field)
        if old != new:
            now = replace(now, **{field: new})
            key = field if field in ("stride_in", "shortcut") else "setting"
            yield key, now, now.input_size, {"field": field, "old": _spelled(old), "new": _spelled(new)}
    if size != now.input_size:
        yield "size", now, size, {"old": _spelled(now.input_size), "new": _spelled(size)}
    if end.head != now.head:  # a flatten head is made for its config's size
        yield "setting", end, size, {"field": "head", "old": now.head, "new": end.head}


def _spelled(value: Any) -> str:
    return by(value, "x") if isinstance(value, tuple) else spell(value)


def _counted(config: ResNetConfig, size: tuple[int, ...], quantity: str) -> dict[str, int]:
    return _by_name(_traced(config, size).layers, quantity)


@lru_cache(maxsize=16)  # the paper's nets come again and again
def _traced(config: ResNetConfig, size: tuple[int, ...]) -> Trace:
    return trace(config, size)


def _by_name(layers: "Iterable[Layer | LayerCost]", quantity: str) -> dict[str, int]:
    return {layer.name: getattr(layer, quantity) for layer in layers}


def _step(key: str, before: dict[str, int], after: dict[str, int], values: dict) -> Step:
    changed = tuple(name for name in {**before, **after} if before.get(name, 0) != after.get(name, 0))
    return Step(key, sum(before.values()), sum(after.values()), changed, values)


# Words -------------------------------------------------------------------------------------------


def name_some(layers: tuple[str, ...], lang: str = "en") -> str:
    """The layers' names, the first few where they are many."""
    if len(layers) <= NAMED:
        return ", ".join(layers)
    return text("cost.and_more", lang, layers=", ".join(layers[:NAMED - 1]), n=f"{len(layers) - NAMED + 1:,}")
