"""The page's outer wall, as ASGI middleware: what is not allowed by resnet.ui.wall.rules gets no further.

Gradio serves more than this page needs: it relays addresses, fetches files from them, resizes icons,
runs ffmpeg, writes deep links, takes calls past its queue, and reads bodies of any size.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resnet.ui.gradio_compat import answers_agents, served_demo
from resnet.ui.wall.disk import Uploads
from resnet.ui.wall.limits import (
    AGENTS_AT_ONCE,
    FILE_BYTES,
    FILES_A_FORM,
    JSON_SECONDS,
    MAX_AGENT,
    MAX_JSON,
    MAX_UPLOAD,
    STREAMS,
    UPLOAD_SECONDS,
    UPLOADS_AT_ONCE,
)
from resnet.ui.wall.rules import Refused, Rule, address, check_json, rule_for
from resnet.util.text import preferred, text

log = logging.getLogger("resnet")
PREFLIGHT = b"access-control-request-method"
ALLOWED = {"access-control-allow-methods": "GET, POST", "access-control-allow-headers": "*",
           "access-control-max-age": "600"}
FORMS = {"json": "application/json", "form": "multipart/form-data"}

# Gradio's page needs inline scripts, and its HTML components new Function(). No other host is asked, and any
# page may frame this one: there is no login here, and nothing to be tricked into. Any site's page may ask the end
# points, but no browser sends anybody's cookies along.
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
        "form-action 'self'"),
    "access-control-allow-origin": "*",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), usb=(), payment=()",
}
_RAW_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


class Firewall:
    """ASGI: admits requests by the rules, bounds their bodies, and answers failures without internals."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self.open = {"stream": 0, "form": 0, "agent": 0}
        self.uploads = Uploads()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":  # the page opens no web sockets
            return await send({"type": "websocket.close", "code": 1008})
        response = Response(send)
        try:
            await self._serve(_without_range(scope), receive, response)
        except Refused as refusal:
            await response.refuse(refusal.status, refusal.sentence(_language(scope)))
        except Exception as error:
            reference = secrets.token_hex(4)
            log.error("failure %s at %s", reference, scope["path"], exc_info=error)
            await response.refuse(500, text("errors.ours", _language(scope), reference=reference))

    async def _serve(self, scope: Scope, receive: Receive, response: "Response") -> None:
        asked = _header(scope, PREFLIGHT) if scope["method"] == "OPTIONS" else ""
        rule = rule_for(asked or scope["method"], path := _path(scope), scope.get("query_string", b""))
        if rule.agents and not answers_agents(served_demo(scope["app"])):
            raise Refused(404, "no_such_address")
        if asked:
            await response.allow()
            return
        if rule.body:
            _check_head(scope, rule)
        with self._within_limits(rule):
            if rule.body == "json":
                if rule.agents:  # what comes along may be a picture
                    self.uploads.check()
                body = await _whole_body(receive, _most(rule), JSON_SECONDS)
                if rule.agents:
                    self.uploads.count(len(body))
                check_json(rule, path, body, served_demo(scope["app"]))
                receive = _replayed(body, receive)
            elif rule.body == "form":
                self.uploads.check()
                self.uploads.count(FILES_A_FORM * FILE_BYTES)
                receive = _bounded(receive, MAX_UPLOAD, UPLOAD_SECONDS, self.uploads.count)
            await self.app(_moved(scope, address(path)), receive, response)

    @contextmanager
    def _within_limits(self, rule: Rule) -> Iterator[None]:
        """Of answers that stay open, and of uploads, there are only so many at once."""
        if not (rule.stream or rule.agents or rule.body == "form"):
            yield
            return
        kind, limit = ("stream", STREAMS) if rule.stream else ("agent", AGENTS_AT_ONCE) if rule.agents else (
            "form", UPLOADS_AT_ONCE)
        if self.open[kind] >= limit:
            raise Refused(503, "busy")
        self.open[kind] += 1
        try:
            yield
        finally:
            self.open[kind] -= 1


class Response:
    """`send` with the page's headers on every response; refuses where none has begun."""

    def __init__(self, send: Send):
        self.send, self.begun = send, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            ours = {name for name, _ in _RAW_HEADERS}
            kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in ours]
            message = {**message, "headers": [*kept, *_RAW_HEADERS]}
        await self.send(message)

    async def allow(self) -> None:
        """What a browser asks before another site's page may send JSON."""
        headers = [(name.encode(), value.encode()) for name, value in ALLOWED.items()]
        await self({"type": "http.response.start", "status": 204, "headers": headers})
        await self.send({"type": "http.response.body", "body": b""})

    async def refuse(self, status: int, sentence: str) -> None:
        if self.begun:  # too late for words: the connection is cut
            raise ConnectionAbortedError(sentence)
        detail = [{"__type__": "validate", "is_valid": False, "parameter_name": "file", "message": sentence}]
        told = {"error": sentence, "detail": detail if status == 422 else sentence}  # as gradio_client reads it
        body = json.dumps(told, ensure_ascii=False).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if status == 503:
            headers.append((b"retry-after", b"10"))
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _path(scope: Scope) -> str:
    return scope["path"].removeprefix(scope.get("root_path", "").rstrip("/")) or "/"


def _moved(scope: Scope, path: str) -> Scope:
    """A request for what Gradio serves elsewhere."""
    return scope if path == _path(scope) else {**scope, "path": scope.get("root_path", "").rstrip("/") + path}


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _language(scope: Scope) -> str:
    return preferred(_header(scope, b"accept-language"))


def _without_range(scope: Scope) -> Scope:
    """Gradio's answer to a range repeats the request's headers, and fails on odd ranges; files here are small."""
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"range"]}


def _check_head(scope: Scope, rule: Rule) -> None:
    """The stated kind and length of a body, before any of it is read."""
    if _header(scope, b"content-type").partition(";")[0].strip().lower() != FORMS[rule.body]:
        raise Refused(415, "request_kind", kind=FORMS[rule.body])
    limit = _most(rule)
    length = _header(scope, b"content-length")
    if length and (not length.isdecimal() or len(length) > 12 or int(length) > limit):
        raise Refused(413, "request_too_large", limit=f"{limit:,}")


def _most(rule: Rule) -> int:
    """Bytes of a body."""
    return MAX_UPLOAD if rule.body == "form" else MAX_AGENT if rule.agents else MAX_JSON


async def _whole_body(receive: Receive, limit: int, seconds: float) -> bytes:
    body = b""
    bounded = _bounded(receive, limit, seconds, lambda n: None)
    while True:
        message = await bounded()
        if message["type"] == "http.disconnect":
            raise Refused(400, "request_damaged")
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def _bounded(receive: Receive, limit: int, seconds: float, count: Callable[[int], None]) -> Receive:
    """`receive` that refuses a body that is too long or takes too long; count(n) is told of each piece."""
    loop = asyncio.get_running_loop()
    end, taken, whole = loop.time() + seconds, 0, False

    async def bounded() -> Message:
        nonlocal taken, whole
        if whole:  # afterwards only a client's leaving is waited for
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, end - loop.time()))
        except asyncio.TimeoutError:
            raise Refused(408, "request_slow") from None
        if message["type"] == "http.request":
            n = len(message.get("body", b""))
            taken, whole = taken + n, not message.get("more_body")
            count(n)
            if taken > limit:
                raise Refused(413, "request_too_large", limit=f"{limit:,}")
        return message

    return bounded


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` that gives a body which was read before."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
