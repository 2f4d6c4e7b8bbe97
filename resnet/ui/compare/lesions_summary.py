"""Lesions in words: the sentence of what to see, the source line, the table and the file."""

from dataclasses import dataclass, field

from resnet.charts.lesions import Shown
from resnet.hub.load import bundled
from resnet.lab import lesions, paths
from resnet.lab.lesions import OPERATIONS, Effect
from resnet.lab.paths import PathLength
from resnet.lab.twins import Twins
from resnet.surgery import places
from resnet.ui.compare.frame import numbers_table
from resnet.util.numbers import readable
from resnet.util.text import text

SWEEPS = OPERATIONS


@dataclass(frozen=True)
class Findings:
    """What a view shows: recorded effects and paths by the nets' names, and by name (whole net, lesioned net)
    of the lesion that was asked for."""

    twins: Twins
    show: str
    blocks: tuple[str, ...]
    effects: dict[str, tuple[Effect, ...]]
    paths: dict[str, tuple[PathLength, ...]]
    live: dict[str, tuple[Effect, Effect]] = field(default_factory=dict)

    @property
    def measured(self) -> bool:
        """Whether there is anything to draw."""
        if self.show == "paths":
            return bool(self.paths.get(self.twins.named(plain=False) or ""))
        return any(self.of(name) for name in self.twins.names)

    def of(self, name: str) -> tuple[Effect, ...]:
        """The recorded effects of a net that this view is about."""
        rows = [effect for effect in self.effects[name] if effect.operation == (
            self.show if self.show in SWEEPS else "drop")]
        if self.show in SWEEPS:
            alone = [effect for effect in rows if len(effect.blocks) == 1]
            return tuple(effect for effect in alone if effect.n == max(effect.n for effect in alone))
        n = max((effect.n for effect in rows if len(effect.blocks) > 1), default=0)
        free = {place.name for place in places(bundled()[name].architecture) if place.same_shape}
        return tuple(effect for effect in rows if effect.n == n and free.issuperset(effect.blocks))

    def whole(self, name: str) -> Effect:
        """The record of the whole net on as many images."""
        n = self.of(name)[0].n
        return next(effect for effect in self.effects[name] if effect.operation == "none" and effect.n == n)

    def intact(self) -> dict[str, float]:
        """Title -> error of the whole net in per cent."""
        return {title(name): self.whole(name).error for name in self.twins.names if self.of(name)}

    def shown(self) -> list[Shown]:
        """The nets as the charts take them, those with a record only."""
        return [self._shown(name) for name in self.twins.names
                if (self.paths[name] if self.show == "paths" else self.of(name))]

    def _shown(self, name: str) -> Shown:
        config = bundled()[name].architecture
        return Shown(title(name), config.plain, config.depth, places(config), self.of(name),
                     self.live[name][1] if name in self.live else None)


def title(name: str) -> str:
    return bundled()[name].title


def lead(found: Findings, lang: str) -> str:
    """What to see, with the measured numbers."""
    if not found.measured:
        key = "paths_missing" if found.show == "paths" and not found.twins.named(plain=False) else "missing"
        return text(f"compare.lesions.{key}", lang, nets=found.twins.title)
    if found.show == "paths":
        return _paths_lead(found, lang)
    told = [_sweep(found, name, lang) if found.show in SWEEPS else _several(found, name, lang)
            for name in found.twins.names if found.of(name)]
    return " ".join(filter(None, [*told, _together(found, lang)]))


def _sweep(found: Findings, name: str, lang: str) -> str:
    """The range of a net's errors, and the block that it can least do without."""
    rows = sorted(found.of(name), key=lambda effect: effect.error)
    return text(f"compare.lesions.lead_{found.show}", lang, net=title(name), whole=_number(found.whole(name).error),
                low=_number(rows[0].error), high=_number(rows[-1].error), block=rows[-1].blocks[0])


