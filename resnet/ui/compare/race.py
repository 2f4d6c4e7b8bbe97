"""Race them yourself: a plain net and its residual twin trained in turn, while the visitor watches."""

from dataclasses import dataclass

import gradio as gr
import spaces

from resnet.config import net_title
from resnet.lab.race import DEPTHS, MAX_SEED, RATES, SECONDS, WIDTHS, RaceSettings
from resnet.lab.race_log import Race, recorded, to_csv, watch
from resnet.ui.compare.frame import Frame, below_html, heading_html, numbers_table
from resnet.ui.page.language import language, word
from resnet.ui.page.panel import Tab
from resnet.ui.page.sharing import parse_controls, to_query
from resnet.ui.wall.guard import guarded_stream, guarded_view
from resnet.ui.wall.limits import work
from resnet.util.errors import InputError
from resnet.util.html import escape
from resnet.util.numbers import machine
from resnet.util.text import text

NORMS = ("on", "off")
COLUMNS = ("iteration", "plain_loss", "residual_loss", "plain_test", "residual_test")


@dataclass(frozen=True)
class RaceView:
    """The knobs; what they may be is RaceSettings' to say."""

    depth: int = RaceSettings.depth
    width: int = RaceSettings.width
    lr: str = str(RaceSettings.lr)
    norm: str = "on"
    seed: int = RaceSettings.seed
    seconds: int = RaceSettings.seconds

    def __post_init__(self):
        for field, allowed in (("lr", tuple(map(str, RATES))), ("norm", NORMS)):
            if (value := getattr(self, field)) not in allowed:
                raise InputError("choice", field=field, value=value, allowed=", ".join(allowed))
        self.settings  # noqa: B018  checks the rest

    def defaults(self) -> dict:
        return vars(RaceView())

    @property
    def settings(self) -> RaceSettings:
        return RaceSettings(self.depth, self.width, float(self.lr), self.norm == "on", self.seed, self.seconds)


def _seconds_asked(settings: RaceSettings) -> int:
    """ZeroGPU's quota counts what is asked for; some seconds go to the start."""
    return settings.seconds + 10


watch_on_device = spaces.GPU(duration=_seconds_asked)(watch)


@guarded_view(outputs=5)
def show_race(depth: int, width: int, lr: str, norm: str, seed: int, seconds: int, shown: Race | None,
              request: gr.Request = None) -> tuple:
    """The knobs -> the recorded race where none was run yet, what Start would do, and the view's query string."""
    lang = language(request)
    view = parse_controls(RaceView, depth, width, lr, norm, seed, seconds)
    if shown is None:
        return *_drawn(recorded(), view.settings, lang), recorded(), to_query("compare", view, "race")
    return _heading(shown, view.settings, lang), gr.skip(), gr.skip(), gr.skip(), to_query("compare", view, "race")


@guarded_stream(outputs=4)
def run_race(depth: int, width: int, lr: str, norm: str, seed: int, seconds: int, request: gr.Request = None):
    """A race by the knobs' settings, drawn as it goes: heading, chart, what stands below, and the race so far."""
    lang = language(request)
    settings = parse_controls(RaceView, depth, width, lr, norm, seed, seconds).settings
    for race in watch_on_device(settings):
        yield *_running(race, lang), race
    yield *_drawn(race, settings, lang), race


@guarded_view(outputs=3)
def finish_race(shown: Race | None, request: gr.Request = None) -> tuple:
    """After a stop: the race as far as it went."""
    return _drawn(shown, shown.settings, language(request)) if shown else (gr.skip(),) * 3


def fill(view: RaceView, lang: str) -> list:
    return [view.depth, view.width, view.lr, view.norm, view.seed, view.seconds]


