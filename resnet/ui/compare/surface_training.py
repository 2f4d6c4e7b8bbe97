"""The path of training and the curvature along it: figures, sentences, tables and files."""

from collections.abc import Sequence

from resnet.data import DATA
from resnet.lab.plane import NORMS
from resnet.lab.trainings import RECORDED, Training, sharpness, twins
from resnet.lab.verdict import ENOUGH
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.ui.compare.layout import Drawing
from resnet.util.csv import csv_text
from resnet.util.text import text

STEP_COLUMNS = ("net", "epoch", "x", "y", "off")
BEND_COLUMNS = ("net", "seed", "epoch", "norm", "eigenvalue", "residual", "size")


def path_drawing(trainings: Sequence[Training], seed: int, scale: str, lang: str) -> Drawing:
    """Both nets of a seed; first with batch norm by the images' own statistics, as training has it."""
    from resnet.charts.surface import height_range
    from resnet.charts.training_path import path_chart

    pair = twins(trainings, seed)
    span = height_range([plane for one in pair for plane in one.planes.values()], scale)
    charts = [path_chart(one, norm, span, scale, lang) for norm in reversed(NORMS) for one in pair]
    rows = [[one.title, *(getattr(step, column) for column in STEP_COLUMNS[1:])] for one in pair for step in one.steps]
    table = numbers_table([text(f"compare.surface.path_columns.{column}", lang) for column in STEP_COLUMNS], rows,
                          text("compare.surface.path_alt", lang))
    csv = csv_text(STEP_COLUMNS, rows, digits=6)
    below = below_html(_path_source(pair, lang), table, (f"path-seed{seed}.csv", csv), lang)
    lead, numbers = _path_said(trainings, lang)
    return Drawing(lead, charts, [below], numbers=numbers)


def _path_said(trainings: Sequence[Training], lang: str) -> tuple[str, str]:
    """Whether the paths are flatter than a walk that goes nowhere; how much of each lies in its plane, over all
    seeds."""
    shares = {kind: [one.steps[0].share_x + one.steps[0].share_y for one in trainings if one.plain == kind]
              for kind in (True, False)}
    walks = [one.steps[0].walk_x + one.steps[0].walk_y for one in trainings]
    flatter = min(shares[True] + shares[False]) > max(walks)
    numbers = text("compare.surface.path_numbers", lang, plain=trainings[0].title, residual=trainings[-1].title,
                   plain_share=_range(shares[True]), residual_share=_range(shares[False]), walk=_range(walks))
    return text(f"compare.surface.walk_{'less' if flatter else 'same'}", lang), numbers


def _range(shares: Sequence[float]) -> str:
    low, high = (f"{100 * share:.0f}" for share in (min(shares), max(shares)))
    return low if low == high else f"{low}–{high}"


def _path_source(pair: Sequence[Training], lang: str) -> str:
    plane = pair[0].planes[NORMS[0]]
    return text("compare.surface.path_source", lang, n=f"{plane.n:,}", grid=len(plane.across),
                precision=plane.precision, recipe=_recipe(pair[0], lang), seed=pair[0].seed, files=_files(pair))


def _recipe(training: Training, lang: str) -> str:
    recipe = training.info.recipe
    return text("compare.surface.recipe", lang, data=DATA[training.info.data].title, items=f"{recipe['items']:,}",
                epochs=recipe["epochs"], lr=f"{recipe['lr']:g}", batch=recipe["batch"])


def _files(trainings: Sequence[Training]) -> str:
    return ", ".join(f"resnet/lab/recorded/{RECORDED.name}/{one.info.name}" for one in trainings)


def curvature_drawing(trainings: Sequence[Training], lang: str) -> Drawing:
    """All trainings, one figure for each treatment of batch norm."""
    from resnet.charts.curvature import curvature_chart

    charts = [curvature_chart(trainings, norm, lang) for norm in NORMS]
    rows = [[one.title, one.seed, bend.epoch, text(f"compare.surface.drawn_{bend.norm}", lang), bend.eigenvalue,
             bend.residual, bend.size] for one in trainings for norm in NORMS for bend in one.bent(norm)]
    table = numbers_table([text(f"compare.surface.bend_columns.{column}", lang) for column in BEND_COLUMNS], rows,
                          text("compare.surface.bend_alt", lang))
    first = trainings[0]
    source = text("compare.surface.bend_source", lang, n=f"{first.bends[0].n:,}", recipe=_recipe(first, lang),
                  files=_files(trainings))
    below = below_html(source, table, ("curvature.csv", csv_text(BEND_COLUMNS, rows, digits=6)), lang)
    numbers = text("compare.surface.bend_numbers", lang, **{norm: _sharper(trainings, norm, lang) for norm in NORMS})
    return Drawing(_curvature_lead(trainings, lang), [*charts, None, None], [below], numbers=numbers)


def _curvature_lead(trainings: Sequence[Training], lang: str) -> str:
    """Around which net the loss bends more sharply, where the seeds agree under both treatments."""
    found = [sharpness(trainings, norm) for norm in NORMS]
    sharper = {one.sharper for one in found}
    if any(one.seeds < ENOUGH for one in found):
        return text("compare.surface.bend_few", lang)
    if len(sharper) > 1:
        return text("compare.surface.bend_turns", lang)
    titles = {"plain": trainings[0].title, "residual": trainings[-1].title}
    (kind,) = sharper
    return text(f"compare.surface.bend_{'holds' if kind else 'open'}", lang, net=titles.get(kind, ""))


def _sharper(trainings: Sequence[Training], norm: str, lang: str) -> str:
    """Who ends sharper under a treatment, by all seeds; with their eigenvalues."""
    found = sharpness(trainings, norm)
    titles = {"plain": trainings[0].title, "residual": trainings[-1].title}
    values = {f"{kind}_values": ", ".join(f"{value:.3g}" for value in getattr(found, kind)) for kind in titles}
    if not found.sharper:
        key = "overlap" if found.seeds > 1 else "one"
        return text(f"compare.surface.bend_{key}", lang, **titles, **values)
    return text("compare.surface.bend_sharper", lang, net=titles[found.sharper], **titles, **values)
