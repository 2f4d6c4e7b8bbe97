"""The page's outer wall, over HTTP: what a stranger may ask for, and that nothing else gets through."""

import http.client
import json
import logging
import re
from urllib.parse import urlsplit

import httpx
import pytest

from resnet.data import photo_file
from resnet.ui.gradio_compat import upload_folder
from resnet.ui.page.examples import photo_url
from resnet.ui.wall.disk import Uploads
from resnet.ui.wall.firewall import HEADERS
from resnet.ui.wall.limits import FILE_BYTES, FILES_A_FORM, MAX_JSON, MAX_UPLOAD
from resnet.util.text import text
from tests.pictures import encode, noise
from tests.running import ROOT

META = {"_type": "gradio.FileData"}
MODEL = "resnet20_fashion_mnist"
FORM = {"content-type": "multipart/form-data; boundary=x"}


@pytest.fixture(scope="session")
def web(url):
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def uploaded(web) -> str:
    """The path of a picture that was uploaded."""
    return web.post("gradio_api/upload", files={"files": ("my 图 1%.png", encode(noise()))}).json()[0]


def raw(url: str, method: str, path: str, body: "bytes | None" = None, headers: "dict | None" = None) -> tuple:
    """(status, body) of a path sent as it is, which httpx would tidy."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def join(web, number: int, data: list, **more) -> httpx.Response:
    return web.post("gradio_api/queue/join", json={"fn_index": number, "data": data, "session_hash": "abc"} | more)


def refused(answer: httpx.Response, status: int, key: str, **values) -> bool:
    return answer.status_code == status and answer.json()["error"] == text(f"errors.{key}", **values)


# What is not needed does not exist ------------------------------------------------------------------


@pytest.mark.parametrize("method, path", [
    ("GET", "/gradio_api/file=http://127.0.0.1:1/x"), ("GET", "/gradio_api/file=https://example.com/x.png"),
    ("HEAD", "/gradio_api/file=http://127.0.0.1:1/x"), ("GET", "/gradio_api/file=HTTP://127.0.0.1:1/x"),
    ("GET", "/gradio_api/file=data:image/png;base64,AA"), ("GET", "/gradio_api/file=file:///etc/passwd"),
    ("GET", "/gradio_api/file=app.py"), ("GET", "/gradio_api/file=../app.py"),
    ("GET", "/gradio_api/file/http://127.0.0.1:1/x"), ("GET", "/gradio_api/proxy=https://x.hf.space/a"),
    ("POST", "/gradio_api/process_recording"), ("POST", "/gradio_api/component_server"),
    ("POST", "/gradio_api/run/trace"), ("POST", "/gradio_api/api/trace"), ("POST", "/run/trace"),
    ("GET", "/gradio_api/deep_link?session_hash=abc"), ("GET", "/pwa_icon"), ("GET", "/pwa_icon/20000"),
    ("GET", "/gradio_api/openapi.json"), ("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/redoc"),
    ("GET", "/monitoring"), ("GET", "/monitoring/summary"), ("GET", "/monitoring/key"), ("GET", "/gradio_api/runs"),
    ("GET", "/gradio_api/run-history/buckets"), ("POST", "/gradio_api/run-history/connect"), ("POST", "/login"),
    ("GET", "/gradio_api/dev/reload"), ("GET", "/gradio_api/token"), ("GET", "/gradio_api/app_id"),
    ("GET", "/gradio_api/custom_component/a/server/b/c"), ("POST", "/gradio_api/stream/abc"),
    ("POST", "/gradio_api/stream/abc/close"), ("GET", "/gradio_api/stream/a/b/1/playlist.m3u8"),
    ("POST", "/gradio_api/vibe-edit"), ("POST", "/gradio_api/vibe-code"), ("GET", "/gradio_api/profiling/traces"),
    ("POST", "/gradio_api/mcp/"), ("GET", "/gradio_api/mcp/schema"), ("GET", "/.env"), ("GET", "/app.py"),
])
def test_what_the_page_does_not_need_is_not_there(url, method, path):
    status, body = raw(url, method, path, b"{}" if method == "POST" else None, {"content-type": "application/json"})
    assert status == 404
    assert method == "HEAD" or json.loads(body)["error"] == text("errors.no_such_address")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "POST"])
def test_other_methods_are_refused(url, method):
    assert raw(url, method, "/")[0] == 405
    assert raw(url, method, "/gradio_api/info")[0] == 405


@pytest.mark.parametrize("path", [
    "/assets/../../../../etc/passwd", "/assets/%2e%2e/%2e%2e/config.json", "/static/..%2f..%2f..%2fetc/passwd",
    "/assets//etc/passwd", "/svelte/../../utils.py", "/gradio_api/file=/etc/passwd", "/gradio_api/file=//etc/passwd",
    "/gradio_api/file=/tmp/../etc/passwd", "/gradio_api/file=/proc/self/environ", "/gradio_api/file=/tmp%00/x",
    "/gradio_api/file=C:/Windows/win.ini",
])
def test_files_of_this_machine_are_not_served(url, path):
    status, body = raw(url, "GET", path)
    assert status in (403, 404) and b"root:" not in body and b"import" not in body


def test_the_repository_is_not_served(url):
    from pathlib import Path

    for file in (__file__, "app.py", f"weights/{MODEL}/config.json"):
        assert raw(url, "GET", f"/gradio_api/file={Path(file).resolve()}")[0] == 403


@pytest.mark.parametrize("path", ["", "config", "theme.css", "gradio_api/info", "gradio_api/queue/status",
                                  "manifest.json", "robots.txt", "gradio_api/startup-events"])
def test_what_the_page_needs_is_there(web, path):
    assert web.get(path).status_code == 200


# Headers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path, status", [("", 200), ("config", 200), ("none", 404), ("gradio_api/call/trace", 405),
                                          ("gradio_api/file=/etc/passwd", 403)])
def test_every_answer_carries_the_headers(web, path, status):
    answer = web.get(path)
    assert answer.status_code == status
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_the_page_may_be_framed_and_asks_no_other_host(web):
    answer = web.get("")
    assert "x-frame-options" not in answer.headers and "frame-ancestors" not in HEADERS["content-security-policy"]
    assert "http" not in HEADERS["content-security-policy"]
    assert b"cdnjs" not in answer.content and b"fonts.googleapis" not in answer.content


def test_an_uploaded_page_is_not_shown_as_one(web):
    path, = web.post("gradio_api/upload", files={"files": ("x.html", b"<script>alert(1)</script>")}).json()
    answer = web.get(f"gradio_api/file={path}")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"


def test_a_range_neither_fails_nor_repeats_what_was_sent(web, uploaded):
    for value in ("bytes=0-3", "bytes=5-1", "bytes=1-2-3", "bytes=-", "bytes=0-99999999999999999999"):
        answer = web.get(f"gradio_api/file={uploaded}", headers={"range": value, "x-mine": "secret"})
        assert answer.status_code == 200 and "x-mine" not in answer.headers


@pytest.mark.parametrize("origin", ["null", "https://evil.example"])
@pytest.mark.parametrize("path", ["", "config", "gradio_api/info", "gradio_api/file=/etc/passwd", "none"])
def test_another_sites_page_comes_without_credentials(web, path, origin):
    """Also where the page does not run on this machine, as Gradio would see by the host's name."""
    answer = web.get(path, headers={"origin": origin, "host": "page.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("method, path, status", [
    ("POST", "gradio_api/call/trace", 204), ("GET", "gradio_api/queue/data", 204), ("GET", "config", 204),
    ("DELETE", "gradio_api/call/trace", 405), ("POST", "config", 405), ("POST", "gradio_api/run/trace", 404)])
