"""Test items near and all, and several pictures at once, as a visitor asks for them."""

import csv
import io
import re
from dataclasses import replace

import gradio as gr
import pytest
import torch

from resnet.data import photo_file
from resnet.explain.evidence import MANY
from resnet.explain.familiarity import SELDOM
from resnet.explain.samples import measure
from resnet.hub.load import load
from resnet.hub.ref import ModelRef
from resnet.inference.predict import classify
from resnet.ui.classify import samples
from resnet.ui.classify.samples import PAGE, chosen_items
from resnet.ui.classify.tab import PANEL, ClassifyView, show_batch, show_more
from resnet.ui.classify.view import SECTIONS
from resnet.util.lru import LRU
from resnet.util.text import text
from tests.pictures import encode, gradient, noise
from tests.ui.asking import asked, attached, part_of, words

MODEL, COLOUR = "resnet20_fashion_mnist", "resnet20_cifar10"
REF = ModelRef.parse(MODEL)
N = 400


@pytest.fixture(scope="module")
def few():
    return measure(load(MODEL), limit=N)


@pytest.fixture
def kept(few, monkeypatch):
    """The page has already measured the first N items."""
    monkeypatch.setattr(samples, "_kept", LRU(samples.KEPT))
    samples._kept.put(REF, few)
    return few


def more(view: ClassifyView, picture=None, query: str = "") -> str:
    *_, (message, html) = show_more(asked(query), *PANEL.fill(view, "en"), picture)
    assert message == ""
    return html


def tiles(html: str) -> list[int]:
    return [int(item) for item in re.findall(r'data-field="example" data-value="fashion_mnist-(\d+)"', html)]


def test_nothing_is_measured_before_it_is_asked_for(monkeypatch):
    def never(reference):
        raise AssertionError("measured")

    monkeypatch.setattr(samples.device, "measure", never)
    monkeypatch.setattr(samples, "_kept", LRU(samples.KEPT))
    steps = list(show_more(asked(), *PANEL.fill(ClassifyView(), "en"), None))
    assert len(steps) == 1 and steps[0][1].count('aria-expanded="false"') == 3


def test_the_first_look_says_that_it_takes_a_while_and_the_next_is_at_once(few, monkeypatch):
    calls = []
    monkeypatch.setattr(samples, "_kept", LRU(samples.KEPT))
    monkeypatch.setattr(samples.device, "measure", lambda reference: calls.append(reference) or few)
    view = ClassifyView(open=("browse",))
    first, second = (list(show_more(asked(), *PANEL.fill(view, "en"), None)) for _ in range(2))
    assert text("classify.measuring") in first[0][1] and len(first) == 2 and len(second) == 1
    assert first[-1] == second[-1] and calls == [REF]
    assert all(f'data-value="{name}"' in first[0][1] for name in SECTIONS) and "<progress>" in first[0][1]
    for name in ("a", "b", "c", "d", "e"):
        samples.measured(ModelRef("bundled", name))
    assert len(samples._kept.keys()) == samples.KEPT and samples._kept.peek(REF) is None


def test_neighbours_of_a_test_item_are_others_of_its_kind(kept):
    html = more(ClassifyView("boot", open=("neighbours",)))
    near = tiles(html)
    cosines = [float(value) for value in re.findall(r"<small>(0\.\d{3})</small>", html)]
    assert len(near) == samples.NEAR == len(cosines) and 0 not in near
    assert cosines == sorted(cosines, reverse=True)
    assert sum(int(kept.labels[item]) == 9 for item in near) >= 6
    assert text("classify.neighbours_source", d=64, n=N, title="Fashion-MNIST") in words(html)
    other = more(ClassifyView("bag", open=("neighbours",)))
    assert not set(tiles(other)) & set(near)


def test_the_confusion_matrix_and_its_items(kept):
    html = more(ClassifyView(open=("browse",)))
    table = part_of(html, r'<table class="confusion".*?</table>').group()
    counts = [int(n) for n in re.findall(r'data-field="cell"[^>]*>(\d+)<', table)]
    assert sum(counts) == N and "93" in words(html)
    wrong = (kept.answers != kept.labels).nonzero().flatten().tolist()
    assert set(tiles(html)) == set(wrong) and len(wrong) < PAGE
    confidences = kept.confidence[tiles(html)].tolist()
    assert confidences == sorted(confidences, reverse=True)
    assert f"{100 * kept.accuracy:.2f} %" in html and f"{N} bundled test items" in html


