"""The evidence that unfolds below an answer, a row a section; each is worked out only when it is open.

Another one is another row of SECTIONS, its name among the `open` of resnet.ui.classify.view, and the sentence
classify.NAME for its heading.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from resnet.hub.loaded import LoadedModel
from resnet.surgery import block_sites
from resnet.tracing.trace import trace
from resnet.ui.classify.drawing import pixels_of
from resnet.ui.classify.evidence import blocks_html, blocks_note
from resnet.ui.classify.inline_controls import section
from resnet.ui.classify.samples import browse_html, browse_note, is_measured, neighbours_html, neighbours_note
from resnet.ui.classify.view import OWN, ClassifyReading, ClassifyView
from resnet.ui.page import device
from resnet.util.errors import InputError
from resnet.util.html import escape
from resnet.util.text import text

AT_ONCE = 2e10  # multiply-adds: about a second on two CPU cores


@dataclass(frozen=True)
class Look:
    """What the sections are drawn from.

    picture   the record of the visitor's own, or None
    """

    view: ClassifyView
    loaded: LoadedModel
    picture: "dict | None"
    lang: str

    @property
    def has_picture(self) -> bool:
        return self.view.example != OWN or bool(self.picture)

    def reading(self, **more: bool) -> ClassifyReading:
        """The answer again; `more` are further questions."""
        found = device.gather(pixels_of(self.view, self.picture), self.view.ref,
                              replace(self.view.questions, **more), self.view.reading)
        return ClassifyReading(self.view, self.loaded, found, self.lang)


@dataclass(frozen=True)
class Section:
    """name   its heading is the sentence classify.NAME
    note      what stands beside the heading
    body      what is inside
    slow      whether that takes seconds, so that a bar is shown first
    waiting   the sentence beside that bar, by its key
    """

    name: str
    note: Callable[[Look], str]
    body: Callable[[Look], str]
    slow: Callable[[Look], bool]
    waiting: str


def _blocks_are_slow(look: Look) -> bool:
    config = look.loaded.info.architecture
    return trace(config).macs * len(block_sites(config)) > AT_ONCE


def _is_unmeasured(look: Look) -> bool:
    return not is_measured(look.view, look.loaded)


SECTIONS = (
    Section("blocks", lambda look: blocks_note(look.view, look.loaded, look.lang),
            lambda look: blocks_html(look.reading(alone=True)), _blocks_are_slow, "classify.dropping"),
    Section("neighbours", lambda look: neighbours_note(look.loaded, look.lang),
            lambda look: neighbours_html(look.view, look.loaded, look.reading().evidence.feature, look.lang),
            _is_unmeasured, "classify.measuring"),
    Section("browse", lambda look: browse_note(look.loaded, look.lang),
            lambda look: browse_html(look.view, look.loaded, look.lang), _is_unmeasured, "classify.measuring"),
)
OF_A_PICTURE = ("blocks", "neighbours")


def sections_html(look: Look) -> Iterator[str]:
    """All headings with what is open below them; where that takes seconds, first with bars in its place."""
    wanted = [one for one in SECTIONS if one.name in look.view.open
              and (look.has_picture or one.name not in OF_A_PICTURE)]
    bodies = {one.name: _bar(one, look.lang) for one in wanted}
    slow = any(one.slow(look) for one in wanted)
    if slow:
        yield _drawn(look, bodies)
    for i, one in enumerate(wanted, 1):
        bodies[one.name] = _body(one, look)
        if slow and i < len(wanted):
            yield _drawn(look, bodies)
    yield _drawn(look, bodies)


def _drawn(look: Look, bodies: Mapping[str, str]) -> str:
    return "".join(section(one.name, text(f"classify.{one.name}", look.lang), one.note(look),
                           one.name in look.view.open, bodies.get(one.name, "")) for one in SECTIONS)


def _body(one: Section, look: Look) -> str:
    """What is refused is said in the place of that section, and the others are drawn."""
    try:
        return one.body(look)
    except InputError as error:
        return f'<p class="note">{escape(error.sentence(look.lang))}</p>'


def _bar(one: Section, lang: str) -> str:
    return (f'<div class="fetching" role="status"><progress></progress>'
            f"<span>{escape(text(one.waiting, lang))}</span></div>")
