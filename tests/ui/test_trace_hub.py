"""The Trace tab on a checkpoint of the Hub, through the stand-in on loopback."""

import time
from contextlib import ExitStack

import gradio as gr
import pytest

from resnet.ui.page.build import view_of
from resnet.ui.page.sharing import to_query
from resnet.ui.trace.api import trace_api
from resnet.ui.trace.tab import OF_A_NET, PANEL
from resnet.ui.trace.view import TraceView
from resnet.ui.wall.guard import place_at_the_hub
from resnet.ui.wall.limits import HUB_AT_ONCE
from tests.checkpoints import of, timm_model, write
from tests.hub import StandInHub, pointed_at
from tests.ui.asking import ask, held, held_with, words

REPO, OTHER_KIND = "timm/resnet50.a1_in1k", "timm/skresnet50.ra_in1k"


@pytest.fixture
def hub(tmp_path):
    with StandInHub() as stand_in, pointed_at(stand_in, tmp_path / "cache"):
        stand_in.add(REPO, {"model.safetensors": write(tmp_path / "a.safetensors", of("resnet50"))})
        stand_in.add(OTHER_KIND, {"model.safetensors": write(tmp_path / "d.safetensors", of(timm_model("skresnet50")))})
        yield stand_in


@pytest.mark.slow
def test_a_repository_is_traced_by_its_header(hub):
    message, html, link, *controls = ask(PANEL.follow("variant"), held_with(TraceView(), variant=REPO))
    shown = words(html)
    assert message == "" and "25,557,032" in shown and "Recognised as ResNet-50" in shown
    assert "of 102 MB read" in shown and hub.sent("*.safetensors") < 200_000
    assert dict(zip(OF_A_NET, controls, strict=True))["depths"] == "3,4,6,3"
    assert "variant=timm%2Fresnet50.a1_in1k" in link


@pytest.mark.slow
def test_a_change_of_view_asks_the_hub_once(hub):
    ask(PANEL.follow("variant"), held_with(TraceView(), variant=REPO))
    asked = len(hub.seen())
    message, html, _ = ask(PANEL.show, held(TraceView(REPO, order="preact")))
    assert message == "" and "25,549,352" in words(html) and len(hub.seen()) == asked


def test_what_is_another_kind_of_net_is_refused_in_both_languages(hub):
    english, *rest = ask(PANEL.follow("variant"), held_with(TraceView(), variant=OTHER_KIND))
    chinese, *_ = ask(PANEL.follow("variant"), held_with(TraceView(), variant=OTHER_KIND), "lang=zh")
    assert "layer1.0.conv1.conv" in english and "layer1.0.conv1.conv" in chinese and english != chinese
    assert all(part == gr.skip() for part in rest)


@pytest.mark.slow
def test_opening_a_link_asks_nobody_and_drawing_it_fills_the_controls(hub):
    key, view, problem = view_of({"variant": REPO, "classes": "7"}, {"trace": TraceView}, "en")
    assert (key, view.height, view.depths, view.classes, problem) == ("trace", None, None, 7, "") and not hub.seen()
    message, html, link, *controls = ask(PANEL.opened, held(view))
    filled = dict(zip(PANEL.asked, controls, strict=True))
    assert message == "" and hub.seen()
    assert (filled["height"], filled["depths"], filled["classes"]) == (224, "3,4,6,3", 7)
    assert link == to_query("trace", view.whole()) == "tab=trace&variant=timm%2Fresnet50.a1_in1k&classes=7"


def test_only_so_many_wait_for_the_hub(hub):
    with ExitStack() as stack:
        for _ in range(HUB_AT_ONCE):
            stack.enter_context(place_at_the_hub())
        message, *_ = ask(PANEL.opened, held_with(TraceView(), variant=REPO))
        assert "busy" in message and not hub.seen()
        assert ask(PANEL.opened, held(TraceView()))[0] == ""


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["500", "401", "429"])
def test_a_failing_hub_gets_a_sentence(hub, fault):
    hub.fail(fault)
    started = time.perf_counter()
    message, *_ = ask(PANEL.follow("variant"), held_with(TraceView(), variant=REPO))
    assert message.count("<p") == 1 and "went wrong" not in message and time.perf_counter() - started < 11


@pytest.mark.slow
@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "weights/resnet20_fashion_mnist", "./x/y"])
def test_a_visitor_cannot_name_files_of_this_machine(hub, name):
    message, *_ = ask(PANEL.follow("variant"), held_with(TraceView(), variant=name))
    assert message and "went wrong" not in message and "root:" not in message


def test_the_api_traces_a_repository(hub):
    answer = trace_api(REPO)
    assert answer["params"] == 25_557_032 and answer["reference"] == answer["name"] == REPO
    assert answer["recognised"]["variant"] == "resnet50" and answer["recognised"]["bytes_read"] < 200_000


def test_a_body_alone_is_counted_without_a_classifier(hub, tmp_path):
    body = {name: shape for name, shape in of("resnet18").items() if not name.startswith("fc.")}
    hub.add("a/body", {"model.safetensors": write(tmp_path / "body.safetensors", body)})
    assert trace_api("a/body")["params"] == 11_176_512 and trace_api("a/body", classes=10)["params"] == 11_181_642
    message, html, *_ = ask(PANEL.follow("variant"), held_with(TraceView(), variant="a/body"))
    assert message == "" and "11,176,512" in words(html) and "11,689,512" not in words(html)
