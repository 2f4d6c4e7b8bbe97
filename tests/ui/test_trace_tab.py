import csv
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import gradio as gr
import pytest

from resnet.config import VARIANTS
from resnet.hub.load import load
from resnet.tracing.trace import trace
from resnet.ui.page.sharing import from_query, to_query
from resnet.ui.trace.api import trace_api
from resnet.ui.trace.layers import layers_csv
from resnet.ui.trace.tab import OF_A_NET, PANEL, show_block, show_file
from resnet.ui.trace.view import TraceView
from resnet.ui.wall.guard import message_html
from resnet.util.text import text
from tests.checkpoints import of, write
from tests.ui.asking import ask, attached, held, held_with, words

MODEL = "resnet20_fashion_mnist"
SMALL = TraceView("resnet18", height=64, width=96, classes=7)


def drawn(view: TraceView, query: str = "") -> str:
    """Everything that the tab draws for a view."""
    message, *parts, link = ask(PANEL.show, held(view), query)
    assert message == "" and link == to_query("trace", view)
    return "".join(part for part in parts if isinstance(part, str))


@pytest.mark.parametrize("variant, params", [("resnet50", "25,557,032"), ("resnet20_cifar", "269,722"),
                                             ("plain34", "21,623,848"), ("resnext50_32x4d", "25,028,904")])
def test_the_published_parameters_are_shown(variant, params):
    assert params in words(drawn(TraceView(variant)))


def test_the_numbers_are_the_traces():
    result = trace("resnet18", size=(64, 96), classes=7)
    html = drawn(SMALL)
    for number in (f"{result.params:,}", f"{result.layers[0].macs:,}", f"{result.receptive_field:,} px"):
        assert number in html, number
    assert html.count("<svg") >= 1 and html.count('<th scope="row">') >= len(result.layers)


def test_the_csv_holds_exact_numbers():
    result = trace("resnet18", size=(64, 96), classes=7)
    content = attached(drawn(SMALL))["resnet18-1x3x64x96.csv"]
    assert content == layers_csv(result)
    rows = list(csv.DictReader(content.splitlines()))
    assert [row["name"] for row in rows] == [layer.name for layer in result.layers]
    assert sum(int(row["params"]) for row in rows) == result.params
    assert sum(int(row["macs"]) for row in rows) == result.macs
    assert rows[0]["output"] == "1x64x32x48" and rows[-1]["output"] == "1x7"


def test_in_chinese_the_words_change_and_the_numbers_stay():
    english, chinese = words(drawn(SMALL)), words(drawn(SMALL, "lang=zh"))
    for key in ("params", "macs", "field", "search", "download", "listing"):
        assert text(f"trace.{key}") not in chinese, key
    for key in ("params", "macs", "field", "listing"):
        assert text(f"trace.{key}", "zh") in chinese and text(f"trace.{key}") in english
    assert f"{trace('resnet18', size=(64, 96), classes=7).params:,}" in chinese


@pytest.mark.daily(20)
@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_draws(variant):
    assert f"{trace(variant).params:,}" in drawn(TraceView(variant))


@pytest.mark.parametrize("changes, key", [
    ({"variant": "resnet51"}, "unknown_variant"), ({"variant": ""}, "unknown_variant"),
    ({"variant": None}, "link_value"), ({"variant": "<b>"}, "unknown_variant"),
    ({"height": 1, "width": 1}, "one_pixel"), ({"height": 100000, "width": 100000}, "range"),
    ({"height": 0}, "range"), ({"width": -3}, "range"), ({"classes": 0}, "range"), ({"classes": 10**12}, "range"),
    ({"height": None}, "number_empty"), ({"classes": ""}, "number_empty"), ({"width": float("nan")}, "whole_number"),
    ({"height": 1e308}, "whole_number"), ({"height": float("inf")}, "whole_number"),
    ({"classes": 10.5}, "whole_number"),
    ({"height": "abc"}, "whole_number"), ({"height": {}}, "whole_number"),
])
@pytest.mark.parametrize("query, lang", [("", "en"), ("lang=zh", "zh")])
def test_bad_controls_fill_the_message_line_only(changes, key, query, lang, caplog):
    message, *rest = ask(PANEL.show, held_with(SMALL, **changes), query)
    start = text(f"errors.{key}", lang, **dict.fromkeys(("field", "name", "near", "value", "limit"), "\0")).split("\0")
    assert all(part in message for part in map(_escaped, start)), message
    assert message.count("<p") == 1 and len(words(message)) < 300 and not caplog.records
    assert rest and all(part == gr.skip() for part in rest)


