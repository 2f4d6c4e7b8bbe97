"""Loss surfaces in words: what all recorded cases say together, the source line, the table and the file."""

from collections.abc import Mapping, Sequence

from resnet.lab.plane import NORMS
from resnet.lab.surfaces import Case, Surface, Tally, pairs, verdict
from resnet.lab.surfaces import cases as cases_of
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.util.csv import csv_text
from resnet.util.text import text

COLUMNS = ("net", "norm", "seed", "centre", "half", "edge", "below")
Cases = Mapping[tuple[str, int], Case]


def lead(known: Cases, shown: Sequence[Case], lang: str) -> str:
    """The verdict of all cases of these nets."""
    said = verdict(known)
    winner = said.fixed.winner or said.reestimated.winner
    key = "tie" if said.key == "one" and not winner else said.key
    return text(f"compare.surface.verdict_{key}", lang, net=getattr(shown[0], winner).title if winner else "")


def numbers(known: Cases, shown: Sequence[Case], lang: str) -> str:
    """How many cases say so, and how many of the recorded pairs of nets."""
    said, titles = verdict(known), {"plain": shown[0].plain.title, "residual": shown[0].residual.title}
    counts = {norm: _count(getattr(said, norm), titles, lang) for norm in NORMS}
    only = NORMS[0] if said.fixed.cases else NORMS[1]
    first = (text("compare.surface.one", lang, norm=text(f"compare.surface.drawn_{only}", lang), count=counts[only])
             if said.key == "one" else text("compare.surface.counts", lang, **counts))
    others = [verdict(cases_of(twins)).key for twins in pairs().values()]
    if set(others) == {"one"}:
        return first
    same = text("compare.surface.others", lang, same=others.count("turns"), all=sum(key != "one" for key in others))
    return f"{first} {same}"


def _count(tally: Tally, titles: Mapping[str, str], lang: str) -> str:
    """ "around ResNet-56 in 3 of 3"; where neither net leads, how often each does."""
    if tally.winner:
        return text("compare.surface.count", lang, net=titles[tally.winner], most=getattr(tally, tally.winner),
                    cases=tally.cases)
    return text("compare.surface.split", lang, **titles, plain_most=tally.plain, residual_most=tally.residual,
                cases=tally.cases)


def below(known: Cases, shown: Sequence[Case], key: str, lang: str) -> str:
    """The source line, every recorded slice as a table, and all points of those shown as a file."""
    surfaces = [surface for case in shown for surface in case.both]
    return below_html(_source(surfaces, lang), _table(known, lang), (f"surface-{key}.csv", _csv(surfaces)), lang)


def _source(surfaces: Sequence[Surface], lang: str) -> str:
    surface = surfaces[0]
    where = surface.slice
    files = ", ".join(dict.fromkeys(f"weights/{one.info.name}/surface.csv" for one in surfaces))
    return text("compare.surface.source", lang, n=f"{where.n:,}", grid=where.grid, seed=where.seed,
                precision=surface.precision, files=files) + " " + text("compare.surface.limits", lang)


def _table(known: Cases, lang: str) -> str:
    rows = [[surface.title, text(f"compare.surface.drawn_{norm}", lang), seed, surface.centre, ring(surface, 0.5),
             ring(surface, 1.0), 100 * surface.share_below()]
            for (norm, seed), case in known.items() for surface in case.both]
    return numbers_table([text(f"compare.surface.columns.{column}", lang) for column in COLUMNS], rows,
                         text("compare.surface.alt", lang))


def ring(surface: Surface, share: float) -> float:
    """The median loss on the square ring at this share of the span; the nearest that the grid has."""
    half = surface.slice.grid // 2
    reach = round(share * half)
    losses = sorted(value for i, row in enumerate(surface.losses) for j, value in enumerate(row)
                    if max(abs(i - half), abs(j - half)) == reach)
    return losses[len(losses) // 2]


def _csv(surfaces: Sequence[Surface]) -> str:
    return csv_text(("net", "norm", "a", "b", "loss", "error"), (
        (one.title, one.slice.norm, a, b, one.losses[i][j], one.errors[i][j])
        for one in surfaces for i, a in enumerate(one.slice.ticks) for j, b in enumerate(one.slice.ticks)), digits=6)
