"""Recorded runs -> the sentence of what to see, the source line and the table under the chart."""

from html import escape

from resnet.data import DATA
from resnet.runs import Run
from resnet.text import text

COLUMNS = ("epoch", "train_error", "test_error", "train_loss", "test_loss")


def verdict(runs: list[Run], lang: str) -> str:
    """What the chosen runs show, with their own numbers: degradation first, else the twin."""
    deep, shallow = _extremes([run for run in runs if run.plain])
    if deep and deep.final.train_error > shallow.final.train_error:
        return text("compare.verdict_degrades", lang, deep=deep.title, shallow=shallow.title,
                    deep_error=f"{deep.final.train_error:.3g}", shallow_error=f"{shallow.final.train_error:.3g}")
    for plain in (run for run in runs if run.plain):
        for residual in runs:
            if not residual.plain and residual.depth == plain.depth:
                return text("compare.verdict_pair", lang, residual=residual.title, plain=plain.title,
                            residual_error=f"{residual.final.test_error:.3g}",
                            plain_error=f"{plain.final.test_error:.3g}")
    return "" if runs else text("compare.verdict_none", lang)


def _extremes(runs: list[Run]) -> tuple[Run | None, Run | None]:
    """(deepest, shallowest) of at least two depths."""
    ordered = sorted(runs, key=lambda run: run.depth)
    if not ordered or ordered[0].depth == ordered[-1].depth:
        return None, None
    return ordered[-1], ordered[0]


def source_line(runs: list[Run], lang: str) -> str:
    """Where the curves come from: n, settings and files."""
    if not runs:
        return ""
    info = runs[0].info
    return text("compare.source", lang, n=f"{info.results['test']['n']:,}", train_n=f"{info.recipe['train_eval']:,}",
                epochs=info.recipe["epochs"], files=", ".join(run.source for run in runs))


def table_html(runs: list[Run], lang: str) -> str:
    """The chart's numbers as a table: a row per net and epoch."""
    head = "".join(f'<th scope="col">{escape(text(f"compare.columns.{column}", lang))}</th>'
                   for column in ("net", *COLUMNS))
    body = "".join(
        f'<tr><th scope="row">{escape(run.title)}</th>' + "".join(
            f'<td class="number">{getattr(row, column):.4g}</td>' for column in COLUMNS) + "</tr>"
        for run in runs for row in run.rows)
    caption = text("compare.chart_alt", lang, nets=", ".join(run.title for run in runs),
                   data=DATA[runs[0].info.data].title) if runs else ""
    return (f'<div class="scroll" tabindex="0"><table class="rows" aria-label="{escape(caption)}">'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")
