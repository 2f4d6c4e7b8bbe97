"""The answer: what the net saw, where it looked, the bars, and what to make of them."""

import json
import os

from resnet.data import DATA
from resnet.inference.picture import Seen
from resnet.inference.probabilities import entropy, largest_entropy, probabilities, ranked
from resnet.ui.classify.inline_controls import menu
from resnet.ui.classify.view import ClassifyReading
from resnet.ui.page.download import download
from resnet.ui.page.images import overlay, png_url
from resnet.util.csv import csv_text
from resnet.util.html import escape
from resnet.util.numbers import by, percent, points, probability, readable, significant
from resnet.util.text import sentences, text

DECIDED_BELOW = 0.25  # of the largest possible entropy


def answer_html(reading: ClassifyReading) -> str:
    """One model's answer as a row: two pictures and the bars."""
    kind = " plain" if reading.plain else ""
    return (f'<div class="answer{kind}"><figure class="saw">{_seen(reading)}</figure>'
            f'<figure class="looked">{_looked(reading)}</figure>'
            f'<div class="verdict">{_beforehand(reading)}{_bars(reading)}{_notes(reading)}</div></div>')


def label_text(label: str, lang: str) -> str:
    """A class's name in the page's language, or as the model's own file spells it."""
    return sentences(lang).get(f"labels.{label}", label)


def name_of_class(reading: ClassifyReading, index: int) -> str:
    return label_text(reading.loaded.info.labels[index], reading.lang)


def _seen(reading: ClassifyReading) -> str:
    seen, lang = reading.evidence.seen, reading.lang
    height, width = seen.pixels.shape[-2:]
    alt = escape(text("classify.saw_alt", lang, width=width, height=height))
    return (f'<img class="{_fit(seen)}" src="{png_url(seen.pixels)}" alt="{alt}">'
            f'<figcaption><b>{text("classify.saw", lang)}</b> {escape(" · ".join(_steps(seen, lang)))}</figcaption>')


def _fit(seen: Seen) -> str:
    """Small pictures are enlarged pixel by pixel, large ones scaled as usual."""
    return "pixels" if max(seen.pixels.shape[-2:]) <= 96 else "photo"


def _steps(seen: Seen, lang: str) -> list[str]:
    """How the picture came to the net's size."""
    height, width = seen.pixels.shape[-2:]
    done = [text("classify.saw_size", lang, width=width, height=height)]
    if seen.original != (height, width):
        done.append(text("classify.saw_resized", lang, width=f"{seen.original[1]:,}", height=f"{seen.original[0]:,}"))
    return done + [text(f"classify.saw_{what}", lang) for what in ("grey", "inverted", "padded", "cropped")
                   if getattr(seen, what)]


def _looked(reading: ClassifyReading) -> str:
    """Grad-CAM over the picture, its stage and class to choose, and the legend."""
    evidence, lang = reading.evidence, reading.lang
    target = name_of_class(reading, evidence.target)
    alt = escape(text("classify.looked_alt", lang, target=target, stage=evidence.stage))
    legend = (f'<p class="legend"><span>{text("classify.legend_none", lang)}</span><i></i>'
              f'<span>{text("classify.legend_most", lang)}</span></p>')
    if not evidence.cam.any():
        nowhere = text("classify.looked_nowhere", lang, stage=evidence.stage, target=target)
        legend = f'<p class="note">{escape(nowhere)}</p>'
    picture = png_url(overlay(evidence.seen.pixels, evidence.cam))
    return (f'<img class="{_fit(evidence.seen)}" src="{picture}" alt="{alt}">'
            f'{legend}<figcaption><b>{text("classify.looked", lang)}</b> Grad-CAM · {_cam_menus(reading)}</figcaption>')


def _cam_menus(reading: ClassifyReading) -> str:
    """The stage and the class; a second model follows the first, so it has none of its own."""
    evidence, lang = reading.evidence, reading.lang
    size = by(evidence.cam.shape)
    if reading.view.beside and reading.second is None:
        return escape(f"{evidence.stage} ({size}) · {name_of_class(reading, evidence.target)}")
    stages = [(name, name) for name in reversed(reading.stages)]
    best = [index for index, _ in ranked(evidence.logits, 10)]
    shown = dict.fromkeys([evidence.target, *best])
    classes = [("-1", text("classify.first_answer", lang, label=name_of_class(reading, best[0])))]
    classes += [(str(index), name_of_class(reading, index)) for index in shown]
    return (menu("stage", evidence.stage, stages, text("classify.cam_stage", lang)) + f" ({size}) · "
            + menu("target", str(reading.view.target), classes, text("classify.cam_class", lang)))


def _bars(reading: ClassifyReading) -> str:
    """The top k, each with what it lost or gained where blocks are switched off."""
    evidence, view, lang = reading.evidence, reading.view, reading.lang
    whole = probabilities(evidence.intact, view.temperature).tolist()
    changed = bool(reading.view.off) and evidence.logits is not evidence.intact
    rows = "".join(
        f'<tr{" class=first" if i == 0 else ""}><th scope="row">{escape(name_of_class(reading, index))}</th>'
        f'<td class="bar"><span style="width:{100 * p:.2f}%"></span>'
        + (f'<i style="--at:{whole[index]:.4f}"></i>' if changed else "")
        + f'</td><td class="number">{escape(probability(p))}</td>'
        + (f'<td class="delta">{points(p - whole[index])}</td>' if changed else "") + "</tr>"
        for i, (index, p) in enumerate(ranked(evidence.logits, view.top_k, view.temperature)))
    alt = escape(text("classify.answers_alt", lang))
    return f'<table class="bars" aria-label="{alt}"><tbody>{rows}</tbody></table>'


