"""What does one block do? Trained twins with blocks dropped, halved or swapped, and their paths by length."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from resnet.lab.lesions import FILES, OPERATIONS
from resnet.lab.twins import Twins, all_twins, twins_of
from resnet.ui.compare.layout import Charts, Drawing, Html, Knobs, Progress, Result, panel
from resnet.ui.compare.lesions_findings import Findings, findings, with_live
from resnet.ui.compare.lesions_summary import below, lead, numbers
from resnet.ui.compare.options import blocks_option, twins_option
from resnet.ui.page.sharing import View
from resnet.util.errors import InputError
from resnet.util.fields import option
from resnet.util.text import text

SHOWS = (*OPERATIONS, "several", "paths")
ITEMS = (300, 1_000)  # of a lesion that is measured while someone waits: at most four passes of a thousand images


@dataclass(frozen=True)
class LesionsView(View):
    """nets is a pair of twins; norms whose statistics batch norm has after a lesion; blocks are those to be lesioned
    together, live, on the first `items` test images."""

    nets: str = twins_option(all_twins, "56_cifar10")
    show: str = option("drop", choices=SHOWS, label="compare.lesions.show", titles=True)
    norms: str = option("running", choices=tuple(FILES), label="compare.lesions.norms", titles=True)
    blocks: tuple[str, ...] = blocks_option((), usable=lambda view: view.twins.shipped,
                                            label="compare.lesions.blocks", elem_id="lesion-blocks")
    items: int = option(ITEMS[-1], choices=ITEMS, label="compare.lesions.items")

    def __post_init__(self):
        super().__post_init__()
        if self.blocks and not self.twins.shipped:
            raise InputError("no_live_items", nets=self.twins.title)

    @property
    def twins(self) -> Twins:
        return twins_of(self.nets)


def draw(view: LesionsView, lang: str) -> Iterator[Progress | Drawing]:
    """What is recorded, and the lesion that was asked for."""
    found = findings(view.twins, view.show, view.norms)
    if view.blocks and view.show in OPERATIONS:
        told = text("compare.lesions.measuring", lang, blocks=", ".join(view.blocks), items=f"{view.items:,}")
        yield Progress(told, 0)
        found = with_live(found, view.blocks, view.items)
    yield Drawing(lead(found, lang), [_chart(found, lang)], [below(found, lang)], numbers=numbers(found, lang))


def _chart(found: Findings, lang: str) -> Any:
    from resnet.charts.lesions import paths_chart, several_chart, sweep_chart

    if not found.measured:
        return None
    shown, intact = found.shown(), found.intact()
    if found.show == "paths":
        return paths_chart(shown[0], found.paths[found.residual], lang)
    return (several_chart if found.show == "several" else sweep_chart)(shown, intact, lang)


PANEL = panel("lesions", LesionsView, draw,
              Result(Charts("lesions"), Knobs("nets", "show", "norms", "blocks", "items"), Html()))
