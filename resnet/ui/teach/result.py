"""What a lesson came to: the head's left-out accuracy, its hardest pictures, the twins beside each other, files."""

from dataclasses import dataclass

from resnet.explain.heads import Fit, Paired, paired
from resnet.hub.libraries import timm_name
from resnet.hub.load import bundled
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef
from resnet.hub.store import current
from resnet.lab.twins import all_twins
from resnet.lab.verdict import compared
from resnet.ui.classify.inline_controls import section
from resnet.ui.classify.view import model_title
from resnet.ui.classify.weights import check_here
from resnet.ui.teach.groups import image_html
from resnet.ui.teach.lesson import Lesson, Taught
from resnet.ui.teach.limits import NEEDED
from resnet.ui.teach.view import TeachView
from resnet.util.html import escape
from resnet.util.numbers import percent, probability, readable, significant
from resnet.util.text import text

HARDEST, TWINS_OF = 3, "cifar10"  # pictures shown; whose twins are taken for nets that have none themselves


@dataclass(frozen=True)
class Report:
    """A head by one net's features."""

    view: TeachView
    loaded: LoadedModel
    taught: Taught


def report(lesson: Lesson, view: TeachView) -> Report:
    """Raises InputError where it cannot be taught yet, or by this net."""
    check_here(view.ref)
    loaded = current().load(view.ref)
    return Report(view, loaded, lesson.taught(view.ref, loaded, view.head))


def result_html(lesson: Lesson, view: TeachView, lang: str) -> str:
    """Of a lesson that can be taught; before that, what it needs."""
    if not lesson.ready:
        return f'<p class="note">{escape(text("teach.needs", lang, n=NEEDED))}</p>'
    found = report(lesson, view)
    return (f"{_accuracy(found, lang)}{_hardest(lesson, found, lang)}{_twins(lesson, found, lang)}"
            f"{_files(lesson, found, lang)}{_source(found, lang)}")


def _accuracy(found: Report, lang: str) -> str:
    fit = found.taught.fit
    largest = int(fit.labels.bincount().max())
    lead = text("teach.accuracy", lang, correct=fit.correct, n=fit.n, share=percent(fit.correct / fit.n),
                chance=percent(largest / fit.n))
    rows = "".join(_class_row(found.taught, i, lang) for i in range(len(found.taught.labels)))
    head = "".join(f'<th scope="col">{escape(text(f"teach.{key}", lang))}</th>'
                   for key in ("column_class", "column_correct", "column_taken_for"))
    return (f'<h3>{escape(text("teach.result", lang))}</h3><p class="lead">{escape(lead)}</p><div class="scroll" '
            f'tabindex="0"><table class="rows"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>')


def _class_row(taught: Taught, i: int, lang: str) -> str:
    """How many of a class's pictures are answered correctly, and for what the others are taken."""
    fit = taught.fit
    own = fit.answers[fit.labels == i]
    wrong = [f"{taught.labels[other]} ({count})" for other, count in enumerate(own.bincount(minlength=2).tolist())
             if count and other != i]
    told = text("teach.of", lang, correct=int((own == i).sum()), n=len(own))
    return (f'<tr><th scope="row">{escape(taught.labels[i])}</th><td>{escape(told)}</td>'
            f'<td>{escape(", ".join(wrong) or "–")}</td></tr>')


def _hardest(lesson: Lesson, found: Report, lang: str) -> str:
    tiles = "".join(_hard(lesson, found.taught, row, lang) for row in found.taught.fit.hardest(HARDEST))
    return (f'<h3>{escape(text("teach.hardest", lang))}</h3><div class="hardest">{tiles}</div>'
            f'<p class="note">{escape(text("teach.hardest_note", lang))}</p>')


def _hard(lesson: Lesson, taught: Taught, row: int, lang: str) -> str:
    fit = taught.fit
    own, given = int(fit.labels[row]), int(fit.answers[row])
    chances = fit.chances[row]
    key = "teach.hard_right" if own == given else "teach.hard_wrong"
    told = text(key, lang, name=taught.labels[own], own=probability(float(chances[own])),
                given=taught.labels[given], chance=probability(float(chances[given])))
    return (f'<figure>{image_html(lesson.pictures[taught.kept[row]])}'
            f"<figcaption>{escape(told)}</figcaption></figure>")


