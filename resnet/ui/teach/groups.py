"""A lesson's classes and pictures, to be changed; teach.js hears what is done."""

from resnet.ui.classify.inline_controls import button
from resnet.ui.teach.lesson import Lesson, Picture
from resnet.ui.teach.limits import CLASSES, NAME, NEEDED, PICTURES
from resnet.util.html import escape
from resnet.util.text import text


def lesson_html(lesson: Lesson, lang: str, problems: tuple[str, ...] = ()) -> str:
    """The classes side by side, buttons for all of it, and what went wrong with single pictures."""
    groups = "".join(_group(lesson, group, lang) for group in lesson.classes)
    told = "".join(f'<p class="note warn" role="alert">{escape(problem)}</p>' for problem in problems)
    ready = " data-ready" if lesson.ready else ""
    return f'<div class="groups"{ready}>{groups}</div>{told}{_for_all(lesson, lang)}'


def _group(lesson: Lesson, group: int, lang: str) -> str:
    name, numbers = lesson.classes[group], lesson.numbers(group)
    shots = "".join(_shot(number, lesson.pictures[number], name, lang) for number in numbers)
    label = escape(text("teach.class_name", lang))
    missing = NEEDED - len(numbers)
    told = text("teach.missing", lang, n=missing) if missing > 0 else text("teach.count", lang, n=len(numbers))
    return (f'<section class="group"><input type="text" data-rename="{group}" value="{escape(name)}" '
            f'maxlength="{NAME}" aria-label="{label}"><div class="ways">{_shoot(group, name, lang)}'
            f'{_files(group, name, lang)}</div><ul class="shots">{shots}</ul><p class="note">{escape(told)} '
            f'{button("remove", str(group), escape(text("teach.remove", lang)), "", "quiet")}</p></section>')


def _shoot(group: int, name: str, lang: str) -> str:
    label = escape(text("teach.shoot_label", lang, name=name))
    return (f'<button type="button" class="pill" data-shoot="{group}" aria-label="{label}">'
            f'{escape(text("teach.shoot", lang))}</button>')


def _files(group: int, name: str, lang: str) -> str:
    label = escape(text("teach.files_label", lang, name=name))
    return (f'<label class="file pill">{escape(text("teach.files", lang))}<input type="file" multiple '
            f'accept="image/*" data-files="{group}" aria-label="{label}"></label>')


def _shot(number: int, picture: Picture, name: str, lang: str) -> str:
    label = text("teach.forget", lang, name=name, file=picture.name or str(number))
    return f'<li>{button("forget", str(number), image_html(picture), label)}</li>'


def image_html(picture: Picture) -> str:
    return f'<img src="{picture.thumbnail}" alt="">'


def _for_all(lesson: Lesson, lang: str) -> str:
    full = " disabled" if len(lesson.classes) >= CLASSES else ""
    more = (f'<button type="button" class="pill" data-field="add" data-value=""{full}>'
            f'{escape(text("teach.add", lang))}</button>')
    rest = "".join(button(field, "", escape(text(f"teach.{field}", lang)), "", "pill")
                   for field in ("examples", "clear"))
    kept = text("teach.kept", lang, n=len(lesson.pictures), limit=PICTURES)
    return f'<p class="ways">{more}{rest}</p><p class="source">{escape(kept)}</p>'
