"""What a stranger's repository may cost the page, measured at the running app: memory, and seconds that others wait."""

import json
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from safetensors.torch import save

from resnet.config import ResNetConfig, config_of
from resnet.model import create
from tests.factories import made_info
from tests.hub import StandInHub
from tests.pictures import encode, noise
from tests.running import running

PATIENCE = 120  # seconds
TRACE, REFUSAL, TAKEN = 100, 100, 400  # MB: tracing a repository, refusing to run it, and running it
MODEL = "resnet20_fashion_mnist"


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
