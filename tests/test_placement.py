"""A device without memory, and one without end: failures are injected, as no test machine need have a GPU."""

import pytest
import torch

from resnet.explain import evidence, samples
from resnet.explain.evidence import Questions, classify_many, gather
from resnet.explain.samples import measure
from resnet.hub.load import load
from resnet.inference.placement import CPU, best_device, placed, with_oom_fallback

CUDA = torch.device("cuda")
MODEL = "resnet20_fashion_mnist"


def tried(limit: int, batch: int) -> tuple[list, tuple]:
    """What with_oom_fallback tries on a device whose memory holds `limit` pictures, and what comes of it."""
    attempts = []

    def run(device, size):
        attempts.append((device.type, size))
        if device.type == "cuda" and size > limit:
            raise torch.cuda.OutOfMemoryError("made up")
        return device.type

    return attempts, with_oom_fallback(run, CUDA, batch)


@pytest.mark.parametrize("limit, attempts, end", [
    (8, [("cuda", 8)], ("cuda", "")),
    (3, [("cuda", 8), ("cuda", 4), ("cuda", 2)], ("cuda", "batch")),
    (0, [("cuda", 8), ("cuda", 4), ("cuda", 2), ("cuda", 1), ("cpu", 8)], ("cpu", "cpu")),
])
def test_a_smaller_batch_then_the_cpu(limit, attempts, end):
    assert tried(limit, 8) == (attempts, end)


def test_what_is_no_lack_of_memory_is_not_hidden():
    def run(device, size):
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        with_oom_fallback(run, CUDA, 4)


def test_the_cpu_is_tried_once():
    attempts = []

    def run(device, size):
        attempts.append(device.type)
        raise torch.cuda.OutOfMemoryError("made up")

    with pytest.raises(torch.cuda.OutOfMemoryError):
        with_oom_fallback(run, CPU, 4)
    assert attempts == ["cpu"]


@pytest.fixture
def full_device(monkeypatch):
    """A CUDA device that has no memory left, wherever a net would be placed."""
    asked = []

    def place(loaded, device):
        asked.append(device.type)
        if device.type != "cpu":
            raise torch.cuda.OutOfMemoryError("made up")
        return placed(loaded, device)

    for module in (evidence, samples):
        monkeypatch.setattr(module, "best_device", lambda: CUDA)
        monkeypatch.setattr(module, "placed", place)
    return asked


def test_an_answer_falls_back_to_the_cpu_and_says_so(full_device):
    loaded = load(MODEL)
    pixels = torch.zeros(3, 30, 30, dtype=torch.uint8)
    found = gather(pixels, loaded, Questions())
    assert (found.fallback, found.device) == ("cpu", "cpu") and full_device == ["cuda", "cpu"]
    many = classify_many(found.seen.pixels.expand(5, -1, -1, -1), loaded)
    assert (many.fallback, many.device, len(many.logits)) == ("cpu", "cpu", 5)
    assert torch.allclose(many.logits[0], found.logits, atol=0.1)
    some = measure(loaded, limit=20)
    assert (some.fallback, some.device, len(some)) == ("cpu", "cpu", 20)


def test_the_shared_model_stays_on_the_cpu():
    loaded = load(MODEL)
    assert placed(loaded, CPU) is loaded
    elsewhere = placed(loaded, torch.device("meta"))  # any other device gets a copy, once
    assert elsewhere.model is not loaded.model and elsewhere.model is placed(loaded, torch.device("meta")).model
    assert next(loaded.model.parameters()).device.type == "cpu"
    assert best_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