def test_one_pixel_is_told_in_full():
    message, *_ = ask(PANEL.show, held_with(SMALL, height=1, width=1), "lang=zh")
    assert message == message_html(text("errors.one_pixel", "zh"))


@pytest.mark.parametrize("variant, own", [
    ("resnet20_cifar", (32, 32, 10)), ("d2l_resnet18", (64, 64, 10)), ("resnet50", (224, 224, 1000))])
def test_a_chosen_variant_brings_its_own_size_and_classes(variant, own):
    message, drawing, link, *brought = ask(PANEL.follow("variant"), held_with(SMALL, variant=variant))
    assert message == "" and link == to_query("trace", TraceView(variant))
    assert dict(zip(OF_A_NET, brought, strict=True)) == {name: getattr(TraceView(variant), name) for name in OF_A_NET}
    assert tuple(brought[:3]) == own and f"{trace(variant).params:,}" in drawing


def test_an_unknown_variant_leaves_the_controls():
    message, *rest = ask(PANEL.follow("variant"), held_with(SMALL, variant="resnet51"), "lang=zh")
    assert "resnet51" in message and rest == [gr.skip()] * (2 + len(OF_A_NET))


def test_a_click_in_the_map_looks_into_the_block():
    message, drawing, link, focus = ask(show_block, [sent(block="layer2.1"), *held(SMALL)])
    assert (message, link, focus) == ("", to_query("trace", replace(SMALL, focus="layer2.1")), "layer2.1")
    assert "<h3>layer2.1 <small>" in drawing and "<h3>layer2.1 <small>" not in drawn(SMALL)
    for odd in ({}, {"block": None}, {"block": 7}, {"block": "a\nb"}):
        message, *rest = ask(show_block, [sent(**odd), *held(SMALL)])
        assert message.count("<p") == 1 and rest == [gr.skip()] * 3


def sent(**fields) -> gr.EventData:
    return gr.EventData(None, fields)


