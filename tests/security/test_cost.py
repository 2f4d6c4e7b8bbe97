"""What a stranger's repository may cost the page, measured at the running app: memory, and seconds that others wait."""

import json
import os
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import torch
from safetensors.torch import save, save_file

from resnet.checkpoint import ModelInfo
from resnet.config import ResNetConfig, config_of
from resnet.data import load_samples
from resnet.explain import ablation, evidence, gradcam, samples
from resnet.explain.ablation import without_each_block
from resnet.explain.evidence import classify_many
from resnet.explain.samples import has_items, measure
from resnet.hub import affordable
from resnet.hub.affordable import check_affordable
from resnet.hub.loaded import LoadedModel, read_model
from resnet.hub.ref import ModelRef
from resnet.hub.store import current
from resnet.inference.batches import ACTIVATIONS, most_at_once
from resnet.model import create
from resnet.tracing.trace import trace
from resnet.util.errors import InputError
from resnet.util.text import sentences
from tests.factories import made_info
from tests.hub import StandInHub, pointed_at
from tests.pictures import encode, noise
from tests.running import running

PATIENCE = 120  # seconds
TRACE, REFUSAL, TAKEN = 100, 100, 400  # MB: tracing a repository, refusing to run it, and running it
MODEL = "resnet20_fashion_mnist"
CPU = torch.device("cpu")


