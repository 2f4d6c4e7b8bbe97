"""The page as a whole: title line, four tabs, and the wiring that all tabs share."""

import functools
import inspect
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import themes
from gradio.themes.utils.colors import Color
from starlette.middleware import Middleware

from resnet.data import photo_file
from resnet.ui.classify import tab as classify_tab
from resnet.ui.compare import story
from resnet.ui.compare.story import Story
from resnet.ui.gradio_compat import leave_values_alone
from resnet.ui.page.card import asked_language
from resnet.ui.page.figure import WEB
from resnet.ui.page.head import TITLE, Compressed, Head
from resnet.ui.page.language import TRANSLATIONS, both, language, word
from resnet.ui.page.links import view_of
from resnet.ui.page.panel import Tab
from resnet.ui.page.share import back_html, share_html
from resnet.ui.start import tab as start_tab
from resnet.ui.stream.part import WEB as STREAM_WEB
from resnet.ui.stream.part import Alone
from resnet.ui.teach.files import TaughtFiles
from resnet.ui.teach.lessons import forget_lesson
from resnet.ui.trace import tab as trace_tab
from resnet.ui.wall.firewall import Firewall
from resnet.ui.wall.guard import message_html
from resnet.ui.wall.limits import KEPT_SECONDS, LAUNCH, SWEEP_SECONDS, work
from resnet.util.text import LANGUAGES, text

HERE = Path(__file__).parent
STYLES = ("page/style.css", "start/start.css", "trace/trace.css", "compare/race.css", "classify/classify.css",
          "teach/teach.css", "page/modes.css")
TAB_MODULES = {"start": start_tab, "trace": trace_tab, "compare": story, "classify": classify_tab}
PANELS = (start_tab.PANEL, trace_tab.PANEL, *story.PANELS.values(), classify_tab.PANEL)
VIEWS = {panel.key: panel.view for panel in PANELS}
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Noto Sans CJK SC", "sans-serif"]
MONO = ["ui-monospace", "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", "monospace"]


def build() -> gr.Blocks:
    """The demo, wired but not launched."""
    gr.set_static_paths([photo_file("cat").parent, STREAM_WEB, WEB])
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True,
                   delete_cache=(SWEEP_SECONDS, KEPT_SECONDS)) as demo:
        gr.HTML(_title_line(), elem_id="title-line")
        link = gr.Textbox(visible=False)
        places, stories = {}, []
        with gr.Tabs(elem_id="tabs") as strip:
            for name, module in TAB_MODULES.items():
                with gr.Tab(word(f"{name}.tab"), id=name) as item:
                    built = module.build()
                if isinstance(built, Story):
                    stories.append(built)
                    places |= built.panels
                else:
                    places[item] = built
        gr.HTML(back_html(), elem_id="back", js_on_load="dispatchEvent(new Event('viewchange'));")
        for item, tab in places.items():
            _wire(tab, item, link)
        link.change(None, link, None, js="(view) => window.showInAddressBar(view)", api_visibility="private")
        strip.select(None, None, None, js="() => window.showOpened()", api_visibility="private")
        _open_links(demo, strip, stories, list(places.values()), link)
        demo.unload(forget_lesson)
    leave_values_alone(demo)
    return demo


def launch_options() -> dict:
    """What launch() needs for this page, besides host and port."""
    return {
        "theme": _theme(), "css": _styles(), "i18n": TRANSLATIONS,
        "show_error": False, "run_history": False, "enable_monitoring": False, "ssr_mode": False, "pwa": False,
        "footer_links": ["api"], **LAUNCH,
        "app_kwargs": {"openapi_url": None, "middleware": [
            Middleware(Firewall), Middleware(TaughtFiles), Middleware(Compressed),
            Middleware(Alone, language=asked_language), Middleware(Head, views=VIEWS)]},
    }


def _styles() -> str:
    return "".join((HERE.parent / name).read_text("utf-8") for name in STYLES)


