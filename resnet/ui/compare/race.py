"""Race them yourself: a plain net and its residual twin trained in turn, while the visitor watches."""

from collections.abc import Iterator
from dataclasses import dataclass

import spaces

from resnet.lab.race import DEPTHS, MAX_SEED, RATES, SECONDS, WIDTHS, RaceSettings
from resnet.lab.race_log import Race, recorded, watch
from resnet.ui.compare import race_layers
from resnet.ui.compare.layout import Charts, Drawing, Html, Knobs, Result, Title, panel
from resnet.ui.compare.live import Live
from resnet.ui.compare.race_summary import below, lead, numbers, progress
from resnet.ui.compare.race_track import Track, told
from resnet.ui.page.sharing import View
from resnet.util.fields import option
from resnet.util.text import text


@dataclass(frozen=True)
class RaceView(View):
    """The knobs, as resnet.lab.race.RaceSettings explains them."""

    depth: int = option(RaceSettings.depth, choices=DEPTHS, step=6, label="compare.race.depth")
    width: int = option(RaceSettings.width, choices=WIDTHS, label="compare.race.width")
    lr: str = option(str(RaceSettings.lr), choices=tuple(map(str, RATES)), label="compare.race.lr")
    norm: str = option("on", choices=("on", "off"), label="compare.race.norm", titles=True)
    seed: int = option(RaceSettings.seed, low=0, high=MAX_SEED, label="compare.race.seed", eager=True)
    seconds: int = option(RaceSettings.seconds, low=SECONDS[0], high=SECONDS[1], step=5, label="compare.race.seconds")

    @property
    def settings(self) -> RaceSettings:
        return RaceSettings(self.depth, self.width, float(self.lr), self.norm == "on", self.seed, self.seconds)


def _seconds_asked(settings: RaceSettings) -> int:
    """ZeroGPU's quota counts what is asked for; some seconds go to the start."""
    return settings.seconds + 10


watch_on_device = spaces.GPU(duration=_seconds_asked)(watch)


def draw(view: RaceView, lang: str, shown: Race | None) -> Drawing:
    """The recorded race where none was run yet; else what Start would do, above the race that is shown."""
    if shown is None:
        return _at_rest(recorded(), view.settings, lang, play=True)
    return Drawing(lead(shown, lang), numbers=numbers(shown, view.settings, lang))


def run(view: RaceView, lang: str) -> Iterator[Drawing]:
    """A race by the knobs' settings, drawn as it goes."""
    race, drawn = None, None
    for race in watch_on_device(view.settings):
        figures = race_layers.figures(race, lang, len(race.layers) != drawn)
        drawn = len(race.layers)
        yield Drawing(text("compare.race.running", lang), figures, [told(race, lang, live=True), "", ""], race,
                      progress=progress(race, lang))
    if race:
        yield finish(race, lang)


def finish(race: Race, lang: str) -> Drawing:
    """The race as far as it went."""
    return _at_rest(race, race.settings, lang)


def _at_rest(race: Race, asked: RaceSettings, lang: str, play: bool = False) -> Drawing:
    html = [told(race, lang, play=play), below(race, lang), race_layers.told_html(race, lang)]
    return Drawing(lead(race, lang), race_layers.figures(race, lang), html, race, numbers(race, asked, lang))


LIVE = Live("race", run, finish)
PANEL = panel("race", RaceView, draw,
              Result(Html(Track), LIVE, Charts("race-chart"),
                     Knobs("depth", "width", "lr", "norm", "seed", "seconds"), Html(),
                     Title("compare.race.layers.title"), Html(), Charts("race-norm", "race-cosine", "race-ratio")),
              keeps=True)