def test_another_sites_page_is_told_what_it_may_send(web, method, path, status):
    asked = {"origin": "https://a.example", "access-control-request-method": method}
    answer = web.options(path, headers=asked | {"access-control-request-headers": "content-type"})
    assert answer.status_code == status and "access-control-allow-credentials" not in answer.headers
    assert ("access-control-allow-methods" in answer.headers) == (status == 204)
    assert web.options(path).status_code in (404, 405)


def test_no_path_of_this_machine_is_told(web):
    """But of uploads, to who sent them."""
    for path in ("", "config", "gradio_api/info"):
        told = web.get(path).text
        assert str(ROOT) not in told
        assert "file=/" not in told and not re.search(r"/(home|root|tmp|usr|site-packages)/", told)
    photo = web.get(photo_url("cat"))
    assert photo.status_code == 200 and photo.content == photo_file("cat").read_bytes()
    assert web.get("shipped/dog.jpg").status_code in (403, 404)


@pytest.mark.parametrize("path, status", [
    ("plotly-basic.min.js", 200), ("lean-qr.js", 200), ("cards/start-en.png", 200), ("cards/sentences.json", 404),
    ("../figure.py", 404), ("%2e%2e/figure.py", 404), ("cards/../../card.py", 404), ("LICENSE.txt", 404), ("", 404)])
def test_what_comes_along_is_served_and_nothing_beside_it(web, path, status):
    assert web.get(f"shipped/page/{path}").status_code == status


# Bodies ------------------------------------------------------------------------------------------------


