"""Can a net be made deeper for free? Blocks inserted into the trained twins, at the moment of insertion."""

from collections.abc import Iterator
from dataclasses import dataclass

from resnet.lab.deepen import Insertion, measured, recorded, seeds_of
from resnet.lab.twins import Twins, all_twins, twins_of
from resnet.surgery import ARMS, MOST
from resnet.ui.compare.deepen_summary import ITEMS, Found, below, lead, numbers
from resnet.ui.compare.layout import Charts, Drawing, Html, Knobs, Progress, Result
from resnet.ui.compare.options import block_names, blocks_option, twins_option
from resnet.ui.page.sharing import View
from resnet.util.errors import InputError
from resnet.util.fields import option
from resnet.util.text import text


def pairs() -> dict[str, Twins]:
    """The twins of which both are here and test images ship."""
    return {key: pair for key, pair in all_twins().items() if pair.shipped and len(pair.names) == 2}


def _last_of_stage_2(view: "DeepenView") -> str:
    names = block_names(view.twins)
    return names[2 * len(names) // 3 - 1]


def _out_of_range(count: int, _: tuple) -> InputError:
    return InputError("range", field="inserted", value=count, limit=MOST)


@dataclass(frozen=True)
class DeepenView(View):
    """after is the block that the new ones follow; count how many there are; items the test images."""

    nets: str = twins_option(pairs)
    after: str = blocks_option("layer2.2", afresh=_last_of_stage_2, label="compare.deepen.after",
                               elem_id="deepen-after")
    count: int = option(4, low=1, high=MOST, refusal=_out_of_range, step=1, label="compare.deepen.count",
                        elem_id="deepen-count")
    items: int = option(ITEMS[-1], choices=ITEMS, label="compare.deepen.items")

    @property
    def twins(self) -> Twins:
        return twins_of(self.nets)


def draw(view: DeepenView, lang: str) -> Iterator[Progress | Drawing]:
    """What is recorded, at once; else an arm at a time."""
    from resnet.charts.deepen import classes_html, deepen_chart

    found: Found = {}
    for arm in ARMS:
        wanted = insertions(view, arm)
        if not recorded().keys() >= set(wanted):
            told = text("compare.deepen.measuring", lang, arm=text(f"compare.deepen.arm_{arm}", lang))
            yield Progress(told, len(found) / len(ARMS))
        found[arm] = [measured(one)[:view.count + 1] for one in wanted]
    note = f'<p class="note">{text("compare.deepen.honest", lang)}</p>'
    depth = view.twins.depth
    yield Drawing(lead(found, lang), [deepen_chart(found, depth, lang)],
                  [classes_html(found, lang) + note, below(found, view.twins, view.after, view.items, lang)],
                  numbers=numbers(found, depth, lang))


def insertions(view: DeepenView, arm: str) -> list[Insertion]:
    """What an arm of a view is, a seed each."""
    name = view.twins.named(ARMS[arm]) or ""
    return [Insertion(name, arm, view.after, view.items, seed) for seed in seeds_of(arm)]


PARTS = (Result(Charts("deepen"), Knobs("nets", "after", "count", "items"), Html(), Html()),)
