"""The HTML that all panels share: question, sentence, source line, table and download."""

from collections.abc import Mapping

from resnet.tracing.strokes import STYLE
from resnet.ui.page.download import download
from resnet.util.html import escape
from resnet.util.numbers import cell
from resnet.util.text import text


def heading_html(panel: str, said: str, lang: str) -> str:
    """The question, over what is said of it."""
    return f'<h2>{escape(text(f"compare.panels.{panel}", lang))}</h2>{said}'


def said_html(lead: str, numbers: str = "") -> str:
    """One sentence of what to see, and a line of numbers."""
    lines = {"lead": lead, "numbers": numbers}
    return "".join(f'<p class="{kind}">{escape(line)}</p>' for kind, line in lines.items() if line)


def progress_html(told: str, done: float) -> str:
    """How far something is, in words and as a bar; done from 0 to 1."""
    bar = f'<progress max="1" value="{min(done, 1):.3f}"></progress>'
    return f'<p class="progress-line" role="status">{bar} {escape(told)}</p>'


def below_html(source: str, table: str, csv: tuple[str, str], lang: str) -> str:
    """Under a figure: where it comes from, its numbers as a table, and the same as a file (name, content)."""
    return (f'<p class="source">{escape(source)}</p>'
            f'<details><summary>{text("compare.table", lang)}</summary>{table}</details>'
            f'<p class="take">{download(*csv, text("compare.download", lang))}</p>')


def numbers_table(columns: list[str], rows: list[list], caption: str) -> str:
    """A table as a figure's text alternative: the first column names the row; floats to four digits.

    Raises:
        ValueError: a row has more or fewer values than there are columns.
    """
    first, *others = columns
    head = f'<th scope="col">{escape(first)}</th>' + "".join(
        f'<th scope="col" class="number">{escape(column)}</th>' for column in others)
    body = "".join(f'<tr><th scope="row">{escape(cell(row[0]))}</th>'
                   + "".join(f'<td class="number">{escape(cell(value))}</td>'
                             for _, value in zip(columns[1:], row[1:], strict=True)) + "</tr>"
                   for row in rows)
    return (f'<div class="scroll" tabindex="0"><table class="rows" aria-label="{escape(caption)}">'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")


def maps(drawings: Mapping[str, str]) -> str:
    """Maps as figures by their captions, with the one style sheet of them all."""
    return f"<style>{STYLE}</style>" + "".join(
        f'<figure class="order"><figcaption>{escape(caption)}</figcaption>'
        f'<div class="scroll map" tabindex="0">{svg}</div></figure>' for caption, svg in drawings.items())
