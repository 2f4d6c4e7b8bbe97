"""For who teaches: nine views to show, a question to ask before each, and the answer, folded until it is wanted."""

from resnet.ui.page.card import recorded
from resnet.ui.page.language import both
from resnet.util.html import escape
from resnet.util.text import LANGUAGES, text

# In the order of a lecture: a panel of Compare, and what its link says besides.
STEPS = {"degradation": "&data=cifar10", "gradients": "", "responses": "", "lesions": "&nets=56_cifar10", "deepen": "",
         "orders": "", "accuracy": "", "surface": "", "race": ""}


def link(panel: str) -> str:
    """The view to show."""
    return f"?tab=compare&panel={panel}{STEPS[panel]}"


def answer(panel: str, lang: str) -> str:
    """What was found: the panel's own sentence, where its card was made, and what to make of it."""
    found = recorded().get(panel, {}).get(lang, "")
    gap = " " if found and lang != "zh" else ""
    return f"{found}{gap}{text(f'start.lecture.answers.{panel}', lang)}"


def lecture_html() -> str:
    """Shown where the link says lecture=1."""
    steps = "".join(_step(panel) for panel in STEPS)
    return (f'<section class="lecture"><h2>{both("start.lecture.title")}</h2><p>{both("start.lecture.how")}</p>'
            f"<ol>{steps}</ol></section>")


def _step(panel: str) -> str:
    answers = "".join(f'<span data-in="{lang}">{escape(answer(panel, lang))}</span>' for lang in LANGUAGES)
    return (f'<li><details><summary>{both(f"start.lecture.questions.{panel}")}</summary><p>{answers}</p></details>'
            f'<a href="{escape(link(panel))}">{both(f"compare.panels.{panel}")}</a></li>')


def lecture_text(base: str = "") -> str:
    """The same as Markdown, one language after the other: docs/lecture.md.

    base   of the links: an instance's address
    """
    return "\n".join(f"# {text('start.lecture.title', lang)}\n\n{text('start.lecture.how', lang)}\n\n"
                     + "\n".join(_item(number, panel, base, lang) for number, panel in enumerate(STEPS, 1))
                     for lang in LANGUAGES)


def _item(number: int, panel: str, base: str, lang: str) -> str:
    return (f"{number}. [{text(f'compare.panels.{panel}', lang)}]({base}{link(panel)}&lang={lang})\n\n"
            f"   <details><summary>{text(f'start.lecture.questions.{panel}', lang)}</summary>\n\n"
            f"   {answer(panel, lang)}\n\n   </details>\n")
