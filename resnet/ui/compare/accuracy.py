"""What does accuracy cost? Published top-1 against multiply-adds and parameters, one kind of recipe at a time."""

from dataclasses import dataclass
from functools import lru_cache

import gradio as gr

from resnet.config import variant_title
from resnet.papers.released import RECIPES, Released, released
from resnet.papers.tables import published
from resnet.tracing.trace import trace
from resnet.training.runs import to_csv
from resnet.ui.compare.frame import Frame, below_html, heading_html, numbers_table
from resnet.ui.page.language import both, language, word
from resnet.ui.page.panel import Tab
from resnet.ui.page.sharing import parse_controls, to_query
from resnet.ui.wall.guard import guarded_view
from resnet.util.errors import InputError
from resnet.util.html import escape
from resnet.util.text import text

ROWS = ("resnet50", "resnext50_32x4d", "resnet101", "resnext101_32x4d")


@dataclass(frozen=True)
class AccuracyView:
    """recipe is one of released.RECIPES."""

    recipe: str = "V1"

    def __post_init__(self):
        if self.recipe not in RECIPES:
            raise InputError("choice", field="recipe", value=self.recipe, allowed=", ".join(RECIPES))

    def defaults(self) -> dict:
        return {"recipe": "V1"}


@guarded_view(outputs=5)
def show_accuracy(recipe: str, request: gr.Request = None) -> tuple:
    """The control -> heading, both charts, what stands under them, and the view's query string."""
    from resnet.charts.accuracy import Point, accuracy_chart, shortcut_chart

    lang = language(request)
    view = parse_controls(AccuracyView, recipe)
    points = [Point(entry, macs(entry)) for entry in released(view.recipe)]
    names = {point.entry.name for point in points}
    before = [] if view.recipe == "V1" else [Point(entry, macs(entry)) for entry in released("V1")
                                             if entry.name in names]
    rows = [row for variant in ROWS for row in published(variant, "imagenet_top1_1crop")]
    return (heading_html("accuracy", _lead(view, lang), lang), accuracy_chart(points, before, lang),
            shortcut_chart(rows, lang), _below([*points, *before], rows, lang), to_query("compare", view, "accuracy"))


@lru_cache(maxsize=64)
def macs(entry: Released) -> int:
    """Multiply-adds at the entry's size: counted by our trace where we build the net."""
    return entry.macs or trace(entry.variant, (entry.pixels, entry.pixels)).macs


def fill(view: AccuracyView, lang: str) -> list:
    return [view.recipe]


def build() -> Tab:
    """The components, inside the panel."""
    frame = Frame("accuracy")
    with frame.knobs():
        recipe = gr.Radio([(word(f"compare.accuracy.recipe_{name}"), name) for name in RECIPES], value="V1",
                          label=word("compare.accuracy.recipe"))
    with frame.result():
        chart = gr.Plot(show_label=False, elem_id="accuracy", elem_classes="chart")
        gr.HTML(f'<h3>{both("compare.accuracy.aside")}</h3>')
        shortcuts = gr.Plot(show_label=False, elem_id="shortcuts", elem_classes="chart")
        below = gr.HTML()
    return Tab("compare", AccuracyView, [recipe], [*frame.outputs, chart, shortcuts, below], show_accuracy, fill,
               [recipe.input], panel="accuracy")


def _lead(view: AccuracyView, lang: str) -> str:
    """What to see, from the numbers themselves."""
    now = {entry.name: entry.accuracy for entry in released(view.recipe)}
    if view.recipe == "V1":
        return text("compare.accuracy.lead_v1", lang, resnet=f"{now['ResNet-50']:.1f}", vgg=f"{now['VGG-16']:.1f}",
                    next=f"{now['ResNeXt-50 32x4d']:.1f}",
                    share=f"{100 * macs(_named('ResNet-50')) / macs(_named('VGG-16')):.0f}")
    before = _named("ResNet-50").accuracy
    return text("compare.accuracy.lead_recipe", lang, before=f"{before:.1f}", now=f"{now['ResNet-50']:.1f}",
                gain=f"{now['ResNet-50'] - before:.1f}", deeper=f"{_named('ResNet-152').accuracy - before:.1f}")


def _named(name: str) -> Released:
    return next(entry for entry in released("V1") if entry.name == name)


def _below(points, rows, lang: str) -> str:
    columns = ("net", "recipe", "top1", "pixels", "gmacs", "params", "source")
    table = [[point.entry.name, text(f"compare.accuracy.recipe_{point.entry.recipe}", lang), point.entry.accuracy,
              point.entry.pixels, round(point.macs / 1e9, 3), round(point.entry.params / 1e6, 2), point.entry.source]
             for point in points]
    csv = to_csv([dict(zip(columns, row, strict=True)) for row in table])
    aside = [[variant_title(row.variant), text(f"compare.accuracy.{_kept(row)}", lang), row.value, row.cite]
             for row in rows]
    heads, aside_heads = ([text(f"compare.accuracy.columns.{column}", lang) for column in names]
                          for names in (columns, ("net", "shortcuts", "error", "source")))
    source = text("compare.accuracy.source", lang, sources="; ".join(sorted({p.entry.source for p in points})),
                  shortcuts="; ".join(sorted({row.cite for row in rows})))
    tables = (numbers_table(heads, table, text("compare.panels.accuracy", lang))
              + numbers_table(aside_heads, aside, text("compare.accuracy.aside", lang)))
    return _links(points, lang) + below_html(source, tables, ("accuracy-and-cost.csv", csv), lang)


def _kept(row) -> str:
    return "removed" if row.shortcut == "none" else "kept"


def _links(points, lang: str) -> str:
    """Each net that we build, open in Trace."""
    ours = dict.fromkeys(point.entry.variant for point in points if point.entry.variant)
    links = " · ".join(f'<a href="?variant={variant}&lang={lang}">{escape(variant_title(variant))}</a>'
                       for variant in ours)
    return f'<p class="take">{escape(text("compare.accuracy.open", lang))} {links}</p>'
