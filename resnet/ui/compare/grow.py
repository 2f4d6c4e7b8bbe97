"""Can a net be made deeper for free? And then: its three arms, trained some steps further while one watches."""

import gradio as gr
import spaces

from resnet.lab.grow import BATCH, ITERATIONS, RATE, Growth, grow
from resnet.surgery import ARMS
from resnet.ui.compare import deepen
from resnet.ui.compare.deepen import CALIBRATION, SEED, DeepenView, pairs
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.ui.page.language import language, word
from resnet.ui.page.panel import Tab
from resnet.ui.page.sharing import parse_controls
from resnet.ui.wall.guard import guarded_stream
from resnet.ui.wall.limits import work
from resnet.util.html import escape
from resnet.util.text import text

COLUMNS = ("arm", "before", "inserted", "after")
grow_on_device = spaces.GPU(duration=60)(grow)


@guarded_stream(outputs=3)
def run_grow(nets: str, after: str, count: int, items: int, request: gr.Request = None):
    """The panel's controls -> a sentence, the chart and its numbers, as the training goes."""
    from resnet.charts.grow import growth_chart

    lang = language(request)
    view = parse_controls(DeepenView, nets, after, count, items)
    twins = pairs()[view.nets]
    names = {arm: twins.named(plain) for arm, plain in ARMS.items()}
    for growth in grow_on_device(names, view.after, view.count, view.items, CALIBRATION, SEED):
        chart = gr.Plot(growth_chart(growth, twins.depth, lang), visible=True)
        yield _lead(growth, lang), chart, ""
    yield gr.skip(), gr.skip(), _below(growth, view, lang)


def build() -> Tab:
    """The panel of resnet.ui.compare.deepen, and under it the place to grow its nets."""
    tab = deepen.build()
    with gr.Column(elem_classes="panel-result", elem_id="grow"):
        gr.Markdown(word("compare.grow.title"), elem_classes="grow-title")
        with gr.Row(elem_classes="race-buttons"):
            start = gr.Button(word("compare.grow.start"), variant="primary", elem_id="grow-start", scale=0)
            stop = gr.Button(word("compare.race.stop"), elem_id="grow-stop", scale=0)
            place = gr.HTML(elem_classes="queue-place")  # where Gradio tells the place in the queue
        message = gr.HTML(elem_classes="message-line")
        lead = gr.HTML()
        chart = gr.Plot(show_label=False, elem_id="grow-chart", elem_classes="chart", visible=False)
        below = gr.HTML()
    running = start.click(run_grow, tab.controls, [message, lead, chart, below], show_progress_on=place,
                          preprocess=False, api_visibility="private", **work("race"))
    stop.click(None, cancels=[running], api_visibility="private")
    return tab


def _lead(growth: Growth, lang: str) -> str:
    """How far the training is, or what it came to."""
    done = max(map(len, growth.losses.values()))
    if not all(len(errors) == 3 for errors in growth.errors.values()):
        running = text("compare.grow.running", lang, done=done, all=ITERATIONS)
        return f'<p class="lead" role="status">{escape(running)}</p>'
    told = [text("compare.grow.arm", lang, arm=text(f"compare.deepen.arm_{arm}", lang), before=f"{errors[0]:.3g}",
                 inserted=f"{errors[1]:.3g}", after=f"{errors[2]:.3g}") for arm, errors in growth.errors.items()]
    lead = text("compare.grow.lead", lang, done=done, arms=text("compare.grow.comma", lang).join(told))
    return f'<p class="lead">{escape(lead)}</p>'


def _below(growth: Growth, view: DeepenView, lang: str) -> str:
    rows = [[text(f"compare.deepen.arm_{arm}", lang), *errors] for arm, errors in growth.errors.items()]
    table = numbers_table([text(f"compare.grow.columns.{column}", lang) for column in COLUMNS], rows,
                          text("compare.grow.alt", lang))
    source = text("compare.grow.source", lang, batch=BATCH, rate=RATE, iterations=ITERATIONS, n=f"{view.items:,}",
                  count=view.count, after=view.after)
    return below_html(source, table, (f"grow-{view.nets}-{view.after}.csv", _csv(growth)), lang)


def _csv(growth: Growth) -> str:
    lines = [f"{arm},{iteration},{loss:.6g}" for arm, losses in growth.losses.items()
             for iteration, loss in enumerate(losses, 1)]
    return "\n".join(["arm,iteration,loss", *lines]) + "\n"
