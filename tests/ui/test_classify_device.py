"""The page's handlers with each call on the device in a forked process, pickled both ways, as on ZeroGPU."""

import multiprocessing
import pickle  # noqa: TID251  what crosses here is our own, as it does on ZeroGPU

import gradio as gr
import pytest
import torch

from resnet.hub.load import load
from resnet.hub.ref import ModelRef
from resnet.hub.trace import trace
from resnet.inference.placement import placed
from resnet.ui.classify import samples
from resnet.ui.classify.tab import PANEL, ClassifyView, classify_api, show_batch, show_more
from resnet.ui.page import device
from resnet.util.lru import LRU
from resnet.util.text import text
from tests.factories import one_thread
from tests.pictures import encode, gradient
from tests.ui.asking import asked

MODEL, COLOUR = "resnet20_fashion_mnist", "resnet20_cifar10"
CALLS = ("gather", "classify_many", "measure", "features")


def forked(function):
    """Runs `function` in a forked process; arguments and result cross by plain pickle, of an exception only
    the name of its class, in a gr.Error (spaces.zero.wrappers, `exception_result`)."""
    context = multiprocessing.get_context("fork")

    def call(*values):
        message = pickle.dumps(values)
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(function, message, theirs))
        process.start()
        try:
            assert ours.poll(60), "the forked call does not answer"
            failure, answer = pickle.loads(ours.recv_bytes())
        finally:
            process.join(5)
            process.kill()
        if failure:
            raise gr.Error(failure, title="ZeroGPU worker error")
        return answer

    return call


def _work(function, message: bytes, end) -> None:
    torch.set_num_threads(1)  # the fork has none of OpenMP's threads
    try:
        answer = "", function(*pickle.loads(message))
    except Exception as error:
        answer = type(error).__name__, None
    end.send_bytes(pickle.dumps(answer))


def stand_in(monkeypatch, run) -> list[str]:
    """Puts `run` where spaces.GPU stands on a ZeroGPU machine; the list tells which calls were made."""
    calls = []

    def gpu(duration):
        assert 1 <= duration <= 60
        return run

    for name in CALLS:
        away = device.on_device(5, gpu)(getattr(device, name).__wrapped__)
        monkeypatch.setattr(device, name, lambda *values, name=name, away=away: calls.append(name) or away(*values))
    return calls


@pytest.fixture
def zero_gpu(monkeypatch):
    with one_thread():
        yield stand_in(monkeypatch, forked)


def without_times(html: str) -> str:
    """The drawing without the source lines, which tell milliseconds."""
    return "".join(part for part in html.split("<p ") if not part.startswith('class="source"'))


def show(view: ClassifyView) -> str:
    message, html, _ = PANEL.show(asked(), *PANEL.fill(view, "en"), None)
    assert message == ""
    return html


VIEWS = [ClassifyView(), ClassifyView("cat", COLOUR, stage="conv2_x", target=3, channels="conv3_x"),
         ClassifyView(off=("layer1.1",), beside="plain20_fashion_mnist")]


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS, ids=["default", "evidence chosen", "lesion and two models"])
def test_a_view_is_the_same_from_a_process_of_its_own(view, request):
    with one_thread():
        here = show(view)
    calls = request.getfixturevalue("zero_gpu")
    there = show(view)
    assert without_times(there) == without_times(here) and len(without_times(here)) > 10_000
    assert calls == ["gather"] * (2 if view.beside else 1)  # one call for each model, and no more


@pytest.mark.slow
def test_a_lessons_features_come_from_a_process_of_its_own(request):
    pictures = torch.randint(0, 256, (3, 1, 28, 28), dtype=torch.uint8)
    with one_thread():
        here = device.features(pictures, ModelRef.parse(MODEL)).features
    calls = request.getfixturevalue("zero_gpu")
    assert torch.equal(device.features(pictures, ModelRef.parse(MODEL)).features, here) and calls == ["features"]


def test_every_call_on_the_device_is_stood_in_for():
    decorated = {name for name, value in vars(device).items()
                 if hasattr(value, "__wrapped__") and value.__module__ == device.__name__}
    assert decorated == {*CALLS}


def test_without_quota_the_cpu_answers_and_the_page_says_so(monkeypatch):
    here = show(ClassifyView())

    def refuse(function):
        def call(*values):
            raise gr.Error("You have exceeded your GPU quota", title="ZeroGPU quota exceeded")

        return call

    stand_in(monkeypatch, refuse)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)  # as ZeroGPU makes the page believe
    there = show(ClassifyView())
    assert without_times(there) == without_times(here)
    assert text("classify.fallback_busy") in there and text("classify.fallback_busy") not in here


@pytest.mark.slow
def test_what_was_measured_there_is_kept_here(zero_gpu, monkeypatch):
    monkeypatch.setattr(samples, "_kept", LRU(samples.KEPT))
    monkeypatch.setattr("resnet.explain.samples.BUDGET", 1000 * trace(MODEL).macs)
    view = PANEL.fill(ClassifyView("bag", open=("blocks", "neighbours", "browse")), "en")
    first = list(show_more(asked(), *view, None))
    assert sorted(zero_gpu) == ["gather", "gather", "measure"] and 'data-field="off"' in first[-1][1]
    measured = samples._kept.peek(ModelRef.parse(MODEL))
    assert measured and measured.features.shape == (1000, 64)
    second = list(show_more(asked(), *view, None))
    assert zero_gpu.count("measure") == 1 and first[-1] == second[-1]


def test_errors_cross_too(zero_gpu):
    message, *_ = PANEL.show(asked("lang=zh"), *PANEL.fill(ClassifyView(off=("layer9.9",)), "en"), None)
    assert text("errors.no_block", "zh", block="layer9.9", first="layer1.0", last="layer3.2") in message


def test_the_api_and_several_pictures(zero_gpu, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    (tmp_path / "a.png").write_bytes(encode(gradient()))
    record = {"path": str(tmp_path / "a.png"), "orig_name": "a.png"}
    answer = classify_api(record, COLOUR, 3)
    event = type("Sent", (), {"_data": {"files": [record] * 3, "count": 3}})()
    _, html = show_batch(asked(), event, *PANEL.fill(ClassifyView(model=COLOUR), "en"))
    assert html.count(answer["predictions"][0]["label"]) >= 3 and zero_gpu == ["classify_many"] * 2


def test_the_default_model_is_placed_at_start_on_zero_gpu_only(monkeypatch):
    asked_for = []
    monkeypatch.setattr(device, "placed", lambda loaded, where: asked_for.append((str(loaded.ref), where.type)))
    device.place_default(ModelRef.parse(MODEL))
    assert asked_for == []
    monkeypatch.setattr(device.Config, "zero_gpu", True)
    device.place_default(ModelRef.parse(MODEL))
    assert asked_for == [(MODEL, "cuda")]
    assert placed(load(MODEL), torch.device("cpu")).model is load(MODEL).model
