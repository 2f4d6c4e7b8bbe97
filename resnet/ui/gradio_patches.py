"""Gradio 6.31, mended where many visitors would feel it.

- Who leaves while waiting must not end the queue for all. A closed page's messages are forgotten before its
  events; if the waiting are told their places in between, the one task that serves the queue ends with a
  KeyError, and nobody is served any more.
- The sessions whose messages are kept are those that came last, not those that are read; and of a program's
  questions, each a session of its own, the numbers are kept for ever.
- Each session gets a copy of every component's settings and values, for deep links, which this page refuses
  (resnet.ui.wall.rules): 30 ms in the event loop, and 0.4 MB, for every question of a program.
- After each event, percentiles of the last ten thousand are taken, for a page that is switched off.
"""

import logging
import sys
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import gradio as gr
from gradio import state_holder
from gradio.utils import LRUCache

from resnet.ui.wall.limits import QUEUE

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


class Session(state_holder.SessionState):
    """A session that keeps no settings of components that it did not change, and no values."""

    def __init__(self, blocks: gr.Blocks):
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks={}))
        self.blocks_config.config_for_block = lambda *_: {}


def mended(demo: gr.Blocks) -> gr.Blocks:
    """The demo with its queue, ready to be launched."""
    from gradio.queueing import AsyncQueue

    state_holder.SessionState = Session
    queue = demo.queue(**QUEUE)._queue
    queue.ANALYTICS_MAX_EVENTS, queue.ANAYLTICS_CACHE_FREQUENCY = 1, sys.maxsize
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
