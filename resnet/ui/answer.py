"""An Answer -> HTML: what the net saw, the bars, and what to make of them."""

import base64
import io
import math
import os
from html import escape

from torch import Tensor

from resnet.data import DATA
from resnet.hub import LoadedModel
from resnet.picture import Seen
from resnet.predict import Answer
from resnet.text import sentences, text

SURE_BELOW = 0.25  # of the largest possible entropy


def answer_html(answer: Answer, loaded: LoadedModel, lang: str) -> str:
    """The result of a classification as one block of HTML."""
    return (f'<div class="answer"><figure class="saw">{_seen(answer.seen, loaded, lang)}</figure>'
            f'<div class="verdict">{_bars(answer, lang)}{_notes(answer, loaded, lang)}</div></div>'
            f'<p class="source">{_source(answer, loaded, lang)}</p>')


def label_text(label: str, lang: str) -> str:
    """A class's name in the page's language, or as the model's own file spells it."""
    return sentences(lang).get(f"labels.{label}", label)


def png_url(pixels: Tensor) -> str:
    """uint8 [1 or 3, h, w] -> a data: URL of a PNG."""
    from PIL import Image

    plane = pixels[0] if len(pixels) == 1 else pixels.permute(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(plane.numpy()).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _seen(seen: Seen, loaded: LoadedModel, lang: str) -> str:
    height, width = seen.pixels.shape[-2:]
    done = [text("classify.saw_size", lang, width=width, height=height)]
    if seen.original != (height, width):
        done.append(text("classify.saw_resized", lang, width=f"{seen.original[1]:,}", height=f"{seen.original[0]:,}"))
    done += [text(f"classify.saw_{what}", lang) for what in ("grey", "inverted", "padded", "cropped")
             if getattr(seen, what)]
    alt = escape(text("classify.saw_alt", lang, width=width, height=height))
    return (f'<img class="pixels" src="{png_url(seen.pixels)}" alt="{alt}">'
            f'<figcaption><b>{text("classify.saw", lang)}</b> {escape(" · ".join(done))}</figcaption>')


def _bars(answer: Answer, lang: str) -> str:
    rows = "".join(
        f'<tr{" class=first" if i == 0 else ""}><th scope="row">{escape(label_text(p.label, lang))}</th>'
        f'<td class="bar"><span style="width:{100 * p.probability:.2f}%"></span></td>'
        f'<td class="number">{_percent(p.probability)}</td></tr>' for i, p in enumerate(answer.predictions))
    alt = escape(text("classify.answers_alt", lang))
    return f'<table class="bars" aria-label="{alt}"><tbody>{rows}</tbody></table>'


def _percent(probability: float) -> str:
    """One decimal, and never a certainty that is not one."""
    if probability < 0.0005:
        return "&lt; 0.1 %"
    return f"{100 * probability:.1f} %" if probability < 0.9995 else "&gt; 99.9 %"


def _notes(answer: Answer, loaded: LoadedModel, lang: str) -> str:
    limit = math.log(len(loaded.info.labels))
    key = "classify.sure" if answer.entropy < SURE_BELOW * limit else "classify.unsure"
    notes = [text(key, lang, entropy=f"{answer.entropy:.2f}", limit=f"{limit:.2f}"),
             text("classify.knows", lang, n=f"{len(loaded.info.labels):,}")]
    parts = [f'<p class="note">{escape(" ".join(notes))}</p>']
    height, width = loaded.info.architecture.input_size
    if answer.seen.original != (height, width) and loaded.info.data in DATA:
        unlike = text("classify.unlike", lang, size=f"{width}×{height}", title=DATA[loaded.info.data].title)
        parts.append(f'<p class="note warn">{escape(unlike)}</p>')
    return "".join(parts)


def _source(answer: Answer, loaded: LoadedModel, lang: str) -> str:
    parts = []
    if test := loaded.info.results.get("test"):
        params = sum(parameter.numel() for parameter in loaded.model.parameters())
        parts.append(text("classify.weights_note", lang, name=answer.model, params=f"{params:,}", n=f"{test['n']:,}",
                          accuracy=f"{100 * test['accuracy']:.2f}"))
    device = text(f"classify.{answer.device}", lang, cores=os.cpu_count())
    parts.append(text("classify.source", lang, device=device, precision=answer.precision,
                      total=f"{answer.prepare_ms + answer.forward_ms:.3g}", forward=f"{answer.forward_ms:.3g}",
                      prepare=f"{answer.prepare_ms:.3g}"))
    return escape(" ".join(parts))
