"""What a request to the page may be: an allow-list of methods and paths, and what a JSON body may hold."""

import json
import math
import re
from dataclasses import dataclass
from urllib.parse import unquote

import gradio as gr

from resnet.data import photo_file
from resnet.ui.gradio_compat import (
    PageFunction,
    functions,
    public_functions,
    records_are_sound,
    signature,
    values_needed,
)
from resnet.ui.page.figure import WEB as PAGE_WEB
from resnet.ui.stream.part import WEB as STREAM_WEB
from resnet.ui.wall.guard import uploaded_file
from resnet.ui.wall.limits import MAX_DEPTH, MAX_QUERY
from resnet.util.errors import InputError

_SESSION = r"[A-Za-z0-9_-]{1,64}"
_NAME = r"[a-z][a-z0-9_]{0,63}"
JOIN = "/gradio_api/queue/join"
SHELVES = {"stream": STREAM_WEB, "page": PAGE_WEB}  # of what comes along, beside the photographs


class Refused(InputError):
    """A request that the page does not take: an HTTP status and a sentence."""

    def __init__(self, status: int, key: str, /, **values):
        super().__init__(key, **values)
        self.status = status


@dataclass(frozen=True)
class Rule:
    """body: "", "json" or "form"; stream: the answer stays open; keys: those a JSON body may have, None for any;
    agents: there is such an address only where the page answers agents."""

    methods: tuple[str, ...]
    path: re.Pattern
    body: str = ""
    stream: bool = False
    keys: "frozenset[str] | None" = None
    agents: bool = False


def _read(path: str, stream: bool = False, agents: bool = False) -> Rule:
    return Rule(("GET",) if stream else ("GET", "HEAD"), re.compile(path), stream=stream, agents=agents)


def _write(path: str, *keys: str) -> Rule:
    return Rule(("POST",), re.compile("/gradio_api" + path), "json", keys=frozenset(keys) or None)


RULES = (
    _read(r"/|/stream|/config/?|/theme\.css|/favicon\.ico|/robots\.txt|/manifest\.json"),
    _read(r"/(assets|static|svelte)/[\w./@+~-]+"),
    _read(r"/gradio_api/(info/?|theme\.css|startup-events|queue/status)"),
    _read(r"/gradio_api/file=(/|[A-Za-z]:[\\/])[^\0]*"),  # a file here, never an address to relay
    _read(r"/shipped/([a-z]+\.jpg|stream/(nets/)?\w+\.(js|css|safetensors)|"
          r"page/([\w-]+(\.min)?\.js|cards/[\w-]+\.png))"),  # what comes along
    _read(r"/taught/[\w-]{1,64}/(head\.safetensors|net\.zip)"),  # a lesson's (resnet.ui.teach.files)
    _read(rf"/gradio_api/heartbeat/{_SESSION}", stream=True),
    _read(rf"/gradio_api/(queue/data|upload_progress|call/(v2/)?{_NAME}/{_SESSION})", stream=True),
    _write("/queue/join", "data", "event_data", "fn_index", "trigger_id", "session_hash", "event_id"),
    _write(rf"/call/(?!v2/?$){_NAME}/?", "data", "session_hash"),
    _write(rf"/call/v2/{_NAME}/?"),
    _write("/cancel", "session_hash", "fn_index", "event_id"),
    _write("/reset/?", "event_id"),
    Rule(("POST",), re.compile("/gradio_api/upload"), "form"),
    Rule(("POST",), re.compile("/gradio_api/mcp/?(http/?)?"), "json", agents=True),
    _read("/gradio_api/mcp/schema", agents=True),
)


def rule_for(method: str, path: str, query: bytes) -> Rule:
    """The rule that admits a request.

    Raises:
        Refused: none does.
    """
    found = [rule for rule in RULES if rule.path.fullmatch(path)]
    if not found:
        raise Refused(404, "no_such_address")
    found = [rule for rule in found if method in rule.methods]
    if not found:
        raise Refused(405, "no_such_address")
    if len(query) > MAX_QUERY:
        raise Refused(414, "request_too_large", limit=f"{MAX_QUERY:,}")
    return found[0]


