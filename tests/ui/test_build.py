import inspect
import socket
import subprocess
import sys

import gradio as gr
import orjson
import pytest

from resnet.ui.compare.story import PANELS, Story
from resnet.ui.page.build import TAB_MODULES, build, drawn, launch_options, view_of
from resnet.util.errors import InputError
from resnet.util.fields import whole_number
from resnet.util.text import text
from tests.running import ROOT
from tests.ui.asking import asked, held, held_with, words

PLACES = ["trace", *(f"compare/{panel}" for panel in PANELS), "classify"]
PUBLIC = {"trace", "compare", "classify"}


@pytest.fixture(scope="module")
def demo() -> gr.Blocks:
    return build()


@pytest.fixture(scope="module")
def tabs() -> dict:
    with gr.Blocks():
        built = [module.build() for module in TAB_MODULES.values()]
    return {tab.key: tab for one in built for tab in (one.panels.values() if isinstance(one, Story) else [one])}


def opened(tab, controls: list, link: str = "") -> list:
    """What the page gets when `tab` opens with these controls, at last where the handler yields."""
    answer = drawn(tab.show)(asked(link), *controls, *[None] * len(tab.extra))
    return list(list(answer)[-1] if inspect.isgenerator(answer) else answer)


@pytest.mark.slow
def test_only_the_three_end_points_are_public(demo):
    calls = demo.config["dependencies"]
    assert {call["api_name"] for call in calls if call["api_visibility"] == "public"} == PUBLIC
    assert len(calls) > len(PUBLIC)


def test_a_handler_is_one_dependency_however_many_events_it_hears(demo):
    handlers = [fn.fn for fn in demo.fns.values() if fn.fn is not None]
    assert len(set(handlers)) == len(handlers) and len(demo.fns) < 64 + len(PANELS)


def test_nothing_comes_from_another_host():
    options = launch_options()
    assert "http" not in options["css"] and "@import" not in options["css"]
    assert not options["theme"]._stylesheets and not options["pwa"] and not options["run_history"]


@pytest.mark.parametrize("name", PLACES)
def test_a_tab_has_a_control_for_each_field_of_its_view(tabs, name):
    tab = tabs[name]
    assert len(tab.controls) == len(held(tab.view())) == len(tab.fill(tab.view(), "en"))


@pytest.mark.slow
@pytest.mark.parametrize("name", PLACES)
def test_opening_a_tab_leaves_what_its_link_was_told(tabs, name):
    tab = tabs[name]
    message, *rest = opened(tab, held(tab.view()))
    assert message == gr.skip()
    assert len(rest) == len(tab.outputs) and gr.skip() not in rest


@pytest.mark.parametrize("link", [{"height": "100000"}, {"classes": "0"}, {"height": "1", "width": "1"}])
def test_a_link_whose_net_cannot_be_drawn_says_why(tabs, link):
    tab = tabs["trace"]
    name, view, problem = view_of(link, {"trace": tab.view}, "en")
    message, *rest = opened(tab, held(view))
    assert problem or words(message)
    assert rest == [gr.skip()] * len(tab.outputs)


def test_an_empty_field_says_so_in_the_visitors_language(tabs):
    tab = tabs["trace"]
    message, *_ = opened(tab, held_with(tab.view(), height=None), "lang=zh")
    assert "高度" in words(message)


@pytest.mark.parametrize("value", ["1e308", "-1e308", "1e19", 2**53 + 2, -(2**64), True, False])
def test_what_no_number_field_can_hold_is_no_number(value):
    with pytest.raises(InputError):
        whole_number("height", value)


def test_every_accepted_number_can_be_sent_to_a_browser():
    for value in (0, -1, "224", 1e3, 2**53, "-9e15"):
        assert orjson.dumps(whole_number("height", value))


@pytest.mark.slow
def test_a_taken_port_is_told_in_a_sentence():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run([sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(port)], cwd=ROOT,
                              capture_output=True, text=True, timeout=180)
    assert done.returncode and "Traceback" not in done.stderr
    [told] = [line for line in done.stderr.splitlines() if "--port" in line]
    assert str(port) in told and told.startswith(text("errors.cannot_listen", reason="|").partition("|")[0])
