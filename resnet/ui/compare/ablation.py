"""What does a shortcut do that initialisation or normalisation can't? The arms as recorded, and small ones live."""

from collections.abc import Iterator
from dataclasses import dataclass

import spaces

from resnet.lab.ablation import RATES, Arm
from resnet.lab.ablation_log import LIVE_DEPTHS, LIVE_STEPS, best, recorded, watch
from resnet.lab.race import MAX_SEED
from resnet.ui.compare.ablation_summary import below, findings_html, lead, live_below, numbers
from resnet.ui.compare.layout import Charts, Drawing, Html, Knobs, Progress, Result, Title, panel
from resnet.ui.compare.live import Live
from resnet.ui.page.sharing import View
from resnet.util.fields import option
from resnet.util.text import text

watch_on_device = spaces.GPU(duration=60)(watch)


@dataclass(frozen=True)
class AblationView(View):
    """What the small nets are trained with, while one watches."""

    depth: int = option(LIVE_DEPTHS[-1], choices=LIVE_DEPTHS, label="compare.race.depth")
    norm: str = option("off", choices=("on", "off"), label="compare.race.norm", titles=True)
    lr: str = option(str(RATES[2]), choices=tuple(map(str, RATES)), label="compare.race.lr")
    seed: int = option(0, low=0, high=MAX_SEED, label="compare.race.seed", eager=True)


def draw(view: AblationView, lang: str) -> Drawing:
    """What was recorded: each arm at each depth with the learning rate that suits it best."""
    from resnet.charts.ablation import ablation_chart

    found = best(recorded())
    marks = [(one.arm, one.depth, loss) for one in found.values() for loss in one.losses]
    return Drawing(lead(found, lang), [ablation_chart(marks, norm, lang) for norm in (False, True)],
                   [findings_html(found, lang) + below(found, recorded(), lang)], numbers=numbers(found, lang))


def run(view: AblationView, lang: str) -> Iterator[Drawing]:
    """All arms, trained in turn on the same batches."""
    from resnet.charts.ablation import ablation_chart

    for trial in watch_on_device(view.depth, view.norm == "on", float(view.lr), view.seed):
        marks: list[tuple[Arm, int, float]] = [(arm, view.depth, trial.lately(arm)) for arm in trial.losses]
        told = text("compare.ablation.running", lang, done=trial.steps, all=LIVE_STEPS)
        yield Drawing("", [ablation_chart(marks, view.norm == "on", lang)], [live_below(trial, lang)],
                      progress=Progress(told, trial.steps / LIVE_STEPS))


LIVE = Live("ablation", run, own=True)
PANEL = panel("ablation", AblationView, draw, Result(Charts("ablation-without", "ablation-with"), Html()),
              Result(Title("compare.ablation.live"), LIVE, Knobs("depth", "norm", "lr", "seed"), name="ablation-live"))
