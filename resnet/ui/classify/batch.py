"""Several pictures at once: a line for each, and all of it as CSV."""

from dataclasses import dataclass, replace
from pathlib import Path

import gradio as gr
import torch
from torch import Tensor

from resnet.explain.evidence import MANY, ManyAnswers
from resnet.explain.familiarity import SELDOM, Strangeness
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef
from resnet.hub.store import current
from resnet.inference.picture import decode
from resnet.inference.predict import see
from resnet.inference.probabilities import ranked
from resnet.ui.classify.answer import label_text
from resnet.ui.gradio_compat import sent
from resnet.ui.page import device
from resnet.ui.page.download import download
from resnet.ui.page.images import png_url
from resnet.ui.wall.guard import uploaded_file, uploaded_name
from resnet.util.csv import csv_text
from resnet.util.errors import InputError
from resnet.util.html import escape
from resnet.util.numbers import percent, probability, readable
from resnet.util.text import LANGUAGES, text

TOP = 3

# One file after the other, so that a large one costs only itself.
SEND = """element.addEventListener("change", async (event) => {
  const chosen = [...event.target.files], files = [];
  for (const file of chosen.length > LIMIT ? [] : chosen)
    try { files.push({ path: (await upload(file)).path, orig_name: file.name }); }
    catch { files.push({ path: null, orig_name: file.name }); }
  trigger("upload", { files, count: chosen.length });
  event.target.value = "";
})""".replace("LIMIT", str(MANY))


def chooser_html() -> str:
    label = "".join(f'<span data-in="{lang}">{escape(text("classify.several_label", lang, limit=MANY))}</span>'
                    for lang in LANGUAGES)
    return f'<label class="file"><input type="file" multiple accept=".jpg,.jpeg,.png,.webp">{label}</label>'


def sent_files(event: gr.EventData) -> list:
    """The records of uploads that the browser tells of.

    Raises:
        InputError: more pictures than are taken at once, or none.
    """
    files, count = sent(event, "files"), sent(event, "count")
    if isinstance(count, int) and count > MANY:
        raise InputError("several", n=count, limit=MANY)
    if not isinstance(files, list) or not files:
        raise InputError("picture_empty")
    return files


@dataclass(frozen=True)
class Line:
    """A picture's name, and either what the net saw of it, how strange it is and what it said, or what is wrong."""

    name: str
    seen: Tensor | None = None
    answers: tuple[tuple[int, float], ...] = ()
    strangeness: Strangeness | None = None
    problem: str = ""


def ask_about(files: list, model: ModelRef, temperature: float, lang: str,
              reading: tuple[str, ...] = ()) -> tuple[list[Line], ManyAnswers | None]:
    """Decodes one by one, so that a bad picture costs only its own line; then answers all in one batch.

    Args:
        files: Gradio's records of uploads.
        reading: of the model, as in ClassifyView.

    Raises:
        InputError: too many pictures, or a model that cannot be used.
    """
    if len(files) > MANY:
        raise InputError("several", n=len(files), limit=MANY)
    loaded = current().load(model)
    lines = [_line(file, loaded, lang) for file in files]
    pictures = [line.seen for line in lines if line.seen is not None]
    if not pictures:
        return lines, None
    found = device.classify_many(torch.stack(pictures), model, reading, True)
    logits, strangeness = iter(found.logits), iter(found.strangeness)
    return [line if line.seen is None else replace(
        line, answers=tuple(ranked(next(logits), TOP, temperature)), strangeness=next(strangeness, None))
        for line in lines], found


def _line(file, loaded: LoadedModel, lang: str) -> Line:
    name = Path(str(uploaded_name(file) or "?")).name[:80]
    try:
        return Line(name, see(decode(uploaded_file(file)), loaded).pixels)
    except InputError as error:
        return Line(name, problem=error.sentence(lang))


def batch_html(lines: list[Line], found: "ManyAnswers | None", loaded: LoadedModel, lang: str) -> str:
    """A table with a row for each picture, and its CSV."""
    heads = [*_strange_head(lines, lang), *(text("classify.nth_answer", lang, n=i + 1) for i in range(TOP))]
    head = "".join(f'<th scope="col">{escape(words)}</th>' for words in ("", text("classify.file", lang), *heads))
    rows = "".join(_row(line, loaded, heads, lang) for line in lines)
    title = text("classify.several_title", lang, n=len(lines), name=loaded.info.name)
    return (f'<section class="several"><h3>{escape(title)}</h3><div class="scroll" tabindex="0">'
            f'<table class="rows narrow"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
            f'<p class="take">{download("answers.csv", _csv(lines, loaded), text("classify.several_csv", lang))}</p>'
            f"{_strange_note(lines, lang)}{_source(found, lang)}</section>")


def _strange_head(lines: list[Line], lang: str) -> list[str]:
    """The column's name, where any strangeness is known."""
    return [text("classify.strange_many", lang)] if any(line.strangeness for line in lines) else []


def _strange_note(lines: list[Line], lang: str) -> str:
    known = next((line.strangeness for line in lines if line.strangeness), None)
    if known is None:
        return ""
    said = text("classify.strange_many_says", lang, n=f"{known.n:,}", seldom=percent(SELDOM))
    return f'<p class="note">{escape(said)}</p>'


def _row(line: Line, loaded: LoadedModel, heads: list[str], lang: str) -> str:
    """`heads` are the columns' names, which a phone writes before each value."""
    name = f'<th scope="row">{escape(line.name)}</th>'
    if line.seen is None:
        return f'<tr><td></td>{name}<td colspan="{len(heads)}" class="warn">{escape(line.problem)}</td></tr>'
    image = f'<td><img class="pixels" src="{png_url(line.seen)}" alt=""></td>'
    strange = [(percent(one.below), "warn" if one.unlike else "") for one in [line.strangeness] if one]
    said = [(f"{label_text(loaded.info.labels[i], lang)} {probability(p)}", "") for i, p in line.answers]
    cells = "".join(f'<td class="{kind}" data-is="{escape(head)}">{escape(words)}</td>'
                    for head, (words, kind) in zip(heads, strange + said, strict=True))
    return f"<tr>{image}{name}{cells}</tr>"


def _source(found: "ManyAnswers | None", lang: str) -> str:
    if found is None:
        return ""
    parts = [text("classify.several_source", lang, n=len(found.logits), ms=readable(found.milliseconds),
                  precision=found.precision)]
    if found.fallback:
        parts.append(text(f"classify.fallback_{found.fallback}", lang))
    return f'<p class="source">{escape(" ".join(parts))}</p>'


def _csv(lines: list[Line], loaded: LoadedModel) -> str:
    head = ["file", "model", *(f"{what}_{i + 1}" for i in range(TOP) for what in ("label", "probability")),
            "stranger_than", "problem"]
    return csv_text(head, (_csv_row(line, loaded) for line in lines))


def _csv_row(line: Line, loaded: LoadedModel) -> list:
    cells = [cell for i, p in line.answers for cell in (loaded.info.labels[i], p)]
    strange = line.strangeness.below if line.strangeness else ""
    return [_harmless(line.name), loaded.info.name, *cells, *[""] * (2 * TOP - len(cells)), strange, line.problem]


def _harmless(name: str) -> str:
    """A file's name that a spreadsheet will not take for a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t") else name
