"""Lesions in words: the sentence of what to see, the source line, the table and the file."""

from resnet.lab import lesions, paths
from resnet.lab.lesions import FILES, OPERATIONS
from resnet.lab.paths import half_length, half_range
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.ui.compare.lesions_findings import Findings, title
from resnet.util.html import escape
from resnet.util.numbers import readable
from resnet.util.text import text

RUIN, SCRATCH = 30.0, 5.0  # points of error: above which a net is said to collapse, below which hardly to notice

def lead(found: Findings, lang: str) -> str:
    """What to see: which twin a lesion hurts more, or where the gradient goes."""
    if not found.measured:
        return text(f"compare.lesions.{_missing(found)}", lang, nets=found.twins.title)
    if found.show == "paths":
        return text(f"compare.lesions.paths_{_paths_outcome(found)}", lang)
    titles = {f"{kind}_net": title(name) for kind, name in _named(found).items()}
    act = text(f"compare.lesions.act_{found.show}", lang)
    if len(titles) < 2:
        return text("compare.lesions.alone", lang, act=act, **titles)
    return text(f"compare.lesions.hurt_{_outcome(found)}", lang, act=act, **titles)


def numbers(found: Findings, lang: str) -> str:
    """The measured numbers, and those of the lesion that was asked for."""
    if not found.measured:
        return _together(found, lang)
    if found.show == "paths":
        return _paths_numbers(found, lang)
    sentence = _sweep if found.show in OPERATIONS else _several
    sentences = [sentence(found, name, lang) for name in found.twins.names if found.of(name)]
    return " ".join(filter(None, [_mean_costs(found, lang), *sentences, text("compare.lesions.one_each", lang),
                                  _together(found, lang)]))


def _missing(found: Findings) -> str:
    if found.show == "paths":
        return "missing" if found.residual else "paths_missing"
    return "missing" if found.norms == "running" else "missing_reestimated"


def _named(found: Findings) -> dict[str, str]:
    """The nets with records, by their kinds."""
    kinds = {"plain": found.twins.named(plain=True), "residual": found.residual}
    return {kind: name for kind, name in kinds.items() if name and found.of(name)}


def _outcome(found: Findings) -> str:
    """Which twin the lesions hurt more on average: with the norms' statistics re-estimated too, where that is
    recorded; and whether the one collapses while the other hardly changes."""
    costs = costs_of(found)
    worse = [costs["plain", norms] > costs["residual", norms] for norms in FILES if ("plain", norms) in costs]
    if any(worse) != all(worse):
        return "turns"
    ruins = all(cost > RUIN if kind == "plain" else cost < SCRATCH for (kind, _), cost in costs.items())
    told = "" if len(worse) > 1 else "_trained"
    return "collapse" if ruins else f"plain{told}" if all(worse) else f"never{told}"


def costs_of(found: Findings) -> dict[tuple[str, str], float]:
    """Points of error that a lesion adds on average, by kind of net and statistics; re-estimated ones too where both
    are recorded."""
    names = _named(found)
    treatments = tuple(FILES) if found.both and found.show in OPERATIONS else (found.norms,)
    shared = set.intersection(*({effect.blocks for effect in found.of(name)} for name in names.values()))
    return {(kind, norms): _cost(found, name, norms, shared) for kind, name in names.items() for norms in treatments}


def _mean_costs(found: Findings, lang: str) -> str:
    """On average over the lesions, of both twins under both treatments; "" where only one is recorded."""
    costs = costs_of(found) if found.show in OPERATIONS else {}
    if len(costs) < 4:
        return ""
    titles = {f"{kind}_net": title(name) for kind, name in _named(found).items()}
    return text("compare.lesions.costs", lang, **titles,
                **{f"{kind}_{norms}": f"{cost:.1f}" for (kind, norms), cost in costs.items()})


def repairs(found: Findings, lang: str) -> list[str]:
    """What remains of the lesions' damage when the norms' statistics are estimated anew, and what does not; nothing
    where only one of both is recorded."""
    if found.show not in OPERATIONS or not found.both:
        return []
    return [_stale(found, name, lang) for name in _named(found).values()]


def _cost(found: Findings, name: str, norms: str, shared: set[tuple[str, ...]]) -> float:
    """Points of error that a lesion adds to the whole net's, on average over those that both twins can have."""
    errors = [effect.error for effect in found.of(name, norms) if effect.blocks in shared]
    return sum(errors) / len(errors) - found.whole(name, norms).error


def _stale(found: Findings, name: str, lang: str) -> str:
    """The lesion that loses most by re-estimation, and the worst that remains."""
    before, after = ({effect.blocks: effect.error for effect in found.of(name, norms)} for norms in FILES)
    moved = max(after, key=lambda blocks: before.get(blocks, 0) - after[blocks])
    worst = max(after, key=lambda blocks: after[blocks])
    key = "stale" if before[moved] > after[moved] else "not_stale"
    return text(f"compare.lesions.{key}", lang, net=title(name), block=moved[0], before=_number(before[moved]),
                after=_number(after[moved]), worst=worst[0], worst_before=_number(before[worst]),
                worst_after=_number(after[worst]))