@pytest.mark.parametrize("changes, keep", [
    ({"kind": "all"}, lambda truth, given: truth == truth),
    ({"kind": "right", "truth": 3}, lambda truth, given: (truth == given) & (truth == 3)),
    ({"kind": "all", "truth": 6, "given": 0}, lambda truth, given: (truth == 6) & (given == 0)),
    ({"kind": "wrong", "given": 2}, lambda truth, given: (truth != given) & (given == 2)),
    ({"kind": "right", "truth": 1, "given": 2}, lambda truth, given: truth < 0),
])
def test_items_are_filtered_and_paged(kept, changes, keep):
    view = ClassifyView(open=("browse",), **changes)
    expected = keep(kept.labels, kept.answers).nonzero().flatten().tolist()
    found = chosen_items(view, kept).tolist()
    assert sorted(found) == expected
    assert tiles(more(view)) == found[:PAGE]
    assert tiles(more(replace(view, page=1))) == (found[PAGE:2 * PAGE] if len(found) > PAGE else found)
    assert tiles(more(replace(view, page=10**6))) == found[(max(len(found), 1) - 1) // PAGE * PAGE:]


def test_no_items_of_cifar10_but_the_recorded_matrix():
    view = ClassifyView("cat", COLOUR, open=("browse", "neighbours"))
    html = more(view)
    loaded = load(COLOUR)
    matrix = torch.tensor(loaded.info.results["test"]["confusion"])
    assert html.count(text("classify.no_items", title="CIFAR-10")) == 2 and matrix.sum() == 10_000
    assert all(f"{share:.1f} %" in html for share in (100 * matrix.diagonal() / matrix.sum(1)).tolist())
    assert text("classify.recorded_source", n="10,000", title="CIFAR-10") in html
    recorded = replace(loaded, info=replace(loaded.info, results={"test": {"n": 10000}}))
    for broken in ([[1]], "x", [["1"] * 10] * 10, [[-1] * 10] * 10, None):
        recorded.info.results["test"]["confusion"] = broken
        assert "<table" not in samples.browse_html(view, recorded, "en")


@pytest.fixture
def sent(tmp_path, monkeypatch):
    """Uploads files and tells the page of them, as several.SEND does."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    def send(view: ClassifyView, *files: tuple[str, bytes], **data) -> tuple[str, str]:
        records = []
        for i, (name, content) in enumerate(files):
            (tmp_path / str(i)).write_bytes(content)
            records.append({"path": str(tmp_path / str(i)), "orig_name": name})
        event = gr.EventData(None, {"files": records, "count": len(records)} | data)
        return show_batch(asked(), event, *PANEL.fill(view, "en"))

    return send


def test_several_pictures_each_with_its_line_or_its_sentence(sent):
    good = [encode(noise(50, 40, seed=1)), encode(gradient(), "JPEG")]
    message, html = sent(ClassifyView(), ("a.png", good[0]), ("=cmd()", b"no picture"), ("c.jpg", good[1]),
                         ("d.png", b""))
    assert message == "" and html.count('<img class="pixels"') == 2
    assert text("errors.picture_kind") in words(html) and text("errors.picture_empty") in words(html)
    rows = list(csv.DictReader(io.StringIO(attached(html)["answers.csv"])))
    assert [row["file"] for row in rows] == ["a.png", "'=cmd()", "c.jpg", "d.png"]
    for row, picture in zip((rows[0], rows[2]), good, strict=True):
        expected = classify(picture, MODEL, top_k=3).predictions
        assert [row[f"label_{i}"] for i in (1, 2, 3)] == [p.label for p in expected]
        assert float(row["probability_1"]) == pytest.approx(expected[0].probability, abs=0.02)
    assert rows[1]["problem"] == text("errors.picture_kind") and rows[1]["label_1"] == ""


def test_how_strange_each_of_several_is_stands_before_its_answers(sent):
    """Noise and a photograph: the net answers both, and of one it says that this is a guess."""
    photograph = ("cat.jpg", photo_file("cat").read_bytes())
    _, html = sent(ClassifyView(model=COLOUR), ("noise.png", encode(noise(64, 64))), photograph)
    head, strange, usual = re.findall("<tr>.*?</tr>", html)
    assert head.index(text("classify.strange_many")) < head.index(text("classify.nth_answer", n=1))
    assert 'class="warn"' in strange and 'class="warn"' not in usual
    below = [float(row["stranger_than"]) for row in csv.DictReader(io.StringIO(attached(html)["answers.csv"]))]
    assert below[0] >= SELDOM > below[1]
    _, without = sent(ClassifyView(model=COLOUR, reading=("zero_pad=both",)), photograph)
    assert text("classify.strange_many") not in without  # read otherwise, nothing is recorded of it


def test_only_bad_pictures_leave_only_sentences(sent):
    message, html = sent(ClassifyView(), ("a", b""), ("b", b"\x89PNG"))
    assert message == "" and html.count("<tr>") == 3 and "<img" not in html


def test_names_are_no_html(sent):
    _, html = sent(ClassifyView(), ("<script>x</script>.png", encode(noise())), ("a/../../b.png", b""))
    assert "<script" not in html and "../" not in html


@pytest.mark.parametrize("data, key, values", [
    ({"count": MANY + 1}, "several", {"n": MANY + 1, "limit": MANY}), ({"files": []}, "picture_empty", {}),
    ({"files": None}, "picture_empty", {}), ({"files": [{}] * (MANY + 5)}, "several", {"n": MANY + 5, "limit": MANY}),
])
def test_too_many_pictures_or_none_are_one_sentence(sent, data, key, values):
    message, html = sent(ClassifyView(), ("a.png", encode(noise())), **data)
    assert text(f"errors.{key}", **values) in message and html == gr.skip()


@pytest.mark.parametrize("file", [None, 5, "x", {"path": "/etc/passwd"}, {"path": None, "orig_name": None}], ids=str)
def test_a_made_up_record_is_a_line_with_a_sentence(sent, file):
    message, html = sent(ClassifyView(), files=[file])
    assert message == "" and text("errors.picture_empty") in html and "<img" not in html