def _several(found: Findings, name: str, lang: str) -> str:
    errors = {}
    for effect in found.of(name):
        errors.setdefault(len(effect.blocks), []).append(effect.error)
    means = {count: sum(values) / len(values) for count, values in errors.items()}
    most = max(means)
    return text("compare.lesions.lead_several", lang, net=title(name), whole=_number(found.whole(name).error),
                error=_number(means[min(means)]), most=most, last=_number(means[most]),
                draws=max(map(len, errors.values())))


def _paths_lead(found: Findings, lang: str) -> str:
    """Where the gradient goes; whether a path carries less the longer it is, as Veit et al. found, or not."""
    name = found.twins.named(plain=False)
    rows = found.paths[name]
    n, total = rows[-1].length, sum(row.product for row in rows)
    middle = next(row.length for row in rows if sum(r.product for r in rows[:row.length + 1]) >= total / 2)
    falls = rows[-1].magnitude < rows[0].magnitude
    ratio = max(rows[-1].magnitude, rows[0].magnitude) / min(rows[-1].magnitude, rows[0].magnitude)
    return text("compare.lesions.lead_paths", lang, net=title(name), blocks=n, paths=f"{2**n:,}", mean=f"{n / 2:g}",
                median=middle) + " " + text(f"compare.lesions.paths_{'fall' if falls else 'grow'}", lang,
                                            ratio=readable(ratio))


def _together(found: Findings, lang: str) -> str:
    """What the lesion that was asked for does, net by net."""
    if not found.blocks or found.show not in SWEEPS:
        return ""
    told = [text("compare.lesions.live", lang, net=title(name), error=_number(lesioned.error),
                 whole=_number(whole.error)) for name, (whole, lesioned) in found.live.items()]
    told += [text(f"compare.lesions.cannot_{found.show}", lang, net=title(name))
             for name in found.twins.names if name not in found.live]
    n = next((whole.n for whole, _ in found.live.values()), 0)
    return text("compare.lesions.asked", lang, blocks=", ".join(found.blocks), n=f"{n:,}") + " " + " ".join(told)


def source(found: Findings, lang: str) -> str:
    """Where the numbers come from: n, settings, files, the command, the paper."""
    if found.show == "paths":
        name = found.twins.named(plain=False)
        return text("compare.lesions.source_paths", lang, samples=f"{found.paths[name][0].samples:,}", name=name)
    names = [name for name in found.twins.names if found.of(name)]
    n = found.of(names[0])[0].n
    told = text("compare.lesions.source", lang, n=f"{n:,}", data=found.twins.title.rpartition(", ")[2],
                files=", ".join(f"weights/{name}/lesions.csv" for name in names), name=names[0])
    return told + " " + text(f"compare.lesions.means_{found.show}", lang)


def table(found: Findings, lang: str) -> str:
    """The chart's numbers, a row per net and lesion, or per length."""
    if found.show == "paths":
        rows = [[row.length, f"{row.count:,}", row.magnitude, row.product]
                for row in found.paths[found.twins.named(plain=False)]]
        columns = ("length", "count", "magnitude", "product")
    else:
        rows = [[f"{title(name)} {' + '.join(effect.blocks)}".strip(), f"{effect.n:,}", effect.error, effect.loss]
                for name in found.twins.names if found.of(name)
                for effect in (found.whole(name), *found.of(name), *found.live.get(name, ()))]
        columns = ("lesion", "n", "error", "loss")
    return numbers_table([text(f"compare.lesions.columns.{column}", lang) for column in columns], rows,
                         text("compare.lesions.alt", lang, nets=found.twins.title))


def csv_of(found: Findings) -> tuple[str, str]:
    """(name, content) of the file to take along."""
    if found.show == "paths":
        name = found.twins.named(plain=False)
        return f"paths-{name}.csv", paths.to_csv(found.paths[name])
    lines = []
    for name in found.twins.names:
        rows = [found.whole(name), *found.of(name), *found.live.get(name, ())] if found.of(name) else []
        head, *body = lesions.to_csv(rows).splitlines()
        lines += [f"net,{head}", *(f"{name},{line}" for line in body)][bool(lines):]
    return f"lesions-{found.show}-{found.twins.key}.csv", "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return f"{value:.3g}"
