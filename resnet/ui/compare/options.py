"""Fields that several panels have: a data set, a pair of twins, blocks of its nets."""

from collections.abc import Callable, Sequence
from typing import Any

from resnet.data import DATA, unknown_data
from resnet.hub.load import load
from resnet.lab.twins import Twins
from resnet.surgery import block_sites
from resnet.util.errors import InputError
from resnet.util.fields import option

FIRST = "cifar10"  # the data set that the paper trains its nets of many depths on


def data_option(known: Callable[[str], Sequence[str]], shown: Callable[[str], tuple[str, ...]], names: str) -> Any:
    """Any data set; those that the panel has nets of are offered.

    Where a link names nets only, in the field `names`, the data set is theirs, else CIFAR-10.

    Args:
        known, shown: the names of all nets of a data set, and of those that are shown at first.
    """

    def own(view: Any) -> str:
        named = getattr(view, names) or ()
        return next((data for data in DATA if named and set(named) <= set(known(data)) and named != shown(data)), FIRST)

    return option("", own=own, choices=tuple(DATA), refusal=unknown_data, label="compare.data",
                  titles=lambda *_: [(spec.title, spec.name) for spec in DATA.values() if known(spec.name)])


def twins_option(pairs: Callable[[], dict[str, Twins]], default: str = "20_fashion_mnist", **more: Any) -> Any:
    """The key of one of `pairs`, which may differ from Space to Space; where there are none, the default."""
    return option(default, choices=lambda _: tuple(pairs()) or (default,), label="compare.nets",
                  titles=lambda *_: [(pair.title, key) for key, pair in pairs().items()], **more)


def blocks_option(default: Any, **more: Any) -> Any:
    """A block, or several, of the view's `twins`."""
    return option(default, choices=lambda view: block_names(view.twins), refusal=_no_block, of="nets", menu=True,
                  **more)


def block_names(twins: Twins) -> list[str]:
    """ "layer1.0", ..., in the order of the nets."""
    return [site.name for site in block_sites(load(twins.names[0]).info.architecture)]


def _no_block(name: str, names: Sequence[str]) -> InputError:
    return InputError("no_block", block=name[:40], first=names[0], last=names[-1])
