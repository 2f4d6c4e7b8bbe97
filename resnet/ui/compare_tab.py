"""The Compare tab: residual nets against their plain twins, from recorded runs."""

from dataclasses import dataclass
from html import escape

import gradio as gr

from resnet.data import DATA, data_spec
from resnet.errors import InputError
from resnet.runs import AXES, METRICS, Run, recorded, tidy, to_csv
from resnet.text import text
from resnet.ui.files import download
from resnet.ui.guard import guarded_api, guarded_view
from resnet.ui.language import language, word
from resnet.ui.sharing import parse, parse_controls, to_query
from resnet.ui.story import source_line, table_html, verdict
from resnet.ui.tab import Tab


@dataclass(frozen=True)
class CompareView:
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
        return {"data": "fashion_mnist", "metric": "error", "axis": "epoch", "nets": CompareView(self.data).nets}

    @property
    def runs(self) -> list[Run]:
        return [run for run in runs_of(self.data) if run.name in self.nets]


def runs_of(data: str) -> list[Run]:
    return [run for run in recorded() if run.info.data == data]


@guarded_view(outputs=4)
def show_compare(data: str, metric: str, axis: str, nets: list[str], request: gr.Request = None) -> tuple:
    """The controls -> heading, chart, what stands under it, and the view's query string."""
    from resnet.charts import curves

    lang = language(request)
    view = parse_controls(CompareView, data, metric, axis, nets)
    return (_heading(view, lang), curves(view.runs, view.metric, view.axis, lang), _below(view, lang),
            to_query("compare", view))


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
    return tidy(CompareView(parse("data", str, data)).runs)


def nets_update(data: str, chosen: "tuple[str, ...] | None") -> dict:
    runs = runs_of(data)
    names = [run.name for run in runs]
    return gr.update(choices=[(run.title, run.name) for run in runs],
                     value=names if chosen is None else [name for name in names if name in chosen])


def fill(view: CompareView, lang: str) -> list:
    return [view.data, view.metric, view.axis, nets_update(view.data, view.nets)]


def build() -> Tab:
    """The components, inside a gr.Tab."""
    with gr.Row(elem_classes="work"):
        with gr.Column(elem_classes="controls", scale=0, min_width=240):
            with_runs = [spec for spec in DATA.values() if runs_of(spec.name)]
            data = gr.Radio([(spec.title, spec.name) for spec in with_runs], value="fashion_mnist",
                            label=word("compare.data"))
            metric = gr.Radio([(word(f"compare.{name}"), name) for name in METRICS], value="error",
                              label=word("compare.metric"))
            axis = gr.Radio([(word(f"compare.{name}"), name) for name in AXES], value="epoch",
                            label=word("compare.axis"))
            runs = runs_of("fashion_mnist")
            nets = gr.CheckboxGroup([(run.title, run.name) for run in runs], value=[run.name for run in runs],
                                    label=word("compare.nets"))
        with gr.Column(elem_classes="result"):
            message = gr.HTML(elem_classes="message-line")
            heading = gr.HTML()
            chart = gr.Plot(show_label=False, elem_id="curves")
            below = gr.HTML()
    gr.api(compare_api, api_name="compare")
    tab = Tab("compare", CompareView, [data, metric, axis, nets], [message, heading, chart, below], show_compare, fill)
    chosen = data.input(choose_data, data, nets, api_visibility="private", show_progress="hidden")
    tab.triggers.extend([chosen.success, metric.input, axis.input, nets.input])
    return tab


def _heading(view: CompareView, lang: str) -> str:
    return (f'<h2>{escape(text("compare.question", lang))}</h2>'
            f'<p class="lead">{escape(verdict(view.runs, lang))}</p>')


def _below(view: CompareView, lang: str) -> str:
    if not view.runs:
        return ""
    save = download(f"runs-{view.data}.csv", to_csv(tidy(view.runs)), text("compare.download", lang))
    return (f'<p class="source">{escape(source_line(view.runs, lang))}</p>'
            f'<details><summary>{text("compare.table", lang)}</summary>{table_html(view.runs, lang)}</details>'
            f'<p class="take">{save}</p>')
