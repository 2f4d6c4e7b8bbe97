"""The readings that a checkpoint's tensors leave open, and how well batch norm's statistics fit: to choose from."""

from collections.abc import Iterator

from resnet.hub.fingerprint import Fit, Verdict
from resnet.hub.readings import spelled
from resnet.ui.classify.inline_controls import menu
from resnet.ui.classify.view import ClassifyReading
from resnet.util.html import escape
from resnet.util.numbers import significant
from resnet.util.text import text

MOST = 8  # offered, beside the one that was set by hand


def readings_html(reading: ClassifyReading) -> str:
    """A menu of the readings, the taken one first; "" for a net that was not asked for them."""
    verdict, lang = reading.loaded.verdict, reading.lang
    if verdict is None:
        return ""
    options = [_option(fit, verdict, lang) for fit in _offered(verdict)]
    now = ",".join(reading.view.reading)
    if now not in dict(options):
        options.append((now, text("classify.reading_by_hand", lang, reading=now)))
    label = text("classify.reading", lang)
    note = text("classify.reading_note", lang, n=len(verdict.fits))
    return (f'<p class="filters"><label>{escape(label)} {menu("reading", now, options, label)}</label></p>'
            f'<p class="note">{escape(note)}</p>')


def _offered(verdict: Verdict) -> Iterator[Fit]:
    """The taken one, what is usual or stated, those that cannot be told apart from it, then the next best."""
    first = (verdict.taken, verdict.start, *verdict.rivals, *verdict.fits)
    yield from list(dict.fromkeys(first))[:MOST]


def _option(fit: Fit, verdict: Verdict, lang: str) -> tuple[str, str]:
    """(what is set by hand, words)."""
    changes = fit.reading.beyond(verdict.taken.reading)
    value = ",".join(f"{field}={one}" for field, one in changes.items())
    words = spelled(changes) or text("classify.reading_taken", lang)
    return value, text("classify.reading_option", lang, reading=words, shift=significant(fit.shift, 2))
