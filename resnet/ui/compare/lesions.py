"""What does one block do? Trained twins with blocks dropped, halved or swapped, and their paths by length."""

from dataclasses import dataclass, replace
from functools import lru_cache

import gradio as gr

from resnet.hub.load import load
from resnet.lab import lesions, paths
from resnet.lab.images import images_for
from resnet.lab.lesions import INTACT, OPERATIONS, Effect, Task, effects
from resnet.lab.twins import Twins, all_twins, twins_of
from resnet.surgery import check_lesion, places
from resnet.ui.compare.frame import Frame, below_html, heading_html
from resnet.ui.compare.lesions_summary import Findings, csv_of, lead, source, table
from resnet.ui.page.language import language, word
from resnet.ui.page.panel import Tab
from resnet.ui.page.sharing import parse_controls, to_query
from resnet.ui.wall.guard import guarded_view
from resnet.util.errors import InputError

SHOWS = (*OPERATIONS, "several", "paths")
ITEMS = (300, 1_000)  # of a lesion that is measured while someone waits: at most four passes of a thousand images


@dataclass(frozen=True)
class LesionsView:
    """nets is a pair of twins; blocks are those to be lesioned together, live, on the first `items` test images."""

    nets: str = "20_fashion_mnist"
    show: str = "drop"
    blocks: tuple[str, ...] = ()
    items: int = ITEMS[-1]

    def __post_init__(self):
        if self.show not in SHOWS:
            raise InputError("choice", field="show", value=self.show, allowed=", ".join(SHOWS))
        if self.items not in ITEMS:
            raise InputError("choice", field="items", value=self.items, allowed=", ".join(map(str, ITEMS)))
        known = block_names(self.twins)
        for name in self.blocks:
            if name not in known:
                raise InputError("no_block", block=name[:40], first=known[0], last=known[-1])
        if self.blocks and not self.twins.shipped:
            raise InputError("no_live_items", nets=self.twins.title)

    def defaults(self) -> dict:
        return {"nets": "20_fashion_mnist", "show": "drop", "blocks": (), "items": ITEMS[-1]}

    @property
    def twins(self) -> Twins:
        return twins_of(self.nets)


@guarded_view(outputs=4)
def show_lesions(nets: str, show: str, blocks: list[str], items: int, request: gr.Request = None) -> tuple:
    """The controls -> heading, chart, what stands under it, and the view's query string."""
    lang = language(request)
    view = parse_controls(LesionsView, nets, show, blocks, items)
    found = findings(view)
    below = below_html(source(found, lang), table(found, lang), csv_of(found), lang) if found.measured else ""
    return heading_html("lesions", lead(found, lang), lang), _chart(found, lang), below, to_query("compare", view,
                                                                                                  "lesions")


def choose_nets(nets: str) -> dict:
    """Other nets have other blocks; what is no pair of nets is refused by the view."""
    return blocks_update(twins_of(nets), ()) if isinstance(nets, str) and nets in all_twins() else gr.skip()


def blocks_update(twins: Twins, chosen: tuple[str, ...]) -> dict:
    return gr.update(choices=block_names(twins), value=list(chosen), interactive=twins.shipped)


def block_names(twins: Twins) -> list[str]:
    return [place.name for place in places(load(twins.names[0]).info.architecture)]


def findings(view: LesionsView) -> Findings:
    """What is recorded of the view's nets, and what its own lesion does to them."""
    found = Findings(view.twins, view.show, view.blocks,
                     {name: lesions.recorded(name) for name in view.twins.names},
                     {name: paths.recorded(name) for name in view.twins.names})
    if not view.blocks or view.show not in OPERATIONS:
        return found
    task = Task(view.show, tuple(name for name in block_names(view.twins) if name in view.blocks))
    return replace(found, live={name: _measured(name, task, view.items) for name in view.twins.names
                                if _possible(name, task)})


def _possible(name: str, task: Task) -> bool:
    """A plain net does not run without a block that changes the shape; no block is swapped across shapes."""
    try:
        check_lesion(load(name).info.architecture, task.lesion)
        return True
    except InputError:
        return False


@lru_cache(maxsize=256)
def _measured(name: str, task: Task, items: int) -> tuple[Effect, Effect]:
    """(the whole net, the net with the lesion) on the first test images that ship."""
    loaded = load(name)
    split = images_for(loaded.info, "test", items, shipped=True)
    both = {Task(effect.operation, effect.blocks): effect for effect in effects(loaded.model, split, [INTACT, task])}
    return both[INTACT], both[task]


def _chart(found: Findings, lang: str):
    from resnet.charts.lesions import paths_chart, several_chart, sweep_chart

    if not found.measured:
        return None
    shown, intact = found.shown(), found.intact()
    if found.show == "paths":
        return paths_chart(shown[0], found.paths[found.twins.named(plain=False)], lang)
    return (several_chart if found.show == "several" else sweep_chart)(shown, intact, lang)


def fill(view: LesionsView, lang: str) -> list:
    return [view.nets, view.show, blocks_update(view.twins, view.blocks), view.items]


def build() -> Tab:
    """The components, inside the panel."""
    frame, default = Frame("lesions"), LesionsView()
    with frame.knobs():
        nets = gr.Radio([(pair.title, key) for key, pair in all_twins().items()], value=default.nets,
                        label=word("compare.nets"))
        show = gr.Radio([(word(f"compare.lesions.show_{name}"), name) for name in SHOWS], value=default.show,
                        label=word("compare.lesions.show"))
        blocks = gr.Dropdown(block_names(default.twins), value=[], multiselect=True, elem_id="lesion-blocks",
                             label=word("compare.lesions.blocks"))
        items = gr.Radio(list(ITEMS), value=default.items, label=word("compare.lesions.items"))
    with frame.result():
        chart = gr.Plot(show_label=False, elem_id="lesions", elem_classes="chart")
        below = gr.HTML()
    chosen = nets.input(choose_nets, nets, blocks, api_visibility="private", show_progress="hidden")
    return Tab("compare", LesionsView, [nets, show, blocks, items], [*frame.outputs, chart, below], show_lesions, fill,
               [chosen.success, show.input, blocks.input, items.input], panel="lesions")
