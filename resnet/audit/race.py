"""Panel 8: the race that was recorded, from race.csv, and its layers, from race_layers.csv and measured again."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from resnet.audit.checks import Audit, Figure, drawing, exactly, mean, rows_of, said, value, words
from resnet.lab.race import RaceSettings, images
from resnet.lab.race_layers import layer_states
from resnet.lab.race_log import RECORDED, RECORDED_LAYERS, WINDOW
from resnet.model import create
from resnet.ui.compare.race import PANEL
from resnet.ui.compare.race_layers import CALM

KINDS = {"plain": "True", "residual": "False"}  # in race_layers.csv
NEAR = 0.02  # of the value: another processor's last digits


def audits() -> Iterator[Audit]:
    shown = drawing(PANEL, None)
    yield Audit("race, recorded", (shown.told,), tuple(_figures(shown.told)), frozenset({"38"}))
    told = words((shown.html or [""] * 3)[2]).partition(" Measured here")[0]
    yield Audit("race, its layers", (told,), tuple(_layers(told)), frozenset({"2", str(CALM)}))


def _figures(lead: str) -> Iterator[Figure]:
    found = said(lead, "compare.race.verdict")
    laps = rows_of(RECORDED)
    yield exactly("iterations", found["iterations"], f"{int(laps[-1]['iteration']):,}")
    yield exactly("seconds", found["seconds"], f"{float(laps[-1]['elapsed']):.0f}")
    for kind in ("plain", "residual"):
        loss = mean(float(lap[f"{kind}_loss"]) for lap in laps[-WINDOW:])
        yield exactly(f"{kind}, training loss", found[f"{kind}_loss"], f"{loss:.3g}")
    tested = [lap for lap in laps if lap["plain_test"]][-1]
    found = said(lead, "compare.race.test")
    for kind in ("plain", "residual"):
        yield exactly(f"{kind}, test error, %", found[kind], f"{float(tested[f'{kind}_test']):.3g}")


def _layers(told: str) -> Iterator[Figure]:
    found, states = said(told, "compare.race.layers.told"), rows_of(RECORDED_LAYERS)
    looks = list(dict.fromkeys(int(state["iteration"]) for state in states))
    yield exactly("layers: iterations", found["done"], looks[-1] - 1)
    growths = {}
    for kind, plain in KINDS.items():
        of_kind = [[state for state in states if (state["iteration"], state["plain"]) == (str(look), plain)]
                   for look in looks]
        growths[kind] = [_of_layers(rows)["growth"] for rows in of_kind]
        for when, rows in (("first", of_kind[0]), ("last", of_kind[-1])):
            fresh = _as_initialised(kind == "plain") if when == "first" else {}
            for name, number in _of_layers(rows).items():
                shown, digits = found[f"{kind}_{name}_{when}"], ".3g" if name == "growth" else ".2f"
                yield Figure(f"layers: {kind}, {name}, {when}", shown, f"{number:{digits}}", fresh.get(name),
                             NEAR * value(shown) + 0.01)
    even = [look for place, look in enumerate(looks) if max(growths["plain"][place:]) < CALM]
    yield exactly("layers: even from", said(told, "compare.race.layers.even")["since"], even[0] - 1)


def _as_initialised(plain: bool) -> dict[str, float]:
    """Of the recorded race's net before its first iteration, measured just now."""
    settings = RaceSettings()
    states = layer_states(create(settings.config(plain), settings.seed), images("train"), 1, plain)
    return _of_layers([dataclasses.asdict(state) for state in states])


def _of_layers(states: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """What the page tells of one look at one net."""
    return {"growth": float(states[1]["norm"]) / float(states[-1]["norm"]), "cosine": float(states[0]["cosine"]),
            "ratio": median(float(state["ratio"]) for state in states if state["ratio"])}
