"""Classify's two new pieces of evidence: the answer as it forms, and the place for the stream."""

import base64

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from resnet.data import load_samples
from resnet.explain.readout import decided
from resnet.ui.classify.drawing import page_html, pixels_of, read
from resnet.ui.classify.forming import forming_html
from resnet.ui.classify.view import ClassifyView
from resnet.ui.page.card import asked_language
from resnet.ui.stream.part import ALONE, SETS, Alone, place_html
from resnet.ui.wall.rules import rule_for
from resnet.util.html import escape
from resnet.util.text import text
from tests.ui.asking import words


@pytest.fixture(scope="module")
def reading():
    return looked(ClassifyView())


def looked(view: ClassifyView):
    return read(view, pixels_of(view, None), 0.0, "en")


def test_a_strip_for_the_net_and_one_for_its_twin(reading):
    told = forming_html(reading)
    assert told.count('class="cells"') == 2 and told.count('class="cell final"') == 2 and "forming plain" in told
    said = [one.said for one in reading.evidence.forming]
    place = decided(said)
    labels = [text(f"labels.{reading.loaded.info.labels[index]}") for index in said]
    assert text("classify.forming_decided", block=place + 1, blocks=9, name=reading.evidence.forming[place].block,
                before=labels[place - 1], label=labels[-1]) in words(told)
    assert escape(text("classify.forming_means")) in told


def test_a_net_without_a_record_is_read_in_its_last_stage_only():
    told = forming_html(looked(ClassifyView(model="resnet18_cifar10", example="cat")))
    assert escape(text("classify.forming_last")) in told and told.count('class="cells"') == 1
    assert "layer4.0" in told and "layer3" not in told


def test_the_stream_stands_behind_the_answer_with_what_the_net_saw(reading):
    page = page_html(ClassifyView(), None, "en")
    place = place_html("resnet20_fashion_mnist", reading.evidence.seen.pixels)
    assert page.index('class="answer') < page.index(place) < page.index('id="forming"') < page.index('id="stages"')
    pixels = base64.b64decode(place.partition('data-pixels="')[2].partition('"')[0])
    assert pixels == load_samples("fashion_mnist", "test").images[0].numpy().tobytes()
    assert place_html("plain56_fashion_mnist", reading.evidence.seen.pixels) == ""
    assert all('data-set="' + twins.data in place_html(name, reading.evidence.seen.pixels)
               for twins in SETS for name in twins.nets)


def test_the_stream_has_an_address_of_its_own():
    assert rule_for("GET", ALONE, b"lang=zh").methods == ("GET", "HEAD")
    client = TestClient(Starlette(middleware=[Middleware(Alone, language=asked_language)]))
    english, chinese = client.get(ALONE), client.get(f"{ALONE}?lang=zh")
    assert english.status_code == 200 and english.headers["content-type"].startswith("text/html")
    assert '"./shipped/stream/stream.js"' in english.text and text("stream.title") in english.text
    assert f'<title>{text("stream.title", "zh")}</title>' in chinese.text and 'lang="zh-CN"' in chinese.text
    assert client.get("/elsewhere").status_code == 404
