"""Middleware around the page's HTML: its card, its title and our scripts go into the head, and it is compressed.

Gradio adds launch(head=...) from the browser, after it has chosen a language: too late for us. Its own tags tell
of a "Gradio" at "{url}".
"""

import json
import re
from pathlib import Path

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resnet.ui.page.card import Card, asked_language, base_address, card_of, titles
from resnet.ui.page.links import Views
from resnet.util.text import LANGUAGES, text

_UI = Path(__file__).parent.parent
_SCRIPTS = ("page/page.js", "page/share.js", "page/picture.js", "page/present.js", "page/figure.js", "start/start.js",
            "trace/trace.js", "compare/race.js", "classify/classify.js")
SCRIPT = "\n".join((_UI / name).read_text("utf-8") for name in _SCRIPTS).replace(
    "LANGUAGES_OF_TEXT_PY", json.dumps(LANGUAGES))
TITLE = text("page.title")  # as Gradio is told it
_HEAD = b"<head>"
_CARD = re.compile(rb'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>')


class Compressed(GZipMiddleware):
    """ASGI: gzip for the page and what describes it. Gradio sees to its scripts and styles; pictures are small
    as they are, and what comes bit by bit must not wait."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        whole = scope["type"] == "http" and scope["path"].endswith(("/", "/config", "/info", "/stream"))
        await (super().__call__(scope, receive, send) if whole else self.app(scope, receive, send))


class Head:
    """ASGI: rewrites the HTML that answers GET /; everything else passes untouched.

    views   of all tabs and panels, by key
    """

    def __init__(self, app: ASGIApp, views: Views):
        self.app, self.views = app, views

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].endswith("/"):
            return await self.app(scope, receive, send)
        messages: list[Message] = []

        async def rewrite(message: Message) -> None:
            messages.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                body = b"".join(one.get("body", b"") for one in messages[1:])
                page = self.page(body, scope)
                await send(_as_long(messages[0], page))
                await send({"type": "http.response.body", "body": page})

        return await self.app(scope, receive, rewrite)

    def page(self, body: bytes, scope: Scope) -> bytes:
        """Gradio's HTML -> ours."""
        if _HEAD not in body:
            return body
        query = scope.get("query_string", b"").decode("latin-1")
        lang = asked_language(scope, query)
        card = card_of(query, self.views, lang)
        names = f"window.TITLES = {script_json(titles(tuple(self.views), lang))};"
        head = f"<head>{card.tags(base_address(scope), query)}<script>{names}\n{SCRIPT}</script>"
        spoken = f'lang="{LANGUAGES[lang]}"'.encode()
        return _entitled(_CARD.sub(b"", body), card).replace(b'lang="en"', spoken, 1).replace(_HEAD, head.encode(), 1)


def _entitled(body: bytes, card: Card) -> bytes:
    """Gradio's script sets the title once more, from its settings."""
    theirs, ours = (f'"title":{script_json(title)}'.encode() for title in (TITLE, card.page_title))
    return body.replace(theirs, ours, 1)


def script_json(value: object) -> str:
    """JSON that can stand in a script, whatever it holds."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace(
        "\u2029", "\\u2029")


def _as_long(start: Message, page: bytes) -> dict:
    """The answer's head for another body, which names whoever asked and is nobody else's."""
    replaced = (b"content-length", b"cache-control")
    headers = [pair for pair in start["headers"] if pair[0].lower() not in replaced]
    return {**start, "headers": [*headers, (b"content-length", str(len(page)).encode()),
                                 (b"cache-control", b"private, no-cache")]}
