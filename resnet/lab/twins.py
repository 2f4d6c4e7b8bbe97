"""The trained nets that ship, in pairs: a residual net and its plain twin, or one while the other is missing."""

from dataclasses import dataclass

from resnet.data import DATA, sample_file
from resnet.hub.load import bundled, load
from resnet.hub.loaded import LoadedModel
from resnet.util.errors import InputError


@dataclass(frozen=True)
class Twins:
    """key      "20_fashion_mnist": depth and data set
    names    of the bundled nets, the residual one first
    """

    key: str
    depth: int
    data: str
    names: tuple[str, ...]

    @property
    def title(self) -> str:
        """ "ResNet-20 and plain-20, Fashion-MNIST"."""
        return f"{' / '.join(bundled()[name].title for name in self.names)}, {DATA[self.data].title}"

    @property
    def shipped(self) -> bool:
        return ships(self.data)

    @property
    def nets(self) -> list[LoadedModel]:
        return [load(name) for name in self.names]

    def named(self, plain: bool) -> str | None:
        """The bundled name of the plain one or the residual one."""
        return next((name for name in self.names if bundled()[name].architecture.plain == plain), None)


def ships(data: str) -> bool:
    """Whether a data set's test images ship with the app."""
    return sample_file(data, "test").exists()


def all_twins() -> dict[str, Twins]:
    """By key, Fashion-MNIST first, shallow before deep; basic blocks in the original order."""
    found: dict[str, list[str]] = {}
    for name, info in sorted(bundled().items(), key=lambda item: item[1].architecture.plain):
        config = info.architecture
        if info.data in DATA and (config.block, config.order) == ("basic", "original") and len(config.depths) == 3:
            found.setdefault(f"{config.depth}_{info.data}", []).append(name)
    pairs = [Twins(key, int(key.partition("_")[0]), key.partition("_")[2], tuple(names))
             for key, names in found.items()]
    order = list(DATA)
    return {pair.key: pair for pair in sorted(pairs, key=lambda pair: (order.index(pair.data), pair.depth))}


def twins_of(key: str) -> Twins:
    """Raises InputError when there are none of this key."""
    known = all_twins()
    if key not in known:
        raise InputError("choice", field="nets", value=key[:40], allowed=", ".join(known))
    return known[key]
