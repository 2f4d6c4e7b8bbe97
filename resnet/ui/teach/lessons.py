"""Every visitor's lesson, in memory only and by session: forgotten when the page is closed or left, when nothing was
said for an hour, and, used least recently first, when all together take too much."""

import threading

import gradio as gr

from resnet.ui.teach.lesson import Lesson
from resnet.ui.teach.limits import LESSON_SECONDS, LESSONS_BYTES
from resnet.ui.wall.limits import SWEEP_SECONDS
from resnet.util.lru import LRU


class Lessons:
    """By session."""

    def __init__(self, limit: int = LESSONS_BYTES, seconds: float = LESSON_SECONDS, sweep: float = SWEEP_SECONDS):
        self._kept: LRU[Lesson] = LRU(limit, lambda lesson: lesson.nbytes, seconds)
        self._seconds, self._sweeping, self._lock = sweep, False, threading.Lock()

    def of(self, session: str | None) -> Lesson:
        """A session's; a new one, which nobody keeps, for who has none."""
        return self._kept.get(session, Lesson) if session else Lesson()

    def keep(self, session: str | None, lesson: Lesson) -> None:
        """After it changed: it is the one used last, and its size counts anew; not after its visitor left."""
        if session and not lesson.over:
            self._kept.put(session, lesson)
            self._sweep_later()

    def forget(self, session: str | None) -> None:
        """All that a session left, and what is on its way."""
        if lesson := self._kept.pop(session):
            lesson.over = True

    def by_key(self, key: str) -> Lesson | None:
        """The lesson of an address."""
        return next((lesson for lesson in self._kept.values() if lesson.key == key), None)

    def sweep(self) -> None:
        """Forget those that are over; as long as there are others, again later."""
        with self._lock:
            self._sweeping = False
        if self._kept.tidy():
            self._sweep_later()

    def _sweep_later(self) -> None:
        with self._lock:
            if self._sweeping:
                return
            self._sweeping = True
        timer = threading.Timer(self._seconds, self.sweep)
        timer.daemon = True
        timer.start()


lessons = Lessons()


def forget_lesson(request: gr.Request) -> None:
    """By Gradio, when a page was closed, left or lost."""
    lessons.forget(request.session_hash)
