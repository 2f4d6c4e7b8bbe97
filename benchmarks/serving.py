"""Many visitors at once: the page's /classify beside a minimal Gradio classifier, in turn in one run.

    python -m benchmarks.serving [--net resnet50] [--rounds 3] [--seconds 20] [--quick]

Plain: gr.Interface with a PIL picture, torchvision's net in eager mode and weights.transforms(), as its
documentation shows, with Gradio's defaults. Ours: app.py with a weights folder that holds the same net with
random weights. A client uploads a JPEG of 1000x800 pixels, asks, reads the answer, and asks again, as
gradio_client does; 1, 8 and 32 of them, on loopback, on the same machine. Both servers live through the
run, and the one that is not asked sleeps.

Printed: answers a second, the 95th percentile of the seconds to an answer, and the server's processor
time an answer, from /proc, without the clients'; then seconds from the command to the first page, and memory in
use then and after the load. `benchmarks.startup` compares the start with imports alone.

Aims: with 32 clients twice the throughput (three times hoped for), and no error anywhere.
"""

import argparse
import http.client
import json
import os
import secrets
import shutil
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.inference import save_picture
from benchmarks.machine import heading
from tests.running import ROOT, Running, running

CLIENTS = (1, 8, 32)
PLAIN = """
import sys
import gradio as gr
import torch
import torchvision
from torchvision.transforms._presets import ImageClassification

net, weights, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
model = torchvision.models.get_model(net).eval()
from safetensors.torch import load_file
model.load_state_dict(load_file(weights))
transforms = ImageClassification(crop_size=224, resize_size=256)

def predict(picture):
    with torch.inference_mode():
        chances = model(transforms(picture)[None])[0].softmax(0)
    return {f"class {i}": float(chances[i]) for i in range(1000)}

gr.Interface(predict, gr.Image(type="pil"), gr.Label(num_top_classes=5)).launch(server_port=port, quiet=True)
"""
OURS = """
import runpy, sys
from pathlib import Path
import spaces
from resnet.hub import ref, store
ref.WEIGHTS = store.WEIGHTS = Path(sys.argv.pop(1))
sys.argv[0] = "app.py"
runpy.run_path("app.py", run_name="__main__")
"""


@dataclass(frozen=True)
class Load:
    """Of one round: seconds to each answer, errors, seconds it all took, and the server's processor seconds."""

    answers: tuple[float, ...]
    errors: int
    seconds: float
    processor: float

    @property
    def throughput(self) -> float:
        return len(self.answers) / self.seconds

    @property
    def p95(self) -> float:
        return sorted(self.answers)[int(0.95 * (len(self.answers) - 1))] if self.answers else float("nan")


class Server:
    """A running server, and how long it took to show a page."""

    def __init__(self, name: str, app: Running, api: str, data: list):
        self.name, self.api, self.data, self.start = name, api, data, app.seconds
        self.port, self.pid = urlsplit(app.url).port, app.process.pid
        self.first_memory = self.memory()

    def memory(self) -> float:
        """MB in memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def processor(self) -> float:
        """Seconds of processor time since the start, all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, connection: http.client.HTTPConnection, session: str, picture: bytes) -> dict:
        """The answer to one picture; raises when there is none."""
        boundary = "benchmark"
        form = (f"--{boundary}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"picture.jpg\"\r\n"
                "Content-Type: image/jpeg\r\n\r\n").encode() + picture + f"\r\n--{boundary}--\r\n".encode()
        (path,) = json.loads(_sent(connection, "POST", "/gradio_api/upload", form,
                                   f"multipart/form-data; boundary={boundary}"))
        record = {"path": path, "orig_name": "picture.jpg", "meta": {"_type": "gradio.FileData"}}
        body = json.dumps({"data": [record, *self.data], "session_hash": session}).encode()
        event = json.loads(_sent(connection, "POST", f"/gradio_api/call/{self.api}", body, "application/json"))
        stream = _sent(connection, "GET", f"/gradio_api/call/{self.api}/{event['event_id']}").decode()
        last = stream.strip().splitlines()[-2:]
        if last[0] != "event: complete":
            raise RuntimeError(stream[-300:])
        return json.loads(last[1].removeprefix("data: "))[0]

    def loaded(self, clients: int, seconds: float, picture: bytes) -> Load:
        answers, errors = [], []
        end = time.perf_counter() + seconds

        def client() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
            session = secrets.token_hex(5)  # as gradio_client has one; without, Gradio makes a new one for each call
            while time.perf_counter() < end:
                begun = time.perf_counter()
                try:
                    self.ask(connection, session, picture)
                    answers.append(time.perf_counter() - begun)
                except Exception as error:
                    errors.append(error)
                    connection.close()

        before, begun = self.processor(), time.perf_counter()
        threads = [threading.Thread(target=client) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            print(f"{self.name}: {len(errors)} errors, the first: {errors[0]!r}", file=sys.stderr)
        return Load(tuple(answers), len(errors), time.perf_counter() - begun, self.processor() - before)


def _sent(connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None,
          kind: str = "") -> bytes:
    connection.request(method, path, body, {"Content-Type": kind} if kind else {})
    answer = connection.getresponse()
    data = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status} {data[:200]!r}")
    return data


