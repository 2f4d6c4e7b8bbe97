"""Middleware that puts page.js into the head of the page, ahead of Gradio's own scripts.

Gradio adds launch(head=...) from the browser, after it has chosen a language: too late for us.
"""

import json
from pathlib import Path

from resnet.util.text import LANGUAGES

SCRIPT = (Path(__file__).parent / "page.js").read_text("utf-8").replace("LANGUAGES_OF_TEXT_PY", json.dumps(LANGUAGES))
_HEAD = b"<head>"
_INSERT = _HEAD + b"<script>" + SCRIPT.encode() + b"</script>"


class HeadScript:
    """ASGI: rewrites the HTML that answers GET /; everything else passes untouched."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].endswith("/"):
            return await self.app(scope, receive, send)
        start, body = None, b""

        async def rewrite(message):
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                await send(_with_length(start, page := body.replace(_HEAD, _INSERT, 1)))
                await send({"type": "http.response.body", "body": page})

        return await self.app(scope, receive, rewrite)


def _with_length(start: dict, page: bytes) -> dict:
    headers = [(key, value) for key, value in start["headers"] if key.lower() != b"content-length"]
    return start | {"headers": [*headers, (b"content-length", str(len(page)).encode())]}
