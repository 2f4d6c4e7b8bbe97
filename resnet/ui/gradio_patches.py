"""Gradio 6.31's faults, mended where many visitors would feel them.

- Who leaves while waiting must not end the queue for all. A closed page's messages are forgotten before its
  events; if the waiting are told their places in between, the one task that serves the queue ends with a
  KeyError, and nobody is served any more.
- The sessions whose messages are kept are those that came last, not those that are read; and of a program's
  questions, each a session of its own, the numbers are kept for ever.
- Each session gets a copy of every component's settings and values, for deep links, which this page refuses
  (resnet.ui.wall.rules): 30 ms in the event loop, and 0.4 MB, for every question of a program.
"""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio import queueing, state_holder

from resnet.ui.gradio_compat import part, replace_part
from resnet.ui.wall.limits import QUEUE

KEPT = 2_000  # sessions with messages, as in Gradio
log = logging.getLogger("resnet")


class Messages(OrderedDict):
    """Messages by session, those read least recently forgotten first; what is for nobody is dropped.

    empty    makes the place for a session's messages
    events   by session too: the numbers of its questions, forgotten with its messages
    """

    def __init__(self, kept: int, empty: Callable[[], Any], events: dict[str, set[str]]):
        super().__init__()
        self.kept, self.empty, self.events = kept, empty, events

    def __getitem__(self, session: str) -> Any:
        if session not in self:
            return self.empty()
        self.move_to_end(session)
        return super().__getitem__(session)

    def __setitem__(self, session: str, messages: Any) -> None:
        if session not in self and len(self) >= self.kept:
            oldest = next(iter(self))
            del self[oldest]
            self.events.pop(oldest, None)
        super().__setitem__(session, messages)
        self.move_to_end(session)

    def __delitem__(self, session: str) -> None:
        if session in self:
            super().__delitem__(session)


class Session(part(state_holder, "SessionState")):
    """A session that keeps no settings of components that it did not change, and no values."""

    def __init__(self, blocks: gr.Blocks):
        super().__init__(SimpleNamespace(default_config=part(blocks, "default_config"), blocks={}))
        replace_part(self.blocks_config, "config_for_block", lambda *_: {})


def patched(demo: gr.Blocks) -> gr.Blocks:
    """The demo with its queue, ready to be launched.

    Raises:
        GradioChanged: this Gradio is built otherwise.
    """
    replace_part(state_holder, "SessionState", Session)
    queue = part(demo.queue(**QUEUE), "_queue")
    messages = Messages(KEPT, part(queueing, "AsyncQueue"), part(queue, "pending_event_ids_session"))
    replace_part(queue, "pending_messages_per_session", messages)
    replace_part(queue, "start_processing", _going_on(queue, part(queue, "start_processing")))
    return demo


def _going_on(queue: Any, process: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """A failure costs those who are being served, and not everybody after them."""

    async def go_on() -> None:
        while True:
            try:
                return await process()
            except Exception:
                log.exception("the queue failed, and goes on")
                replace_part(queue, "stopped", False)

    return go_on
