"""How loud is each layer? The deviation of each layer's response in the trained twins, and an example by numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from resnet.data import DATA, data_spec
from resnet.hub.load import bundled
from resnet.lab.responses import ITEMS, Responses, nets, responses
from resnet.lab.twins import ships
from resnet.ui.compare.frame import Frame, below_html, heading_html, numbers_table
from resnet.ui.page.language import both, language, word
from resnet.ui.page.panel import Tab
from resnet.ui.page.sharing import parse_controls, to_query
from resnet.ui.wall.guard import guarded_view
from resnet.util.csv import csv_text
from resnet.util.errors import InputError
from resnet.util.html import escape
from resnet.util.text import text

ORDERS = ("net", "ranked")
TARGETS = (4.0, 6.0)
CLEAR = 0.01  # by which share a mean must be smaller to be called smaller


@dataclass(frozen=True)
class ResponsesView:
    """names are bundled nets, none given means all of the data set; then the example's input and its targets."""

    data: str = "fashion_mnist"
    order: str = "net"
    items: int = 300
    names: tuple[str, ...] = None
    value: float = 5.0
    goal: float = 5.1
    moved: float = 5.0

    def __post_init__(self):
        known = nets().get(data_spec(self.data).name, [])
        for field, allowed in (("order", ORDERS), ("items", ITEMS)):
            if (value := getattr(self, field)) not in allowed:
                raise InputError("choice", field=field, value=value, allowed=", ".join(map(str, allowed)))
        for name in self.names or ():
            if name not in known:
                raise InputError("choice", field="nets", value=name[:40], allowed=", ".join(known))
        for field in ("value", "goal", "moved"):
            if not TARGETS[0] <= (value := getattr(self, field)) <= TARGETS[1]:
                raise InputError("between", field=field, value=f"{value:g}", low=TARGETS[0], high=TARGETS[1])
        if self.names is None:
            object.__setattr__(self, "names", tuple(known))

    def defaults(self) -> dict:
        return vars(ResponsesView()) | {"names": ResponsesView(self.data).names}

    @property
    def chosen(self) -> list[str]:
        return [name for name in nets().get(self.data, []) if name in self.names]


@guarded_view(outputs=5)
def show_responses(data: str, order: str, items: int, names: list[str], value: float, goal: float,
                   moved: float, request: gr.Request = None):
    """The controls -> heading, chart, the example, what stands below, and the view's query string; what is being
    measured is told at once."""
    from resnet.charts.responses import responses_chart

    lang = language(request)
    view = parse_controls(ResponsesView, data, order, items, names, value, goal, moved)
    found: list[Responses] = []
    for name in view.chosen:
        waiting = text("compare.responses.measuring", lang, what=bundled()[name].title, done=len(found) + 1,
                       whole=len(view.chosen))
        yield heading_html("responses", waiting, lang), *[gr.skip()] * 4
        found.append(responses(name, view.items))
    yield (heading_html("responses", lead(found, lang), lang), responses_chart(found, view.order == "ranked", lang),
           example_html(view.value, view.goal, view.moved, lang), _below(found, view, lang),
           to_query("compare", view, "responses"))


def lead(found: Sequence[Responses], lang: str) -> str:
    """Whether the means over layers are in the order of figure 7, and the means."""
    if not found:
        return text("compare.responses.none", lang)
    comma = text("compare.grow.comma", lang)
    means = comma.join(f"{one.title} {one.mean:.3g}" for one in found)
    told = [_verdict("kind", by_kind(found), lang), _verdict("depth", by_depth(found), lang),
            text("compare.responses.lead", lang, means=means)]
    return " ".join(filter(None, told))


def by_kind(found: Sequence[Responses]) -> list[tuple[Responses, Responses]]:
    """(residual, plain) nets of one depth: in figure 7 the first responds less."""
    return [(one, other) for one in _residual(found) for other in found if other.plain and other.depth == one.depth]


def by_depth(found: Sequence[Responses]) -> list[tuple[Responses, Responses]]:
    """(deeper, shallower) residual nets: in figure 7 the first responds less."""
    ordered = sorted(_residual(found), key=lambda one: one.depth)
    return [(deep, shallow) for shallow, deep in zip(ordered, ordered[1:], strict=False) if deep.depth > shallow.depth]


def _verdict(comparison: str, pairs: Sequence[tuple[Responses, Responses]], lang: str) -> str:
    """Whether figure 7 is repeated by all pairs; "" where there are none."""
    if not pairs:
        return ""
    broken = [text("compare.responses.no_less", lang, quiet=quiet.title, loud=loud.title)
              for quiet, loud in pairs if quiet.mean > (1 - CLEAR) * loud.mean]
    if not broken:
        return text(f"compare.responses.holds_{comparison}", lang)
    return text("compare.responses.fails", lang, why=text("compare.grow.comma", lang).join(broken),
                clear=f"{100 * CLEAR:g}")


