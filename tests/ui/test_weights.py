"""The Weights field: repositories of the stand-in Hub, their download as the page shows it, and its end."""

import os
import subprocess
import sys
from contextlib import closing

import gradio as gr
import pytest
from safetensors.torch import save

from resnet.hub import downloads
from resnet.hub.load import bundled
from resnet.hub.store import current
from resnet.model import create
from resnet.papers.curated import CURATED
from resnet.ui.classify.tab import PANEL, ClassifyView, show_more
from resnet.ui.classify.view import model_title
from resnet.ui.classify.weights import choices, curated_title, default_model, fetch_weights
from tests.hub import StandInHub, pointed_at
from tests.ui.asking import asked, words

REPO = "a/net"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "REPORT_SECONDS", 0.02)
    with StandInHub() as stand_in, pointed_at(stand_in, tmp_path / "cache"):
        stand_in.add(REPO, {"model.safetensors": save(create("resnet20_cifar", shortcut="B").state_dict())})
        yield stand_in


def drawn(model: str, beside: str = "") -> str:
    message, html, link = PANEL.show(asked(), *PANEL.fill(ClassifyView(model=model, beside=beside), "en"), None)
    assert message == ""
    return html


def fetched(model: str, beside: str = "", query: str = "") -> list[tuple]:
    return list(fetch_weights(model, beside, asked(query)))


def test_the_tab_draws_a_note_until_the_weights_are_here(hub):
    assert "The weights of a/net are not here yet." in drawn(REPO) and hub.requests == []
    values = PANEL.fill(ClassifyView(model=REPO, open=("browse",)), "en")
    assert list(show_more(asked(), *values, None)) == [("", gr.skip())]  # what stands there stays
    *steps, last = fetched(REPO)
    assert any("Asking the Hub for a/net" in step[1] for step in steps) and last[1] == "" and last[4] == REPO
    html = drawn(REPO)
    assert '<table class="bars"' in html and "class_3" in html
    for sentence in ("Weights of a/net on the Hub", "mean and standard deviation, are assumed"):
        assert sentence in words(html)


def test_progress_can_be_seen_and_stopped(hub):
    hub.pause = 0.2
    hub.fail("slow", "model.*", whole=True)
    with closing(fetch_weights(REPO, "", asked("lang=zh"))) as steps:
        step = next(step for step in steps if "max=" in step[1])
        assert step[2]["visible"] is True and step[3]["visible"] is False
        assert "已下载" in step[1] and "/ 1.1 MB" in step[1]
    running = list(current().downloads.running.values())
    assert all(download.stop.is_set() for download in running)


@pytest.mark.parametrize(("fault", "words_"), [
    ("GatedRepo", "is gated"), ("429", "asks us to wait"), ("RepoNotFound", "There is no model a/net"),
    ("pointer", "Git LFS pointer"),
])
def test_a_failure_fills_the_message_and_offers_to_try_again(hub, fault, words_):
    hub.fail(fault, "model.*")
    message, panel, cancel, again, arrived = fetched(REPO)[-1]
    assert message == "" and panel.count("<p") == 1 and words_ in panel and arrived == gr.skip()
    assert not cancel["visible"] and again["visible"]
    assert "not here yet" in drawn(REPO) and '<table class="bars"' in drawn("resnet20_fashion_mnist")


def test_nothing_is_asked_for_bundled_weights_and_no_folder_is_named(hub):
    assert [step[1] for step in fetched("resnet20_fashion_mnist", "resnet20_cifar10")] == [""]
    assert "is no model on the Hub" in fetched("../weights/x")[-1][1]
    assert hub.requests == []


def test_two_from_the_hub_side_by_side(hub):
    hub.add("b/net", {"model.safetensors": save(create("resnet20_cifar", seed=4, shortcut="B").state_dict())})
    assert fetched(REPO, "b/net")[-1][4] == "a/net b/net"
    assert drawn(REPO, "b/net").count('<table class="bars"') == 2


def test_bundled_ones_come_first_and_each_title_is_its_own():
    groups = choices(model_title)
    titles, names = zip(*(one for group in groups.values() for one in group), strict=True)
    assert [*groups] == ["here", "hub"] and [name for _, name in groups["here"]] == [*bundled()]
    assert len(set(titles)) == len(titles) == len(names)
    told = {entry.reference: curated_title(entry) for entry in CURATED}
    assert told["timm/resnet50.tv2_in1k"] == "ResNet-50 V2, ImageNet (102 MB)"
    assert told["timm/wide_resnet50_2.tv_in1k"].startswith("Wide ResNet-50-2 V1")
    assert told["timm/resnext50_32x4d.a1_in1k"].startswith("ResNeXt-50 32x4d a1")
    assert told["microsoft/resnet-50"] == "ResNet-50 Microsoft, ImageNet (102 MB)"
    assert model_title("a/net") == "a/net" and model_title("timm/resnet18.tv_in1k") == "ResNet-18 V1, ImageNet"


# An instance of one's own ------------------------------------------------------------------------


def test_an_instance_offers_its_own_models_first(monkeypatch):
    monkeypatch.setenv("RESNET_MODELS", "you/cats, you/dogs@v2,, /etc/passwd,resnet20_cifar10,you/cats")
    monkeypatch.setenv("RESNET_DEFAULT_MODEL", "you/birds")
    groups = choices(model_title)
    offered = [reference for group in groups.values() for _, reference in group]
    assert [*groups] == ["own", "here", "hub"]
    assert offered[:4] == ["you/cats", "you/dogs@v2", "you/birds", next(iter(bundled()))]
    assert default_model() == "you/birds" and len(offered) == len(set(offered)) and "/etc/passwd" not in offered


@pytest.mark.parametrize("name", ["", "  ", "../weights", "zebra", "https://example.org/x", "a/b\nc"])
def test_a_default_that_cannot_be_is_a_bundled_one(monkeypatch, name):
    monkeypatch.setenv("RESNET_DEFAULT_MODEL", name)
    assert default_model() in bundled()


@pytest.mark.slow
def test_links_without_a_model_open_the_instances_own():
    code = "from resnet.ui.classify.view import ClassifyView; print(ClassifyView().model)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env=os.environ | {"RESNET_DEFAULT_MODEL": "you/birds"})
    assert done.stdout.strip() == "you/birds"
