"""What do tutorials get wrong? What is often said, what is true, whose word that is, and where this page shows it."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from resnet.hub.load import bundled
from resnet.papers.tables import BALDUZZI2017, HE2015
from resnet.tracing.trace import trace
from resnet.ui.compare.layout import Drawing, Html, Result, panel
from resnet.ui.page.sharing import View
from resnet.util.html import escape
from resnet.util.text import text


@dataclass(frozen=True)
class Correction:
    """A wrong sentence, compare.tutorials.<name>_says, and the true one, <name>_true.

    source   whose word it is, "" where it is measured or computed here
    place    the view that shows it
    values   the figures of the sentences, from our records and traces
    """

    name: str
    source: str
    place: dict[str, str]
    values: Callable[[], dict[str, str]] = dict


def _blocks() -> dict[str, str]:
    stages = [len(stage.blocks) for stage in trace("resnet18").stages if stage.blocks]
    return {"blocks": str(sum(stages)), "each": str(stages[0]), "stages": str(len(stages))}


def _accuracies(name: str) -> Callable[[], dict[str, str]]:
    def values() -> dict[str, str]:
        info = bundled()[name]
        test, train = info.results["test"], info.results["train"]
        return {"test": f"{100 * test['accuracy']:.1f}", "n": f"{test['n']:,}",
                "train": f"{100 * train['accuracy']:.1f}", "epochs": str(info.recipe["epochs"])}

    return values


def _compare(panel: str, **view: str) -> dict[str, str]:
    return {"tab": "compare", "panel": panel, **view}


CORRECTIONS = (
    Correction("residual", f"{HE2015}, section 3.1", {"tab": "trace", "variant": "resnet34", "focus": "layer1.0"}),
    Correction("blocks", f"{HE2015}, Table 1", {"tab": "trace", "variant": "resnet18"}, _blocks),
    Correction("vanish", f"{HE2015}, section 4.1", _compare("gradients", nets="fresh")),
    Correction("nearby", f"{BALDUZZI2017}, section 1", _compare("gradients")),
    Correction("author", f"{HE2015}; {BALDUZZI2017}", _compare("gradients")),
    Correction("accuracy", "", _compare("degradation", nets="d2l_resnet18_fashion_mnist"),
               _accuracies("d2l_resnet18_fashion_mnist")),
    Correction("cifar", "", _compare("degradation", data="cifar10", nets="resnet18_cifar10"),
               _accuracies("resnet18_cifar10")),
    Correction("deeper", f"{HE2015}, section 4.2", _compare("degradation", data="cifar10")),
    Correction("size", "", {"tab": "trace", "variant": "resnet18", "height": "81", "width": "81"}),
    Correction("flatten", "", {"tab": "trace", "variant": "resnet18", "height": "80", "width": "80"}),
)


@dataclass(frozen=True)
class TutorialsView(View):
    """There is nothing to choose."""


def draw(view: TutorialsView, lang: str) -> Drawing:
    """All corrections."""
    items = "".join(_item(one, lang) for one in CORRECTIONS)
    return Drawing(_say("lead", lang, count=str(len(CORRECTIONS))), None, [f'<ol class="corrections">{items}</ol>'])


def _item(one: Correction, lang: str) -> str:
    says, true = (escape(_say(key, lang, **one.values())) for key in (f"{one.name}_says", f"{one.name}_true"))
    source = escape(_say("published", lang, source=one.source) if one.source else _say("measured", lang))
    link = f"?{urlencode({**one.place, 'lang': lang})}"
    return (f'<li><div class="claim">{says}</div><div>{true}</div>'
            f'<div class="source">{source} · <a href="{escape(link)}">{escape(_say("see", lang))}</a></div></li>')


def _say(key: str, lang: str, **values: str) -> str:
    return text(f"compare.tutorials.{key}", lang, **values)


PANEL = panel("tutorials", TutorialsView, draw, Result(Html()))