def _twins(lesson: Lesson, found: Report, lang: str) -> str:
    """The comparison that only a page with both kinds of nets can make; worked out when it is asked for."""
    body = _pairs(lesson, found, lang) if lesson.compared else ""
    return section("twins", text("teach.twins", lang), text("teach.twins_note", lang), lesson.compared, body)


def _pairs(lesson: Lesson, found: Report, lang: str) -> str:
    """The same pictures through each pair of bundled twins, with the same head."""
    pairs = [pair for pair in all_twins().values() if pair.data == _data_of_twins(found.view) and len(pair.names) == 2]
    rows, told = "", ""
    for pair in pairs:
        fits = [_fit(lesson, name, found.view.head) for name in pair.names]
        both = paired(*fits)
        rows += _pair_rows(pair.names, both, lang)
        told += f"<p>{escape(verdict_words(pair.depth, both, lang))}</p>"
    head = "".join(f'<th scope="col">{escape(text(f"teach.{key}", lang))}</th>'
                   for key in ("column_net", "column_correct", "column_only"))
    source = text("teach.twins_source", lang, head=text(f"teach.head_{found.view.head}", lang))
    return (f'{told}<div class="scroll" tabindex="0"><table class="rows"><thead><tr>{head}</tr></thead><tbody>{rows}'
            f'</tbody></table></div><p class="source">{escape(source)}</p>')


def _fit(lesson: Lesson, name: str, head: str) -> Fit:
    ref = ModelRef.parse(name)
    return lesson.taught(ref, current().load(ref), head).fit


def _data_of_twins(view: TeachView) -> str:
    """The chosen net's own data where there are twins of it, else that of photographs."""
    info = bundled().get(view.model)
    known = {pair.data for pair in all_twins().values()}
    return info.data if info and info.data in known else TWINS_OF


def verdict_words(depth: int, both: Paired, lang: str) -> str:
    """Residual (first) and plain twins on a visitor's pictures, in one sentence that turns with the counts."""
    seeds = compared([both.first], [both.second]).words(lang)
    return text(f"teach.verdict_{both.verdict}", lang, depth=depth, n=both.n, residual=both.first, plain=both.second,
                only_residual=both.only_first, only_plain=both.only_second, p=significant(both.p, 2), seeds=seeds)


def _pair_rows(names: tuple[str, ...], both: Paired, lang: str) -> str:
    counts = zip(names, (both.first, both.second), (both.only_first, both.only_second), strict=True)
    return "".join(f'<tr><th scope="row">{escape(model_title(name))}</th>'
                   f'<td>{escape(text("teach.of", lang, correct=correct, n=both.n))}</td><td>{only}</td></tr>'
                   for name, correct, only in counts)


def _files(lesson: Lesson, found: Report, lang: str) -> str:
    """Links to what is made while it is fetched (resnet.ui.teach.files)."""
    links = " · ".join(f'<a class="download" download href="taught/{lesson.key}/{name}">'
                       f'{escape(text(f"teach.{key}", lang))}</a>'
                       for name, key in (("head.safetensors", "take_head"), ("net.zip", "take_net")))
    timm = timm_name(found.loaded.info.architecture)
    key = "teach.take_timm" if timm else "teach.take_ours"
    return (f'<p class="take"><b>{escape(text("classify.take", lang))}</b> {links}</p>'
            f'<p class="note">{_with_code(text(key, lang, name=timm))}</p>')


def _with_code(words: str) -> str:
    """What stands between backticks as code."""
    return "".join(f"<code>{escape(part)}</code>" if i % 2 else escape(part) for i, part in enumerate(words.split("`")))


def _source(found: Report, lang: str) -> str:
    fit = found.taught.fit
    told = text("teach.source", lang, head=text(f"teach.head_{found.view.head}", lang), n=fit.n,
                d=f"{fit.head.weight.shape[1]:,}", net=model_title(found.view.model),
                ms=readable(found.taught.milliseconds))
    return f'<p class="source">{escape(told)}</p>'
