"""How loud is each layer? The deviation of each layer's response in the trained twins, and an example by numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from resnet.hub.load import bundled
from resnet.lab.responses import ITEMS, Responses, nets, responses
from resnet.lab.twins import ships
from resnet.ui.compare.layout import Charts, Drawing, Html, Knobs, Progress, Result, Title, panel
from resnet.ui.compare.options import data_option
from resnet.ui.compare.responses_summary import below, example_html, lead, numbers
from resnet.ui.page.sharing import View
from resnet.util.fields import option
from resnet.util.text import text


def _names(data: str) -> tuple[str, ...]:
    return tuple(nets().get(data, ()))


def _known(view: "ResponsesView") -> tuple[str, ...]:
    return _names(view.data)


def _titles(view: "ResponsesView", lang: str) -> list[tuple[str, str]]:
    return [(bundled()[name].title, name) for name in _known(view)]


def _number(default: float, label: str, step: float = 0.01) -> Any:
    """Of the example."""
    return option(default, low=4.0, high=6.0, step=step, label=label)


@dataclass(frozen=True)
class ResponsesView(View):
    """names are bundled nets, none given means all of the data set; then the example's input and its targets."""

    data: str = data_option(_names, _names, "names")
    order: str = option("net", choices=("net", "ranked"), label="compare.responses.order", titles=True)
    items: int = option(300, choices=ITEMS, of="data", shown=lambda view: ships(view.data),
                        label="compare.responses.items")
    names: tuple[str, ...] = option(None, own=_known, choices=_known, of="data", label="compare.nets", titles=_titles)
    value: float = _number(5.0, "compare.responses.value", step=0.05)
    goal: float = _number(5.1, "compare.responses.goal")
    moved: float = _number(5.0, "compare.responses.moved")


def draw(view: ResponsesView, lang: str) -> Iterator[Progress | Drawing]:
    """What is recorded, at once, else a net at a time, those that were chosen; then the example."""
    from resnet.charts.responses import responses_chart

    found: list[Responses] = []
    chosen = [name for name in _known(view) if name in view.names]
    for name in chosen:
        if ships(view.data):
            told = text("compare.responses.measuring", lang, what=bundled()[name].title, done=len(found) + 1,
                        whole=len(chosen))
            yield Progress(told, len(found) / len(chosen))
        found.append(responses(name, view.items))
    yield Drawing(lead(found, lang), [responses_chart(found, view.order == "ranked", lang)],
                  [below(found, view.data, lang), example_html(view.value, view.goal, view.moved, lang)],
                  numbers=numbers(found, lang))


PANEL = panel("responses", ResponsesView, draw,
              Result(Charts("responses"), Knobs("data", "order", "items", "names"), Html()),
              Result(Title("compare.responses.aside"), Html(), Knobs("value", "goal", "moved", seen=0),
                     name="responses-example"))
