"""Does deeper get worse? Residual nets against their plain twins, from recorded runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from resnet.training.runs import AXES, METRICS, Series, series_of
from resnet.ui.compare import degradation_published as published
from resnet.ui.compare.degradation_summary import below, said
from resnet.ui.compare.layout import Charts, Drawing, Html, Knobs, Result, Title, panel
from resnet.ui.compare.options import data_option
from resnet.ui.page.sharing import View
from resnet.util.errors import InputError
from resnet.util.fields import option


def _names(data: str) -> list[str]:
    return [series.name for series in series_of(data)]


def _main(data: str) -> tuple[str, ...]:
    """Without attempts and other nets."""
    return tuple(series.name for series in series_of(data) if series.main)


def _unknown(name: str, known: Sequence[str]) -> InputError:
    return InputError("unknown_run", name=name, known=", ".join(known))


def _labels(view: "DegradationView", lang: str) -> list[tuple[str, str]]:
    return [(series.label(lang), series.name) for series in series_of(view.data)]


@dataclass(frozen=True)
class DegradationView(View):
    """nets are names of series; none given means the data set's comparison.

    smoothing   weight of the past in an exponential mean
    span        whether the vertical range fits the later epochs or "all" of them
    """

    data: str = data_option(_names, _main, "nets")
    metric: str = option("error", choices=METRICS, label="compare.degradation.metric", titles=True)
    axis: str = option("epoch", choices=AXES, label="compare.degradation.axis", titles=True)
    nets: tuple[str, ...] = option(None, own=lambda view: _main(view.data), choices=lambda view: _names(view.data),
                                   refusal=_unknown, of="data", label="compare.nets", titles=_labels)
    smoothing: float = option(0.0, low=0, high=0.9, step=0.1, elem_id="smoothing",
                              label="compare.degradation.smoothing")
    span: str = option("late", choices=("late", "all"), label="compare.degradation.span", titles=True)

    @property
    def chosen(self) -> list[Series]:
        return [series for series in series_of(self.data) if series.name in self.nets]


def draw(view: DegradationView, lang: str) -> Drawing:
    """The curves of the chosen nets; and what is published of depth."""
    from resnet.charts.curves import Axes, curves

    axes = Axes(view.metric, view.axis, view.smoothing, view.span == "all")
    lead, numbers = said(view.data, view.chosen, lang)
    return Drawing(lead, [curves(view.chosen, axes, lang), *published.figures(view.data, lang)],
                   [below(view.chosen, view.axis, view.smoothing, view.metric == "error", lang),
                    published.told_html(lang), published.below(view.data, lang)], numbers=numbers)


PANEL = panel("degradation", DegradationView, draw,
              Result(Charts("curves"), Knobs("data", "metric", "axis", "span", "nets", "smoothing"), Html()),
              Result(Title("compare.published.title"), Html(),
                     Charts("published-imagenet", "published-cifar", "measured-depth"), Html(), name="published"))
