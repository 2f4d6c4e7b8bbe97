"""Do gradients vanish, explode or shatter? Their size and their likeness, in random rectifier nets and in the twins."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from resnet.lab import gradients_log as log
from resnet.lab.gradients import DEEPEST, fresh_nets, trained_nets
from resnet.lab.shattering import BETAS, KINDS, LOOKED_AT, MAX_SEED, PAIRS, RUNS, WIDTHS, Settings
from resnet.ui.compare import gradients_summary as summary
from resnet.ui.compare.layout import Charts, Drawing, Html, Knobs, Progress, Result, panel
from resnet.ui.page.sharing import View
from resnet.util.fields import option
from resnet.util.text import text


def _of(nets: str, default: Any, choices: tuple, **more: Any) -> Any:
    """A knob that says something of one kind of nets only."""
    return option(default, choices=choices, of="nets", keeps=True, shown=lambda view: view.nets == nets, **more)


@dataclass(frozen=True)
class GradientsView(View):
    """nets: fully connected ones, or twins; then what the former are asked (at: the depth looked into)."""

    nets: str = option("full", choices=("full", "fresh", "trained"), label="compare.gradients.nets", titles=True)
    pairs: str = _of("full", "independent", PAIRS, label="compare.gradients.pairs", titles=True)
    beta: str = _of("full", "1", tuple(f"{beta:g}" for beta in BETAS), label="compare.gradients.beta")
    at: int = _of("full", 24, LOOKED_AT, label="compare.gradients.at")
    width: int = _of("full", 200, WIDTHS, label="compare.gradients.width")
    runs: int = _of("full", 4, RUNS, label="compare.gradients.runs")
    seed: int = option(0, low=0, high=MAX_SEED, label="compare.race.seed", eager=True)
    deepest: int = _of("fresh", 56, DEEPEST, label="compare.gradients.deepest")

    @property
    def settings(self) -> Settings:
        return Settings(float(self.beta), self.width, self.runs, self.seed)


def draw(view: GradientsView, lang: str) -> Iterator[Progress | Drawing]:
    """What is recorded, at once; else a kind of random nets, or a twin, at a time."""
    yield from (_full if view.nets == "full" else _twins)(view, lang)


def _full(view: GradientsView, lang: str) -> Iterator[Progress | Drawing]:
    from resnet.charts.shattering import along_chart, autocorrelation_chart, likeness_chart, size_chart

    found = []
    for kind in KINDS:
        if not log.is_recorded(view.settings):
            yield _measuring(text(f"compare.gradients.{kind}", lang), len(found), len(KINDS), lang)
        found.append(log.random_nets(kind, view.settings))
    beta = view.settings.beta
    looks = [(one.kind, one.looks[LOOKED_AT.index(view.at)]) for one in found]
    charts = [*(chart(found, view.pairs, beta, lang) for chart in (size_chart, likeness_chart)),
              *(chart(looks, lang) for chart in (along_chart, autocorrelation_chart))]
    below = summary.below_full(found, view.settings, view.pairs, lang)
    yield Drawing(summary.lead_full(found, view.pairs, lang), charts, [summary.claims_full(found, beta, lang), below],
                  numbers=summary.numbers_full(found, view.pairs, lang))


def _twins(view: GradientsView, lang: str) -> Iterator[Progress | Drawing]:
    from resnet.charts.gradients import images_chart, norms_chart

    nets = trained_nets() if view.nets == "trained" else fresh_nets(view.deepest)
    found = []
    for net in nets:
        if not log.are_recorded([net], view.seed):
            yield _measuring(net.title, len(found), len(nets), lang)
        found.append(log.twin(net, view.seed))
    yield Drawing(summary.lead_twins(found, lang), [norms_chart(found, lang), images_chart(found, lang), None, None],
                  [summary.claims_twins(lang), summary.below_twins(found, view.seed, lang)],
                  numbers=summary.numbers_twins(found, lang))


def _measuring(what: str, done: int, whole: int, lang: str) -> Progress:
    return Progress(text("compare.gradients.measuring", lang, what=what, done=done + 1, whole=whole), done / whole)


PANEL = panel("gradients", GradientsView, draw,
              Result(Charts("gradients-size", "gradients-likeness"),
                     Knobs("nets", "pairs", "at", "deepest", "beta", "width", "runs", "seed"),
                     Charts("gradients-along", "gradients-autocorrelation", optional=True), Html(), Html()))
