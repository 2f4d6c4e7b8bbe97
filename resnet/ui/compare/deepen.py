"""Can a net be made deeper for free? Blocks inserted into the trained twins, at the moment of insertion."""

from dataclasses import dataclass
from functools import lru_cache

import gradio as gr

from resnet.hub.load import load
from resnet.lab.deepen import Moment, moments
from resnet.lab.images import images_for, random_images
from resnet.lab.twins import Twins, all_twins, twins_of
from resnet.surgery import ARMS, MOST, places
from resnet.ui.compare.frame import Frame, below_html, heading_html, numbers_table
from resnet.ui.page.language import language, word
from resnet.ui.page.panel import Tab
from resnet.ui.page.sharing import parse_controls, to_query
from resnet.ui.wall.guard import guarded_stream
from resnet.util.errors import InputError
from resnet.util.text import text

ITEMS = (200, 500)
CALIBRATION = 250  # training images, the same for all arms
SEED = 0
COLUMNS = ("inserted", "error", "loss", "distance", "largest", "changed")


@dataclass(frozen=True)
class DeepenView:
    """after is the block that the new ones follow; count how many there are; items the test images."""

    nets: str = "20_fashion_mnist"
    after: str = "layer2.2"
    count: int = 4
    items: int = ITEMS[-1]

    def __post_init__(self):
        if self.nets not in pairs():
            raise InputError("choice", field="nets", value=self.nets[:40], allowed=", ".join(pairs()))
        if self.after not in (names := block_names(self.nets)):
            raise InputError("no_block", block=self.after[:40], first=names[0], last=names[-1])
        if not 1 <= self.count <= MOST:
            raise InputError("range", field="inserted", value=self.count, limit=MOST)
        if self.items not in ITEMS:
            raise InputError("choice", field="items", value=self.items, allowed=", ".join(map(str, ITEMS)))

    def defaults(self) -> dict:
        return {"nets": "20_fashion_mnist", "after": "layer2.2", "count": 4, "items": ITEMS[-1]}


def pairs() -> dict[str, Twins]:
    """The twins of which both are here and test images ship."""
    return {key: pair for key, pair in all_twins().items() if pair.shipped and len(pair.names) == 2}


def block_names(nets: str) -> list[str]:
    return [place.name for place in places(load(twins_of(nets).names[0]).info.architecture)]


@guarded_stream(outputs=5)
def show_deepen(nets: str, after: str, count: int, items: int, request: gr.Request = None):
    """The controls -> heading, chart, drawing, what stands below, and the view's query string; what is being
    measured is told at once."""
    lang = language(request)
    view = parse_controls(DeepenView, nets, after, count, items)
    found: dict[str, tuple[Moment, ...]] = {}
    for arm in ARMS:
        waiting = text("compare.deepen.measuring", lang, arm=text(f"compare.deepen.arm_{arm}", lang))
        yield heading_html("deepen", waiting, lang), *[gr.skip()] * 4
        found[arm] = measured(view, arm)[:view.count + 1]
    yield *_drawn(view, found, lang), to_query("compare", view, "deepen")


def measured(view: DeepenView, arm: str) -> tuple[Moment, ...]:
    """For 0 to MOST blocks; the same settings are measured once."""
    return _measured(pairs()[view.nets].named(ARMS[arm]), arm, view.after, view.items)


@lru_cache(maxsize=128)
def _measured(name: str, arm: str, after: str, items: int) -> tuple[Moment, ...]:
    loaded = load(name)
    calibration = random_images(images_for(loaded.info, "train", shipped=True), CALIBRATION, SEED)
    test = images_for(loaded.info, "test", items, shipped=True)
    return tuple(moments(loaded.model, arm, after, MOST, calibration, test, SEED))


def _drawn(view: DeepenView, found: dict[str, tuple[Moment, ...]], lang: str) -> tuple:
    from resnet.charts.deepen import classes_html, deepen_chart

    depth = pairs()[view.nets].depth
    below = below_html(_source(view, lang), _table(found, lang), (f"deepen-{view.nets}-{view.after}.csv", _csv(found)),
                       lang)
    return (heading_html("deepen", lead(found, depth, lang), lang), deepen_chart(found, depth, lang),
            classes_html(found, lang) + f'<p class="note">{text("compare.deepen.honest", lang)}</p>', below)


def lead(found: dict[str, tuple[Moment, ...]], depth: int, lang: str) -> str:
    """What each arm did to the function, with its numbers."""
    told = []
    for arm, rows in found.items():
        before, last = rows[0], rows[-1]
        told.append(text(f"compare.deepen.lead_{arm}", lang, depth=depth, count=last.inserted,
                         before=f"{before.error:.3g}", error=f"{last.error:.3g}", largest=f"{last.largest:.2g}"))
    return " ".join(told)


def _source(view: DeepenView, lang: str) -> str:
    names = pairs()[view.nets].names
    return text("compare.deepen.source", lang, n=f"{view.items:,}", calibration=CALIBRATION, seed=SEED, most=MOST,
                bound=ITEMS[-1], after=view.after, files=", ".join(f"weights/{name}" for name in names))


def _table(found: dict[str, tuple[Moment, ...]], lang: str) -> str:
    rows = [[f"{text(f'compare.deepen.arm_{arm}', lang)}, {moment.inserted}",
             *(getattr(moment, column) for column in COLUMNS[1:])] for arm, rows in found.items() for moment in rows]
    return numbers_table([text(f"compare.deepen.columns.{column}", lang) for column in COLUMNS], rows,
                         text("compare.deepen.alt", lang))


def _csv(found: dict[str, tuple[Moment, ...]]) -> str:
    fields = ("arm", "inserted", "n", *COLUMNS[1:])
    lines = [",".join(f"{value:.6g}" if isinstance(value, float) else str(value)
                      for value in (getattr(moment, name) for name in fields))
             for rows in found.values() for moment in rows]
    return "\n".join([",".join(fields), *lines]) + "\n"


def choose_nets(nets: str) -> dict:
    """Other nets have other blocks; the default is the last of the second stage, as in the view."""
    if not isinstance(nets, str) or nets not in pairs():  # refused by the view
        return gr.skip()
    names = block_names(nets)
    return gr.update(choices=names, value=names[2 * len(names) // 3 - 1])


def fill(view: DeepenView, lang: str) -> list:
    return [view.nets, gr.update(choices=block_names(view.nets), value=view.after), view.count, view.items]


def build() -> Tab:
    """The components, inside the panel."""
    frame, default = Frame("deepen"), DeepenView()
    with frame.knobs():
        nets = gr.Radio([(pair.title, key) for key, pair in pairs().items()], value=default.nets,
                        label=word("compare.nets"))
        after = gr.Dropdown(block_names(default.nets), value=default.after, label=word("compare.deepen.after"),
                            elem_id="deepen-after")
        count = gr.Slider(1, MOST, value=default.count, step=1, label=word("compare.deepen.count"),
                          elem_id="deepen-count")
        items = gr.Radio(list(ITEMS), value=default.items, label=word("compare.deepen.items"))
    with frame.result():
        chart = gr.Plot(show_label=False, elem_id="deepen", elem_classes="chart")
        drawing = gr.HTML()
        below = gr.HTML()
    chosen = nets.input(choose_nets, nets, after, api_visibility="private", show_progress="hidden")
    return Tab("compare", DeepenView, [nets, after, count, items], [*frame.outputs, chart, drawing, below],
               show_deepen, fill, [chosen.success, after.input, count.release, items.input], panel="deepen")
