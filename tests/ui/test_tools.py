"""The end points as an agent's tools: an MCP client asks a page that was started with GRADIO_MCP_SERVER."""

import asyncio
import base64
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from resnet.tracing.trace import trace
from resnet.ui.wall.limits import MAX_AGENT
from resnet.util.text import text
from tests.pictures import encode, gradient
from tests.running import running
from tests.ui.test_api_examples import FOUND

QUESTION = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
ACCEPT = {"accept": "application/json, text/event-stream"}


@pytest.mark.parametrize("path", ["gradio_api/mcp/", "gradio_api/mcp", "gradio_api/mcp/http/", "gradio_api/mcp/schema"])
def test_without_the_variable_there_is_no_such_address(url, path):
    answer = httpx.get(url + path) if path.endswith("schema") else httpx.post(url + path, json=QUESTION, headers=ACCEPT)
    assert answer.status_code == 404 and answer.json()["error"] == text("errors.no_such_address")


@pytest.fixture(scope="module")
def agents():
    """The address of a page that answers agents."""
    pytest.importorskip("mcp", reason="the extra `mcp` is not installed: it would keep pydantic at 2.12.5")
    with running(environment={"GRADIO_MCP_SERVER": "True"}) as page:
        yield page.url


def called(url: str, *questions: tuple[str, dict]) -> list[tuple[bool, str]]:
    """(whether it is an error, its text) of each tool's answer."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def ask() -> list[tuple[bool, str]]:
        async with (streamablehttp_client(f"{url}gradio_api/mcp/") as (read, write, _),
                    ClientSession(read, write) as page):
            await page.initialize()
            answers = [await page.call_tool(name, arguments) for name, arguments in questions]
            return [(answer.isError, answer.content[0].text) for answer in answers]

    with ThreadPoolExecutor(1) as aside:  # the browser of other tests keeps a loop running in this thread
        return aside.submit(asyncio.run, ask()).result()


@pytest.mark.slow
def test_the_example_runs_as_printed(agents, tmp_path):
    source = next(source for kind, source in FOUND if kind == "python" and "mcp" in source)
    (tmp_path / "picture.png").write_bytes(encode(gradient(40, 30), "PNG"))
    done = subprocess.run([sys.executable, "-c", source.replace("http://127.0.0.1:7860/", agents)], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    names = re.findall(r"^(\w+) - .*", done.stdout, re.MULTILINE)
    assert names == ["trace", "compare", "classify"]
    assert "148557824\n[{'label': 'Ankle boot', 'probability': 0." in done.stdout


@pytest.mark.slow
def test_tools_answer_and_refuse_like_the_end_points(agents):
    uploaded = httpx.post(f"{agents}gradio_api/upload", files={"files": ("a.png", encode(gradient()))}).json()[0]
    coded = base64.b64encode(encode(gradient())).decode()
    asked = {"model": "resnet20_fashion_mnist", "top_k": 2}
    traced, unknown, *classified = called(
        agents, ("trace", {"variant": "resnet18", "height": 64, "width": 64}), ("trace", {"variant": "resnet51"}),
        *(("classify", asked | {"image": image}) for image in (
            uploaded, f"{agents}gradio_api/file={uploaded}", f"data:image/png;base64,{coded}")))
    assert json.loads(traced[1]) == json.loads(json.dumps(trace("resnet18", size=(64, 64)).to_dict()))
    assert unknown == (True, text("errors.unknown_variant", name="resnet51", near="resnet50"))
    answers = [json.loads(answer)["predictions"] for _, answer in classified]
    assert answers[0] == answers[1] == answers[2] and len(answers[0]) == 2


@pytest.mark.slow
def test_no_picture_is_read_but_an_upload(agents):
    images = ("https://example.com/a.png", "http://127.0.0.1:1/gradio_api/file=/etc/passwd", "/etc/passwd", "a.png",
              "data:image/png;base64,!", "data:image/png,abc", "", None, 5)
    for error, sentence in called(agents, *(("classify", {"image": image}) for image in images)):
        assert error and (sentence == text("errors.tool_picture") or "validation error" in sentence)


@pytest.mark.slow
def test_the_wall_stands_before_the_tools(agents):
    post = f"{agents}gradio_api/mcp/"
    assert httpx.get(post, headers=ACCEPT).status_code == 405  # no stream that stays open
    assert httpx.post(post, content=b"x" * (MAX_AGENT + 1), headers=ACCEPT | {
        "content-type": "application/json"}).status_code == 413
    record = {"path": "https://example.com/a.png", "meta": {"_type": "gradio.FileData"}}
    call = {"name": "classify", "arguments": {"image": record}}
    refused = httpx.post(post, json=QUESTION | {"method": "tools/call", "params": call}, headers=ACCEPT)
    assert refused.status_code == 400 and refused.json()["error"] == text("errors.not_uploaded")
    assert [tool["name"] for tool in httpx.get(f"{post}schema").json()] == ["trace", "compare", "classify"]
