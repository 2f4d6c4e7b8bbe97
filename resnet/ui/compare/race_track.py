"""A race as two runners on a track, whose place is their training loss; race.js draws it, and replays it."""

import json
from math import isfinite, log
from typing import Any

import gradio as gr

from resnet.config import net_title
from resnet.lab.race_log import Race
from resnet.ui.gradio_compat import no_stubs
from resnet.util.text import text

POINTS = 200  # of a lane; a longer race is thinned
START = log(10)  # nats: guessing among ten classes
WORDS = ("loss", "test", "iteration", "replay", "guessing", "gradients", "ghost")

with no_stubs():

    class Track(gr.HTML):
        """Filled by race.js from what `told` says."""

        def __init__(self, value: Any = None, **look: Any):
            super().__init__(value, **{"elem_id": "race-track", "html_template": '<div class="track"></div>',
                                       "apply_default_css": False,
                                       "js_on_load": "window.mountRace(element, props, watch);"} | look)

        def postprocess(self, value: Any) -> str | None:
            return value


def told(race: Race, lang: str, live: bool = False, play: bool = False) -> str:
    """A race as JSON: the iterations and seconds of its points, and by net the losses there, the test errors so far
    and the gradient norms of the layers at each look.

    Args:
        live: it goes on; what is shown is its last point.
        play: it is replayed at once, where the visitor has not asked for less motion.
    """
    step = max(1, -(-len(race.laps) // POINTS))
    kept = range(len(race.laps))[::-1][::step][::-1]  # the last one always
    laps = [race.laps[place] for place in kept]
    return json.dumps({
        "live": live, "play": play, "start": round(START, 3), "iterations": [lap.iteration for lap in laps],
        "seconds": [round(lap.elapsed, 1) for lap in laps], "span": _span(race),
        "lanes": [_lane(race, plain, kept) for plain in (True, False)],
        "words": {name: text(f"compare.race.track.{name}", lang, n="{n}", s="{s}") for name in WORDS}})


def _lane(race: Race, plain: bool, kept: range) -> dict:
    losses, kind = race.losses(plain), "plain" if plain else "residual"
    looks = dict.fromkeys(state.iteration for state in race.layers)
    return {"kind": kind, "name": net_title(plain, race.settings.depth),
            "losses": [round(losses[place], 3) if isfinite(losses[place]) else None for place in kept],
            "tests": [(lap.iteration, error) for lap in race.tests
                      if (error := getattr(lap, f"{kind}_test")) is not None],
            "looks": [(look, [_digits(state.norm) for state in race.layers
                              if (state.iteration, state.plain) == (look, plain)]) for look in looks]}


def _span(race: Race) -> tuple[float, float]:
    """The smallest and the largest gradient norm of both nets."""
    norms = [state.norm for state in race.layers if isfinite(state.norm) and state.norm > 0]
    return _digits(min(norms, default=1.0)) or 1.0, _digits(max(norms, default=1.0)) or 1.0


def _digits(value: float) -> float | None:
    return float(f"{value:.3g}") if isfinite(value) else None
