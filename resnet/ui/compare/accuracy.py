"""What does accuracy cost? Published top-1 against multiply-adds and parameters, one kind of recipe at a time."""

from dataclasses import dataclass

from resnet.papers.released import RECIPES, released
from resnet.papers.tables import published
from resnet.ui.compare.accuracy_summary import below, lead, macs, numbers
from resnet.ui.compare.layout import Charts, Drawing, Html, Knobs, Result, Title, panel
from resnet.ui.page.sharing import View
from resnet.util.fields import option

ROWS = ("resnet50", "resnext50_32x4d", "resnet101", "resnext101_32x4d")


@dataclass(frozen=True)
class AccuracyView(View):
    """recipe is one of released.RECIPES."""

    recipe: str = option("V1", choices=tuple(RECIPES), label="compare.accuracy.recipe", titles=True)


def draw(view: AccuracyView, lang: str) -> Drawing:
    """A disc for each net, over rings of the first recipe; and what removed shortcuts cost."""
    from resnet.charts.accuracy import Point, accuracy_chart, shortcut_chart

    points = [Point(entry, macs(entry)) for entry in released(view.recipe)]
    names = {point.entry.name for point in points}
    before = [] if view.recipe == "V1" else [Point(entry, macs(entry)) for entry in released("V1")
                                             if entry.name in names]
    rows = [row for variant in ROWS for row in published(variant, "imagenet_top1_1crop")]
    return Drawing(lead(view.recipe, lang), [accuracy_chart(points, before, lang), shortcut_chart(rows, lang)],
                   [below([*points, *before], rows, lang)], numbers=numbers(view.recipe, lang))


PANEL = panel("accuracy", AccuracyView, draw,
              Result(Charts("accuracy"), Knobs("recipe"), Title("compare.accuracy.aside"), Charts("shortcuts"), Html()))