def build() -> Tab:
    """The components, inside the panel."""
    frame, default = Frame("race"), RaceView()
    with frame.knobs():
        depth = gr.Slider(DEPTHS[0], DEPTHS[-1], value=default.depth, step=6, label=word("compare.race.depth"))
        width = gr.Radio(list(WIDTHS), value=default.width, label=word("compare.race.width"))
        lr = gr.Radio(list(map(str, RATES)), value=default.lr, label=word("compare.race.lr"))
        norm = gr.Radio([(word(f"compare.race.norm_{name}"), name) for name in NORMS], value=default.norm,
                        label=word("compare.race.norm"))
        seed = gr.Number(default.seed, precision=0, minimum=0, maximum=MAX_SEED, label=word("compare.race.seed"))
        seconds = gr.Slider(*SECONDS, value=default.seconds, step=5, label=word("compare.race.seconds"))
    with gr.Row(elem_classes="race-buttons"):
        start = gr.Button(word("compare.race.start"), variant="primary", elem_id="race-start", scale=0)
        stop = gr.Button(word("compare.race.stop"), elem_id="race-stop", scale=0)
        place = gr.HTML(elem_classes="queue-place")  # where Gradio tells the place in the queue
    with frame.result():
        chart = gr.Plot(show_label=False, elem_id="race-chart", elem_classes="chart")
        below = gr.HTML()
    shown = gr.State()
    knobs = [depth, width, lr, norm, seed, seconds]
    drawing = [*frame.outputs, chart, below]
    quiet = {"api_visibility": "private"}
    running = start.click(run_race, knobs, [*drawing, shown], show_progress_on=place, preprocess=False,
                          **quiet, **work("race"))
    stopped = stop.click(None, cancels=[running], **quiet)
    stopped.then(finish_race, shown, drawing, show_progress="hidden", **quiet, **work("race-stop"))
    return Tab("compare", RaceView, knobs, [*drawing, shown], show_race, fill,
               [depth.release, width.input, lr.input, norm.input, seed.input, seconds.release], [shown], panel="race")


def _running(race: Race, lang: str) -> tuple:
    """While it goes on: the figure, and how far it is."""
    from resnet.charts.race import race_chart

    last = race.laps[-1] if race.laps else None
    seconds = min(last.elapsed, race.settings.seconds) if last else 0
    done = text("compare.race.progress", lang, iteration=f"{last.iteration if last else 0:,}", seconds=f"{seconds:.0f}",
                whole=race.settings.seconds)
    bar = f'<progress max="{race.settings.seconds}" value="{seconds:.1f}"></progress>'
    heading = heading_html("race", text("compare.race.running", lang), lang)
    return heading, race_chart(race, lang), f'<p class="race-progress" role="status">{bar} {escape(done)}</p>'


def _drawn(race: Race, asked: RaceSettings, lang: str) -> tuple:
    """A race at rest: heading, chart, what stands below."""
    from resnet.charts.race import race_chart

    name = f"race-{race.settings.depth}-seed{race.settings.seed}.csv"
    below = below_html(_source(race, lang), _table(race, lang), (name, to_csv(race)), lang) if race.laps else ""
    return _heading(race, asked, lang), race_chart(race, lang), below


def _heading(race: Race, asked: RaceSettings, lang: str) -> str:
    """What the race showed; and what is to be done about settings that are not its own."""
    lead = [text("compare.race.recorded", lang)] if race == recorded() else []
    lead += [_verdict(race, lang)]
    if asked != race.settings:
        lead += [text("compare.race.changed", lang)]
    return heading_html("race", " ".join(lead), lang)


def _verdict(race: Race, lang: str) -> str:
    if not race.laps:
        return text("compare.race.nothing", lang)
    last, tests = race.laps[-1], race.tests[-1:]
    sentence = text("compare.race.verdict", lang, iterations=f"{last.iteration:,}", seconds=f"{last.elapsed:.0f}",
                    plain=_title(race, True), plain_loss=_final(race, True, lang),
                    residual=_title(race, False), residual_loss=_final(race, False, lang))
    if not tests or tests[0].plain_test is None or tests[0].residual_test is None:
        return sentence
    return f"{sentence} " + text("compare.race.test", lang, plain=f"{tests[0].plain_test:.3g}",
                                 residual=f"{tests[0].residual_test:.3g}")


def _final(race: Race, plain: bool, lang: str) -> str:
    lost = race.lost_at(plain)
    return text("compare.race.lost", lang, iteration=lost) if lost else f"{race.losses(plain)[-1]:.3g}"


def _title(race: Race, plain: bool) -> str:
    return net_title(plain, race.settings.depth)


def _source(race: Race, lang: str) -> str:
    settings = race.settings
    return text("compare.race.source", lang, width=settings.width, lr=settings.lr, seed=settings.seed,
                norm=text(f"compare.race.with_norm_{'on' if settings.norm else 'off'}", lang),
                hardware=machine(race.hardware, lang))


def _table(race: Race, lang: str) -> str:
    """A row at every epoch's end, and the last iteration's."""
    losses = {plain: race.losses(plain) for plain in (True, False)}
    laps = dict.fromkeys([*race.tests, race.laps[-1]])
    rows = [[lap.iteration, losses[True][lap.iteration - 1], losses[False][lap.iteration - 1],
             *("" if test is None else test for test in (lap.plain_test, lap.residual_test))] for lap in laps]
    return numbers_table([text(f"compare.race.columns.{column}", lang) for column in COLUMNS], rows,
                         text("compare.race.alt", lang))
