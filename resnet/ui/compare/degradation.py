"""Does deeper get worse? Residual nets against their plain twins, from recorded runs."""

from dataclasses import dataclass

import gradio as gr

from resnet.data import DATA, data_spec
from resnet.training.runs import AXES, METRICS, Series, recorded, series_of, tidy, to_csv
from resnet.ui.compare.degradation_summary import missing, source_line, table_html, verdict
from resnet.ui.compare.frame import Frame, below_html, heading_html
from resnet.ui.page.language import language, word
from resnet.ui.page.panel import Tab
from resnet.ui.page.sharing import parse, parse_controls, to_query
from resnet.ui.wall.guard import guarded_api, guarded_view
from resnet.ui.wall.limits import work
from resnet.util.errors import InputError
from resnet.util.text import text

SPANS = ("late", "all")
SMOOTHEST = 0.9


@dataclass(frozen=True)
class DegradationView:
    """nets are names of series; none given means the data set's comparison, without attempts and other nets.

    smoothing   weight of the past in an exponential mean, 0 to 0.9
    span        whether the vertical range fits the later epochs or "all" of them
    """

    data: str = "fashion_mnist"
    metric: str = "error"
    axis: str = "epoch"
    nets: tuple[str, ...] = None
    smoothing: float = 0.0
    span: str = "late"

    def __post_init__(self):
        data_spec(self.data)
        for field, allowed in (("metric", METRICS), ("axis", AXES), ("span", SPANS)):
            if getattr(self, field) not in allowed:
                raise InputError("choice", field=field, value=getattr(self, field), allowed=", ".join(allowed))
        if not 0 <= self.smoothing <= SMOOTHEST:
            raise InputError("between", field="smoothing", low=0, high=SMOOTHEST, value=f"{self.smoothing:g}")
        known = [series.name for series in series_of(self.data)]
        for name in self.nets or ():
            if name not in known:
                raise InputError("unknown_run", name=name, known=", ".join(known))
        if self.nets is None:
            object.__setattr__(self, "nets", tuple(series.name for series in series_of(self.data) if series.main))

    def defaults(self) -> dict:
        return {"data": "fashion_mnist", "metric": "error", "axis": "epoch", "nets": DegradationView(self.data).nets,
                "smoothing": 0.0, "span": "late"}

    @property
    def chosen(self) -> list[Series]:
        return [series for series in series_of(self.data) if series.name in self.nets]


@guarded_view(outputs=4)
def show_degradation(data: str, metric: str, axis: str, nets: list[str], smoothing: float, span: str,
                     request: gr.Request = None) -> tuple:
    """The controls -> heading, chart, what stands under it, and the view's query string."""
    from resnet.charts.curves import Axes, curves

    lang = language(request)
    view = parse_controls(DegradationView, data, metric, axis, nets, smoothing, span)
    axes = Axes(view.metric, view.axis, view.smoothing, view.span == "all")
    return (heading_html("degradation", _lead(view, lang), lang), curves(view.chosen, axes, lang), _below(view, lang),
            to_query("compare", view, "degradation"))


def choose_data(data: str, request: gr.Request = None) -> dict:
    """Another data set brings its own nets."""
    return nets_update(data, None, language(request))


@guarded_api
def compare_api(data: str = "fashion_mnist") -> list[dict]:
    """The recorded training runs on a data set, one row per run and epoch.

    Parameters:
        data: fashion_mnist or cifar10.
    Returns:
        rows with run, net, depth, shortcut, order, seed, epoch, iteration, lr, train_error, test_error
        (per cent), train_loss, test_loss (nats) and seconds.
    """
    name = data_spec(parse("data", str, data)).name
    return tidy([run for run in recorded() if run.info.data == name])


def nets_update(data: str, chosen: "tuple[str, ...] | None", lang: str = "en") -> dict:
    """What can be chosen on a data set; `chosen` None is the comparison."""
    found = series_of(data)
    return gr.update(choices=[(series.label(lang), series.name) for series in found],
                     value=[series.name for series in found
                            if (series.main if chosen is None else series.name in chosen)])


def fill(view: DegradationView, lang: str) -> list:
    return [view.data, view.metric, view.axis, nets_update(view.data, view.nets, lang), view.smoothing, view.span]


def build() -> Tab:
    """The components, inside the panel."""
    view = DegradationView()
    with_runs = [spec for spec in DATA.values() if series_of(spec.name)]
    frame = Frame("degradation")
    with frame.knobs():
        data = gr.Radio([(spec.title, spec.name) for spec in with_runs], value=view.data, label=word("compare.data"))
        metric = gr.Radio([(word(f"compare.{name}"), name) for name in METRICS], value=view.metric,
                          label=word("compare.degradation.metric"))
        axis = gr.Radio([(word(f"compare.{name}"), name) for name in AXES], value=view.axis,
                        label=word("compare.degradation.axis"))
        span = gr.Radio([(word(f"compare.degradation.span_{name}"), name) for name in SPANS], value=view.span,
                        label=word("compare.degradation.span"))
        nets = gr.CheckboxGroup([(series.label(), series.name) for series in series_of(view.data)],
                                value=list(view.nets), label=word("compare.nets"))
        smoothing = gr.Slider(0, SMOOTHEST, value=view.smoothing, step=0.1, elem_id="smoothing",
                              label=word("compare.degradation.smoothing"))
    with frame.result():
        chart = gr.Plot(show_label=False, elem_id="curves", elem_classes="chart")
        below = gr.HTML()
    gr.api(compare_api, api_name="compare", **work("compare"))
    chosen = data.input(choose_data, data, nets, api_visibility="private", show_progress="hidden")
    return Tab("compare", DegradationView, [data, metric, axis, nets, smoothing, span],
               [*frame.outputs, chart, below], show_degradation, fill,
               [chosen.success, metric.input, axis.input, nets.input, smoothing.release, span.input],
               panel="degradation")


def _lead(view: DegradationView, lang: str) -> str:
    """What the chosen nets show, and which nets of the comparison are not recorded."""
    told = (verdict(view.chosen, lang), missing(view.data, series_of(view.data), lang))
    return text("compare.sentences", lang).join(sentence for sentence in told if sentence)


def _below(view: DegradationView, lang: str) -> str:
    if not view.chosen:
        return ""
    source = source_line(view.chosen, view.axis, view.smoothing, view.metric == "error", lang)
    runs = [run for series in view.chosen for run in series.runs]
    return below_html(source, table_html(view.chosen, lang), (f"runs-{view.data}.csv", to_csv(tidy(runs))), lang)
