"""The answer as it forms: what can be read of this picture behind each block, the net beside its twin."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from resnet.explain.readout import Readout, decided, formed
from resnet.hub.load import bundled
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef
from resnet.hub.store import current
from resnet.inference.predict import see
from resnet.surgery import block_sites
from resnet.ui.classify.answer import label_text
from resnet.ui.classify.view import ClassifyReading
from resnet.util.html import escape
from resnet.util.numbers import percent
from resnet.util.text import text

KINDS = {"resnet": "plain", "plain": "resnet"}  # what a bundled net's name begins with, and its twin's


@dataclass(frozen=True)
class Strip:
    """A net and what can be read behind its blocks."""

    loaded: LoadedModel
    read: tuple[Readout, ...]

    @property
    def title(self) -> str:
        return self.loaded.info.title

    @property
    def said(self) -> list[int]:
        return [one.said or 0 for one in self.read]

    @property
    def blocks(self) -> int:
        return len(block_sites(self.loaded.info.architecture))


def _twin(reading: ClassifyReading) -> Strip | None:
    """The same of a bundled net's bundled twin; None where there is none."""
    picture, model = reading.picture, reading.view.model
    kind = next((kind for kind in KINDS if model.startswith(kind)), "")
    name = KINDS.get(kind, "") + model.removeprefix(kind)
    if picture is None or model not in bundled() or name not in bundled() or name == model:
        return None
    loaded = current().load(ModelRef.parse(name))
    return Strip(loaded, formed(loaded, see(picture, loaded).pixels))


def forming_html(reading: ClassifyReading) -> str:
    """A strip for each net: a cell for each stretch of blocks behind which the same class is read."""
    lang, mine, twin = reading.lang, Strip(reading.loaded, reading.evidence.forming), _twin(reading)
    strips = [mine, *([twin] if twin else [])]
    early = any(one.answer is None for one in mine.read)
    note = text(f"classify.forming_{'means' if early else 'last'}", lang)
    return (f'<section id="forming"><h3>{text("classify.forming", lang)}<small>{escape(note)}</small></h3>'
            + "".join(_strip(strip, lang) for strip in strips) + "</section>")


def _strip(strip: Strip, lang: str) -> str:
    kind = " plain" if strip.loaded.info.architecture.plain else ""
    cells = "".join(_cell(strip, [*stretch], lang) for _, stretch in groupby(
        range(len(strip.read)), key=lambda place: strip.said[place]))
    return (f'<div class="forming{kind}"><b>{escape(strip.title)}</b><div class="cells">{cells}</div>'
            f"<p>{escape(_told(strip, lang))}</p></div>")


def _cell(strip: Strip, places: Sequence[int], lang: str) -> str:
    """As broad as its blocks; the last stretch is the answer's."""
    first, last = strip.read[places[0]], strip.read[places[-1]]
    label = _label(strip, first.said or 0, lang)
    between = first.block if first is last else f"{first.block} – {last.block}"
    share = "" if last.share is None else f" · {percent(last.share)}"
    final = " final" if places[-1] == len(strip.read) - 1 else ""
    return (f'<span class="cell{final}" style="flex-grow:{len(places)}" title="{escape(f"{between}: {label}{share}")}">'
            f"{escape(label)}<small>{escape(between)}</small></span>")


def _told(strip: Strip, lang: str) -> str:
    """Where the answer is decided, and which block turns it."""
    place = decided(strip.said)
    missing = strip.blocks - len(strip.read)
    known = {"net": strip.title, "blocks": strip.blocks, "block": missing + place + 1, "name": strip.read[place].block,
             "label": _label(strip, strip.said[-1], lang)}
    if not place:
        return text("classify.forming_from_first", lang, **known)
    before = _label(strip, strip.said[place - 1], lang)
    return text("classify.forming_decided", lang, before=before, **known)


def _label(strip: Strip, index: int, lang: str) -> str:
    return label_text(strip.loaded.info.labels[index], lang)
