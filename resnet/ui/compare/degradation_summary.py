"""Recorded series -> the sentences of what to see, the source line and the table under the chart."""

from collections.abc import Sequence
from dataclasses import replace

from resnet.data import DATA
from resnet.lab.verdict import Comparison, compared
from resnet.training.runs import Series, series_of, tidy, to_csv
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.util.numbers import machine
from resnet.util.text import text

COLUMNS = ("train_error", "test_error", "train_loss", "test_loss")
EXPECTED = ("plain-20", "plain-56", "ResNet-20", "ResNet-56")


Ends = tuple[Series, Series]  # the shallowest and the deepest


def said(data: str, nets: Sequence[Series], lang: str) -> tuple[str, str]:
    """(what the chosen nets show, the numbers that it rests on); nets of different recipes are not held against each
    other, and it is told which nets of the comparison are not recorded."""
    peers = _peers(nets) if nets else []
    others = [series.label(lang) for series in nets if series not in peers]
    further = [_say("others", lang, nets=_list(others, lang)) if others else "", missing(data, series_of(data), lang)]
    leads, numbers = _found(peers, lang) if peers else ([_say("none", lang)], [])
    joint = text("compare.sentences", lang)
    return joint.join(leads), joint.join(filter(None, [*numbers, *further]))


def missing(data: str, recorded: Sequence[Series], lang: str) -> str:
    """Which of the four nets of the comparison have no run on this data set yet."""
    titles = {series.title for series in recorded if series.main}
    absent = [title for title in EXPECTED if title not in titles]
    return _say("missing", lang, data=DATA[data].title, nets=_list(absent, lang)) if absent else ""


def _found(peers: list[Series], lang: str) -> tuple[list[str], list[str]]:
    """(conclusions, numbers) of nets of one recipe: depth without and with shortcuts, else twins, else one net's."""
    ends = [found for kind in (True, False) if (found := _ends([one for one in peers if one.plain == kind]))]
    pairs = _twins(peers) if len(ends) < 2 else []
    if not ends and not pairs:
        return [_say("alone", lang, net=one.label(lang), epochs=one.epochs, test=f"{one.final('test_error'):.3g}",
                     train=f"{one.final('train_error'):.3g}") for one in peers], []
    leads = [_depth_lead(ends, lang)] if ends else []
    return ([*leads, *(_pair_lead(*twins, lang) for twins in pairs)],
            [*(_depth_numbers(*one, lang) for one in ends), *(_pair_numbers(*twins, lang) for twins in pairs)])


def _depth_lead(ends: "list[Ends]", lang: str) -> str:
    """Is the deeper net worse (plain) or better (residual) on its training data?"""
    first, *then = ends
    clause = _say(_depth_key(*first), lang)
    if not then:
        return _say("one", lang, first=clause)
    return _say("both", lang, first=clause, second=text(f"compare.degradation.then_{_depth_key(*then[0])}",
                                                                  lang))


def _depth_key(shallow: Series, deep: Series) -> str:
    """In all seeds, on average, or not."""
    found = _trained(shallow, deep)
    clear, some = (found.above, found.difference > 0) if deep.plain else (found.below, found.difference < 0)
    kind, turn, no = ("plain", "worse", "fine") if deep.plain else ("residual", "better", "same")
    return f"{kind}_{turn if clear else 'mostly' if some else no}"


def _depth_numbers(shallow: Series, deep: Series, lang: str) -> str:
    return _say("numbers_depths", lang, deep=deep.label(lang), shallow=shallow.label(lang),
                seeds=_trained(shallow, deep).words(lang),
                **{f"{name}_{split}": f"{series.final(f'{split}_error'):.3g}"
                   for name, series in (("deep", deep), ("shallow", shallow)) for split in ("train", "test")})


def _trained(shallow: Series, deep: Series) -> Comparison:
    return compared(deep.values("train_error")[-1], shallow.values("train_error")[-1])


def _pair_lead(plain: Series, residual: Series, lang: str) -> str:
    found = _tested(plain, residual)
    outcome = _say("ends_lower" if found.below else "ends_higher" if found.above else "ends_alike", lang)
    same_start = residual.info.architecture.shortcut == "A" and _seeds(plain) == _seeds(residual)
    return _say("pair" if same_start else "twins", lang, outcome=outcome)


def _pair_numbers(plain: Series, residual: Series, lang: str) -> str:
    return _say("numbers_pair", lang, residual=residual.label(lang), plain=plain.label(lang),
                residual_error=f"{residual.final('test_error'):.3g}", plain_error=f"{plain.final('test_error'):.3g}",
                seeds=_tested(plain, residual).words(lang))


