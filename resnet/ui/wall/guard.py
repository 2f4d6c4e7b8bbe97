"""Between a stranger and the code: failures become one sentence, files come from uploads only."""

import functools
import inspect
import logging
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import BoundedSemaphore

import gradio as gr

from resnet.ui.gradio_compat import upload_folder
from resnet.ui.page.language import language
from resnet.ui.wall.limits import HUB_AT_ONCE
from resnet.util.errors import InputError
from resnet.util.html import escape
from resnet.util.text import text

log = logging.getLogger("resnet")


def guarded_view(outputs: int) -> Callable[[Callable], Callable]:
    """For a handler whose first output is the tab's message line: a failure fills the line and
    leaves the other `outputs` as they were. A generator is guarded as a stream."""

    def decorate(handler: Callable) -> Callable:
        if inspect.isgeneratorfunction(handler):
            return guarded_stream(outputs)(handler)

        @functools.wraps(handler)
        def guarded(*values):
            try:
                return "", *handler(*values)
            except Exception as error:
                return _failure_outputs(error, values, outputs)

        return guarded

    return decorate


def guarded_stream(outputs: int) -> Callable[[Callable], Callable]:
    """`guarded_view` for a generator handler. When the visitor stops it or leaves, it is closed where it stands."""

    def decorate(handler: Callable) -> Callable:
        @functools.wraps(handler)
        def guarded(*values):
            try:
                with closing(handler(*values)) as views:
                    for view in views:
                        yield "", *view
            except Exception as error:
                yield _failure_outputs(error, values, outputs)

        return guarded

    return decorate


def guarded_api(handler: Callable) -> Callable:
    """For an API end point, or a step of the page without a message line: a failure is a gr.Error with the
    same sentence, in the visitor's language where the handler takes the request."""

    @functools.wraps(handler)
    def guarded(*values, **named):
        try:
            return handler(*values, **named)
        except Exception as error:
            lang = language(request_among((*values, *named.values())))
            raise gr.Error(_sentence(error, lang), print_exception=False) from None

    return guarded


def _failure_outputs(error: Exception, values: tuple, outputs: int) -> tuple:
    return message_html(_sentence(error, language(request_among(values)))), *[gr.skip()] * outputs


def request_among(values: Iterable) -> "gr.Request | None":
    """Gradio hands the request over among a handler's positional arguments."""
    return next((value for value in values if isinstance(value, gr.Request)), None)


def uploaded_file(value: object) -> Path:
    """The path of a file that this visitor uploaded, from Gradio's file record.

    Raises:
        InputError: nothing was uploaded, or the record points elsewhere on this machine.
    """
    path = value.get("path") if isinstance(value, dict) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise InputError("picture_empty")
    try:
        resolved = Path(path).resolve()
    except (OSError, ValueError) as error:  # a name that no file system takes
        raise InputError("picture_empty") from error
    if not resolved.is_relative_to(upload_folder().resolve()):
        raise InputError("picture_empty")
    return resolved


def uploaded_name(value: object) -> str | None:
    """What a visitor's file was called, from Gradio's file record."""
    return value.get("orig_name") if isinstance(value, dict) else None


_hub = BoundedSemaphore(HUB_AT_ONCE)


@contextmanager
def place_at_the_hub() -> Iterator[None]:
    """Among those that wait for the Hub, who are never so many that the others wait too.

    Raises:
        InputError: all places are taken.
    """
    if not _hub.acquire(blocking=False):
        raise InputError("busy")
    try:
        yield
    finally:
        _hub.release()


def message_html(sentence: str, kind: str = "message") -> str:
    return f'<p class="{kind}" role="alert">{escape(sentence)}</p>' if sentence else ""


def _sentence(error: Exception, lang: str) -> str:
    if isinstance(error, InputError):
        return error.sentence(lang)
    reference = secrets.token_hex(4)
    log.error("failure %s", reference, exc_info=error)
    return text("errors.ours", lang, reference=reference)