def _sweep(found: Findings, name: str, lang: str) -> str:
    """The range of a net's errors, and the block that it can least do without."""
    rows = sorted(found.of(name), key=lambda effect: effect.error)
    return text(f"compare.lesions.lead_{found.show}", lang, net=title(name), whole=_number(found.whole(name).error),
                low=_number(rows[0].error), high=_number(rows[-1].error), block=rows[-1].blocks[0])


def _several(found: Findings, name: str, lang: str) -> str:
    errors = {}
    for effect in found.of(name):
        errors.setdefault(len(effect.blocks), []).append(effect.error)
    means = {count: sum(values) / len(values) for count, values in errors.items()}
    most = max(means)
    return text("compare.lesions.lead_several", lang, net=title(name), whole=_number(found.whole(name).error),
                error=_number(means[min(means)]), most=most, last=_number(means[most]),
                draws=max(map(len, errors.values())))


def _paths_outcome(found: Findings) -> str:
    """Whether a path carries less the longer it is, as Veit et al. found, or not."""
    first, *_, last = found.paths[found.residual]
    return "fall" if last.high < first.low else "grow" if last.low > first.high else "level"


def _paths_numbers(found: Findings, lang: str) -> str:
    """Where the gradient goes."""
    name = found.residual
    rows = found.paths[name]
    first, last = rows[0], rows[-1]
    low, high = half_range(rows)
    ratio = max(last.median, first.median) / min(last.median, first.median)
    return text("compare.lesions.lead_paths", lang, net=title(name), blocks=last.length, paths=f"{2**last.length:,}",
                mean=f"{last.length / 2:g}", half=half_length(rows, lambda row: row.product), low=low, high=high,
                by_means=half_length(rows, lambda row: row.count * row.mean), ratio=readable(ratio))


def _together(found: Findings, lang: str) -> str:
    """What the lesion that was asked for does, net by net."""
    if not found.blocks or found.show not in OPERATIONS:
        return ""
    sentences = [text("compare.lesions.live", lang, net=title(name), error=_number(lesioned.error),
                 whole=_number(whole.error)) for name, (whole, lesioned) in found.live.items()]
    sentences += [text(f"compare.lesions.cannot_{found.show}", lang, net=title(name))
             for name in found.twins.names if name not in found.live]
    n = next((whole.n for whole, _ in found.live.values()), 0)
    return text("compare.lesions.asked", lang, blocks=", ".join(found.blocks), n=f"{n:,}") + " " + " ".join(sentences)


def below(found: Findings, lang: str) -> str:
    """The source line, the table and the file; "" where nothing is recorded."""
    if not found.measured:
        return ""
    told = "".join(f'<p class="note">{escape(sentence)}</p>' for sentence in repairs(found, lang))
    return told + below_html(source(found, lang), table(found, lang), csv_of(found), lang)


def source(found: Findings, lang: str) -> str:
    """Where the numbers come from: n, settings, files, the command, the paper."""
    if found.show == "paths":
        samples = {row.samples for row in found.paths[found.residual]}
        return text("compare.lesions.source_paths", lang, samples=f"{min(samples):,}", most=f"{max(samples):,}",
                    name=found.residual)
    names = [name for name in found.twins.names if found.of(name)]
    n = found.of(names[0])[0].n
    sentence = text("compare.lesions.source", lang, n=f"{n:,}", data=found.twins.title.rpartition(", ")[2],
                files=", ".join(f"weights/{name}/{FILES[found.norms]}" for name in names), name=names[0])
    norms = text(f"compare.lesions.source_{found.norms}", lang, n=f"{found.of(names[0])[0].calibration:,}")
    return " ".join((sentence, norms, text(f"compare.lesions.means_{found.show}", lang)))


def table(found: Findings, lang: str) -> str:
    """The chart's numbers, a row per net and lesion, or per length."""
    if found.show == "paths":
        rows = [[row.length, f"{row.count:,}", f"{row.samples:,}", row.median, row.low, row.high, row.mean, row.product]
                for row in found.paths[found.residual]]
        columns = ("length", "count", "samples", "median", "low", "high", "mean", "product")
    else:
        rows = [[f"{title(name)} {' + '.join(effect.blocks)}".strip(), f"{effect.n:,}", effect.error, effect.loss]
                for name in found.twins.names for effect in found.rows(name)]
        columns = ("lesion", "n", "error", "loss")
    return numbers_table([text(f"compare.lesions.columns.{column}", lang) for column in columns], rows,
                         text("compare.lesions.alt", lang, nets=found.twins.title))


def csv_of(found: Findings) -> tuple[str, str]:
    """(name, content) of the file to take along."""
    if found.show == "paths":
        return f"paths-{found.residual}.csv", paths.to_csv(found.paths[found.residual])
    (head,) = lesions.to_csv([]).splitlines()
    lines = [f"{name},{line}" for name in found.twins.names
             for line in lesions.to_csv(found.rows(name)).splitlines()[1:]]
    return f"lesions-{found.show}-{found.twins.key}.csv", "\n".join([f"net,{head}", *lines]) + "\n"


def _number(value: float) -> str:
    return f"{value:.3g}"
