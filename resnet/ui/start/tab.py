"""The Start tab: the idea in six scenes to scroll through, the figure beside them; then the stream, to be cut."""

from dataclasses import dataclass

import gradio as gr

from resnet.ui.page.controls import control
from resnet.ui.page.language import both
from resnet.ui.page.panel import Panel, Tab
from resnet.ui.page.sharing import View
from resnet.ui.start.figures import figure_html
from resnet.ui.start.lecture import lecture_html
from resnet.ui.start.scenes import OPEN_QUESTIONS, PANELS, SCENES, numbers
from resnet.ui.stream.part import stream
from resnet.util.fields import hints, option


@dataclass(frozen=True)
class StartView(View):
    """scene is the one that a link opens at; start.js keeps the address while one scrolls.

    lecture   1 for who teaches: the questions of resnet.ui.start.lecture stand above the scenes
    """

    scene: int = option(1, low=1, high=len(SCENES), hidden=True)
    lecture: int = option(0, choices=(0, 1), hidden=True)


def draw(view: StartView, lang: str) -> tuple:
    """Nothing: the scenes stand in the page from the first byte, in both languages."""
    return ()


PANEL = Panel("start", "", StartView, draw, outputs=0)


def build() -> Tab:
    """The components, inside a gr.Tab."""
    message = gr.HTML(elem_classes="message-line")
    gr.HTML(lecture_html())
    gr.HTML(start_html(), js_on_load="window.openScenes();")
    stream()
    return PANEL.built({name: control(StartView(), name) for name in hints(StartView)}, [message])


def start_html() -> str:
    """Figure and scenes."""
    found = numbers()
    scenes = "".join(_scene(number, name, found) for number, name in enumerate(SCENES, 1))
    dots = "".join(f'<a href="?scene={number}" data-scene="{number}"><span class="unseen">'
                   f'{both(f"start.scenes.{name}.title")}</span></a>' for number, name in enumerate(SCENES, 1))
    return (f'<div class="start" data-scene="1"><div class="stage"><div class="stage-figure">{figure_html()}'
            f'{_questions()}</div><p class="source">{both("start.source", **found)}</p></div>'
            f'<div class="scenes">{scenes}</div><nav class="dots">{dots}</nav></div>'
            f'<p class="teach"><a href="?tab=start&lecture=1">{both("start.lecture.title")} →</a></p>')


def _scene(number: int, name: str, found: dict[str, str]) -> str:
    further = (f'<a class="further" href="?tab=compare&panel={PANELS[name]}">{both("start.further")} →</a>'
               if name in PANELS else "")
    return (f'<section class="scene" id="scene-{number}" data-scene="{number}" tabindex="0">'
            f'<h2><small>{number}</small> {both(f"start.scenes.{name}.title")}</h2>'
            f'<p>{both(f"start.scenes.{name}.first", **found)}</p>'
            f'<p>{both(f"start.scenes.{name}.second", **found)}</p>{further}</section>')


def _questions() -> str:
    """The last scene's figure: what is left open, each the way into its panel."""
    tiles = "".join(f'<a href="?tab=compare&panel={panel}">{both(f"start.open.{panel}")}</a>'
                    for panel in OPEN_QUESTIONS)
    return f'<div class="part s6 questions">{tiles}</div>'