def bodies() -> dict[str, bytes]:
    """JSON that no address takes."""
    deep = b"[" * 30 + b"]" * 30
    return {
        "empty": b"", "not json": b"words", "a list": b"[]", "a number": b"1", "cut": b'{"data": [', "null": b"null",
        "deep": b'{"data": [' + deep + b"]}", "very deep": b"[" * 50_000, "utf-16": '{"data": []}'.encode("utf-16"),
        "latin-1": '{"data": ["é"]}'.encode("latin-1"), "half a pair": b'{"data": ["\\ud800"]}',
        "half a pair as a key": b'{"data": [{"\\udfff": 1}]}', "a huge number": b'{"data": [' + b"9" * 5000 + b"]}",
        "other keys": b'{"data": [], "batched": true}', "a token": b'{"data": [], "oauth_token": "x"}',
        "odd session": b'{"data": [], "session_hash": "a b"}', "long session": b'{"data": [], "session_hash": "%s"}'
        % (b"a" * 65), "session of another kind": b'{"data": [], "session_hash": {"a": 1}}',
    }


@pytest.mark.parametrize("name", bodies())
@pytest.mark.parametrize("path", ["queue/join", "call/trace", "cancel"])
def test_a_damaged_body_is_refused_in_a_sentence(web, path, name):
    answer = web.post(f"gradio_api/{path}", content=bodies()[name], headers={"content-type": "application/json"})
    assert refused(answer, 400, "request_damaged")


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": 5}, {"data": {}}, {"data": []}, {"data": [1]}], ids=str)
def test_values_must_be_all_there(web, body):
    assert refused(web.post("gradio_api/call/trace", json=body), 400, "request_values", n=4)


@pytest.mark.parametrize("body", [{}, {"picture": 1}, {"image": None, "request": {}}, {"image": None, "": 1}], ids=str)
def test_names_must_be_those_of_the_function(web, body):
    names = ", ".join(("image", "model", "top_k"))
    assert refused(web.post("gradio_api/call/v2/classify", json=body), 400, "request_names", names=names)


@pytest.mark.parametrize("body", [{}, {"fn_index": "x"}, {"session_hash": "a", "fn_index": []}], ids=str)
def test_another_bodys_values_tell_no_internals(web, body):
    answer = web.post("gradio_api/cancel", json=body)
    assert answer.status_code == 422 and "Traceback" not in answer.text and ".py" not in answer.text


@pytest.mark.parametrize("stated", [True, False], ids=["stated", "chunked"])
@pytest.mark.parametrize("path", ["queue/join", "call/trace", "call/classify", "call/v2/trace", "cancel", "reset"])
def test_a_large_body_is_refused(web, path, stated):
    content = b'{"data": ["' + b"a" * MAX_JSON + b'"]}'
    answer = web.post(f"gradio_api/{path}", content=content if stated else iter([content[:50_000], content[50_000:]]),
                      headers={"content-type": "application/json"})
    assert refused(answer, 413, "request_too_large", limit=f"{MAX_JSON:,}")


def test_a_long_question_is_refused(web):
    assert web.get("config?x=" + "a" * 9_000).status_code == 414


@pytest.mark.parametrize("kind", ["text/plain", "", "multipart/form-data; boundary=x", "application/x-www-form"])
def test_json_must_say_that_it_is(web, kind):
    """A form on another site can send the rest without being asked first."""
    answer = web.post("gradio_api/call/trace", content=b'{"data": []}', headers={"content-type": kind})
    assert refused(answer, 415, "request_kind", kind="application/json")


def test_an_upload_has_a_limit(web):
    answer = web.post("gradio_api/upload", files={"files": ("x.png", b"\0" * (MAX_UPLOAD + 1))})
    assert refused(answer, 413, "request_too_large", limit=f"{MAX_UPLOAD:,}")
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
    answer = web.post("gradio_api/upload", content=iter([form, *[b"\0" * 5_000_000] * 6]),
                      headers=FORM)
    assert answer.status_code == 413


@pytest.mark.parametrize("content", [b"", b"words", b"--x", b"--x\r\n\r\n",
                                     b"--x\r\nContent-Disposition: form-data\r\n\r\n"])
def test_a_damaged_upload_is_no_failure_of_ours(web, content):
    answer = web.post("gradio_api/upload", content=content, headers=FORM)
    assert answer.status_code in (200, 400) and (answer.status_code == 400 or answer.json() == [])


@pytest.mark.parametrize("files", [3, 300])
def test_a_form_holds_two_files(web, files):
    before = set(upload_folder().iterdir())
    answer = web.post("gradio_api/upload", files=[("files", (f"{i}.png", b"%d" % i)) for i in range(files)])
    assert refused(answer, 413, "request_files", n=FILES_A_FORM)
    assert len(set(upload_folder().iterdir()) - before) <= FILES_A_FORM


