"""Lesions in words: the sentence of what to see, the source line, the table and the file."""

from resnet.lab import lesions, paths
from resnet.lab.lesions import OPERATIONS
from resnet.ui.compare.frame import below_html, numbers_table
from resnet.ui.compare.lesions_findings import Findings, title
from resnet.util.numbers import readable
from resnet.util.text import text


def lead(found: Findings, lang: str) -> str:
    """What to see, with the measured numbers."""
    if not found.measured:
        key = "paths_missing" if found.show == "paths" and not found.residual else "missing"
        return text(f"compare.lesions.{key}", lang, nets=found.twins.title)
    if found.show == "paths":
        return _paths_lead(found, lang)
    sentence = _sweep if found.show in OPERATIONS else _several
    sentences = [sentence(found, name, lang) for name in found.twins.names if found.of(name)]
    return " ".join(filter(None, [*sentences, _together(found, lang)]))


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


def _paths_lead(found: Findings, lang: str) -> str:
    """Where the gradient goes; whether a path carries less the longer it is, as Veit et al. found, or not."""
    name = found.residual
    rows = found.paths[name]
    n, total = rows[-1].length, sum(row.product for row in rows)
    middle = next(row.length for row in rows if sum(r.product for r in rows[:row.length + 1]) >= total / 2)
    falls = rows[-1].magnitude < rows[0].magnitude
    ratio = max(rows[-1].magnitude, rows[0].magnitude) / min(rows[-1].magnitude, rows[0].magnitude)
    return text("compare.lesions.lead_paths", lang, net=title(name), blocks=n, paths=f"{2**n:,}", mean=f"{n / 2:g}",
                median=middle) + " " + text(f"compare.lesions.paths_{'fall' if falls else 'grow'}", lang,
                                            ratio=readable(ratio))


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
    return below_html(source(found, lang), table(found, lang), csv_of(found), lang) if found.measured else ""


def source(found: Findings, lang: str) -> str:
    """Where the numbers come from: n, settings, files, the command, the paper."""
    if found.show == "paths":
        samples = found.paths[found.residual][0].samples
        return text("compare.lesions.source_paths", lang, samples=f"{samples:,}", name=found.residual)
    names = [name for name in found.twins.names if found.of(name)]
    n = found.of(names[0])[0].n
    sentence = text("compare.lesions.source", lang, n=f"{n:,}", data=found.twins.title.rpartition(", ")[2],
                files=", ".join(f"weights/{name}/lesions.csv" for name in names), name=names[0])
    return sentence + " " + text(f"compare.lesions.means_{found.show}", lang)


def table(found: Findings, lang: str) -> str:
    """The chart's numbers, a row per net and lesion, or per length."""
    if found.show == "paths":
        rows = [[row.length, f"{row.count:,}", row.magnitude, row.product]
                for row in found.paths[found.residual]]
        columns = ("length", "count", "magnitude", "product")
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
