"""What does the loss surface look like? Recorded slices round trained twins, on equal axes and scales."""

from dataclasses import dataclass

import gradio as gr

from resnet.lab.surface import Surface, recorded
from resnet.lab.twins import Twins, all_twins
from resnet.ui.compare.frame import Frame, below_html, heading_html, numbers_table
from resnet.ui.page.language import language, word
from resnet.ui.page.panel import Tab
from resnet.ui.page.sharing import parse_controls, to_query
from resnet.ui.wall.guard import guarded_view
from resnet.util.errors import InputError
from resnet.util.text import text

SCALES = ("log", "linear")
COLUMNS = ("net", "centre", "half", "edge", "below")
GUESSING = 2.302585  # nats: every one of ten classes equally probable


@dataclass(frozen=True)
class SurfaceView:
    """nets is a pair's key such as "56_fashion_mnist"; none given means the deepest pair that is recorded."""

    nets: str = ""
    scale: str = "log"

    def __post_init__(self):
        if not self.nets:
            object.__setattr__(self, "nets", default_pair())
        for field, allowed in (("nets", tuple(pairs()) or ("",)), ("scale", SCALES)):
            if (value := getattr(self, field)) not in allowed:
                raise InputError("choice", field=field, value=value[:40], allowed=", ".join(allowed))

    def defaults(self) -> dict:
        return {"nets": default_pair(), "scale": "log"}

    @property
    def surfaces(self) -> list[Surface]:
        """The plain net's first."""
        return [recorded()[name] for name in reversed(pairs()[self.nets].names)]


def pairs() -> dict[str, Twins]:
    """The twins of which both surfaces are recorded, over the same slice."""
    whole = {key: twins for key, twins in all_twins().items()
             if len(twins.names) == 2 and all(name in recorded() for name in twins.names)}
    return {key: twins for key, twins in whole.items() if len({recorded()[name].slice for name in twins.names}) == 1}


def default_pair() -> str:
    """The deepest; "" in a Space whose weights have no surfaces."""
    return max(pairs(), key=lambda key: (pairs()[key].depth, pairs()[key].data == "fashion_mnist"), default="")


@guarded_view(outputs=7)
def show_surface(nets: str, scale: str, request: gr.Request = None) -> tuple:
    """The knobs -> heading, two contour charts, two reliefs, what stands below, and the view's query string."""
    from resnet.charts.surface import contours, height_range, relief

    lang = language(request)
    view = parse_controls(SurfaceView, nets, scale)
    query = to_query("compare", view, "surface")
    if not view.nets:
        nothing = heading_html("surface", text("compare.surface.none", lang), lang)
        return nothing, *[gr.Plot(visible=False)] * 4, "", query
    surfaces = view.surfaces
    span = height_range(surfaces, view.scale)
    charts = [draw(surface, span, view.scale, lang) for draw in (contours, relief) for surface in surfaces]
    below = below_html(_source(view, lang), _table(surfaces, lang), (f"surface-{view.nets}.csv", _csv(surfaces)), lang)
    return heading_html("surface", _lead(surfaces, lang), lang), *charts, below, query


def fill(view: SurfaceView, lang: str) -> list:
    return [view.nets, view.scale]


def build() -> Tab:
    """The components, inside the panel."""
    frame, default = Frame("surface"), SurfaceView()
    with frame.knobs():
        nets = gr.Radio([(twins.title, key) for key, twins in pairs().items()], value=default.nets,
                        label=word("compare.nets"))
        scale = gr.Radio([(word(f"compare.surface.scale_{name}"), name) for name in SCALES], value=default.scale,
                         label=word("compare.surface.scale"))
    charts = []
    with frame.result():
        for kind in ("contours", "relief"):
            with gr.Row():
                charts += [gr.Plot(show_label=False, elem_id=f"{kind}-{net}", elem_classes="chart", min_width=300)
                           for net in ("plain", "residual")]
        below = gr.HTML()
    return Tab("compare", SurfaceView, [nets, scale], [*frame.outputs, *charts, below], show_surface, fill,
               [nets.input, scale.input], panel="surface")


def _lead(surfaces: list[Surface], lang: str) -> str:
    """How much of the slice is better than guessing, for both."""
    plain, residual = surfaces
    return text("compare.surface.lead", lang, plain=plain.title, residual=residual.title,
                plain_below=f"{100 * share_below(plain, GUESSING):.3g}",
                residual_below=f"{100 * share_below(residual, GUESSING):.3g}")


def share_below(surface: Surface, loss: float) -> float:
    """Of the grid's points."""
    losses = [value for row in surface.losses for value in row]
    return sum(value < loss for value in losses) / len(losses)


def _source(view: SurfaceView, lang: str) -> str:
    surface = view.surfaces[0]
    where = surface.slice
    files = ", ".join(f"weights/{name}/surface.csv" for name in pairs()[view.nets].names)
    return text("compare.surface.source", lang, n=f"{where.n:,}", grid=where.grid, seed=where.seed,
                precision=surface.precision, files=files) + " " + text("compare.surface.limits", lang)


def _table(surfaces: list[Surface], lang: str) -> str:
    rows = [[surface.title, surface.centre, ring(surface, 0.5), ring(surface, 1.0),
             100 * share_below(surface, GUESSING)] for surface in surfaces]
    return numbers_table([text(f"compare.surface.columns.{column}", lang) for column in COLUMNS], rows,
                         text("compare.surface.alt", lang))


def ring(surface: Surface, share: float) -> float:
    """The median loss on the square ring at this share of the span; the nearest that the grid has."""
    half = surface.slice.grid // 2
    reach = round(share * half)
    losses = sorted(value for i, row in enumerate(surface.losses) for j, value in enumerate(row)
                    if max(abs(i - half), abs(j - half)) == reach)
    return losses[len(losses) // 2]


def _csv(surfaces: list[Surface]) -> str:
    lines = ["net,a,b,loss,error"]
    for surface in surfaces:
        ticks = surface.slice.ticks
        lines += [f"{surface.title},{a:g},{b:g},{surface.losses[i][j]:.6g},{surface.errors[i][j]:.6g}"
                  for i, a in enumerate(ticks) for j, b in enumerate(ticks)]
    return "\n".join(lines) + "\n"
