"""Calls of the running page's functions, by name and by number, as anyone can send them."""

import json
import random
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

import httpx

from resnet.util.text import LANGUAGES, text
from tests.pictures import encode, noise
from tests.running import running
from tests.security import mutate
from tests.security.fuzz_texts import Target

PATIENCE = 60  # seconds: longer is a hang
MODEL = "resnet20_fashion_mnist"
UPLOADED = "/uploaded.png"  # stands for the path of a picture that was uploaded
RECORD = {"path": UPLOADED, "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}
OURS = tuple(text("errors.ours", lang, reference="\n").partition("\n")[0] for lang in LANGUAGES)


def sound_calls() -> list[list]:
    """[path, body, the body's text]; the last, where it is there, is sent for it."""
    return [
        ["call/trace", {"data": ["resnet18", 64, 64, 10]}], ["call/v2/trace", {"variant": "plain34", "height": 32}],
        ["call/compare", {"data": ["cifar10"]}], ["call/v2/compare", {"data": "fashion_mnist"}],
        ["call/classify", {"data": [RECORD, MODEL, 5]}], ["call/v2/classify", {"image": RECORD, "top_k": 2}],
        ["queue/join", {"fn_index": 0, "data": ["resnet18", 64, 64, 10], "session_hash": "fuzz", "event_data": None}],
        ["cancel", {"session_hash": "fuzz", "fn_index": 0, "event_id": "none"}], ["reset", {"event_id": "none"}],
    ]


def hurt_call(chance: random.Random, sound: list) -> list:
    path, body = sound
    if chance.random() < 0.1:
        path = mutate.text(chance, path)
    body = mutate.value(chance, body)
    return [path, body, mutate.written(chance, body)]


@contextmanager
def asked_of_calls() -> Iterator[Callable[[list], str]]:
    """An answer is the function's or a refusal; the page's own process goes on, and has nothing to be sorry for."""
    with tempfile.TemporaryDirectory() as made:
        log, environment = Path(made) / "log", {"GRADIO_TEMP_DIR": f"{made}/uploads", "HF_HUB_OFFLINE": "1"}
        with running(environment=environment, log=log) as app, httpx.Client(base_url=app.url, timeout=PATIENCE) as web:
            uploaded, = web.post("gradio_api/upload", files={"files": ("a.png", encode(noise()))}).json()
            with log.open() as lines:
                yield lambda case: _asked(web, lines, uploaded, *case)


def _asked(web: httpx.Client, log: TextIO, uploaded: str, path: str, body: Any, written: str | None = None) -> str:
    told = (json.dumps(body) if written is None else written).replace(UPLOADED, uploaded)
    address = web.base_url.copy_with(raw_path=b"/gradio_api/" + quote(path, errors="surrogatepass").encode())
    answer = web.post(address, content=told.encode("utf-8", "surrogatepass"),
                      headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400, 404, 405, 413, 422), f"{answer.status_code} {answer.text[:200]}"
    refusal = answer.text if answer.status_code != 200 else _refusal(web, path, answer.json())
    logged = log.read()
    assert not re.search("failure|Traceback", logged), logged[-9_000:]
    return refusal


def _refusal(web: httpx.Client, path: str, begun: Any) -> str:
    """What a call that was taken is refused for in the end."""
    if not (path.startswith("call/") and isinstance(begun, dict) and "event_id" in begun):
        return ""
    answer = web.get(f"gradio_api/{path}/{begun['event_id']}").text
    assert not any(ours in answer for ours in OURS), answer[:500]
    assert "event: complete" in answer or "event: error" in answer, answer[:500]
    return answer if "event: error" in answer else ""


CALLS = Target(sound_calls, hurt_call, asked_of_calls)