def test_a_checkpoint_is_recognised_by_the_header_that_the_browser_sends(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    whole = Path("weights/resnet20_fashion_mnist/model.safetensors").read_bytes()
    header = tmp_path / "header.bin"
    header.write_bytes(whole[:8 + int.from_bytes(whole[:8], "little")])
    event = sent(path=str(header), size=len(whole), name="mine.safetensors")
    message, drawing, link, variant, *brought = ask(show_file, [event, *held(TraceView())])
    assert message == "" and "mine.safetensors" in drawing and link.startswith("tab=trace&variant=")
    view = from_query(TraceView, dict(parse_qsl(link)))
    assert trace(view.config, size=view.size).params == sum(p.numel() for p in load(MODEL).model.parameters())
    lying = sent(path=str(header), size=len(whole) + 4, name="mine.safetensors")
    assert ask(show_file, [lying, *held(TraceView())])[0].count("<p") == 1


def test_an_uploaded_body_is_counted_without_a_classifier(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    body = {name: shape for name, shape in of("resnet18").items() if not name.startswith("fc.")}
    file = write(tmp_path / "body.safetensors", body)
    whole = file.stat().st_size
    with open(file, "r+b") as stream:  # the browser sends the header only
        stream.truncate(8 + int.from_bytes(stream.read(8), "little"))
    chosen = sent(path=str(file), size=whole, name="body.safetensors")
    message, drawing, *_ = ask(show_file, [chosen, *held(TraceView())])
    assert message == "" and "11,176,512" in words(drawing)
    assert "11,689,512" not in words(drawing.partition("<details")[0])


@pytest.mark.parametrize("fields", [
    {}, {"path": None, "size": 1, "name": "a.safetensors"}, {"path": 7, "size": 1, "name": "a.safetensors"},
    {"path": "weights/resnet20_fashion_mnist/model.safetensors", "size": 1093152, "name": "a.safetensors"},
    {"path": "x", "size": 9, "name": "model.bin"}], ids=str)
def test_a_checkpoint_that_was_not_uploaded_is_refused(fields, caplog):
    message, *rest = ask(show_file, [sent(**fields), *held(TraceView())])
    assert "went wrong" not in message and message.count("<p") == 1 and not caplog.records
    assert rest == [gr.skip()] * (3 + len(OF_A_NET))


def test_two_nets_side_by_side():
    shown = words(drawn(TraceView("resnet50", beside="resnext50_32x4d")))
    assert "Equal budget" in shown and "25.03 M" in shown and "4.23 G" in shown and "112 of 175 layers differ" in shown
    twins = words(drawn(TraceView("plain20_cifar", beside="resnet20_cifar")))
    assert "identical parameters, 269,722" in twins


@pytest.mark.parametrize("fold, blocks", [("runs", 14 + 3), ("stages", 8), ("blocks", 50)])
def test_the_map_folds_as_asked(fold, blocks):
    html = drawn(TraceView("resnet152", fold=fold))
    assert html.count('data-block="layer') == blocks


def test_the_code_that_is_taken_along_builds_the_net_on_the_page():
    view = TraceView("resnet18", height=64, width=96, classes=7, shortcut="C", order="preact")
    files = attached(drawn(view))
    source = next(content for name, content in files.items() if name.endswith(".py"))
    scope: dict = {"__name__": "taken"}
    exec(compile(source, "taken.py", "exec"), scope)
    assert sum(p.numel() for p in scope["ResNet"]().parameters()) == trace(view.config, size=view.size).params


def test_the_api_answers_as_the_command_line_does():
    assert trace_api("resnet18", 64, 96, 7) == trace("resnet18", size=(64, 96), classes=7).to_dict()
    assert trace_api(classes=10)["params"] == trace("resnet50", classes=10).params


@pytest.mark.parametrize(("name", "changes", "params", "shape"), [
    ("resnet20_cifar10", {}, 269_722, (1, 3, 32, 32)), ("resnet20_cifar", {}, 269_722, (1, 3, 32, 32)),
    ("d2l_resnet18", {"classes": 3}, trace("d2l_resnet18", classes=3).params, (1, 1, 64, 64)),
    ("resnet20_cifar10", {"height": 64}, 269_722, (1, 3, 64, 32)),
])
def test_what_a_program_leaves_out_is_the_nets_own(name, changes, params, shape):
    """Not 224 pixels and a thousand classes, which made 334,072 parameters of the first."""
    answer = trace_api(name, **changes)
    assert answer["params"] == params and tuple(answer["input"]) == shape
    assert ("reference" in answer) == ("recognised" in answer) == (name == "resnet20_cifar10")
    if name == "resnet20_cifar10":
        assert answer["name"] == answer["reference"] == name and answer["recognised"]["variant"] == "resnet20_cifar"


@pytest.mark.parametrize("changes", [{"variant": "resnet51"}, {"height": 0}, {"width": 100000}, {"classes": ""},
                                     {"height": 1, "width": 1}])
def test_the_api_refuses_in_a_sentence(changes):
    with pytest.raises(gr.Error) as caught:
        trace_api(**changes)
    assert caught.value.message.endswith((".", "?")) and "went wrong" not in caught.value.message


def _escaped(part: str) -> str:
    return part.replace('"', "&#34;").replace("'", "&#39;")
