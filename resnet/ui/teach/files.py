"""The taught head and net, made while they are fetched, from the lesson in memory: no file is written for them.

An address holds the lesson's key, which only the page that teaches it was told; it ends with the lesson.
"""

import re
from threading import BoundedSemaphore

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from resnet.explain.taught import head_file, net_archive, taught_net
from resnet.ui.teach.lesson import Lesson
from resnet.ui.teach.lessons import lessons
from resnet.ui.teach.limits import NETS_AT_ONCE
from resnet.ui.teach.result import report
from resnet.ui.teach.view import TeachView
from resnet.ui.wall.rules import Refused
from resnet.util.errors import InputError

ADDRESS = re.compile(r".*/taught/([\w-]{1,64})/(head\.safetensors|net\.zip)")
KINDS = {"head.safetensors": "application/octet-stream", "net.zip": "application/zip"}
_packing = BoundedSemaphore(NETS_AT_ONCE)


class TaughtFiles:
    """ASGI: answers GET /taught/KEY/NAME; everything else passes untouched."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = ADDRESS.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        name = found[2]
        content = await run_in_threadpool(content_of, found[1], name)
        headers = {"content-disposition": f'attachment; filename="taught-{name}"', "cache-control": "no-store"}
        await Response(content, 200, headers, KINDS[name])(scope, receive, send)


def content_of(key: str, name: str) -> bytes:
    """What a lesson's address gives.

    Raises:
        Refused: no such lesson, or no longer; it has not been taught; or too many are packed already.
    """
    lesson = lessons.by_key(key)
    if lesson is None or lesson.view is None:
        raise Refused(404, "teach_over")
    try:
        return _net(lesson, lesson.view) if name == "net.zip" else _head(lesson, lesson.view)
    except InputError as error:
        raise error if isinstance(error, Refused) else Refused(409, error.key, **error.values) from error


def _head(lesson: Lesson, view: TeachView) -> bytes:
    with lesson.lock:
        found = report(lesson, view)
    return head_file(found.loaded, found.taught.fit.head, found.taught.labels)


def _net(lesson: Lesson, view: TeachView) -> bytes:
    if not _packing.acquire(blocking=False):
        raise Refused(503, "busy")
    try:
        with lesson.lock:
            found = report(lesson, view)
        return net_archive(taught_net(found.loaded, found.taught.fit, found.taught.labels, found.view.head))
    finally:
        _packing.release()
