"""Links to the page, as anyone may send them to anyone."""

import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl

from resnet.ui.gradio_compat import set_environment
from tests.hub import pointed_at
from tests.security import mutate
from tests.security.fuzz_texts import Target

SOUND = (
    "tab=trace&variant=resnet50&height=224&width=200&classes=10&batch=4&count=flops&fold=blocks",
    "tab=trace&variant=resnet18&depths=2,2,2,3&widths=64,128,256,512&groups=2&focus=layer1.0&beside=plain34",
    "tab=trace&variant=resnet20_cifar&shortcut=B&order=preact&lang=zh", "tab=trace&variant=a/net@main",
    "tab=compare&panel=degradation&data=cifar10&metric=loss&x=iteration", "tab=compare&panel=gradients",
    "tab=compare&panel=race&depth=14&width=8&lr=0.1&norm=off&seed=7&seconds=15", "tab=compare&panel=lesions",
    "tab=classify&model=resnet20_cifar10&top_k=3&item=5", "tab=classify&source=own&model=resnet20_fashion_mnist",
    "", "lang=zh",
)


def sound_links() -> list[str]:
    return [link for link in SOUND if "/" not in link]


def hurt_link(chance: random.Random, sound: str) -> str:
    sound = chance.choice((sound, "&".join(chance.sample(SOUND, 2))))
    for _ in range(chance.choice((1, 1, 2, 3))):
        sound = mutate.text(chance, sound)
    return sound


@contextmanager
def asked_of_links() -> Iterator[Callable[[str], str]]:
    """What a link opens has a link of its own, which opens the same."""
    set_environment()
    from resnet.ui.classify import tab as classify_tab
    from resnet.ui.compare import story
    from resnet.ui.page.build import view_of
    from resnet.ui.page.sharing import to_query
    from resnet.ui.trace import tab as trace_tab

    panels = (trace_tab.PANEL, *story.PANELS.values(), classify_tab.PANEL)
    views = {f"{panel.tab}/{panel.name}".rstrip("/"): panel.view for panel in panels}

    def ask(link: str) -> str:
        key, view, problem = view_of(_parameters(link), views, "en")
        assert len(problem) < 700 and "\n" not in problem, problem
        problem.encode()
        tab, _, panel = key.partition("/")
        again = to_query(tab, view, panel)
        assert view_of(_parameters(again), views, "en") == (key, view, ""), again
        return problem

    with tempfile.TemporaryDirectory() as made, pointed_at("http://127.0.0.1:9", Path(made)):
        yield ask


def _parameters(link: str) -> dict[str, str]:
    """As the page's server reads them."""
    return dict(parse_qsl(link.encode("utf-8", "surrogatepass").decode("latin-1"), keep_blank_values=True))


LINKS = Target(sound_links, hurt_link, asked_of_links)
