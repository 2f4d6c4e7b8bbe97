"""Can a net be made deeper for free? And then: its three arms, trained some steps further while one watches."""

from collections.abc import Iterator

import spaces

from resnet.lab.grow import BATCH, ITERATIONS, RATE, Growth, grow
from resnet.surgery import ARMS
from resnet.ui.compare.deepen import PARTS, DeepenView, draw
from resnet.ui.compare.deepen_summary import CALIBRATION, SEED
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.ui.compare.layout import Drawing, Progress, Result, Title, panel
from resnet.ui.compare.live import Live
from resnet.util.csv import csv_text
from resnet.util.text import text

COLUMNS = ("arm", "before", "inserted", "after")
grow_on_device = spaces.GPU(duration=60)(grow)


def run(view: DeepenView, lang: str) -> Iterator[Drawing]:
    """The training as it goes, and at last its numbers."""
    from resnet.charts.grow import growth_chart

    names = {arm: view.twins.named(plain) for arm, plain in ARMS.items()}
    growth = Growth({}, {})
    for growth in grow_on_device(names, view.after, view.count, view.items, CALIBRATION, SEED):
        yield Drawing("", [growth_chart(growth, view.twins.depth, lang)], [""], numbers=numbers(growth, lang),
                      progress=progress(growth, lang))
    yield Drawing("", [growth_chart(growth, view.twins.depth, lang)], [below(growth, view, lang)],
                  numbers=numbers(growth, lang))


def progress(growth: Growth, lang: str) -> Progress | None:
    """How far the training is, while it goes on."""
    done = max(map(len, growth.losses.values()))
    told = text("compare.grow.running", lang, done=done, all=ITERATIONS)
    return None if _whole(growth) else Progress(told, done / ITERATIONS)


def numbers(growth: Growth, lang: str) -> str:
    """What the training came to; "" before its end."""
    if not _whole(growth):
        return ""
    done = max(map(len, growth.losses.values()))
    arms = [text("compare.grow.arm", lang, arm=text(f"compare.deepen.arm_{arm}", lang), before=f"{errors[0]:.3g}",
                 inserted=f"{errors[1]:.3g}", after=f"{errors[2]:.3g}") for arm, errors in growth.errors.items()]
    return text("compare.grow.lead", lang, done=done, arms=text("compare.grow.comma", lang).join(arms))


def _whole(growth: Growth) -> bool:
    """Whether every arm was tested before the blocks, with them, and after the training."""
    return all(len(errors) == 3 for errors in growth.errors.values())


def below(growth: Growth, view: DeepenView, lang: str) -> str:
    """The source line, the errors as a table, the losses as a file."""
    rows = [[text(f"compare.deepen.arm_{arm}", lang), *errors] for arm, errors in growth.errors.items()]
    table = numbers_table([text(f"compare.grow.columns.{column}", lang) for column in COLUMNS], rows,
                          text("compare.grow.alt", lang))
    source = text("compare.grow.source", lang, batch=BATCH, rate=RATE, iterations=ITERATIONS, n=f"{view.items:,}",
                  count=view.count, after=view.after, seed=SEED)
    return below_html(source, table, (f"grow-{view.nets}-{view.after}.csv", _csv(growth)), lang)


def _csv(growth: Growth) -> str:
    return csv_text(("arm", "iteration", "loss"), ((arm, iteration, loss) for arm, losses in growth.losses.items()
                                                   for iteration, loss in enumerate(losses, 1)), digits=6)


LIVE = Live("grow", run, own=True)
PANEL = panel("deepen", DeepenView, draw, *PARTS, Result(Title("compare.grow.title"), LIVE, name="grow"))
