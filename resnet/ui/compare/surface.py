"""What does the loss surface look like? Recorded slices around trained twins, on equal axes and scales; the path that
training took over it; and how sharply it bends."""

from dataclasses import dataclass

from resnet.lab import trainings
from resnet.lab.plane import NORMS
from resnet.lab.surfaces import cases, pairs
from resnet.ui.compare.layout import Charts, Drawing, Html, Knobs, Result, panel
from resnet.ui.compare.options import twins_option
from resnet.ui.compare.surface_summary import below, lead, numbers
from resnet.ui.compare.surface_training import curvature_drawing, path_drawing
from resnet.ui.page.sharing import View
from resnet.util.fields import option
from resnet.util.text import text

BOTH, SHOWS = "both", ("around", "path", "curvature")


def default_pair() -> str:
    """The deepest, CIFAR-10's first; "" in a Space whose weights have no surfaces."""
    found = pairs()
    return max(found, key=lambda key: (found[key].depth, found[key].data == "cifar10"), default="")


def _around(view: "SurfaceView") -> bool:
    return view.show == "around"


def _shows(_: "SurfaceView") -> tuple[str, ...]:
    """A Space of other weights may have no trainings recorded."""
    return SHOWS if trainings.seeds(trainings.recorded()) else SHOWS[:1]


def _runs(_: "SurfaceView") -> tuple[int, ...]:
    return trainings.seeds(trainings.recorded()) or (0,)


def _norms(view: "SurfaceView") -> tuple[str, ...]:
    """Both treatments side by side, then those that are recorded."""
    known = _recorded(view)
    found = tuple(norm for norm in NORMS if any(norm == one for one, _ in known))
    return (BOTH, *found) if _seeds_of(view, NORMS) else found or NORMS[:1]


def _seeds(view: "SurfaceView") -> tuple[int, ...]:
    return _seeds_of(view, NORMS if view.norm == BOTH else (view.norm,)) or (0,)


def _seeds_of(view: "SurfaceView", norms: tuple[str, ...]) -> tuple[int, ...]:
    """Pairs of directions that are recorded under all these treatments."""
    known = _recorded(view)
    return tuple(sorted({seed for _, seed in known if all((norm, seed) in known for norm in norms)}))


def _recorded(view: "SurfaceView") -> dict:
    return cases(pairs()[view.nets]) if view.nets else {}


@dataclass(frozen=True)
class SurfaceView(View):
    """show is what is drawn. Around the net: nets is a pair's key such as "56_cifar10", none given the deepest pair
    that is recorded; norm is a treatment of batch norm, or both side by side; seed is the directions'. run is the seed
    of the training whose path is shown."""

    show: str = option("around", choices=_shows, label="compare.surface.show", titles=True)
    nets: str = twins_option(pairs, "", own=lambda _: default_pair(), of="show", keeps=True, shown=_around)
    norm: str = option("", choices=_norms, own=lambda view: _norms(view)[0], of=("show", "nets"), shown=_around,
                       label="compare.surface.norm", titles=True)
    seed: int = option(-1, choices=_seeds, own=lambda view: _seeds(view)[0], of=("show", "nets"), shown=_around,
                       label="compare.surface.seed")
    run: int = option(-1, choices=_runs, own=lambda view: _runs(view)[0], of="show",
                      shown=lambda view: view.show == "path", label="compare.surface.run")
    scale: str = option("log", choices=("log", "linear"), of="show", keeps=True,
                        shown=lambda view: view.show != "curvature", label="compare.surface.scale", titles=True)


def draw(view: SurfaceView, lang: str) -> Drawing:
    """What is asked for, where it is recorded."""
    if view.show == "path":
        return path_drawing(trainings.recorded(), view.run, view.scale, lang)
    if view.show == "curvature":
        return curvature_drawing(trainings.recorded(), lang)
    return around_drawing(view, lang)


def around_drawing(view: SurfaceView, lang: str) -> Drawing:
    """Both nets' slices as contours, the plain net's first: under both treatments, or under one and as reliefs too."""
    from resnet.charts.surface import contours, height_range, relief

    if not view.nets:
        return Drawing(text("compare.surface.none", lang), [None] * 4, [""])
    known = _recorded(view)
    shown = [known[norm, view.seed] for norm in NORMS if view.norm in (BOTH, norm)]
    surfaces = [surface for case in shown for surface in case.both]
    span = height_range(surfaces, view.scale)
    charts = [chart(surface, span, view.scale, lang) for chart in (contours, relief) for surface in surfaces]
    return Drawing(lead(known, shown, lang), charts[:4], [below(known, shown, view.nets, lang)],
                   numbers=numbers(known, shown, lang))


PANEL = panel("surface", SurfaceView, draw, Result(Charts("contours-plain", "contours-residual", optional=True),
                                                   Charts("relief-plain", "relief-residual", optional=True),
                                                   Knobs("show", "nets", "norm", "run", "scale", "seed"), Html()))
