"""What does the loss surface look like? Recorded slices round trained twins, on equal axes and scales."""

from dataclasses import dataclass

from resnet.lab.surface import recorded
from resnet.lab.twins import Twins, all_twins
from resnet.ui.compare.layout import Charts, Drawing, Html, Knobs, Result, panel
from resnet.ui.compare.options import twins_option
from resnet.ui.compare.surface_summary import below, lead
from resnet.ui.page.sharing import View
from resnet.util.fields import option
from resnet.util.text import text


def pairs() -> dict[str, Twins]:
    """The twins of which both surfaces are recorded, over the same slice."""
    whole = {key: twins for key, twins in all_twins().items()
             if len(twins.names) == 2 and all(name in recorded() for name in twins.names)}
    return {key: twins for key, twins in whole.items() if len({recorded()[name].slice for name in twins.names}) == 1}


def default_pair() -> str:
    """The deepest; "" in a Space whose weights have no surfaces."""
    return max(pairs(), key=lambda key: (pairs()[key].depth, pairs()[key].data == "fashion_mnist"), default="")


@dataclass(frozen=True)
class SurfaceView(View):
    """nets is a pair's key such as "56_fashion_mnist"; none given means the deepest pair that is recorded."""

    nets: str = twins_option(pairs, "", own=lambda _: default_pair())
    scale: str = option("log", choices=("log", "linear"), label="compare.surface.scale", titles=True)


def draw(view: SurfaceView, lang: str) -> Drawing:
    """Both nets' slices as contours and as reliefs, the plain net's first."""
    from resnet.charts.surface import contours, height_range, relief

    if not view.nets:
        return Drawing(text("compare.surface.none", lang), [None] * 4, [""])
    surfaces = [recorded()[name] for name in reversed(pairs()[view.nets].names)]
    span = height_range(surfaces, view.scale)
    charts = [chart(surface, span, view.scale, lang) for chart in (contours, relief) for surface in surfaces]
    return Drawing(lead(surfaces, lang), charts, [below(surfaces, view.nets, lang)])


PANEL = panel("surface", SurfaceView, draw, Knobs("nets", "scale"),
              Result(Charts("contours-plain", "contours-residual", optional=True),
                     Charts("relief-plain", "relief-residual", optional=True), Html()))
