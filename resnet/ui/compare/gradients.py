"""Do gradients vanish, explode or shatter? Their size and their likeness, in random rectifier nets and in the twins."""

from collections.abc import Iterator
from dataclasses import dataclass

import gradio as gr

from resnet.lab import gradients, shattering
from resnet.lab.gradients import DEEPEST, Gradients, fresh_nets, trained_nets
from resnet.lab.shattering import BETAS, KINDS, LOOKED_AT, PAIRS, RUNS, WIDTHS, Measured, Settings
from resnet.ui.compare import gradients_summary as told
from resnet.ui.compare.frame import Frame, heading_html
from resnet.ui.page.language import language, word
from resnet.ui.page.panel import Tab
from resnet.ui.page.sharing import parse_controls, to_query
from resnet.ui.wall.guard import guarded_view
from resnet.util.errors import InputError
from resnet.util.text import text

NETS = ("full", "fresh", "trained")  # fully connected; convolutional twins, as initialised or trained


@dataclass(frozen=True)
class GradientsView:
    """nets, then what fully connected ones are asked (at: the depth looked into), then the deepest fresh twin."""

    nets: str = "full"
    pairs: str = "independent"
    beta: str = "1"
    at: int = 24
    width: int = 200
    runs: int = 4
    seed: int = 0
    deepest: int = 56

    def __post_init__(self):
        for field, allowed in (("nets", NETS), ("pairs", PAIRS), ("beta", tuple(f"{beta:g}" for beta in BETAS)),
                               ("at", LOOKED_AT), ("deepest", DEEPEST)):
            if (value := getattr(self, field)) not in allowed:
                raise InputError("choice", field=field, value=value, allowed=", ".join(map(str, allowed)))
        self.settings  # noqa: B018  checks the rest

    def defaults(self) -> dict:
        return vars(GradientsView())

    @property
    def settings(self) -> Settings:
        return Settings(float(self.beta), self.width, self.runs, self.seed)


@guarded_view(outputs=8)
def show_gradients(nets: str, pairs: str, beta: str, at: int, width: int, runs: int, seed: int, deepest: int,
                   request: gr.Request = None):
    """The controls -> heading, two charts, two more of fully connected nets, what is claimed, what stands below, and
    the view's query string; what is being measured is told at once and as it goes."""
    lang = language(request)
    view = parse_controls(GradientsView, nets, pairs, beta, at, width, runs, seed, deepest)
    yield from (_full if view.nets == "full" else _twins)(view, lang)


def _full(view: GradientsView, lang: str) -> Iterator[tuple]:
    """Random fully connected nets, a kind at a time."""
    from resnet.charts.shattering import along_chart, autocorrelation_chart, likeness_chart, size_chart

    found: list[Measured] = []
    for kind in KINDS:
        yield _waiting(text(f"compare.gradients.{kind}", lang), len(found), len(KINDS), lang)
        found.append(shattering.measure(kind, view.settings))
    beta = view.settings.beta
    looks = [(one.kind, next(look for look in one.looks if look.depth == view.at)) for one in found]
    yield (heading_html("gradients", told.lead_full(found, view.pairs, lang), lang),
           size_chart(found, view.pairs, beta, lang), likeness_chart(found, view.pairs, beta, lang),
           *(gr.update(value=chart(looks, lang), visible=True) for chart in (along_chart, autocorrelation_chart)),
           told.claims_full(found, beta, lang), told.below_full(found, view.settings, view.pairs, lang),
           to_query("compare", view, "gradients"))


def _twins(view: GradientsView, lang: str) -> Iterator[tuple]:
    """Convolutional twins, a net at a time."""
    from resnet.charts.gradients import images_chart, norms_chart

    nets = trained_nets() if view.nets == "trained" else fresh_nets(view.deepest)
    found: list[Gradients] = []
    for net in nets:
        yield _waiting(net.title, len(found), len(nets), lang)
        found.append(gradients.measure(net, view.seed))
    yield (heading_html("gradients", told.lead_twins(found, lang), lang), norms_chart(found, lang),
           images_chart(found, lang), *[gr.update(visible=False)] * 2, told.claims_twins(lang),
           told.below_twins(found, view.seed, lang), to_query("compare", view, "gradients"))


def _waiting(what: str, done: int, whole: int, lang: str) -> tuple:
    sentence = text("compare.gradients.measuring", lang, what=what, done=done + 1, whole=whole)
    return heading_html("gradients", sentence, lang), *[gr.skip()] * 7


def knobs_for(nets: str) -> list[dict]:
    """Which knobs say something of these nets: pairs, beta, at, width and runs; deepest."""
    return [gr.update(visible=nets == "full")] * 5 + [gr.update(visible=nets == "fresh")]


def fill(view: GradientsView, lang: str) -> list:
    return list(vars(view).values())


def build() -> Tab:
    """The components, inside the panel."""
    frame, default = Frame("gradients"), GradientsView()
    with frame.knobs():
        nets = _radio("nets", [(word(f"compare.gradients.nets_{name}"), name) for name in NETS], default)
        pairs = _radio("pairs", [(word(f"compare.gradients.pairs_{name}"), name) for name in PAIRS], default)
        beta = _radio("beta", [f"{beta:g}" for beta in BETAS], default)
        deepest = _radio("deepest", list(DEEPEST), default, visible=False)
    with frame.result():
        charts = _charts("size", "likeness")
        with gr.Row(elem_classes="knobs"):
            at = _radio("at", list(LOOKED_AT), default)
            width = _radio("width", list(WIDTHS), default)
            runs = _radio("runs", list(RUNS), default)
            seed = gr.Number(default.seed, precision=0, minimum=0, maximum=shattering.MAX_SEED,
                             label=word("compare.race.seed"))
        charts += _charts("along", "autocorrelation")
        claims, below = gr.HTML(), gr.HTML()
    nets.change(knobs_for, nets, [pairs, beta, at, width, runs, deepest], api_visibility="private",
                show_progress="hidden")
    knobs = [nets, pairs, beta, at, width, runs, seed, deepest]
    return Tab("compare", GradientsView, knobs, [*frame.outputs, *charts, claims, below], show_gradients, fill,
               [knob.input for knob in knobs], panel="gradients")


def _radio(field: str, choices: list, default: GradientsView, visible: bool = True) -> gr.Radio:
    return gr.Radio(choices, value=getattr(default, field), label=word(f"compare.gradients.{field}"),
                    visible=visible)


def _charts(*names: str) -> list[gr.Plot]:
    """Side by side where there is room."""
    with gr.Row():
        return [gr.Plot(show_label=False, elem_id=f"gradients-{name}", elem_classes="chart", min_width=300)
                for name in names]
