"""Colour photographs go to the ImageNet net where it can be had; elsewhere a CIFAR-10 net says that it stands in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import huggingface_hub
import pytest
import torch
import yaml
from safetensors.torch import save

from resnet.data import photo_file
from resnet.hub.cache import last_snapshot
from resnet.hub.store import ModelStore, current, use
from resnet.model import create
from resnet.papers.curated import PHOTOGRAPHS
from resnet.ui.classify.photographs import REF, can_be_had, get_ready
from resnet.ui.classify.tab import PANEL, SET, ClassifyView, show_chosen, show_own
from resnet.ui.classify.view import model_title, suited_model
from resnet.util.text import text
from tests.hub import StandInHub, pointed_at
from tests.ui.asking import asked, words

ROOT = Path(__file__).parent.parent.parent
FASHION, CIFAR, PLAIN_CIFAR = "resnet20_fashion_mnist", "resnet18_cifar10", "plain20_cifar10"
FILES = ("config.json", "model.safetensors")


@pytest.fixture(scope="module")
def weights() -> bytes:
    """An ImageNet net that answers tabby, whatever it sees."""
    net = create("resnet18", seed=1, widths=(8, 8, 8, 8))
    with torch.no_grad():
        net.fc.weight.zero_()
        net.fc.bias.zero_()[281] = 9.0
    return save(net.state_dict())


@pytest.fixture
def hub(tmp_path, weights):
    with StandInHub() as stand_in, pointed_at(stand_in, tmp_path / "cache"):
        stand_in.add(PHOTOGRAPHS, {"config.json": b'{"architecture": "resnet18"}', "model.safetensors": weights})
        yield stand_in


@pytest.fixture
def preloaded(hub):
    """As a Space's build leaves the cache; then the Hub is gone, and the page's process begins."""
    for name in FILES:
        huggingface_hub.hf_hub_download(PHOTOGRAPHS, name)
    hub.requests.clear()
    hub.fail("reset")
    use(ModelStore())
    return hub


@pytest.fixture
def away(tmp_path):
    with pointed_at("http://127.0.0.1:9", tmp_path / "cache"):
        yield


@pytest.fixture
def upload(tmp_path, monkeypatch) -> Callable[[], dict]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    (tmp_path / "cat.jpg").write_bytes(photo_file("cat").read_bytes())
    return lambda: {"path": str(tmp_path / "cat.jpg"), "orig_name": "cat.jpg", "meta": {"_type": "gradio.FileData"}}


def clicked_cat(model: str = FASHION, lang: str = "") -> tuple[str, str]:
    """(the model, the page) after a click on the photograph of a cat."""
    event = gr.EventData(None, {"field": "example", "value": "cat"})
    message, html, _, *values = show_chosen(asked(lang), event, *PANEL.fill(ClassifyView(model=model), "en"), None)
    assert message == ""
    return dict(zip(SET, values, strict=False))["model"], html


def test_what_a_space_preloaded_answers_the_first_visitor_without_the_hub(preloaded, upload):
    get_ready()
    assert preloaded.requests == [] and current().is_at_hand(REF)
    model, html = clicked_cat()
    assert model == PHOTOGRAPHS and "tabby" in words(html) and "stands-in" not in html
    message, html, _, *values = show_own(asked(), *PANEL.fill(ClassifyView(), "en"), upload())
    assert message == "" and PHOTOGRAPHS in values and "tabby" in words(html)
    assert preloaded.requests == []


def test_the_card_preloads_just_that():
    card = yaml.safe_load((ROOT / "README.md").read_text("utf-8").split("---")[1])
    assert card["preload_from_hub"] == [f"{PHOTOGRAPHS} {','.join(FILES)}"]


def test_what_is_in_the_cache_is_hashed_before_it_counts(preloaded):
    folder: Any = last_snapshot(REF)
    blob = (folder / "model.safetensors").resolve()
    blob.write_bytes(blob.read_bytes()[:-1] + b"\0")
    get_ready()
    assert not current().is_at_hand(REF) and not can_be_had()


def test_a_part_of_it_does_not_count(preloaded):
    folder: Any = last_snapshot(REF)
    (folder / "model.safetensors").unlink()
    assert not current().adopt(REF)


def test_where_it_can_be_fetched_the_page_fetches_it(hub):
    assert not can_be_had()
    get_ready()
    assert can_be_had() and not current().is_at_hand(REF) and hub.sent("model.safetensors") <= 65_536
    model, html = clicked_cat()
    assert model == PHOTOGRAPHS and "are not here yet" in words(html)


def test_a_space_fetches_it_at_once(hub, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "you/space")
    get_ready()
    assert current().is_at_hand(REF) and "tabby" in words(clicked_cat()[1])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_elsewhere_a_cifar_net_stands_in_and_says_so_first(away, upload, lang):
    get_ready()
    assert not can_be_had()
    model, html = clicked_cat(lang=f"lang={lang}")
    said = text("classify.stands_in", lang, wanted=model_title(PHOTOGRAPHS), name=model_title(model), classes="\0")
    assert model == CIFAR and words(html).startswith(said.partition("\0")[0].strip())
    assert text("labels.airplane", lang) in words(html)
    assert html.index("stands-in") < html.index("bars")
    _, html, *_ = show_own(asked(f"lang={lang}"), *PANEL.fill(ClassifyView(), "en"), upload())
    assert "stands-in" in html


def test_nothing_stands_in_for_what_was_chosen_or_asked_of_fashion(away):
    assert "stands-in" not in PANEL.show(asked(), *PANEL.fill(ClassifyView(), "en"), None)[1]
    assert "stands-in" not in PANEL.show(asked(), *PANEL.fill(ClassifyView("cat", FASHION), "en"), None)[1]


@pytest.mark.parametrize(("data", "before", "after"), [
    ("cifar10", FASHION, PHOTOGRAPHS), ("cifar10", PLAIN_CIFAR, PLAIN_CIFAR), ("cifar10", "a/net", "a/net"),
    ("cifar10", "", PHOTOGRAPHS), ("fashion_mnist", PHOTOGRAPHS, FASHION), ("fashion_mnist", FASHION, FASHION)])
def test_which_net_suits_a_picture(preloaded, data, before, after):
    get_ready()
    assert suited_model(data, before) == after
