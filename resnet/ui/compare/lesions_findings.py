"""What a view of lesions is about: recorded effects and paths of a pair of twins, and a lesion measured at once."""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from resnet.hub.load import bundled, load
from resnet.lab import lesions, paths
from resnet.lab.images import images_for
from resnet.lab.lesions import CALIBRATION, FILES, INTACT, OPERATIONS, Effect, Task, effects
from resnet.lab.paths import PathLength
from resnet.lab.twins import Twins
from resnet.surgery import block_sites, check_lesion
from resnet.ui.compare.options import block_names
from resnet.util.errors import InputError

if TYPE_CHECKING:
    from resnet.charts.lesions import Shown


@dataclass(frozen=True)
class Findings:
    """What a view shows: recorded effects by the norms' statistics and the nets' names, paths by name, and by name
    (whole net, lesioned net) of the lesion that was asked for."""

    twins: Twins
    show: str
    norms: str
    blocks: tuple[str, ...]
    effects: dict[tuple[str, str], tuple[Effect, ...]]
    paths: dict[str, tuple[PathLength, ...]]
    live: dict[str, tuple[Effect, Effect]] = field(default_factory=dict)

    @property
    def residual(self) -> str:
        """The residual net's name, "" where it is missing."""
        return self.twins.named(plain=False) or ""

    @property
    def measured(self) -> bool:
        """Whether there is anything to draw."""
        if self.show == "paths":
            return bool(self.paths.get(self.residual))
        return any(self.of(name) for name in self.twins.names)

    @property
    def both(self) -> bool:
        """Whether these lesions of both twins are recorded with both kinds of statistics."""
        return len(self.twins.names) == 2 and all(self.of(name, norms) for name in self.twins.names for norms in FILES)

    def of(self, name: str, norms: str = "") -> tuple[Effect, ...]:
        """The recorded effects of a net that this view is about; `norms` in place of its own."""
        rows = [effect for effect in self.effects[norms or self.norms, name] if effect.operation == (
            self.show if self.show in OPERATIONS else "drop")]
        if self.show in OPERATIONS:
            alone = [effect for effect in rows if len(effect.blocks) == 1]
            return tuple(effect for effect in alone if effect.n == max(effect.n for effect in alone))
        n = max((effect.n for effect in rows if len(effect.blocks) > 1), default=0)
        free = {site.name for site in block_sites(bundled()[name].architecture) if site.same_shape}
        return tuple(effect for effect in rows if effect.n == n and free.issuperset(effect.blocks))

    def whole(self, name: str, norms: str = "") -> Effect:
        """The record of the whole net on as many images."""
        n = self.of(name, norms)[0].n
        return next(effect for effect in self.effects[norms or self.norms, name]
                    if effect.operation == "none" and effect.n == n)

    def rows(self, name: str) -> list[Effect]:
        """What is told of a net: whole, with the recorded lesions, and with the one that was asked for."""
        return [self.whole(name), *self.of(name), *self.live.get(name, ())] if self.of(name) else []

    def intact(self) -> dict[str, float]:
        """Title -> error of the whole net in per cent."""
        return {title(name): self.whole(name).error for name in self.twins.names if self.of(name)}

    def shown(self) -> "list[Shown]":
        """The nets as the charts take them, those with a record only."""
        return [self._shown(name) for name in self.twins.names
                if (self.paths[name] if self.show == "paths" else self.of(name))]

    def _shown(self, name: str) -> "Shown":
        from resnet.charts.lesions import Shown

        config = bundled()[name].architecture
        before = {effect.blocks: effect for effect in self.of(name, "running")} if self.norms != "running" else {}
        return Shown(title(name), config.plain, config.depth, block_sites(config), self.of(name), before,
                     self.live[name][1] if name in self.live else None)


def findings(twins: Twins, show: str, norms: str) -> Findings:
    """What is recorded of the nets."""
    return Findings(twins, show, norms, (), {(kind, name): lesions.recorded(name, kind)
                                             for kind in FILES for name in twins.names},
                    {name: paths.recorded(name) for name in twins.names})


def with_live(found: Findings, blocks: tuple[str, ...], items: int) -> Findings:
    """And what lesioning `blocks` together does to them on the first `items` images."""
    task = Task(found.show, tuple(name for name in block_names(found.twins) if name in blocks))
    return replace(found, blocks=blocks, live={name: _measured(name, task, items, found.norms)
                                               for name in found.twins.names if _possible(name, task)})


def _possible(name: str, task: Task) -> bool:
    """A plain net does not run without a block that changes the shape; no block is swapped across shapes."""
    try:
        check_lesion(load(name).info.architecture, task.lesion)
        return True
    except InputError:
        return False


def _measured(name: str, task: Task, items: int, norms: str) -> tuple[Effect, Effect]:
    """(the whole net, the net with the lesion) on the first test images that ship; the first serves other lesions."""
    return _effect(name, INTACT, items, norms), _effect(name, task, items, norms)


@lru_cache(maxsize=256)
def _effect(name: str, task: Task, items: int, norms: str) -> Effect:
    loaded = load(name)
    split = images_for(loaded.info, "test", items, shipped=True)
    afresh = images_for(loaded.info, "train", CALIBRATION, shipped=True) if norms == "reestimated" else None
    (effect,) = effects(loaded.model, split, [task], afresh)
    return effect


def title(name: str) -> str:
    """ "ResNet-20"."""
    return bundled()[name].title
