"""Does deeper get worse? Residual nets against their plain twins, from recorded runs."""

from dataclasses import dataclass

import gradio as gr

from resnet.data import DATA, data_spec
from resnet.errors import InputError
from resnet.runs import AXES, METRICS, Run, recorded, tidy, to_csv
from resnet.ui.compare.frame import Frame, below_html, heading_html
from resnet.ui.compare.verdict import source_line, table_html, verdict
from resnet.ui.guard import guarded_api, guarded_view
from resnet.ui.language import language, word
from resnet.ui.limits import work
from resnet.ui.sharing import parse, parse_controls, to_query
from resnet.ui.tab import Tab


@dataclass(frozen=True)
class DegradationView:
    """nets are run names; none given means every recorded run of the data set."""

    data: str = "fashion_mnist"
    metric: str = "error"
    axis: str = "epoch"
    nets: tuple[str, ...] = None

    def __post_init__(self):
        data_spec(self.data)
        for field, allowed in (("metric", METRICS), ("axis", AXES)):
            if getattr(self, field) not in allowed:
                raise InputError("choice", field=field, value=getattr(self, field), allowed=", ".join(allowed))
        known = [run.name for run in runs_of(self.data)]
        for name in self.nets or ():
            if name not in known:
                raise InputError("unknown_run", name=name, known=", ".join(known))
        if self.nets is None:
            object.__setattr__(self, "nets", tuple(known))

    def defaults(self) -> dict:
        return {"data": "fashion_mnist", "metric": "error", "axis": "epoch", "nets": DegradationView(self.data).nets}

    @property
    def runs(self) -> list[Run]:
        return [run for run in runs_of(self.data) if run.name in self.nets]


def runs_of(data: str) -> list[Run]:
    return [run for run in recorded() if run.info.data == data]


@guarded_view(outputs=4)
def show_degradation(data: str, metric: str, axis: str, nets: list[str], request: gr.Request = None) -> tuple:
    """The controls -> heading, chart, what stands under it, and the view's query string."""
    from resnet.charts.curves import curves

    lang = language(request)
    view = parse_controls(DegradationView, data, metric, axis, nets)
    heading = heading_html("degradation", verdict(view.runs, lang), lang)
    return (heading, curves(view.runs, view.metric, view.axis, lang), _below(view, lang),
            to_query("compare", view, "degradation"))


def choose_data(data: str) -> dict:
    """Another data set brings its own runs."""
    return nets_update(data, None)


@guarded_api
def compare_api(data: str = "fashion_mnist") -> list[dict]:
    """The recorded training runs on a data set, one row per run and epoch.

    Parameters:
        data: fashion_mnist or cifar10.
    Returns:
        rows with run, net, depth, shortcut, seed, epoch, iteration, lr, train_error, test_error
        (per cent), train_loss, test_loss (nats) and seconds.
    """
    return tidy(DegradationView(parse("data", str, data)).runs)


def nets_update(data: str, chosen: "tuple[str, ...] | None") -> dict:
    runs = runs_of(data)
    names = [run.name for run in runs]
    return gr.update(choices=[(run.title, run.name) for run in runs],
                     value=names if chosen is None else [name for name in names if name in chosen])


def fill(view: DegradationView, lang: str) -> list:
    return [view.data, view.metric, view.axis, nets_update(view.data, view.nets)]


def build() -> Tab:
    """The components, inside the panel."""
    with_runs = [spec for spec in DATA.values() if runs_of(spec.name)]
    runs = runs_of("fashion_mnist")
    frame = Frame("degradation")
    with frame.knobs():
        data = gr.Radio([(spec.title, spec.name) for spec in with_runs], value="fashion_mnist",
                        label=word("compare.data"))
        metric = gr.Radio([(word(f"compare.{name}"), name) for name in METRICS], value="error",
                          label=word("compare.metric"))
        axis = gr.Radio([(word(f"compare.{name}"), name) for name in AXES], value="epoch",
                        label=word("compare.axis"))
        nets = gr.CheckboxGroup([(run.title, run.name) for run in runs], value=[run.name for run in runs],
                                label=word("compare.nets"))
    with frame.result():
        chart = gr.Plot(show_label=False, elem_id="curves", elem_classes="chart")
        below = gr.HTML()
    gr.api(compare_api, api_name="compare", **work("compare"))
    chosen = data.input(choose_data, data, nets, api_visibility="private", show_progress="hidden")
    return Tab("compare", DegradationView, [data, metric, axis, nets], [*frame.outputs, chart, below],
               show_degradation, fill, [chosen.success, metric.input, axis.input, nets.input], panel="degradation")


def _below(view: DegradationView, lang: str) -> str:
    if not view.runs:
        return ""
    return below_html(source_line(view.runs, lang), table_html(view.runs, lang),
                      (f"runs-{view.data}.csv", to_csv(tidy(view.runs))), lang)
