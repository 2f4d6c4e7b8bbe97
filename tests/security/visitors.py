"""Visitors of the running app, honest ones and others, and what the app's process takes."""

import json
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from resnet.ui.page.controls import held
from resnet.ui.trace.view import TraceView
from resnet.util.fields import hints

PATIENCE = 120  # seconds: a busy machine is no failure
SETTLED = 0.5  # seconds without a waiting question


class Visitor:
    """One browser: a session of its own, and what the page told it of its functions."""

    def __init__(self, url: str, session: str, query: "dict[str, str] | None" = None):
        self.web = httpx.Client(base_url=url, timeout=PATIENCE, limits=httpx.Limits(max_connections=None))
        self.session, self.query = session, query
        self.functions = self.web.get("config").json()["dependencies"]

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *_) -> None:
        self.web.close()

    def join(self, number: int, values: list, session: str = "") -> httpx.Response:
        """An event of the page joins the queue; nothing is read."""
        body = {"fn_index": number, "data": values, "session_hash": session or self.session}
        return self.web.post("gradio_api/queue/join", json=body, params=self.query)

    def opens(self) -> tuple[list, float]:
        """(what the page's first event tells, seconds)."""
        start = time.monotonic()
        assert self.web.get("", params=self.query).status_code == 200
        number = next(one["id"] for one in self.functions if [event for _, event in one["targets"]] == ["load"])
        joined = self.join(number, [])
        assert joined.status_code == 200, joined.text
        return self.read()[-1]["output"]["data"], time.monotonic() - start

    def read(self) -> list[dict]:
        """The events of this session that are done, once all are."""
        lines = self.web.get("gradio_api/queue/data", params={"session_hash": self.session}).text.splitlines()
        told = [json.loads(line.removeprefix("data: ")) for line in lines if line]
        return [message for message in told if message["msg"] == "process_completed"]

    def named(self, name: str) -> int:
        return next(one["id"] for one in self.functions if one["api_name"] == name)

    def shows(self, view: TraceView, session: str = "") -> httpx.Response:
        """The Trace tab draws a net; nothing is read."""
        return self.join(self.named("show_trace"), [held(view, name) for name in hints(TraceView)], session)

    def asks(self, name: str, *values: object) -> httpx.Response:
        """A program's question; the answer is not read."""
        return self.web.post(f"gradio_api/call/{name}", json={"data": values})

    def told(self, name: str, number: str) -> str:
        return self.web.get(f"gradio_api/call/{name}/{number}").text

    def traces(self, variant: str = "resnet18") -> float:
        """Seconds until a trace was told."""
        start = time.monotonic()
        asked = self.asks("trace", variant, 64, 64, 10)
        assert asked.status_code == 200, asked.text
        assert "event: complete" in self.told("trace", asked.json()["event_id"])
        return time.monotonic() - start

    def waits_for_all(self) -> None:
        """Until nobody waits in the queue."""
        quiet, deadline = 0.0, time.monotonic() + PATIENCE
        while quiet < SETTLED and time.monotonic() < deadline:
            waiting = self.web.get("gradio_api/queue/status").json()["queue_size"]
            quiet = 0.0 if waiting else quiet + 0.1
            time.sleep(0.1)


def megabytes(pid: int, name: str = "VmRSS") -> float:
    """What a process takes, as the system counts it; VmHWM: at most so far."""
    lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) / 1000


def connected(url: str, sent: bytes = b"") -> socket.socket:
    """A connection that says so much and then nothing."""
    split = urlsplit(url)
    made = socket.create_connection((split.hostname, split.port), timeout=PATIENCE)
    made.sendall(sent)
    return made
