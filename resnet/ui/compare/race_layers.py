"""Below a race: what its layers did while they learned, as figures, in words and as a file."""

from statistics import median

import gradio as gr

from resnet.config import net_title
from resnet.lab.race_layers import IMAGES, READOUTS, LayerState, layers_csv
from resnet.lab.race_log import Race
from resnet.ui.page.download import download
from resnet.util.html import escape
from resnet.util.numbers import readable
from resnet.util.text import text

CALM = 3  # times that the gradient may be larger at the first block than at the last layer to be called even


def figures(race: Race, lang: str, looked_again: bool = True) -> list:
    """The losses, and a pair of heat maps for each measure; these stay as they are until somebody looked again."""
    from resnet.charts.race import race_chart
    from resnet.charts.race_layers import MEASURES, layers_chart

    maps = [layers_chart(race, measure, lang) if looked_again else gr.skip() for measure in MEASURES]
    return [race_chart(race, lang), *maps]


def told_html(race: Race, lang: str) -> str:
    """First and last look in words, the source line and the file; "" before the first iteration."""
    if not race.layers:
        return ""
    last = race.layers[-1].iteration
    values = {"done": last - 1, "plain": net_title(True, race.settings.depth), "calm": CALM,
              "residual": net_title(False, race.settings.depth)}
    for when, iteration in (("first", 1), ("last", last)):
        for kind, plain in (("plain", True), ("residual", False)):
            states = looked(race, iteration, plain)
            values[f"{kind}_growth_{when}"] = readable(growth(states))
            values[f"{kind}_cosine_{when}"] = f"{states[0].cosine:.2f}"
            values[f"{kind}_ratio_{when}"] = f"{_ratio(states):.2f}"
    even = even_from(race)
    verdict = text("compare.race.layers.never_even", lang, **values) if even is None else text(
        "compare.race.layers.even", lang, since=even - 1, **values)
    name = f"race-{race.settings.depth}-seed{race.settings.seed}-layers.csv"
    source = text("compare.race.layers.source", lang, images=IMAGES, readouts=READOUTS)
    return (f'<p>{escape(text("compare.race.layers.told", lang, **values))} {escape(verdict)}</p>'
            f'<p class="source">{escape(source)}</p>'
            f'<p class="take">{download(name, layers_csv(race.layers), text("compare.download", lang))}</p>')


def looked(race: Race, iteration: int, plain: bool) -> list[LayerState]:
    """The states of one net at one look, in the layers' order."""
    return [state for state in race.layers if (state.iteration, state.plain) == (iteration, plain)]


def growth(states: list[LayerState]) -> float:
    """How many times as large the gradient is at the first block's first kernel as at the last."""
    return states[1].norm / states[-1].norm if states[-1].norm else float("nan")


def even_from(race: Race) -> int | None:
    """The look from which on the plain net's gradient is at no later one CALM times as large at its first block."""
    since = None
    for iteration in dict.fromkeys(state.iteration for state in race.layers):
        if not growth(looked(race, iteration, True)) < CALM:
            since = None
        elif since is None:
            since = iteration
    return since


def _ratio(states: list[LayerState]) -> float:
    """|F|/|x| of the median block."""
    return median(state.ratio for state in states if state.ratio is not None)
