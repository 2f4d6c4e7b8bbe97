"""What else could a block be? Parallel branches, groups at equal cost, factorised windows; costs by our own trace."""

from dataclasses import dataclass

from resnet.papers.modules import CARDINALITIES, FACTORISED
from resnet.ui.compare.layout import Charts, Drawing, Html, Knobs, Result, panel
from resnet.ui.compare.modules_summary import SHOWS, below, maps_html, said
from resnet.ui.page.sharing import View
from resnet.util.fields import option


@dataclass(frozen=True)
class ModulesView(View):
    """show is one of modules_summary.SHOWS."""

    show: str = option("inception", choices=SHOWS, label="compare.modules.show", titles=True)


def draw(view: ModulesView, lang: str) -> Drawing:
    """Two maps, or a chart; and the numbers."""
    from resnet.charts.modules import cardinality_chart, factorised_chart

    chart = {"cardinality": lambda: cardinality_chart(CARDINALITIES, lang),
             "factorised": lambda: factorised_chart(FACTORISED, lang)}.get(view.show, lambda: None)()
    maps = maps_html(lang) if view.show == "inception" else ""
    lead, numbers = said(view.show, lang)
    return Drawing(lead, [chart], [maps, below(view.show, lang)], numbers=numbers)


PANEL = panel("modules", ModulesView, draw, Result(Charts("modules", optional=True), Html(), Knobs("show"), Html()))
