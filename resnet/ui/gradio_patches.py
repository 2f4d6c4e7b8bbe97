"""Gradio 6.31's faults, mended where many visitors would feel them.

- Who leaves while waiting must not end the queue for all. A closed page's messages are forgotten before its
  events; if the waiting are told their places in between, the one task that serves the queue ends with a
  KeyError, and nobody is served any more.
- The sessions whose messages are kept are those that came last, not those that are read, whatever they take and
  however long nobody reads them (resnet.ui.wall.mail); and of a program's questions, each a session of its own,
  the numbers are kept for ever.
- A form may hold a thousand files, each of which gets a folder; and a site of any name is let in with whatever
  credentials a browser has.
- Connections that say nothing stay open for ever (resnet.ui.wall.connections).
- One line for all kinds of work is full of one of them, and what nobody will hear is worked at all the same.
- Each session gets a copy of every component's settings and values, for deep links, which this page refuses
  (resnet.ui.wall.rules): 30 ms in the event loop, and 0.4 MB, for every question of a program.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio import http_server, route_utils, routes, state_holder
from gradio.server_messages import ProcessCompletedMessage
from starlette.types import ASGIApp

from resnet.ui.gradio_compat import functions, part, replace_part
from resnet.ui.gradio_tools import answer_agents_by
from resnet.ui.wall.connections import limited_uvicorn, spare_the_log
from resnet.ui.wall.limits import A_SESSION_WAITING, FILES_A_FORM, KEPT_SESSIONS, QUEUE, UNHEARD_SECONDS, waiting
from resnet.ui.wall.mail import Messages
from resnet.ui.wall.rules import Refused
from resnet.util.text import preferred, text

log = logging.getLogger("resnet")


class Session(part(state_holder, "SessionState")):
    """A session that keeps no settings of components that it did not change, and no values."""

    def __init__(self, blocks: gr.Blocks):
        super().__init__(SimpleNamespace(default_config=part(blocks, "default_config"), blocks={}))
        replace_part(self.blocks_config, "config_for_block", lambda *_: {})


class Form(part(route_utils, "GradioMultiPartParser")):
    """A form of so many files and nothing else: Gradio writes each into a folder of its own, up to a thousand."""

    parts = 0

    def on_part_begin(self) -> None:
        self.parts += 1
        if self.parts > FILES_A_FORM:
            raise Refused(413, "request_files", n=FILES_A_FORM)
        super().on_part_begin()

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        if self._current_part.file is None:
            raise Refused(400, "request_no_file")


def _nothing(app: ASGIApp, **_: object) -> ASGIApp:
    """In place of Gradio's headers for other sites' pages, which lie outside the page's own wall."""
    return app


def patched(demo: gr.Blocks) -> gr.Blocks:
    """The demo with its queue, ready to be launched.

    Raises:
        GradioChanged: this Gradio is built otherwise.
    """
    replace_part(state_holder, "SessionState", Session)
    replace_part(route_utils, "GradioMultiPartParser", Form)
    replace_part(routes, "CustomCORSMiddleware", _nothing)
    replace_part(http_server, "uvicorn", limited_uvicorn())
    answer_agents_by()
    spare_the_log()
    queue = part(demo.queue(**QUEUE), "_queue")
    messages = Messages(KEPT_SESSIONS, part(queue, "pending_event_ids_session"))
    replace_part(queue, "pending_messages_per_session", messages)
    replace_part(queue, "push", _admitting(queue, part(queue, "push")))
    replace_part(queue, "start_processing", _going_on(queue, part(queue, "start_processing")))
    return demo


def launch(demo: gr.Blocks, **options: Any) -> None:
    """Serve the demo; raises SystemExit, with a sentence, where another program listens or there is no such place."""
    try:
        patched(demo).launch(**options)
    except OSError as error:
        raise SystemExit(text("errors.cannot_listen", reason=str(error).partition(". ")[0])) from None


def _admitting(queue: Any, push: Callable[..., Awaitable[tuple]]) -> Callable[..., Awaitable[tuple]]:
    """Each kind of work has a line of its own, and a session so many places in all of them."""

    async def admit(body: Any, request: Any, username: Any) -> tuple:
        kind = part(functions(part(queue, "blocks"))[body.fn_index], "concurrency_id")
        asked = [event for event in _waiting(queue) if event.session_hash == body.session_hash]
        line = sum(event.concurrency_id == kind for event in _waiting(queue))
        if line >= waiting(kind) or len(asked) >= A_SESSION_WAITING:
            return False, text("errors.busy", preferred(request.headers.get("accept-language", ""))), "queue_full"
        return await push(body, request, username)

    return admit


def _going_on(queue: Any, process: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """A failure costs those who are being served, and not everybody after them."""

    async def go_on() -> None:
        tidying = asyncio.create_task(_tidy(queue))
        try:
            while True:
                try:
                    return await process()
                except Exception:
                    log.exception("the queue failed, and goes on")
                    replace_part(queue, "stopped", False)
        finally:
            tidying.cancel()

    return go_on


async def _tidy(queue: Any) -> None:
    """Each second: answers that nobody came for are dropped, and questions that nobody hears the answer of."""
    while True:
        await asyncio.sleep(1)
        try:
            for event in _unheard(queue):
                await _drop(queue, event)
            queue.pending_messages_per_session.forget_unread()
        except Exception:
            log.exception("the queue was not tidied")


def _waiting(queue: Any) -> list:
    """The events that stand in line."""
    return [event for line in part(queue, "event_queue_per_concurrency_id").values() for event in line.queue]


def _unheard(queue: Any) -> list:
    """Events, waiting or running, whose session has opened no stream in time."""
    running = [event for job in part(queue, "active_jobs") if job for event in job if event.alive]
    latest, messages = time.monotonic() - UNHEARD_SECONDS, queue.pending_messages_per_session
    return [event for event in (*_waiting(queue), *running) if event.enqueue_time < latest
            and not messages.heard_since(event.session_hash, event.enqueue_time)]


async def _drop(queue: Any, event: Any) -> None:
    """Who comes after all is told; a generator ends at its next step."""
    told = {"error": text("errors.unheard", preferred(event.request.headers.get("accept-language", "")))}
    part(queue, "send_message")(event, ProcessCompletedMessage(output=told, success=False))
    await part(queue, "clean_events")(event_id=event._id)