def megabytes(pid: int, name: str) -> float:
    """VmRSS or VmHWM: what a process has now, or had at most."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1000


class Page:
    """The running app."""

    def __init__(self, url: str, pid: int):
        self.url, self.pid = url, pid

    def ask(self, call: str, *data: object) -> str:
        """The stream's last event: the answer, or the sentence."""
        with httpx.Client(base_url=f"{self.url}gradio_api/", timeout=PATIENCE) as web:
            event = web.post(f"call/{call}", json={"data": data}).json()["event_id"]
            return web.get(f"call/{call}/{event}").text.encode().decode("unicode_escape")

    def trace(self, model: str) -> str:
        return self.ask("trace", model, 224, 224, 1000)

    def classify(self, model: str) -> str:
        path, = httpx.post(f"{self.url}gradio_api/upload", files={"files": ("x", encode(noise()))}).json()
        return self.ask("classify", {"path": path, "meta": {"_type": "gradio.FileData"}}, model, 1)

    def cost(self, work) -> tuple[str, float]:
        """(what is told, MB that the process grew to meanwhile)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # its peak is what it has now
        before = megabytes(self.pid, "VmHWM")
        return work(), megabytes(self.pid, "VmHWM") - before


def header(data: bytes, room: int = 0) -> bytes:
    return struct.pack("<Q", len(data)) + data + bytes(room)


def braces(size: int) -> bytes:
    """JSON of nothing but small dictionaries."""
    return b'{"a":[' + b",".join([b"{}"] * ((size - 8) // 3)) + b"]}"


def ours(side: int, **changes) -> dict[str, bytes]:
    """A repository in our own format, whose net is small and wants large pictures."""
    net = create(config_of("resnet20_cifar", input_size=(side, side), **changes), seed=1).eval()
    return {"config.json": described(net.config), "model.safetensors": save(net.state_dict())}


def described(config: ResNetConfig) -> bytes:
    return made_info(config, mean=(0.5,) * 3, std=(0.5,) * 3).to_json().encode()


SHARDS = {f"model-{i}.safetensors": header(braces(3_999_900)) for i in range(16)}
NAMES = b"{" + b",".join(b'"%d":0' % i for i in range(300_000)) + b"}"
HEADERS = {
    "shards": SHARDS | {"model.safetensors.index.json": json.dumps(
        {"weight_map": {f"t{i}": file for i, file in enumerate(SHARDS)}}).encode()},
    "index": {"model.safetensors.index.json": braces(3_999_900)},
    "config": {"config.json": braces(999_900), "model.safetensors": header(braces(3_999_900))},
    "names": {"model.safetensors": header(NAMES)},
}


@pytest.fixture(scope="module")
def hub():
    with StandInHub() as stand_in:
        for name, files in HEADERS.items():
            stand_in.add(f"inflates/{name}", files)
        for side in (448, 640, 2048, 8192):
            stand_in.add(f"large/s{side}", ours(side))
        stand_in.add("small/net", ours(32))
        yield stand_in


@pytest.fixture(scope="module")
def page(hub, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cost")
    with running(environment=hub.environment(folder / "cache"), log=folder / "log") as app:
        page = Page(app.url, app.process.pid)
        for model in (MODEL, "small/net"):  # what the first of its kind imports is no cost of the others
            assert "event: complete" in page.classify(model), (folder / "log").read_text()
            page.trace(model)
        yield page


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="nothing tells a process's peak here")
@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_inflate_are_refused_before_they_do(page, name):
    """Sixteen shards of "{},{},..." took 1.4 GB."""
    told, grown = page.cost(lambda: page.trace(f"inflates/{name}"))
    assert "event: error" in told and "reference" not in told and grown < TRACE, (told, grown)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="nothing tells a process's peak here")
@pytest.mark.parametrize("side", [640, 2048, 8192])
def test_a_net_that_costs_too_much_is_refused_before_its_weights_are_read(page, hub, side):
    """2,048 pixels took 688 MB and 18 s, of which others waited 17."""
    waited, over = [], threading.Event()

    def another() -> None:
        while not over.is_set():
            start = time.monotonic()
            assert "event: complete" in page.classify(MODEL)
            waited.append(time.monotonic() - start)

    sent, alone = hub.sent("model.safetensors"), max(_seconds(lambda: page.classify(MODEL)) for _ in range(3))
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(another)
        try:
            told, grown = page.cost(lambda: page.classify(f"large/s{side}"))
        finally:
            over.set()
            asking.result(PATIENCE)
    assert "event: error" in told and f"{side}×{side}" in told and grown < REFUSAL, (told, grown)
    assert max(waited) < 2 + 10 * alone, (waited, alone)
    assert "event: complete" in page.trace(f"large/s{side}")  # which costs nothing
    assert hub.sent("model.safetensors") - sent < 500_000  # of 1.1 MB: headers


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="nothing tells a process's peak here")
def test_the_dearest_net_that_is_taken_costs_what_is_promised(page):
    told, grown = page.cost(lambda: page.classify("large/s448"))
    assert "event: complete" in told and grown < TAKEN, (told, grown)


def _seconds(work) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


# The limits -----------------------------------------------------------------------------------------------


def refusal(work) -> str:
    with pytest.raises(InputError) as caught:
        work()
    assert "\n" not in str(caught.value) and caught.value.sentence("zh") != str(caught.value)
    return caught.value.key


def test_what_ships_and_the_nets_of_the_papers_are_affordable():
    for info in current().bundled().values():
        check_affordable(info.architecture, [info.architecture.input_size])
    for name in ("resnet50", "resnet152", "wide_resnet101_2", "resnext101_64x4d", "resnet200"):
        check_affordable(config_of(name), [(224, 224), (288, 288)])


@pytest.mark.parametrize("limit", ["MAX_MACS", "MAX_ACTIVATIONS"])
def test_each_limit_is_the_last_that_is_taken(monkeypatch, limit):
    found = trace("resnet18")
    exact = found.macs if limit == "MAX_MACS" else found.peak_activation_bytes
    monkeypatch.setattr(affordable, limit, exact)
    check_affordable(found.config, [(224, 224)])
    monkeypatch.setattr(affordable, limit, exact - 1)
    assert refusal(lambda: check_affordable(found.config, [(32, 32), (224, 224)])) == "too_costly"


FORMATS = {
    "ours": lambda net: json.loads(described(net.config)),
    "timm": lambda net: {"architecture": "resnet18", "pretrained_cfg": {"input_size": [3, 600, 600]}},
    "timm's test size": lambda net: {"architecture": "resnet18", "pretrained_cfg": {"test_input_size": [3, 600, 600]}},
    "transformers": lambda net: {"model_type": "resnet"},
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_limits_are_the_same_for_every_format(tmp_path, name):
    """The owner of this machine may load what a visitor may not."""
    side = 600
    net = create(config_of("resnet18", widths=(8, 8, 8, 8), classes=10, input_size=(side, side)), seed=1).eval()
    processor = {"image_processor_type": "ViTImageProcessor", "size": {"height": side, "width": side}}
    with StandInHub() as stand_in, pointed_at(stand_in, tmp_path), pytest.MonkeyPatch.context() as patch:
        patch.setattr(affordable, "MAX_ACTIVATIONS", trace(net.config).peak_activation_bytes - 1)
        files = {"config.json": json.dumps(FORMATS[name](net)).encode(), "model.safetensors": save(net.state_dict())}
        if name == "transformers":
            files["preprocessor_config.json"] = json.dumps(processor).encode()
        stand_in.add("a/net", files)
        for _ in range(2):
            assert refusal(lambda: current().load(ModelRef.parse("a/net"))) == "too_costly"
        loaded = current().load(ModelRef.parse("a/net", trusted=True))
        assert refusal(lambda: current().load(ModelRef.parse("a/net"))) == "too_costly"
        assert loaded.info.architecture.classes == 10


def test_a_file_is_read_tensor_by_tensor(tmp_path):
    """What is kept is the net in fp32; a file of 51 MB took 317 MB."""
    net = create(config_of("resnet18"), seed=1).eval()
    file = tmp_path / "model.safetensors"
    save_file({name: value.half() if value.is_floating_point() else value for name, value in net.state_dict().items()},
              file)
    read_model(ModelRef.parse(str(file), trusted=True), file)
    Path("/proc/self/clear_refs").write_text("5")
    before = megabytes(os.getpid(), "VmHWM")
    loaded = read_model(ModelRef.parse(str(file), trusted=True), file)
    grown = megabytes(os.getpid(), "VmHWM") - before
    largest = max(value.numel() * 4 for value in net.state_dict().values())
    assert grown < (loaded.nbytes + 4 * largest) / 1e6, grown


# Batches --------------------------------------------------------------------------------------------------


@pytest.fixture
def small() -> LoadedModel:
    net = create(config_of("resnet20_cifar", in_channels=1, input_size=(28, 28)), seed=1).eval()
    info = replace(made_info(net.config), data="fashion_mnist", mean=(0.5,), std=(0.5,))
    return LoadedModel(ModelRef("hub", "a/net"), net, info)


class Batches(torch.nn.Module):
    """Counts what goes through it."""

    def __init__(self, inner: torch.nn.Module):
        super().__init__()
        self.inner, self.sizes = inner, []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(x))
        return self.inner(x)


def test_batches_are_as_large_as_their_activations_allow(small, monkeypatch):
    each = trace(small.info.architecture).peak_activation_bytes
    small.model.conv1 = stem = Batches(small.model.conv1)
    monkeypatch.setitem(ACTIVATIONS, "cpu", 7 * each)
    assert most_at_once(small.info.architecture, (28, 28), CPU) == 7
    assert most_at_once(small.info.architecture, (280, 280), CPU) == 1
    found = measure(small, "fp32", limit=20)
    assert stem.sizes == [7, 7, 6] and len(found) == 20
    stem.sizes.clear()
    classify_many(torch.zeros(10, 1, 28, 28, dtype=torch.uint8), small, "fp32")
    assert stem.sizes == [7, 3]


def test_items_of_a_large_net_come_in_pieces_of_a_second(small, monkeypatch):
    stem = small.model.conv1 = Batches(small.model.conv1)
    monkeypatch.setattr(samples, "PIECE", 3.5 * trace(small.info.architecture).macs)
    measure(small, "fp32", limit=8)
    assert stem.sizes == [3, 3, 2]


def test_measured_items_cost_no_more_than_their_budget(small):
    for side in (28, 224, 448):
        config = replace(small.info.architecture, input_size=(side, side))
        loaded = replace(small, info=replace(small.info, architecture=config))
        found = samples.items(loaded)
        assert found.images.shape[-2:] == (28, 28)  # made larger batch by batch
        assert trace(config).macs * len(found) <= max(samples.BUDGET, 2 * samples.BUDGET)
    assert len(samples.items(small)) == len(load_samples("fashion_mnist", "test"))


@pytest.mark.parametrize("changes", [{"in_channels": 3}, {"classes": 4}])
def test_a_net_that_cannot_be_of_the_data_that_it_names_has_no_items(small, changes):
    config = replace(small.info.architecture, **changes)
    assert has_items(small) and not has_items(replace(small, info=replace(small.info, architecture=config)))


@pytest.mark.parametrize("most", [1, 2, 100])
def test_blocks_are_switched_off_in_groups_with_the_same_answers(small, monkeypatch, most):
    x = torch.rand(1, 1, 28, 28)
    whole = without_each_block(small.model, x)
    monkeypatch.setattr(ablation, "most_at_once", lambda *_: most)
    torch.testing.assert_close(without_each_block(small.model, x), whole, rtol=1e-4, atol=1e-5)


def test_switching_off_too_many_blocks_is_refused(small, monkeypatch):
    monkeypatch.setattr(ablation, "MAX_MACS", 8 * trace(small.info.architecture).macs)
    assert refusal(lambda: evidence.gather(torch.zeros(3, 28, 28, dtype=torch.uint8), small,
                                           evidence.Questions(alone=True))) == "blocks_costly"


def test_a_stage_with_too_much_behind_it_is_refused(small, monkeypatch):
    """Grad-CAM of the stem of a net of 900 blocks would keep gigabytes."""
    behind = [layer for layer in trace(small.info.architecture).layers if layer.group not in ("conv1", "fc")]
    monkeypatch.setattr(gradcam, "MAX_KEPT", sum(layer.activation_bytes for layer in behind) - 1)
    picture = torch.zeros(3, 28, 28, dtype=torch.uint8)
    assert refusal(lambda: evidence.gather(picture, small, evidence.Questions(stage="conv1"))) == "stage_costly"
    assert evidence.gather(picture, small, evidence.Questions(stage="conv2_x")).cam.shape == (28, 28)


def test_labels_of_our_own_format_are_checked_as_others(small):
    for label in ("", "a\nb", "x" * 201, "\ud800", "a\u202eb"):
        with pytest.raises(InputError):
            ModelInfo.from_json(replace(small.info, labels=(label, *small.info.labels[1:])).to_json(), "here")
    for field in ("variant", "data", "hardware"):
        with pytest.raises(InputError):
            ModelInfo.from_json(replace(small.info, **{field: "a\tb"}).to_json(), "here")
    assert "errors.too_costly" in sentences("zh")