def address(path: str) -> str:
    """Where Gradio serves what the page shows under a name, so that no path of this machine is told."""
    if not path.startswith("/shipped/"):
        return path
    shelf, _, name = path.removeprefix("/shipped/").partition("/")
    file = SHELVES[shelf] / name if name else photo_file("cat").with_name(shelf)
    return f"/gradio_api/file={file.as_posix()}"


def check_json(rule: Rule, path: str, body: bytes, demo: gr.Blocks) -> None:
    """A body must be a plain JSON object whose files were uploaded here, and call a function that exists.

    Args:
        demo: the page, which knows its functions.

    Raises:
        Refused: it is not or does not.
    """
    try:
        data = json.loads(body, parse_float=_finite, parse_constant=_finite)
        body.decode("utf-8")
    except (ValueError, RecursionError):
        raise Refused(400, "request_damaged") from None
    if not isinstance(data, dict) or (rule.keys is not None and not data.keys() <= rule.keys):
        raise Refused(400, "request_damaged")
    try:
        _check_values(data)
    except Refused as refusal:  # 422: the one status whose sentence Gradio's own clients pass on
        told = refusal.key == "not_uploaded" and path == JOIN
        raise Refused(422 if told else refusal.status, refusal.key) from None
    for key in ("session_hash", "event_id"):
        if not re.fullmatch(_SESSION, str(data.get(key) or "none")):
            raise Refused(400, "request_damaged")
    _check_function(path, data, demo)


def _finite(number: str) -> float:
    """JSON has no other numbers, and an answer that quotes one could not be sent."""
    if not math.isfinite(found := float(number)):
        raise ValueError(number[:20])
    return found


def _check_function(path: str, data: dict, demo: gr.Blocks) -> None:
    """The page calls all of its functions by number, programs the public ones by name, with all their values."""
    if path == JOIN:
        number = data.get("fn_index")
        function = functions(demo).get(number) if type(number) is int else None
    elif match := re.fullmatch(rf"/gradio_api/call/(?:v2/)?({_NAME})/?", path):
        function = public_functions(demo).get(match[1])
    else:
        return
    if function is None:
        raise Refused(404, "no_such_function")
    if "/v2/" in path:
        _check_named(data, function)
    else:
        _check_listed(data.get("data"), function)


def _check_listed(values: object, function: PageFunction) -> None:
    """A value for each input."""
    needed = values_needed(function)
    if not isinstance(values, list) or len(values) < needed:
        raise Refused(400, "request_values", n=needed)
    if not records_are_sound(function, values):
        raise Refused(400, "request_damaged")


def _check_named(data: dict, function: PageFunction) -> None:
    """Values by name: those of the function's parameters, which have defaults or are there."""
    names = signature(function)
    try:
        names.bind(**data)
    except TypeError:
        raise Refused(400, "request_names", names=", ".join(names.parameters)) from None


def _check_values(data: dict) -> None:
    """Walks over all that is in it: text must be text, and a file record one of this page's uploads."""
    level = [data]
    for _ in range(MAX_DEPTH):
        following = []
        for value in level:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, dict):
                _check_file(value)
                following += [*value, *value.values()]
            elif isinstance(value, list):
                following += value
        if not following:
            return
        level = following
    raise Refused(400, "request_damaged")


def _check_text(value: str) -> None:
    """Half a surrogate pair is valid JSON, and no answer that quotes it could be sent."""
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Refused(400, "request_damaged")


def _check_file(record: dict) -> None:
    """Gradio would fetch a record's path from anywhere; here it is an uploaded file's, and its url the same file's."""
    if "path" not in record and "url" not in record:
        return
    if record.get("path") is None and record.get("url") is None:
        return
    try:
        uploaded_file(record).exists()  # as Gradio asks, which raises for a name that is too long
    except (InputError, OSError, ValueError):
        raise Refused(400, "not_uploaded") from None
    url, end = record.get("url"), f"/file={record['path']}"
    if url is not None and not (isinstance(url, str) and (url.endswith(end) or unquote(url).endswith(end))):
        raise Refused(400, "not_uploaded")
    if "meta" in record:
        _check_record(record)


def _check_record(record: dict) -> None:
    """What says that it is a file's record, Gradio takes for one without looking."""
    try:
        gr.FileData.model_validate(record)
    except ValueError:
        raise Refused(400, "request_damaged") from None