def _wire(tab: Tab, item: gr.Tab, link: gr.Textbox) -> None:
    """Each handler of a tab on all of its triggers; the view that it shows comes back as the link."""
    inputs, outputs = [*tab.controls, *tab.extra], [*tab.outputs, link]
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal", **work(tab.name)}
    latest: dict[str, Any] = quiet | {"trigger_mode": "always_last"}
    if tab.triggers:
        gr.on(tab.triggers, tab.show, inputs, outputs, **latest)
    for triggers, handler, controls in tab.arrivals:
        gr.on(triggers, handler, inputs, [*outputs, *controls], **latest)
    for triggers, handler, controls in tab.picks:
        picked = gr.on(triggers, handler, inputs, [*outputs, *controls], trigger_mode="multiple", **quiet)
        picked.then(None, None, None, js="() => window.answered()", api_visibility="private")
    opened, controls = _opened(tab)
    item.select(opened, inputs, [*outputs, *controls], **latest)


def _opened(tab: Tab) -> tuple[Callable, list]:
    """(a tab's handler for when it is opened, the controls that it also sets)."""
    show, controls = tab.opens or (tab.show, [])
    return drawn(show), controls


def drawn(show: Callable) -> Callable:
    """A handler for when no control was touched, on opening a tab or a link: success does not
    wipe what the message line says of the link, a failure is told like any other."""

    @functools.wraps(show)
    def draw(*values) -> tuple:
        message, *rest = show(*values)
        return message or gr.skip(), *rest

    @functools.wraps(show)
    def draw_on(*values):
        with closing(show(*values)) as views:
            for message, *rest in views:
                yield message or gr.skip(), *rest

    return draw_on if inspect.isgeneratorfunction(show) else draw


def _open_links(demo: gr.Blocks, strip: gr.Tabs, stories: list[Story], tabs: list[Tab], link: gr.Textbox) -> None:
    """On loading the page: the controls of the link's tab, then the tab, which draws itself when it opens. Nobody
    is asked before the page is up; what must be asked for, the tab's handler fills in."""
    def open_link(request: gr.Request) -> list:
        lang = language(request)
        key, view, problem = view_of(dict(request.query_params), VIEWS, lang)
        updates = []
        for tab in tabs:
            updates += [message_html(problem, "message of-link") if tab.key == key else "",
                        *tab.fill(view if tab.key == key else tab.view(), lang)]
        name, _, panel = key.partition("/")
        for _story in stories:
            updates += [panel or gr.skip(), gr.Tabs(selected=panel) if panel else gr.skip()]
        return [*updates, gr.Tabs(selected=name)]

    filled = [component for tab in tabs for component in (tab.outputs[0], *tab.controls)]
    filled += [component for story in stories for component in (story.chooser, story.strip)]
    opened = demo.load(open_link, None, [*filled, strip], api_visibility="private", show_progress="hidden")
    first = tabs[0]  # open from the start, so that it is not selected again
    draw_first, controls = _opened(first)
    opened.success(draw_first, [*first.controls, *first.extra], [*first.outputs, link, *controls],
                   api_visibility="private", show_progress="hidden", **work(first.name))


def _title_line() -> str:
    return (f'<header><div><h1>{both("page.title")}</h1><p>{both("page.subtitle")}</p></div>'
            f'<nav><span class="pill">{" · ".join(map(_language_link, LANGUAGES))}</span>{share_html()}</nav></header>')


def _language_link(lang: str) -> str:
    return f'<a href="?lang={lang}" data-lang="{lang}" lang="{lang}">{text("page.language", lang)}</a>'


def _theme() -> themes.Base:
    blue = Color(*("#eef6fb", "#d6eaf6", "#aed5ee", "#7fbce2", "#4a9bd1", "#0072b2", "#00639b", "#005282",
                             "#004368", "#00344f", "#00263a"))
    return themes.Base(primary_hue=blue, neutral_hue="slate", font=FONTS, font_mono=MONO,
                          radius_size="sm", spacing_size="md")
