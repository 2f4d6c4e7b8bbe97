"""Middleware that puts our scripts into the head of the page, ahead of Gradio's own.

Gradio adds launch(head=...) from the browser, after it has chosen a language: too late for us.
"""

import json
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resnet.util.text import LANGUAGES

_UI = Path(__file__).parent.parent
_SCRIPTS = ("page/page.js", "page/figure.js", "start/start.js")
SCRIPT = "\n".join((_UI / name).read_text("utf-8") for name in _SCRIPTS).replace(
    "LANGUAGES_OF_TEXT_PY", json.dumps(LANGUAGES))
_HEAD = b"<head>"
_INSERT = _HEAD + b"<script>" + SCRIPT.encode() + b"</script>"


class HeadScript:
    """ASGI: rewrites the HTML that answers GET /; everything else passes untouched."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].endswith("/"):
            return await self.app(scope, receive, send)
        messages: list[Message] = []

        async def rewrite(message: Message) -> None:
            messages.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                body = b"".join(one.get("body", b"") for one in messages[1:])
                page = body.replace(_HEAD, _INSERT, 1)
                await send(_with_length(messages[0], page))
                await send({"type": "http.response.body", "body": page})

        return await self.app(scope, receive, rewrite)


def _with_length(start: Message, page: bytes) -> dict:
    headers = [(key, value) for key, value in start["headers"] if key.lower() != b"content-length"]
    return {**start, "headers": [*headers, (b"content-length", str(len(page)).encode())]}
