import base64
import csv
import io
import json
import re
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qsl

import gradio as gr
import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from resnet import classify
from resnet.data import load_samples, photo_file
from resnet.explain.evidence import Questions, gather
from resnet.hub.load import bundled, load
from resnet.hub.loaded import LoadedModel
from resnet.hub.ref import ModelRef
from resnet.model import create
from resnet.papers.curated import PHOTOGRAPHS
from resnet.ui.classify.answer import answer_html
from resnet.ui.classify.readings import readings_html
from resnet.ui.classify.tab import (
    CHOSEN,
    OWN,
    PANEL,
    SET,
    ClassifyView,
    chosen,
    classify_api,
    show_chosen,
    show_more,
    show_own,
)
from resnet.ui.classify.view import OF_A_MODEL, ClassifyReading, model_title
from resnet.ui.classify.who import who_html
from resnet.ui.page.examples import EXAMPLES, FORMER, photo_url
from resnet.ui.page.images import OPAQUE, RED, overlay
from resnet.ui.page.sharing import from_query, to_query
from resnet.ui.wall.guard import message_html
from resnet.util.errors import InputError
from resnet.util.fields import settings
from resnet.util.html import escape
from resnet.util.text import sentences, text
from tests.factories import made_info, tiny
from tests.nets import NETS
from tests.pictures import encode, gradient, noise
from tests.ui.asking import asked, attached, part_of, words

MODEL, PLAIN, COLOUR = "resnet20_fashion_mnist", "plain20_fashion_mnist", "resnet20_cifar10"
BEST = max((info.results["test"]["accuracy"], name) for name, info in bundled().items()
           if info.data == "cifar10" and info.architecture.shortcut != "none")[1]


