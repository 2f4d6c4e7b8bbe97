"""What a handler gets when a visitor asks: a request with headers and a link, and the controls' values."""

import base64
import dataclasses
import inspect
import re
from typing import Any

import gradio as gr
from starlette.requests import Request

from resnet.ui.page.controls import followers, updates


def asked(query: str = "", accept: str = "en") -> gr.Request:
    """A request as Gradio hands it to a handler, for the page at ?`query`."""
    return gr.Request(Request({"type": "http", "query_string": query.encode("latin-1", "ignore"),
                               "headers": [(b"accept-language", accept.encode())]}))


def held(view) -> list:
    """The values that the controls of a tab hold, in order."""
    return [list(value) if isinstance(value, tuple) else value
            for value in (getattr(view, field.name) for field in dataclasses.fields(view))]


def held_with(view, **changes) -> list:
    """The same with some controls set to what a view would refuse."""
    names = [field.name for field in dataclasses.fields(view)]
    assert set(changes) <= set(names)
    return [changes.get(name, value) for name, value in zip(names, held(view), strict=True)]


def ask(handler, values: list, query: str = "") -> list:
    """A handler's outputs; the request stands where the handler names it, as Gradio places it."""
    first = next(iter(inspect.signature(handler).parameters)) == "request"
    return list(handler(asked(query), *values) if first else handler(*values, asked(query)))


def changed(panel, view, lang: str = "en", **changes) -> tuple:
    """(the view, {field: update of its control}) after a visitor changed one leading field of `view`."""
    (leader, _), = changes.items()
    after = panel.changed(leader, held_with(view, **changes))
    names = followers(panel.view, leader)
    return after, dict(zip(names, updates(after, names, lang), strict=True))


def steps(panel, values: list, query: str = "") -> list[tuple]:
    """Every step of a panel that shows what it measures."""
    return list(panel.show(asked(query), *values))


def figure_of(output: Any) -> Any:
    """The figure that a chart's output holds, None where it is hidden."""
    if not isinstance(output, dict):
        return output
    assert output["visible"] == ("value" in output)
    return output.get("value")


def attached(html: str) -> dict[str, str]:
    """The files that a piece of HTML carries in data: links, by name."""
    links = re.findall(r'download="([^"]+)" href="data:[^;]+;charset=utf-8;base64,([^"]*)"', html)
    return {name: base64.b64decode(data).decode() for name, data in links}


def part_of(html: str, pattern: str) -> re.Match[str]:
    """The first piece of HTML of a pattern; none is a failure."""
    found = re.search(pattern, html)
    assert found, f"no {pattern} in {html[:200]}"
    return found


def words(html: str) -> str:
    """The text of a piece of HTML."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).strip()
