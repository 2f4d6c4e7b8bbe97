"""Teach it: a part of the Classify tab, its components and what follows from a click."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from resnet.ui.classify.inline_controls import PICK
from resnet.ui.classify.view import model_title
from resnet.ui.classify.weights import choices
from resnet.ui.page.controls import control
from resnet.ui.page.language import both, word
from resnet.ui.teach.handlers import change_lesson, look, show_lesson
from resnet.ui.teach.limits import A_FORM, ENCODED, FORM, SIDE
from resnet.ui.teach.view import TeachView
from resnet.ui.wall.limits import work

# The script comes when the part is first opened; what it may send is told there.
MOUNT = PICK + """
const teaching = () => import(new URL("shipped/page/teach.js", document.baseURI));
teaching().then((teach) => teach.mountLesson(element, trigger, LIMITS));""".replace(
    "LIMITS", f"{{ form: {FORM}, pictures: {A_FORM}, picture: {ENCODED}, side: {SIDE} }}")
WATCH = """import(new URL("shipped/page/teach.js", document.baseURI))
    .then((teach) => teach.mountCamera(element, trigger));"""
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", **work("teach")}


def teach() -> None:
    """The part, closed until somebody opens it."""
    with gr.Accordion(word("teach.title"), open=False, elem_id="teach") as part:
        gr.HTML(f'<p class="lead">{both("teach.lead")}</p>')
        settings = _settings()
        message = gr.HTML(elem_classes="message-line")
        with gr.Row(elem_classes="teaching"):
            lesson: Any = gr.HTML(elem_id="lesson", js_on_load=MOUNT)
            with gr.Column(elem_classes="asking", min_width=240):
                camera: Any = gr.HTML(camera_html(), elem_id="camera", js_on_load=WATCH)
                refused = gr.HTML(elem_classes="message-line")
                live = gr.HTML(elem_id="live")
        result: Any = gr.HTML(elem_id="taught", js_on_load=PICK)
    shown = [message, lesson, result]
    gr.on([part.expand, *(setting.input for setting in settings)], show_lesson, settings, shown,
          trigger_mode="always_last", **QUIET | work("weights"))
    _on([lesson.upload, lesson.select, result.select], change_lesson, settings, shown, "answered")
    _on([camera.tick], look, settings, [refused, live], "looked")


def _settings() -> list[Any]:
    """Whose features, and which head."""
    with gr.Row(elem_classes="knobs"):
        view = TeachView()
        return [control(view, "model", choices=choices(model_title), allow_custom_value=True), control(view, "head")]


def _on(triggers: list, handler: Callable, inputs: list, outputs: list, then: str) -> None:
    """Then page.js or teach.js is told that the answer came, and asks on."""
    asked = gr.on(triggers, handler, inputs, outputs, trigger_mode="multiple", **QUIET)
    asked.then(None, None, None, js=f"() => window.{then}?.()", api_visibility="private")


def camera_html() -> str:
    """The camera, off until it is asked for, and a picture to ask about instead of it."""
    return (f'<h3>{both("teach.ask")}</h3><video muted playsinline hidden></video>'
            f'<p class="ways"><button type="button" class="pill" data-camera aria-pressed="false"><span class="off">'
            f'{both("teach.camera")}</span><span class="on">{both("teach.camera_off")}</span></button><label '
            f'class="file pill">{both("teach.ask_file")}<input type="file" accept="image/*" data-ask></label></p>'
            f'<p class="note warn" data-denied hidden>{both("teach.no_camera")}</p>'
            f'<img class="asked" alt="" hidden>')