@pytest.fixture
def upload(tmp_path, monkeypatch):
    """Puts bytes where Gradio keeps uploads and returns their record."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    def put(data: bytes, name: str = "picture.png") -> dict:
        (tmp_path / name).write_bytes(data)
        return {"path": str(tmp_path / name), "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    return put


def controls(view: ClassifyView, **changes) -> list:
    """What the controls hold, some of them set to what a view would refuse."""
    names = ClassifyView.__dataclass_fields__
    assert set(changes) <= set(names)
    return [changes.get(name, value) for name, value in zip(names, PANEL.fill(view, "en"), strict=True)]


def shown(view: ClassifyView, picture=None, query: str = "") -> str:
    message, html, link = PANEL.show(asked(query), *controls(view), picture)
    assert message == "" and link.startswith("tab=classify")
    return html


def unfolded(view: ClassifyView) -> str:
    """The evidence below the answer."""
    *_, (message, html) = show_more(asked(), *controls(view), None)
    assert message == ""
    return html


def clicked(view: ClassifyView, field, value, picture=None) -> tuple[dict, object, str, str]:
    """(values for the controls, the picture field, the message, the link) after a click inside a figure."""
    data = gr.EventData(None, {"field": field, "value": value})
    message, _, link, *values, kept = show_chosen(asked(), data, *controls(view), picture)
    return dict(zip(SET, values, strict=True)), kept, message, link


def bars(html: str) -> list[tuple[str, str]]:
    """(label, percentage) from top to bottom."""
    table = part_of(html, r'<table class="bars".*?</table>').group()
    cells = [part_of(row, r'<th scope="row">(.*?)</th>.*class="number">(.*?)</td>')
             for row in re.findall(r"<tr.*?</tr>", table)]
    return [(cell[1], cell[2]) for cell in cells]


def number(percent: str) -> float:
    return float(part_of(percent, r"[\d.]+").group())


def pictures(html: str) -> list[np.ndarray]:
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
            for data in re.findall(r'<img[^>]*src="data:image/png;base64,([^"]+)"', html)]


def test_an_uploaded_picture_is_answered_as_by_the_library(upload):
    picture = encode(noise(90, 60))
    answer = classify(picture, model=MODEL)
    found = bars(shown(ClassifyView(OWN), upload(picture)))
    assert [label for label, _ in found] == [p.label for p in answer.predictions]
    for (_, percent), prediction in zip(found, answer.predictions, strict=True):
        assert number(percent) == pytest.approx(100 * prediction.probability, abs=0.11)
        assert percent != "100.0\u00a0%"


def test_a_test_item_is_its_own_class():
    assert load_samples("fashion_mnist", "test").labels[0] == 9
    assert bars(shown(ClassifyView("boot")))[0][0] == "Ankle boot"
    assert bars(shown(ClassifyView("fashion_mnist-0"))) == bars(shown(ClassifyView("boot")))
    every = bars(shown(ClassifyView("shirt", top_k=10)))
    assert sum(number(percent) for _, percent in every) == pytest.approx(100, abs=1) and len(every) == 10


@pytest.mark.parametrize("former", FORMER)
def test_an_older_links_photograph_opens_the_one_in_its_place(former):
    view = from_query(ClassifyView, {"example": former, "model": COLOUR})
    assert view.example in EXAMPLES
    assert to_query("classify", view) == f"tab=classify&example={view.example}&model={COLOUR}"
    assert bars(shown(view)) == bars(shown(ClassifyView(view.example, COLOUR)))


@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if example.item is None])
def test_photographs_are_small_and_served(name, url):
    data = httpx.get(url + photo_url(name)).content
    assert data == photo_file(name).read_bytes() and len(data) < 60_000


def test_the_picture_shown_is_what_the_net_saw():
    first, *_ = pictures(shown(ClassifyView("dress")))
    assert np.array_equal(first, load_samples("fashion_mnist", "test").images[EXAMPLES["dress"].item][0].numpy())


def test_the_heat_map_lies_on_the_picture_and_smooths_none_of_its_pixels():
    seen, looked, *_ = pictures(shown(ClassifyView("boot")))
    assert looked.shape == (224, 224, 3)
    assert not np.array_equal(pictures(shown(ClassifyView("boot", target=1)))[1], looked)
    picture = torch.from_numpy(seen.copy())[None]
    bare = overlay(picture, torch.zeros(7, 7))
    assert torch.equal(bare, picture.expand(3, -1, -1).repeat_interleave(8, 1).repeat_interleave(8, 2))
    corner = torch.zeros(7, 7)
    corner[0, 0] = 5.0
    drawn = overlay(picture, corner)
    assert torch.equal(drawn[:, 64:, 64:], bare[:, 64:, 64:])  # out of reach of the interpolation
    red = (1 - OPAQUE) * bare[:, 0, 0] + OPAQUE * torch.tensor(RED)
    assert torch.allclose(drawn[:, 0, 0].float(), red, atol=1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_steps_to_the_nets_input_are_told(upload, kind):
    html = words(shown(ClassifyView(OWN), upload(encode(Image.new("RGB", (1200, 300), (250, 220, 220)), kind))))
    for key in ("saw_grey", "saw_inverted", "saw_padded"):
        assert text(f"classify.{key}") in html, key
    assert text("classify.saw_resized", width="1,200", height="300") in html
    assert text("classify.saw_cropped") not in html
    assert text("classify.unlike", size="28×28", title="Fashion-MNIST") in html


@pytest.mark.parametrize("size", [(28, 28), (64, 64)])
def test_a_data_sets_own_item_is_no_other_kind_for_a_net_that_enlarges_it(size):
    net = create(tiny(input_size=size))
    loaded = LoadedModel(ModelRef("bundled", "made"), net.eval(), made_info(net.config))
    for pixels, unlike in ((EXAMPLES["boot"].pixels(), False), (EXAMPLES["rocket"].pixels(), True)):
        html = answer_html(ClassifyReading(ClassifyView(), loaded, gather(pixels, loaded, Questions()), "en"))
        assert (text("classify.unlike", size="28×28", title="Fashion-MNIST") in html) == unlike


def test_top_k_and_model_are_followed():
    html = shown(ClassifyView("bag", PLAIN, 3))
    assert len(bars(html)) == 3 and "weights/plain20_fashion_mnist" in html


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_answered(example):
    assert len(bars(shown(ClassifyView(example)))) == 5


def test_in_chinese():
    html = shown(ClassifyView("boot"), query="lang=zh")
    assert bars(html)[0][0] == text("labels.Ankle boot", "zh")
    assert text("classify.saw", "zh") in html and text("classify.saw") not in html


def test_temperature_moves_certainty_and_not_the_order():
    cold, warm, hot = (bars(shown(ClassifyView("shirt", temperature=t))) for t in (0.5, 1.0, 4.0))
    assert [label for label, _ in cold] == [label for label, _ in warm] == [label for label, _ in hot]
    assert number(cold[0][1]) > number(warm[0][1]) > number(hot[0][1])
    hesitates = text("classify.unsure", entropy="", limit="").split(":")[1]
    assert hesitates in words(shown(ClassifyView("shirt", temperature=4.0)))
    assert hesitates not in words(shown(ClassifyView("shirt", temperature=0.5)))


def before_and_after_the_bars(html: str) -> tuple[str, str]:
    before, _, after = part_of(html, r'(?s)<div class="verdict">.*?</div>').group().partition('<table class="bars"')
    return unescape(words(before)), unescape(words(after))


@pytest.mark.parametrize("view, colour, key, wanted", [
    (ClassifyView(), None, "who_item", ""), (ClassifyView("fashion_mnist-3", PLAIN), None, "who_item", ""),
    (ClassifyView("boot", COLOUR), None, "who_chosen", MODEL), (ClassifyView("cat", MODEL), None, "who_chosen", BEST),
    (ClassifyView("cat", PHOTOGRAPHS), None, "who_photograph", ""), (ClassifyView("cat", BEST), None, "stands_in", ""),
    (ClassifyView(OWN), False, "who_grey", ""), (ClassifyView(OWN, BEST), True, "in_colour", ""),
    (ClassifyView(OWN, COLOUR), False, "who_chosen", MODEL), (ClassifyView(OWN), True, "who_chosen", BEST)])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_which_net_answers_and_why_is_said_first(view, colour, key, wanted, lang):
    holes = dict.fromkeys(("title", "classes"), "\0") | {"wanted": model_title(wanted or PHOTOGRAPHS)}
    said = text(f"classify.{key}", lang, name=model_title(view.model), **holes)
    told = unescape(re.sub("<[^>]*>", "", who_html(view, bool(colour), lang)))
    assert all(part in told for part in said.split("\0")), told


def test_what_is_said_first_comes_before_the_pictures(upload):
    html = shown(ClassifyView("boot", PLAIN))
    assert html.index("who") < html.index("<img") < html.index('class="bars"')
    own = shown(ClassifyView(OWN, COLOUR), upload(encode(gradient())))
    assert model_title(BEST) in words(own[:own.index("<img")])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_the_net_has_not_seen_is_told_before_the_bars(upload, lang):
    """A photograph and noise for a net of ten classes; entropy alone calls nothing sure."""
    for picture, strange in (("cat", False), (OWN, True)):
        view = ClassifyView(picture, COLOUR)
        html = shown(view, upload(encode(noise(64, 64))) if strange else None, query=f"lang={lang}")
        before, after = before_and_after_the_bars(html)
        said = sentences(lang)["classify.strange" if strange else "classify.familiar"].partition("{")[0]
        assert said in before and said not in after
        assert text("classify.unlike", lang, size="32×32", title="CIFAR-10") in before
        assert text("classify.knows", lang, n="10") in before
        assert not re.search(r"\bsure\b|确信", before + after)
        assert ("nats" if lang == "en" else "奈特") in after


def test_a_net_without_a_record_is_silent_about_how_strange_a_picture_is():
    net = create(tiny())
    loaded = LoadedModel(ModelRef("bundled", "made"), net.eval(), made_info(net.config))
    reading = ClassifyReading(ClassifyView(), loaded, gather(EXAMPLES["boot"].pixels(), loaded, Questions()), "en")
    before, _ = before_and_after_the_bars(answer_html(reading))
    assert reading.evidence.strangeness is None and before == text("classify.knows", n="10")


def made_reading(lang: str = "en", reading: tuple[str, ...] = ()) -> ClassifyReading:
    """Of a checkpoint whose tensors leave its readings open."""
    loaded = load(str(next(net for net in NETS if net.name == "both").file)).read_as(settings(reading))
    view = ClassifyView("cat", reading=reading)
    return ClassifyReading(view, loaded, gather(EXAMPLES["cat"].pixels(), loaded, Questions()), lang)


def test_the_readings_of_a_checkpoint_can_be_chosen():
    taken, other = made_reading(), made_reading(reading=("zero_pad=behind",))
    menu = readings_html(taken)
    options = re.findall(r'<option value="([^"]*)"( selected)?>([^<]*)', menu)
    assert [value for value, selected, _ in options if selected] == [""] and len(options) == 8
    assert options[1][0] == "zero_pad=behind" and number(options[1][2]) > number(options[0][2])
    assert not torch.equal(taken.evidence.logits, other.evidence.logits)
    assert 'value="zero_pad=behind" selected' in readings_html(other)
    by_hand = readings_html(made_reading(reading=("zero_pad=front", "halving=average", "order=bn_after_add")))
    assert by_hand.count("<option") == 9 and "set by hand" in by_hand


def test_a_reading_is_a_field_of_the_link():
    view = chosen(ClassifyView("cat", COLOUR), "reading", "zero_pad=both,channels=bgr")
    assert view.reading == ("zero_pad=both", "channels=bgr")
    assert from_query(ClassifyView, dict(parse_qsl(to_query("classify", view)))) == view
    assert bars(shown(view)) != bars(shown(replace(view, reading=())))
    with pytest.raises(InputError):
        chosen(view, "reading", "zero_pad")
    message, html, _ = PANEL.show(asked(), *controls(replace(view, reading=("zero_pad=left",))), None)
    assert escape(text("fields.zero_pad")) in message


def test_two_models_side_by_side():
    html = shown(ClassifyView("shirt", MODEL, beside=PLAIN, off=("layer1.1",)))
    one, other = re.findall(r'<div class="answer(?: plain)?">.*?</table>', html)
    assert "plain" not in one.split(">")[0] and other.startswith('<div class="answer plain">')
    assert bars(other) == bars(shown(ClassifyView("shirt", PLAIN)))
    assert 'class="delta"' in one and 'class="delta"' not in other
    assert "weights/plain20_fashion_mnist" in html and "weights/resnet20_fashion_mnist" in html
    different = shown(ClassifyView("cat", MODEL, beside=COLOUR, target=3))  # other classes, other channels
    assert len(re.findall('<div class="answer', different)) == 2


def test_a_block_that_is_off_moves_the_answer_and_says_by_how_much():
    whole, off = bars(shown(ClassifyView("boot", top_k=10))), shown(ClassifyView("boot", top_k=10, off=("layer1.1",)))
    deltas = [float(d.replace("−", "-")) for d in re.findall(r'<td class="delta">(.*?)</td>', off)]
    before = dict(whole)
    for (label, percent), delta in zip(bars(off), deltas[:10], strict=True):
        assert number(percent) - number(before[label]) == pytest.approx(delta, abs=0.21)
    assert max(map(abs, deltas)) > 5 and re.search(r"With 1 of the blocks off the first answer (stays|moves)", off)
    assert text("classify.blocks_on", n=8, all=9) in unfolded(ClassifyView("boot", off=("layer1.1",)))


def test_the_blocks_are_listed_and_those_that_cannot_go_are_told():
    html = unfolded(ClassifyView("boot", PLAIN, open=("blocks",), off=("layer1.1",)))
    boxes = dict(re.findall(r'<input type="checkbox" data-field="off" data-value="([^"]+)" [^>]*?"( checked| checked '
                            r'disabled|)>', html))
    assert len(boxes) == 9 and boxes["layer1.1"] == ""
    assert [name for name, state in boxes.items() if "disabled" in state] == ["layer2.0", "layer3.0"]
    assert html.count(text("classify.changes_shape")) == 2 == html.count(text("classify.halves"))
    assert text("classify.blocks_plain") in html
    residual = unfolded(ClassifyView("boot", open=("blocks",)))
    assert "disabled" not in residual and text("classify.blocks_residual") in residual
    assert "<input" not in unfolded(ClassifyView("boot"))


def test_a_stage_opens_into_its_channels():
    closed, opened = shown(ClassifyView("boot")), shown(ClassifyView("boot", channels="conv3_x"))
    assert "channels_note" not in closed and '<div class="channels">' not in closed
    assert opened.count("<figcaption>") == closed.count("<figcaption>") + 16
    for size in ("16×28²", "32×14²", "64×7²"):
        assert size in closed
    shares = [float(share) for share in re.findall(r"<figcaption>\d+ · ([\d.]+) %", opened)]
    assert shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 100.5


def test_what_can_be_taken_along():
    files = attached(shown(ClassifyView("boot", temperature=2.0)))
    assert set(files) == {f"{what}-{MODEL}.{kind}" for what in ("answer", "features") for kind in ("csv", "json")}
    rows = list(csv.DictReader(io.StringIO(files[f"answer-{MODEL}.csv"])))
    told = json.loads(files[f"answer-{MODEL}.json"])
    assert len(rows) == 10 == len(told["answers"]) and told["temperature"] == 2.0 and told["model"] == MODEL
    logits = np.array([float(row["logit"]) for row in rows]) / 2
    expected = np.exp(logits) / np.exp(logits).sum()
    assert [float(row["probability"]) for row in rows] == [pytest.approx(p, rel=1e-3, abs=1e-6) for p in expected]
    vector = json.loads(files[f"features-{MODEL}.json"])["feature"]
    assert len(vector) == 64 == len(files[f"features-{MODEL}.csv"].splitlines()) - 1


@pytest.mark.parametrize("data, key", [
    (b"", "picture_empty"), (b"just text, renamed", "picture_kind"), (b"GIF89a" + bytes(50), "picture_kind"),
    (encode(noise(), "GIF"), "picture_kind"), (encode(noise())[:200], "picture_damaged"),
    (b"\x89PNG\r\n\x1a\n" + bytes(100), "picture_damaged"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture_kind"),
], ids=["empty", "text", "gif header", "gif", "cut", "png header", "svg"])
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("handler", [PANEL.show, show_own, PANEL.follow("model")])
def test_a_bad_upload_is_one_sentence_and_the_answer_stays(upload, data, key, lang, handler, caplog):
    message, *rest = handler(asked(f"lang={lang}"), *controls(ClassifyView(OWN)), upload(data))
    assert message == message_html(text(f"errors.{key}", lang))
    assert rest and all(part == gr.skip() for part in rest) and not caplog.records


def test_a_path_that_was_not_uploaded_is_no_picture(upload):
    message, *rest = PANEL.show(asked(), *controls(ClassifyView(OWN)), {"path": "/etc/passwd"})
    assert message == message_html(text("errors.picture_empty")) and rest[0] == gr.skip()


@pytest.mark.parametrize("changes", [
    {"model": "/etc"}, {"model": "../weights/resnet20_fashion_mnist"}, {"model": "resnet21_fashion_mnist"},
    {"beside": "/etc"}, {"top_k": 0}, {"top_k": None},
    {"top_k": 1000}, {"example": "zebra"}, {"example": None}, {"example": "fashion_mnist-10000"},
    {"example": "cifar10-1"}, {"example": "../fashion_mnist-1"}, {"temperature": 0}, {"temperature": "nan"},
    {"temperature": None}, {"temperature": -1}, {"temperature": 1e9}, {"stage": "conv9_x"}, {"channels": "fc"},
    {"target": "10"}, {"target": "-2"}, {"off": "layer7.0"}, {"off": "layer1.0," * 40 + "x"}, {"open": "all"},
    {"kind": "most"}, {"page": "-1"}, {"page": "1e99"}, {"truth": "-7"}, {"given": "x"}])
def test_bad_controls_fill_the_message_line_only(changes, caplog):
    message, *rest = PANEL.show(asked(), *controls(ClassifyView(), **changes), None)
    assert message.count("<p") == 1 and rest and all(part == gr.skip() for part in rest) and not caplog.records


def test_without_a_picture_the_page_asks_for_one():
    assert words(shown(ClassifyView(OWN))) == text("classify.empty")
    assert words(shown(ClassifyView(OWN), query="lang=zh")) == text("classify.empty", "zh")


def test_a_thumbnail_sets_its_example_a_model_and_no_picture(upload):
    own = upload(encode(gradient()))
    values, kept, message, link = clicked(ClassifyView(OWN, PLAIN, stage="conv3_x"), "example", "bag", own)
    assert message == "" and kept is None and link == f"tab=classify&example=bag&model={PLAIN}&stage=conv3_x"
    assert (values["example"], values["model"], values["stage"]) == ("bag", PLAIN, "conv3_x")
    values, *_ = clicked(ClassifyView(stage="conv3_x", off=("layer1.0",)), "example", "cat")
    assert (values["model"], values["stage"], values["off"]) == (BEST, "", "")
    values, *_ = clicked(ClassifyView(model=COLOUR), "example", "fashion_mnist-77")
    assert values["model"] == MODEL  # the residual one


@pytest.mark.parametrize("field, value", [
    ("stage", "conv2_x"), ("target", "4"), ("channels", "conv1"), ("off", "layer2.1"), ("open", "blocks"),
    ("kind", "all"), ("truth", "3"), ("page", "2")])
def test_a_click_inside_a_figure_changes_one_field(field, value):
    values, kept, message, link = clicked(ClassifyView(), field, value)
    assert message == "" and values[field] == value and f"{field}={value}" in link
    untouched = dict(zip(CHOSEN, PANEL.fill(ClassifyView(), "en")[5:], strict=True))
    assert {name: values[name] for name in CHOSEN if name != field} == \
        {name: default for name, default in untouched.items() if name != field}


def test_what_can_be_several_is_toggled():
    view = chosen(chosen(ClassifyView(), "off", "layer1.1"), "off", "layer2.0")
    assert view.off == ("layer1.1", "layer2.0") and chosen(view, "off", "layer1.1").off == ("layer2.0",)
    assert chosen(chosen(view, "open", "browse"), "open", "browse").open == ()
    assert chosen(chosen(view, "channels", "conv1"), "channels", "conv1").channels == ""
    cell = chosen(ClassifyView(page=3), "cell", "6,0")
    assert (cell.truth, cell.given, cell.kind, cell.page) == (6, 0, "all", 0)
    assert chosen(ClassifyView(page=3), "kind", "right").page == 0


@pytest.mark.parametrize("field, value", [
    ("model", "/etc"), ("beside", MODEL), (None, None), ("__class__", "x"), ("off", ["layer1.0"]), ("off", "x" * 999),
    ("target", "1.5"), ("cell", "a,b"), ("cell", None), ("example", {"path": "/etc/passwd"}), ("open", "\x00")])
def test_a_made_up_click_is_one_sentence(field, value, caplog):
    *_, message, link = clicked(ClassifyView(), field, value)
    assert message.count("<p") == 1 and link == gr.skip() and not caplog.records


def test_another_model_forgets_what_was_chosen_of_the_last():
    view = ClassifyView(model=PLAIN, stage="conv2_x", target=3, off=("layer1.0",), open=("blocks",), temperature=2.0)
    message, _, link, *values = PANEL.follow("model")(asked(), *controls(view), None)
    assert message == "" and link == f"tab=classify&model={PLAIN}&temperature=2&open=blocks"
    assert dict(zip(OF_A_MODEL, values, strict=True)) == {
        "stage": "", "target": "-1", "channels": "", "off": "", "truth": "-1", "given": "-1", "page": "0",
        "reading": ""}


@pytest.mark.parametrize("model, picture, goes_to", [
    (MODEL, gradient(), BEST), (PLAIN, gradient(), PLAIN), (MODEL, noise(mode="L"), MODEL)],
    ids=["colour", "another model chosen", "grey"])
def test_a_colour_picture_goes_to_the_colour_net_unless_one_was_chosen(upload, model, picture, goes_to):
    message, html, link, *values = show_own(asked(), *controls(ClassifyView(model=model)), upload(encode(picture)))
    values = dict(zip(SET, values, strict=True))
    assert message == "" and (values["example"], values["model"]) == (OWN, goes_to) and "example=own" in link
    assert (text("classify.in_colour", name=model_title(BEST)) in words(html)) == (goes_to == BEST)


def test_a_link_fills_the_controls():
    view = ClassifyView("cat", PLAIN, 7, COLOUR, 0.5, "conv1", 3, "conv2_x", ("layer1.0", "layer2.1"), ("browse",))
    assert PANEL.fill(view, "en") == ["cat", PLAIN, 7, COLOUR, 0.5, "conv1", "3", "conv2_x", "layer1.0,layer2.1",
                                      "browse", "-1", "-1", "wrong", "0", ""]


def test_the_api_answers_as_the_library(upload):
    picture = encode(noise(seed=3), "WEBP", lossless=True)
    answer = classify_api(upload(picture, "mine.webp"), PLAIN, 4)
    expected = classify(picture, model=PLAIN, top_k=4)
    assert answer["image"] == "mine.webp" and answer["model"] == PLAIN
    assert [(p["label"], p["probability"]) for p in answer["predictions"]] == \
        [(p.label, pytest.approx(p.probability, rel=1e-5)) for p in expected.predictions]


@pytest.mark.parametrize("image", [None, {}, {"path": "/etc/passwd"}, {"path": "weights/x.png"}, "text"], ids=str)
def test_the_api_takes_uploads_only(upload, image):
    with pytest.raises(gr.Error) as caught:
        classify_api(image)
    assert caught.value.message == text("errors.picture_empty")