def _beforehand(reading: ClassifyReading) -> str:
    """What the net has not seen, which is told before it answers all the same."""
    evidence, info, lang = reading.evidence, reading.loaded.info, reading.lang
    parts, kind = [], "" if evidence.strangeness else "warn"  # of what is measured, the measure is the verdict
    if info.data in DATA and evidence.seen.original != DATA[info.data].size:
        height, width = DATA[info.data].size
        parts.append((kind, text("classify.unlike", lang, size=f"{width}×{height}", title=DATA[info.data].title)))
    if strange := evidence.strangeness:
        key = "classify.strange" if strange.unlike else "classify.familiar"
        parts.append(("warn" if strange.unlike else "", text(
            key, lang, distance=significant(strange.distance, 2), below=percent(strange.below), n=f"{strange.n:,}")))
    parts.append(("", text("classify.knows", lang, n=f"{len(info.labels):,}")))
    return "".join(f'<p class="note {kind}">{escape(words)}</p>' for kind, words in parts)


def _notes(reading: ClassifyReading) -> str:
    """How the answer is spread over the classes: less than whether the picture shows one of them."""
    evidence, lang = reading.evidence, reading.lang
    found, limit = entropy(evidence.logits, reading.view.temperature), largest_entropy(evidence.logits)
    key = "classify.decided" if found < DECIDED_BELOW * limit else "classify.unsure"
    parts = [f'<p class="note">{escape(text(key, lang, entropy=f"{found:.2f}", limit=f"{limit:.2f}"))}</p>']
    if reading.view.off:
        parts.append(f'<p class="note lesion">{escape(_lesion(reading))}</p>')
    return "".join(parts)


def _lesion(reading: ClassifyReading) -> str:
    """What switching the blocks off did to the whole net's first answer."""
    evidence, view, lang = reading.evidence, reading.view, reading.lang
    before, after = (probabilities(logits, view.temperature) for logits in (evidence.intact, evidence.logits))
    first, now = int(before.argmax()), int(after.argmax())
    key = "classify.lesion_same" if first == now else "classify.lesion_moved"
    return text(key, lang, n=len(view.off), label=name_of_class(reading, first), now=name_of_class(reading, now),
                before=probability(float(before[first])), after=probability(float(after[first])))


def source_html(reading: ClassifyReading) -> str:
    """Whose weights, how well they do, and how long this took."""
    return "".join(f'<p class="source">{escape(_source(one))}</p>' for one in (reading, reading.second) if one)


def _source(reading: ClassifyReading) -> str:
    evidence, loaded, lang = reading.evidence, reading.loaded, reading.lang
    parts = []
    if test := loaded.info.results.get("test"):
        params = sum(parameter.numel() for parameter in loaded.model.parameters())
        parts.append(text("classify.weights_note", lang, name=loaded.info.name, params=f"{params:,}",
                          n=f"{test['n']:,}", accuracy=f"{100 * test['accuracy']:.2f}"))
    device = text(f"classify.{evidence.device}", lang, cores=os.cpu_count())
    before = reading.decode_ms + evidence.prepare_ms
    parts.append(text("classify.source", lang, device=device, precision=evidence.precision,
                      total=readable(before + evidence.forward_ms), forward=readable(evidence.forward_ms),
                      prepare=readable(before), evidence=readable(evidence.evidence_ms)))
    if evidence.fallback:
        parts.append(text(f"classify.fallback_{evidence.fallback}", lang))
    return " ".join(parts)


def take_along_html(reading: ClassifyReading) -> str:
    """All probabilities, and the feature vector, as files."""
    info, lang = reading.loaded.info, reading.lang
    name = info.name.replace("/", "-").replace("@", "-")
    links = (download(f"answer-{name}.csv", _answer_csv(reading), text("classify.answer_csv", lang)),
             download(f"answer-{name}.json", _answer_json(reading), text("classify.answer_json", lang)),
             download(f"features-{name}.csv", _feature_csv(reading), text("classify.feature_csv", lang)),
             download(f"features-{name}.json", _feature_json(reading), text("classify.feature_json", lang)))
    says = text("classify.feature_says", lang, n=f"{len(reading.evidence.feature):,}")
    return (f'<p class="take"><b>{text("classify.take", lang)}</b> {" · ".join(links)}</p>'
            f'<p class="note">{escape(says)}</p>')


def _rows(reading: ClassifyReading) -> list[tuple[int, str, float, float]]:
    """(class, label, logit, probability at the view's temperature) of every class."""
    evidence = reading.evidence
    chances = probabilities(evidence.logits, reading.view.temperature).tolist()
    return list(zip(range(len(chances)), reading.loaded.info.labels, evidence.logits.tolist(), chances, strict=True))


def _answer_csv(reading: ClassifyReading) -> str:
    return csv_text(("class", "label", "logit", "probability"), _rows(reading))


def _answer_json(reading: ClassifyReading) -> str:
    view = reading.view
    return json.dumps({
        "model": reading.loaded.info.name, "picture": view.example, "temperature": view.temperature,
        "off": list(view.off),
        "answers": [dict(zip(("class", "label", "logit", "probability"), row, strict=True))
                    for row in _rows(reading)]})


def _feature_csv(reading: ClassifyReading) -> str:
    return csv_text(("feature", "value"), list(enumerate(reading.evidence.feature.tolist())))


def _feature_json(reading: ClassifyReading) -> str:
    return json.dumps({"model": reading.loaded.info.name, "picture": reading.view.example,
                       "feature": reading.evidence.feature.tolist()})