def _residual(found: Sequence[Responses]) -> list[Responses]:
    return [one for one in found if not one.plain]


def example_html(value: float, goal: float, moved: float, lang: str) -> str:
    """The tutorials' example: what a plain layer and a residual branch must learn, before and after a move."""
    def row(name: str, before: float, after: float) -> list[str]:
        change = (text("compare.responses.percent", lang, change=f"{100 * abs(after - before) / abs(before):.3g}")
                  if abs(before) > 1e-9 else text("compare.responses.no_percent", lang))
        return [text(f"compare.responses.{name}", lang), f"{before:.3g}", f"{after:.3g}", change]

    rows = [row("mapping", goal, moved), row("branch", round(goal - value, 6), round(moved - value, 6))]
    table = numbers_table([text(f"compare.responses.aside_columns.{column}", lang)
                           for column in ("what", "before", "after", "change")], rows,
                          text("compare.responses.aside_table", lang))
    return (f'{table}<p class="note">{escape(text("compare.responses.aside_shows", lang))} '
            f'{escape(text("compare.responses.aside_hides", lang, move=f"{moved - goal:+.3g}".replace("-", "−")))}</p>')


def _below(found: Sequence[Responses], view: ResponsesView, lang: str) -> str:
    if not found:
        return ""
    rows = [[f"{one.title}, {layer}", value, [name for name, _ in one.ranked].index(layer) + 1]
            for one in found for layer, value in zip(one.layers, one.deviations, strict=True)]
    columns = [text(f"compare.responses.columns.{column}", lang) for column in ("net", "deviation", "rank")]
    table = numbers_table(columns, rows, text("compare.responses.alt", lang))
    parts = [text(f"compare.responses.{'live' if ships(view.data) else 'recorded'}", lang, n=f"{found[0].n:,}",
                  data=DATA[view.data].title, most=f"{ITEMS[-1]:,}",
                  files=text("compare.comma", lang).join(f"weights/{one.name}" for one in found)),
             text("compare.responses.response", lang), text("compare.responses.published", lang)]
    return below_html(text("compare.sentences", lang).join(parts), table, (f"responses-{view.data}.csv", to_csv(found)),
                      lang)


def to_csv(found: Sequence[Responses]) -> str:
    return csv_text(["net", "layer", "deviation", "n"],
                    ([one.name, layer, f"{value:.6g}", one.n] for one in found
                     for layer, value in zip(one.layers, one.deviations, strict=True)))


def choose_data(data: str) -> tuple:
    """Another data set brings its own nets; what is none is refused by the view."""
    return _choices(ResponsesView(data)) if isinstance(data, str) and data in DATA else (gr.skip(), gr.skip())


def _choices(view: ResponsesView) -> tuple[dict, dict]:
    """Number of images, a choice where they ship, and nets."""
    return (gr.update(value=view.items, visible=ships(view.data)),
            gr.update(choices=[(bundled()[name].title, name) for name in nets().get(view.data, [])],
                      value=list(view.names)))


def fill(view: ResponsesView, lang: str) -> list:
    return [view.data, view.order, *_choices(view), view.value, view.goal, view.moved]


def build() -> Tab:
    """The components, inside the panel."""
    frame, default = Frame("responses"), ResponsesView()
    with frame.knobs():
        data = gr.Radio([(spec.title, spec.name) for spec in DATA.values() if spec.name in nets()], value=default.data,
                        label=word("compare.data"))
        order = gr.Radio([(word(f"compare.responses.order_{name}"), name) for name in ORDERS], value=default.order,
                         label=word("compare.responses.order"))
        items = gr.Radio(list(ITEMS), value=default.items, label=word("compare.responses.items"))
        names = gr.CheckboxGroup([(bundled()[name].title, name) for name in default.names],
                                 value=list(default.names), label=word("compare.nets"))
    with frame.result():
        chart = gr.Plot(show_label=False, elem_id="responses", elem_classes="chart")
        below = gr.HTML()
    with gr.Column(elem_classes="panel-result", elem_id="responses-example"):
        gr.HTML(f'<h3>{both("compare.responses.aside")}</h3>')
        with gr.Row(elem_classes="knobs"):
            value, goal, moved = (gr.Slider(*TARGETS, value=getattr(default, field), step=0.05 if field == "value" else
                                            0.01, label=word(f"compare.responses.{field}"))
                                  for field in ("value", "goal", "moved"))
        example = gr.HTML()
    knobs = [data, order, items, names, value, goal, moved]
    chosen = data.input(choose_data, data, [items, names], api_visibility="private", show_progress="hidden")
    return Tab("compare", ResponsesView, knobs, [*frame.outputs, chart, example, below], show_responses, fill,
               [chosen.success, order.input, items.input, names.input, value.release, goal.release, moved.release],
               panel="responses")