def _tested(plain: Series, residual: Series) -> Comparison:
    return compared(residual.values("test_error")[-1], plain.values("test_error")[-1])


def _peers(nets: Sequence[Series]) -> list[Series]:
    """The largest group that differs in depth, shortcut and seeds only; the first of equally large ones."""
    groups: dict[tuple, list[Series]] = {}
    for series in nets:
        config = series.info.architecture
        family = replace(config, depths=(1,) * len(config.depths), shortcut="none")
        groups.setdefault((family, series.lead.recipe, series.epochs), []).append(series)
    return max(groups.values(), key=len)


def _ends(nets: list[Series]) -> Ends | None:
    """(shallowest, deepest) of at least two depths."""
    ordered = sorted(nets, key=lambda series: series.depth)
    return (ordered[0], ordered[-1]) if ordered and ordered[0].depth < ordered[-1].depth else None


def _twins(nets: list[Series]) -> list[tuple[Series, Series]]:
    """(plain, residual) of one depth each."""
    return [(plain, residual) for plain in nets for residual in nets
            if plain.plain and not residual.plain
            and plain.info.architecture.depths == residual.info.architecture.depths]


def _seeds(series: Series) -> set[int]:
    return {run.seed for run in series.runs}


# Under the chart ---------------------------------------------------------------------------------


def below(nets: Sequence[Series], axis: str, smoothing: float, ticks: bool, lang: str) -> str:
    """The source line, the numbers as a table and as a file; "" without nets."""
    if not nets:
        return ""
    csv = to_csv(tidy([run for series in nets for run in series.runs]))
    return below_html(source_line(nets, axis, smoothing, ticks, lang), table_html(nets, lang),
                      (f"runs-{nets[0].info.data}.csv", csv), lang)


def source_line(nets: Sequence[Series], axis: str, smoothing: float, ticks: bool, lang: str) -> str:
    """Where the curves come from, by their own records: n, settings, hardware, seeds and files."""
    runs = [run for series in nets for run in series.runs]

    def each(found, joint: str = "comma") -> str:
        return text(f"compare.{joint}", lang).join(dict.fromkeys(found))

    parts = [_say(
        "source", lang, seeds=_seeds_sentence(nets, lang), epochs=each(str(series.epochs) for series in nets),
        n=each(f"{run.info.results['test']['n']:,}" for run in runs),
        train_n=each((f"{run.info.recipe['train_eval']:,}" for run in runs), "or"),
        precision=each(run.info.recipe["precision"] for run in runs),
        hardware=each((machine(run.info.hardware, lang) for run in runs), "or"))]
    cites = dict.fromkeys(series.printed.cite for series in nets if series.printed) if ticks else ()
    parts += [_say("source_printed", lang, cite=_list(cites, lang))] if cites else []
    parts += [_say("source_smoothed", lang, weight=f"{smoothing:g}")] if smoothing else []
    parts += [_say("source_seconds", lang)] if axis == "seconds" else []
    further = "source_files_seeds" if len(runs) > len(nets) else "source_files"
    parts.append(_say(further, lang, files=each(series.lead.source for series in nets)))
    return text("compare.sentences", lang).join(parts)


def _seeds_sentence(nets: Sequence[Series], lang: str) -> str:
    """ "one seed per curve", or whose curves are means of how many."""
    numbers = sorted({len(series.runs) for series in nets}, reverse=True)
    if numbers == [1]:
        return _say("one_seed", lang)
    return _list([_say("many_seeds" if number > 1 else "seeds_alone", lang, n=number, nets=_list(
        [series.label(lang) for series in nets if len(series.runs) == number], lang)) for number in numbers], lang)


def table_html(nets: Sequence[Series], lang: str) -> str:
    """The chart's numbers as a table: a row per net and epoch; of several seeds the mean and the range."""
    columns = [text(f"compare.degradation.columns.{column}", lang) for column in ("net", "epoch", *COLUMNS)]
    rows = [[series.label(lang), epoch + 1, *(_cell(series, column, epoch) for column in COLUMNS)]
            for series in nets for epoch in range(series.epochs)]
    caption = _say("chart_alt", lang, nets=_list([series.label(lang) for series in nets], lang),
                   data=DATA[nets[0].info.data].title)
    return numbers_table(columns, rows, caption)


def _cell(series: Series, column: str, epoch: int) -> "float | str":
    values = series.values(column)[epoch]
    mean = sum(values) / len(values)
    return mean if len(values) == 1 else f"{mean:.4g} ({min(values):.4g}–{max(values):.4g})"


def _list(items, lang: str) -> str:
    return text("compare.comma", lang).join(items)


def _say(key: str, lang: str, **values) -> str:
    return text(f"compare.degradation.{key}", lang, **values)