def test_each_file_is_charged_what_it_takes_on_the_disk(web, served, monkeypatch):
    charged = []
    monkeypatch.setattr(Uploads, "count", lambda self, n: charged.append(n))
    assert web.post("gradio_api/upload", files={"files": ("a.png", b"a")}).status_code == 200
    assert sum(charged) > 2 * FILE_BYTES


@pytest.mark.parametrize("name", ["", None], ids=["empty", "none"])
def test_a_file_without_a_name_is_told_in_a_sentence(web, name):
    assert refused(web.post("gradio_api/upload", files={"files": (name, b"a")}), 400, "request_no_file")


# Files in calls ------------------------------------------------------------------------------------------


RECORDS = {
    "an address": {"path": "https://example.com/x.png"}, "loopback": {"path": "http://127.0.0.1:1/x"},
    "a data address": {"path": "data:image/png;base64,AAAA"}, "a file here": {"path": "/etc/passwd"},
    "relative": {"path": "app.py"}, "a folder": {"path": "/"}, "empty": {"path": ""}, "a number": {"path": 5},
    "a list": {"path": ["/etc/passwd"]}, "a record": {"path": {"path": "/etc/passwd"}},
    "an address beside": {"path": None, "url": "http://127.0.0.1:1/x"}, "only an address": {"url": "https://a.b/c"},
    "nul": {"path": "/tmp/a\0b"}, "endless": {"path": "/" + "a" * 5000}, "home": {"path": "~/x"},
}


@pytest.mark.parametrize("meta", [True, False], ids=["meta", "bare"])
@pytest.mark.parametrize("name", RECORDS)
def test_a_record_of_what_was_not_uploaded_is_refused_everywhere(web, served, name, meta):
    record = RECORDS[name] | ({"meta": META} if meta else {})
    assert refused(web.post("gradio_api/call/classify", json={"data": [record, MODEL, 5]}), 400, "not_uploaded")
    assert refused(web.post("gradio_api/call/v2/classify", json={"image": record}), 400, "not_uploaded")
    assert refused(web.post("gradio_api/call/trace", json={"data": [{"a": [record]}]}), 400, "not_uploaded")
    number = next(iter(served[0].fns))
    assert refused(join(web, number, [[record]]), 422, "not_uploaded")
    assert refused(join(web, number, [], event_data=record), 422, "not_uploaded")


def test_an_address_beside_an_uploaded_file_must_be_the_files(web, uploaded):
    for url in ("http://127.0.0.1:1/x", "https://a.b/file=/etc/passwd", 5, {"a": 1}):
        record = {"path": uploaded, "url": url, "meta": META}
        assert refused(web.post("gradio_api/call/classify", json={"data": [record, MODEL, 5]}), 400, "not_uploaded")
    record = {"path": uploaded, "url": f"https://x.hf.space/gradio_api/file={uploaded}", "meta": META}
    assert web.post("gradio_api/call/classify", json={"data": [record, MODEL, 5]}).status_code == 200


# Calls ---------------------------------------------------------------------------------------------------


def test_only_public_functions_can_be_called_by_name(web, served):
    demo, _ = served
    private = {fn.api_name for fn in demo.fns.values() if fn.api_visibility != "public" and fn.api_name}
    for name in (*private, "lambda", "nothing"):
        if isinstance(name, str):
            for version in ("call", "call/v2"):
                answer = web.post(f"gradio_api/{version}/{name}", json={"data": []} if version == "call" else {})
                assert answer.status_code == 404, name


@pytest.mark.parametrize("number", [-1, 10**6, None, "0", 1.0, True, [0]], ids=str)
def test_a_function_that_does_not_exist_is_refused(web, number):
    assert refused(join(web, number, []), 404, "no_such_function")


def test_refusals_come_in_chinese_too(web):
    answer = web.get("nowhere", headers={"accept-language": "zh-CN"})
    assert answer.json()["error"] == text("errors.no_such_address", "zh")


def test_a_failure_inside_is_logged_and_tells_only_a_reference(web, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("secret /srv/path")

    monkeypatch.setattr("resnet.ui.wall.firewall.rule_for", broken)
    with caplog.at_level(logging.ERROR, logger="resnet"):
        answer = web.get("")
    record = caplog.records[-1]
    assert answer.status_code == 500
    assert answer.json()["error"] == text("errors.ours", reference=record.args[0]) and "secret" not in answer.text
    assert record.exc_info and HEADERS["content-security-policy"] == answer.headers["content-security-policy"]