def save_nets(net: str, folder: Path) -> Path:
    """The project's weights folders, and one more: `net` with random weights; the path of those."""
    from resnet.checkpoint import ModelInfo, save_model
    from resnet.model import create

    shutil.copytree(ROOT / "weights", folder, ignore=shutil.ignore_patterns("runs"))
    model = create(net)
    labels = tuple(f"class {i}" for i in range(model.config.classes))
    info = ModelInfo("benchmark", net, model.config, "", labels, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    save_model(folder / "benchmark", model, info)
    whole = folder.parent / "whole.safetensors"
    from safetensors.torch import save_file

    save_file(model.state_dict(), whole)
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--net", default="resnet50")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clients", nargs="+", type=int, default=CLIENTS)
    parser.add_argument("--quick", action="store_true", help="one round of 4 seconds: does it run?")
    args = parser.parse_args()
    rounds, seconds = (1, 4.0) if args.quick else (args.rounds, args.seconds)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        whole = save_nets(args.net, folder / "weights")
        save_picture(folder / "picture.jpg")
        environment = {"GRADIO_ANALYTICS_ENABLED": "False", "PYTHONPATH": str(ROOT)}
        plain = stack.enter_context(running(["-c", PLAIN, args.net, str(whole), "{port}"], environment))
        ours = stack.enter_context(running(["-c", OURS, str(folder / "weights"), "--port", "{port}"], environment))
        servers = Server("plain", plain, "predict", []), Server("ours", ours, "classify", ["benchmark", 5])
        compare(servers, args.clients, rounds, seconds, (folder / "picture.jpg").read_bytes())


def compare(servers: tuple[Server, Server], clients: list[int], rounds: int, seconds: float, picture: bytes) -> None:
    print(heading())
    for server in servers:
        for n in (1, *clients):  # warm, in each batch that is to come
            server.loaded(n, min(5.0, seconds), picture)
    print(f"{'clients':>8} {'':8}{'answers/s':>11}{'p95, s':>9}{'CPU ms each':>13}{'errors':>8}")
    for n in clients:
        loads: dict[str, list[Load]] = {server.name: [] for server in servers}
        for i in range(rounds):
            for server in servers[::1 if i % 2 == 0 else -1]:
                loads[server.name].append(server.loaded(n, seconds, picture))
        for name, found in loads.items():
            rate, p95 = (statistics.median(getattr(load, field) for load in found) for field in ("throughput", "p95"))
            each = statistics.median(1e3 * load.processor / max(1, len(load.answers)) for load in found)
            errors = sum(load.errors for load in found)
            print(f"{n:8} {name:8}{rate:11.1f}{p95:9.2f}{each:13.1f}{errors:8}", flush=True)
        ratio = statistics.median(b.throughput / a.throughput for a, b in zip(*loads.values(), strict=True))
        verdict = ("  reached" if ratio >= 2 else "  MISSED") + " (aim: 2, hoped for: 3)" if n == max(clients) else ""
        print(f"{'':8} ratio   {ratio:11.2f}{verdict}", flush=True)
    for server in servers:
        print(f"{server.name:8} first page after {server.start:.1f} s, {server.first_memory:,.0f} MB; "
              f"{server.memory():,.0f} MB after the load")


if __name__ == "__main__":
    main()
