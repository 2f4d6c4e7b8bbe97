import base64
import io
import re

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from resnet import classify
from resnet.data import load_samples
from resnet.text import text
from resnet.ui.classify_tab import (
    EXAMPLES,
    OWN,
    ClassifyView,
    choose_example,
    classify_api,
    fill,
    own_picture,
    show_classify,
)
from resnet.ui.guard import message_html
from tests.pictures import encode, noise
from tests.ui.asking import ask, held, held_with, words

MODEL = "resnet20_fashion_mnist"


@pytest.fixture
def upload(tmp_path, monkeypatch):
    """Puts bytes where Gradio keeps uploads and returns their record."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    def put(data: bytes, name: str = "picture.png") -> dict:
        (tmp_path / name).write_bytes(data)
        return {"path": str(tmp_path / name), "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    return put


def shown(view: ClassifyView, picture=None, query: str = "") -> str:
    message, *parts, link = ask(show_classify, [*held(view), picture], query)
    assert message == "" and link.startswith("tab=classify")
    return "".join(part for part in parts if isinstance(part, str))


def bars(html: str) -> list[tuple[str, str]]:
    """(label, percentage) from top to bottom."""
    rows = re.findall(r"<tr.*?</tr>", html)
    cells = [re.search(r'<th scope="row">(.*?)</th>.*class="number">(.*?)</td>', row) for row in rows]
    return [cell.groups() for cell in cells if cell]


def test_an_uploaded_picture_is_answered_as_by_the_library(upload):
    picture = encode(noise(90, 60))
    answer = classify(picture, model=MODEL)
    shown_bars = bars(shown(ClassifyView(OWN), upload(picture)))
    assert [label for label, _ in shown_bars] == [p.label for p in answer.predictions]
    for (_, percent), prediction in zip(shown_bars, answer.predictions, strict=True):
        number = float(percent.removeprefix("&lt; ").removeprefix("&gt; ").removesuffix(" %"))
        assert number == pytest.approx(100 * prediction.probability, abs=0.11)
        assert percent != "100.0 %"


def test_a_test_item_is_its_own_class():
    html = shown(ClassifyView("boot"))
    label = load_samples("fashion_mnist", "test").labels[0].item()
    assert label == 9 and bars(html)[0][0] == "Ankle boot"
    assert sum(float(percent.replace("&lt;", "").removesuffix(" %")) for _, percent in
               bars(shown(ClassifyView("boot", top_k=10)))) == pytest.approx(100, abs=1)


def test_the_picture_shown_is_what_the_net_saw():
    html = shown(ClassifyView("dress"))
    data = re.search(r"base64,([^\"]+)", html).group(1)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert np.array_equal(pixels, load_samples("fashion_mnist", "test").images[EXAMPLES["dress"].item][0].numpy())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_steps_to_the_nets_input_are_told(upload, kind):
    html = words(shown(ClassifyView(OWN), upload(encode(Image.new("RGB", (1200, 300), (250, 220, 220)), kind))))
    for key in ("saw_grey", "saw_inverted", "saw_padded"):
        assert text(f"classify.{key}") in html, key
    assert text("classify.saw_resized", width="1,200", height="300") in html
    assert text("classify.saw_cropped") not in html


def test_top_k_and_model_are_followed():
    html = shown(ClassifyView("bag", "plain20_fashion_mnist", 3))
    assert len(bars(html)) == 3 and "weights/plain20_fashion_mnist" in html


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_answered(example):
    assert len(bars(shown(ClassifyView(example)))) == 5


def test_in_chinese():
    html = shown(ClassifyView("boot"), query="lang=zh")
    assert bars(html)[0][0] == text("labels.Ankle boot", "zh")
    assert text("classify.saw", "zh") in html and text("classify.saw") not in html


@pytest.mark.parametrize("data, key", [
    (b"", "picture_empty"), (b"just text, renamed", "picture_kind"), (b"GIF89a" + bytes(50), "picture_kind"),
    (encode(noise(), "GIF"), "picture_kind"), (encode(noise())[:200], "picture_damaged"),
    (b"\x89PNG\r\n\x1a\n" + bytes(100), "picture_damaged"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture_kind"),
], ids=["empty", "text", "gif header", "gif", "cut", "png header", "svg"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_bad_upload_is_one_sentence_and_the_answer_stays(upload, data, key, lang, caplog):
    message, *rest = ask(show_classify, [*held(ClassifyView(OWN)), upload(data)], f"lang={lang}")
    assert message == message_html(text(f"errors.{key}", lang))
    assert rest and all(part == gr.skip() for part in rest) and not caplog.records


def test_a_path_that_was_not_uploaded_is_no_picture(upload):
    message, *rest = ask(show_classify, [*held(ClassifyView(OWN)), {"path": "/etc/passwd"}])
    assert message == message_html(text("errors.picture_empty")) and rest[0] == gr.skip()


@pytest.mark.parametrize("changes", [{"model": "/etc"}, {"model": "weights/resnet20_fashion_mnist"}, {"top_k": 0},
                                     {"top_k": None}, {"top_k": 1000}, {"example": "zebra"}, {"example": None}])
def test_bad_controls_fill_the_message_line_only(changes, caplog):
    message, *rest = ask(show_classify, [*held_with(ClassifyView(), **changes), None])
    assert message.count("<p") == 1 and rest and all(part == gr.skip() for part in rest) and not caplog.records


def test_without_a_picture_the_page_asks_for_one():
    assert words(shown(ClassifyView(OWN))) == text("classify.empty")
    assert words(shown(ClassifyView(OWN), query="lang=zh")) == text("classify.empty", "zh")


def test_a_thumbnail_sets_its_example_a_model_and_no_picture():
    def select(**data):
        return choose_example("plain20_fashion_mnist", gr.EventData(None, data))

    assert select(example="bag") == ("bag", "plain20_fashion_mnist", None)
    assert select(example="zebra")[0] in EXAMPLES
    assert own_picture() == OWN


def test_a_link_fills_the_controls():
    view = ClassifyView("lion", "plain20_fashion_mnist", 7)
    assert fill(view, "en") == ["lion", "plain20_fashion_mnist", 7]


def test_the_api_answers_as_the_library(upload):
    picture = encode(noise(seed=3), "WEBP", lossless=True)
    answer = classify_api(upload(picture, "mine.webp"), "plain20_fashion_mnist", 4)
    expected = classify(picture, model="plain20_fashion_mnist", top_k=4)
    assert answer["image"] == "mine.webp" and answer["model"] == "plain20_fashion_mnist"
    assert [(p["label"], p["probability"]) for p in answer["predictions"]] == \
        [(p.label, pytest.approx(p.probability, rel=1e-5)) for p in expected.predictions]


@pytest.mark.parametrize("image", [None, {}, {"path": "/etc/passwd"}, {"path": "weights/x.png"}, "text"], ids=str)
def test_the_api_takes_uploads_only(upload, image):
    with pytest.raises(gr.Error) as caught:
        classify_api(image)
    assert caught.value.message == text("errors.picture_empty")
