"""Do blocks build, or refine? What can be read behind each block of the twins, and their branches as Euler's steps."""

from dataclasses import dataclass

from resnet.lab.readout import STEPS, Course, course, pairs
from resnet.lab.twins import Twins, twins_of
from resnet.ui.compare.layout import Charts, Drawing, Html, Knobs, Result, Title, panel
from resnet.ui.compare.options import twins_option
from resnet.ui.compare.refine_summary import below, lead, numbers, step_lead
from resnet.ui.page.sharing import View
from resnet.util.fields import option
from resnet.util.html import escape
from resnet.util.text import text


@dataclass(frozen=True)
class RefineView(View):
    """nets is a pair of recorded twins; step the factor of the residual net's branches."""

    nets: str = twins_option(pairs, "56_cifar10")
    step: float = option(1.0, choices=STEPS, step=0.25, label="compare.refine.step", elem_id="refine-step")

    @property
    def twins(self) -> Twins:
        return twins_of(self.nets)


def draw(view: RefineView, lang: str) -> Drawing:
    """What is recorded of the pair."""
    from resnet.charts.refine import change_chart, forming_chart, step_chart

    courses = _courses(view.twins, view.step)
    if not courses:
        return Drawing(text("compare.refine.none", lang), [None] * 3, [""] * 3)
    name = courses[0].name
    steps = [found for step in STEPS if (found := course(name, step))]
    halves = course(name, 0.5, 2)
    told = f'<p class="lead">{escape(step_lead(name, view.step, lang))}</p>'
    note = f'<p class="note">{escape(text("compare.refine.euler_shows", lang))}</p>'
    charts = [forming_chart(courses, lang), change_chart(courses, lang), step_chart(steps, halves, view.step, lang)]
    return Drawing(lead(view.twins, lang), charts, [below(view.twins, lang), told, note],
                   numbers=numbers(view.twins, lang))


def _courses(twins: Twins, step: float) -> list[Course]:
    """The residual net's, its branches scaled, and the plain one's as it is; none where not both are recorded."""
    residual, plain = (twins.named(kind) or "" for kind in (False, True))
    found = [course(residual, step), course(plain)]
    return [one for one in found if one] if all(found) else []


PANEL = panel("refine", RefineView, draw,
              Result(Charts("refine-forming", optional=True), Knobs("nets"), Charts("refine-change", optional=True),
                     Html()),
              Result(Title("compare.refine.euler"), Html(), Charts("refine-steps", optional=True), Knobs("step"),
                     Html(), name="refine-euler"))
