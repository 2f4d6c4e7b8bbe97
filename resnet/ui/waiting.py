"""Gradio's queue, mended: who leaves while waiting must not end it for all.

Gradio 6.31 forgets a session's messages when its page is closed, and only then its events. If the waiting are
told their places in between, the one task that serves the queue ends with a KeyError, and nobody is served
any more. It also keeps the sessions that came last, not those that are read, and of a program's questions,
each a session of its own, it keeps the numbers for ever.
"""

import logging
from collections.abc import Awaitable, Callable

import gradio as gr
from gradio.utils import LRUCache

from resnet.ui.limits import QUEUE

KEPT = 2_000  # sessions with messages, as in Gradio
log = logging.getLogger("resnet")


class Messages(LRUCache):
    """Messages by session, those read least recently forgotten first; what is for nobody is dropped.

    events   by session too: the numbers of its questions, forgotten with its messages
    """

    def __init__(self, kept: int, empty: Callable, events: dict[str, set[str]]):
        super().__init__(kept)
        self.empty, self.events = empty, events

    def __getitem__(self, session: str):
        if session not in self:
            return self.empty()
        self.move_to_end(session)
        return super().__getitem__(session)

    def __delitem__(self, session: str) -> None:
        if session in self:
            super().__delitem__(session)

    def popitem(self, last: bool = True) -> tuple:
        session, messages = super().popitem(last)
        self.events.pop(session, None)
        return session, messages


def queued(demo: gr.Blocks) -> gr.Blocks:
    """The demo with its queue, ready to be launched."""
    from gradio.queueing import AsyncQueue

    queue = demo.queue(**QUEUE)._queue
    queue.pending_messages_per_session = Messages(KEPT, AsyncQueue, queue.pending_event_ids_session)
    queue.start_processing = _going_on(queue, queue.start_processing)
    return demo


def _going_on(queue, process: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """A failure costs those who are being served, and not everybody after them."""

    async def go_on() -> None:
        while True:
            try:
                return await process()
            except Exception:
                log.exception("the queue failed, and goes on")
                queue.stopped = False

    return go_on
