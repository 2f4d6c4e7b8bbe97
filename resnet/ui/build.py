"""The page as a whole: title line, three tabs, and the wiring that all tabs share."""

import functools
from html import escape
from pathlib import Path

import gradio as gr
from starlette.middleware import Middleware

from resnet.errors import InputError
from resnet.text import LANGUAGES, text
from resnet.ui import classify_tab, compare_tab, trace_tab
from resnet.ui.examples import photo_file
from resnet.ui.guard import message_html
from resnet.ui.head import HeadScript
from resnet.ui.language import TRANSLATIONS, language, word
from resnet.ui.sharing import from_query
from resnet.ui.tab import Tab

HERE = Path(__file__).parent
TAB_MODULES = {"trace": trace_tab, "compare": compare_tab, "classify": classify_tab}
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Noto Sans CJK SC", "sans-serif"]
MONO = ["ui-monospace", "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", "monospace"]


def build() -> gr.Blocks:
    """The demo, wired but not launched."""
    gr.set_static_paths([Path(photo_file("cheetah1.jpg")).parent])
    with gr.Blocks(title="Residual networks, measured", analytics_enabled=False, fill_width=True) as demo:
        gr.HTML(_title_line(), elem_id="title-line")
        link = gr.Textbox(visible=False)
        tabs, items = {}, {}
        with gr.Tabs(elem_id="tabs") as strip:
            for name, module in TAB_MODULES.items():
                with gr.Tab(word(f"{name}.tab"), id=name) as items[name]:
                    tabs[name] = module.build()
        for name, tab in tabs.items():
            _wire(tab, items[name], link)
        _open_links(demo, strip, tabs, link)
    return demo


def launch_options() -> dict:
    """What launch() needs for this page, besides host and port."""
    return {
        "theme": _theme(), "css": (HERE / "style.css").read_text("utf-8"), "i18n": TRANSLATIONS,
        "show_error": False, "run_history": False, "enable_monitoring": False, "ssr_mode": False, "pwa": False,
        "max_file_size": "25mb", "footer_links": ["api"],
        "app_kwargs": {"openapi_url": None, "middleware": [Middleware(HeadScript)]},
    }


def _wire(tab: Tab, item: gr.Tab, link: gr.Textbox) -> None:
    """Every trigger of a tab, and opening it, shows its view and puts that into the address bar."""
    inputs = [*tab.controls, *tab.extra]
    # Files arrive as records of what was uploaded: Gradio must not decode a stranger's picture itself.
    quiet = {"api_visibility": "private", "show_progress": "minimal", "trigger_mode": "always_last",
             "preprocess": False, "concurrency_id": tab.name}
    for trigger in tab.triggers:
        shown = trigger(tab.show, inputs, [*tab.outputs, link], **quiet)
        shown.success(None, link, None, js="(view) => window.showInAddressBar(view)", api_visibility="private")
    for trigger, handler, further, controls in tab.arrivals:
        shown = trigger(handler, [*further, *inputs], [*tab.outputs, link, *controls], **quiet)
        shown.success(None, link, None, js="(view) => window.showInAddressBar(view)", api_visibility="private")
    opened = item.select(drawn(tab), inputs, [*tab.outputs, link], **quiet)
    opened.success(None, link, None, js="(view) => window.showOpenedTab(view)", api_visibility="private")


def drawn(tab: Tab):
    """A tab's handler for when no control was touched, on opening a tab or a link: success does not
    wipe what the message line says of the link, a failure is told like any other."""

    @functools.wraps(tab.show)
    def draw(*values) -> tuple:
        message, *rest = tab.show(*values)
        return message or gr.skip(), *rest

    return draw


def _open_links(demo: gr.Blocks, strip: gr.Tabs, tabs: dict[str, Tab], link: gr.Textbox) -> None:
    """On loading the page: the controls of the link's tab, then the tab, which draws itself when it opens."""
    views = {name: tab.view for name, tab in tabs.items()}

    def open_link(request: gr.Request) -> list:
        lang = language(request)
        name, view, problem = view_of(dict(request.query_params), views, lang)
        updates = []
        for tab in tabs.values():
            updates += [message_html(problem) if tab.name == name else "",
                        *tab.fill(view if tab.name == name else tab.view(), lang)]
        return [*updates, gr.Tabs(selected=name)]

    filled = [component for tab in tabs.values() for component in (tab.outputs[0], *tab.controls)]
    opened = demo.load(open_link, None, [*filled, strip], api_visibility="private", show_progress="hidden")
    first = next(iter(tabs.values()))  # open from the start, so that it is not selected again
    opened.success(drawn(first), [*first.controls, *first.extra], [*first.outputs, link],
                   api_visibility="private", show_progress="hidden", concurrency_id=first.name)


def view_of(parameters: dict[str, str], views: dict[str, type], lang: str) -> tuple:
    """(tab, view, what was wrong with the link): a bad link opens its tab's default view and says why."""
    name = parameters.get("tab", "trace")
    problem = ""
    if name not in views:
        problem = InputError("unknown_tab", name=str(name)[:40], known=", ".join(views)).sentence(lang)
        name = "trace"
    try:
        return name, from_query(views[name], parameters), problem
    except InputError as error:
        return name, views[name](), error.sentence(lang)


def _title_line() -> str:
    return (f'<header><div><h1>{_both("page.title")}</h1><p>{_both("page.subtitle")}</p></div>'
            f'<nav><span class="pill"><a href="?lang=en" data-lang="en" lang="en">English</a> · '
            f'<a href="?lang=zh" data-lang="zh" lang="zh">中文</a></span>'
            f'<button type="button" class="pill" data-copy="yes"><span class="todo">{_both("page.copy")}</span>'
            f'<span class="done" role="status">{_both("page.copied")}</span></button></nav></header>')


def _both(key: str) -> str:
    """A sentence in both languages; style.css hides the one that is not the page's (Gradio translates
    only one sentence in a piece of HTML)."""
    return "".join(f'<span data-in="{lang}">{escape(text(key, lang))}</span>' for lang in LANGUAGES)


def _theme() -> gr.themes.Base:
    blue = gr.themes.Color(*("#eef6fb", "#d6eaf6", "#aed5ee", "#7fbce2", "#4a9bd1", "#0072b2", "#00639b", "#005282",
                             "#004368", "#00344f", "#00263a"))
    return gr.themes.Base(primary_hue=blue, neutral_hue="slate", font=FONTS, font_mono=MONO,
                          radius_size="sm", spacing_size="md")
