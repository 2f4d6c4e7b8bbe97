"""Batch norm's running statistics are a fingerprint of the network that was trained.

A few pictures go through the readings of a checkpoint (resnet.hub.readings), and what each batch norm gets is held
against what it remembers. The reading that was trained gets most nearly what its norms have seen; a wrong shortcut,
stride or normalisation shifts what comes behind it.

Of twenty small nets that were trained for this, each by another reading (tests/nets, tests/test_fingerprint.py, 24
pictures), the right reading wins 100 of 101 comparisons with another structure, and 121 of 127 with other colours, of
those that differ in one field and by more than a tenth. None that it loses is clear by the margins below.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from math import inf

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet.config import ResNetConfig
from resnet.data import load_samples, photo
from resnet.hub.preprocessing import Colours
from resnet.hub.readings import COLOURS, FIELDS, STRUCTURE, Reading, neighbours, spelled
from resnet.model import ResNet
from resnet.tracing.trace import trace
from resnet.util.note import Note
from resnet.util.numbers import significant

PHOTOGRAPHS = ("cat", "coffee", "rocket")
SCALES = (1.0, 1.2, 1.5)  # of a photograph's shortest edge, in sides of the net's input
MOST, LEAST = 24, 2  # pictures
SIDE = 160  # pixels, at most: half the cost of 224, and norms after convolutions hardly tell the difference
BUDGET, TOTAL = 350_000_000, 400_000_000_000  # multiply-adds of a reading with more than LEAST pictures, and of all
FEWEST = 8  # readings that are compared, or none
NO_LIKENESS, RIVALS = 0.5, 4  # a shift that no trained net's right reading has; rivals that are named
CLEARLY = {STRUCTURE: 1.3, COLOURS: 2.0}  # times the shift of the better reading, by which fields differ


@dataclass(frozen=True)
class Fit:
    """How far a reading's norms get something else than they remember, on average over norms and channels.

    shift    (mean - running mean)^2 / running variance
    spread   |log of the variances' ratio|
    first    the first norm's shift: what comes before it, only the colours decide
    """

    reading: Reading
    shift: float
    spread: float
    first: float

    def clearly_better(self, other: "Fit") -> bool:
        """Whether the shifts differ by more than the photographs may cause (tests/test_fingerprint.py)."""
        different = self.reading.beyond(other.reading).keys()
        margin = max((times for fields, times in CLEARLY.items() if different & {*fields}), default=1.0)
        return self.shift * margin < other.shift


@dataclass(frozen=True)
class Verdict:
    """What the statistics say of a checkpoint's readings.

    start   the usual reading, or the one that the repository states
    taken   the one that is used: of those that none fits clearly better than, the nearest to `start`
    rivals  the others of those, the best first: they cannot be told apart from `taken`
    best    the one that fits best, whatever the repository states
    fits    all that were measured, the best first
    """

    start: Fit
    taken: Fit
    rivals: tuple[Fit, ...]
    best: Fit
    fits: tuple[Fit, ...]


def judge(start: Reading, told: Collection[str], measure: Callable[[Reading], Fit], most: int = 1000) -> Verdict:
    """The readings around the best one, and which of them to take.

    The product of all fields has hundreds. So from `start` on the field whose change helps most is changed, until no
    change of one field helps; once more from the colours that suit the first norm, and with those of `start`.

    Args:
        told: fields that stay as they are at `start`: its repository states them.
        most: readings that are measured; any other counts as hopeless.
    """
    found: dict[Reading, Fit] = {}

    def fit(reading: Reading) -> Fit:
        if reading not in found and len(found) < most:
            found[reading] = measure(reading)
        return found.get(reading, Fit(reading, inf, inf, inf))

    free = [field for field in FIELDS if field not in told]
    def shift(reading: Reading) -> float:
        return fit(reading).shift

    coloured = _descend(start, COLOURS, lambda reading: fit(reading).first)
    for begin, fields in ((start, FIELDS), (_descend(coloured, STRUCTURE, shift), FIELDS), (start, free),
                          (start, [field for field in free if field in STRUCTURE])):
        _descend(begin, fields, shift)
    fits = sorted(found.values(), key=lambda one: one.shift)
    allowed = [one for one in fits if not {*one.reading.beyond(start)} & {*told}]
    near = [one for one in allowed if not any(other.clearly_better(one) for other in allowed)]
    taken = min(near, key=lambda one: (one.reading.steps_from(start), one.shift))
    return Verdict(fit(start), taken, tuple(one for one in near if one != taken), fits[0], tuple(fits))


def _descend(reading: Reading, fields: Collection[str], badness: Callable[[Reading], float]) -> Reading:
    """Field by field to where no change of one of them helps."""
    while True:
        before = reading
        for group in (COLOURS, STRUCTURE):
            around = neighbours(reading, [field for field in group if field in fields])
            reading = min([reading, *around], key=badness)
        if reading == before:
            return reading


def measuring(state: Mapping[str, Tensor], views: Tensor, colours_of: Callable[[str], Colours]) -> Callable:
    """Reading -> Fit, by pictures, uint8 [n, channels, height, width] in RGB.

    Args:
        state: the checkpoint's tensors.
        colours_of: a normalisation's mean and std.
    """

    net_of = cache(lambda config: rebuilt(config, state))

    @torch.inference_mode()
    def measure(reading: Reading) -> Fit:
        mean, std = (torch.tensor(values).view(-1, 1, 1) for values in colours_of(reading.normalisation))
        inputs = (views / 255 - mean) / std
        with watched(net_of(reading.config)) as (net, found):
            net.features(inputs.flip(1) if reading.channels == "bgr" else inputs)
        shifts, spreads = (torch.stack([norm.mean() for norm in norms]) for norms in zip(*found.values(), strict=True))
        return Fit(reading, float(shifts.mean()), float(spreads.mean()), float(shifts[0]))

    return measure


@contextmanager
def watched(net: ResNet, dims: tuple[int, ...] = (0, 2, 3)) -> Iterator[tuple[ResNet, dict[str, tuple[Tensor, ...]]]]:
    """The net, and (shift, spread) of each channel by norm, which come while it runs, in that order.

    Args:
        dims: of [n, c, h, w], those over which a channel's mean and variance are taken.
    """
    found: dict[str, tuple[Tensor, ...]] = {}

    def watch(name: str, norm: nn.Module, args: tuple[Tensor]) -> None:
        assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
        var, mean = torch.var_mean(args[0].float(), dims, correction=0)
        known = norm.running_var + norm.eps
        found[name] = (mean - norm.running_mean) ** 2 / known, ((var + norm.eps) / known).log().abs()

    hooks = [module.register_forward_pre_hook(partial(watch, name)) for name, module in net.named_modules()
             if isinstance(module, nn.BatchNorm2d)]
    try:
        yield net, found
    finally:
        for hook in hooks:
            hook.remove()


def norms(net: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]


def remembers(net: nn.Module) -> bool:
    """Whether any norm has statistics other than those that it was made with."""
    return any(bool(norm.running_mean.any()) for norm in norms(net) if norm.running_mean is not None)


def rebuilt(config: ResNetConfig, state: Mapping[str, Tensor]) -> ResNet:
    """A net of these very tensors, which are shared."""
    with torch.device("meta"):
        net = ResNet(config)
    net.load_state_dict(state, assign=True)
    return net.eval().requires_grad_(False)


def look(reading: Reading, told: Collection[str], model: ResNet,
         colours_of: Callable[[str], Colours]) -> Verdict | Note:
    """What the statistics of a model's norms say of its readings; a Note where they can say nothing.

    Args:
        reading: what `model` is; told, colours_of: as in `judge` and `measuring`.
    """
    config = reading.config
    if not norms(model):
        return Note("fingerprint_without")
    if not remembers(model):
        return Note("fingerprint_untouched")
    if config.in_channels not in (1, 3):
        return Note("fingerprint_channels", {"channels": config.in_channels})
    height, width = config.input_size
    size = (height, width) if config.head == "flatten" else (min(height, SIDE), min(width, SIDE))
    macs = trace(config, size).macs
    n = max(LEAST, min(MOST, BUDGET // macs))
    if (most := TOTAL // (n * macs)) < FEWEST:
        return Note("fingerprint_dear")
    return judge(reading, told, measuring(model.state_dict(), pictures(config.in_channels, size, n), colours_of), most)


def verdict_notes(verdict: Verdict, told: Collection[str]) -> tuple[Note, ...]:
    """What the user should know of it."""
    start, taken, best = verdict.start, verdict.taken, verdict.best
    if best.shift > NO_LIKENESS:
        return (Note("fingerprint_none", {"least": significant(best.shift, 2)}),)
    figures = {"own": significant(taken.shift, 2), "other": significant(start.shift, 2)}
    said = Note("fingerprint_kept", figures)
    if taken != start:
        said = Note("fingerprint_taken", figures | {"taken": spelled(taken.reading.beyond(start.reading)),
                                                    "usual": spelled(start.reading.beyond(taken.reading))})
    if best.clearly_better(taken):
        better = spelled(best.reading.beyond(taken.reading))
        return said, Note("fingerprint_against", {"better": better, "least": significant(best.shift, 2),
                                                  "own": figures["own"]})
    changes = [(fit, fit.reading.beyond(taken.reading)) for fit in verdict.rivals]
    alike = [f"{spelled(change)} ({significant(fit.shift, 2)})" for fit, change in changes if not {*change} & {*told}]
    return (said, Note("fingerprint_alike", {"rivals": "; ".join(alike[:RIVALS])})) if alike else (said,)


def pictures(channels: int, size: tuple[int, int], n: int) -> Tensor:
    """n pictures that ship with the app, uint8 [n, channels, height, width]: crops of photographs, or of one channel
    items of Fashion-MNIST."""
    if channels == 1:
        return load_samples("fashion_mnist", "test").first(n).resized(size).images
    crops = [crop for name in PHOTOGRAPHS for crop in _crops(photo(name), size)]
    n = min(n, len(crops))
    return torch.stack([crops[i * len(crops) // n] for i in range(n)])


def _crops(picture: Tensor, size: tuple[int, int]) -> Iterator[Tensor]:
    """Crops a quarter of a side apart of a photograph at SCALES, every other one mirrored."""
    for scale in SCALES:
        ratio = scale * max(size[0] / picture.shape[1], size[1] / picture.shape[2])
        height, width = (max(side, round(ratio * have)) for side, have in zip(size, picture.shape[1:], strict=True))
        scaled = F.interpolate(picture[None], (height, width), mode="bilinear", antialias=True)[0]
        for top in range(0, height - size[0] + 1, size[0] // 4):
            for left in range(0, width - size[1] + 1, size[1] // 4):
                crop = scaled[:, top:top + size[0], left:left + size[1]]
                yield crop.flip(-1) if left // (size[1] // 4) % 2 else crop
