"""How the stand-in Hub (tests/hub.py) answers: its end points, its ranges, and its faults."""

import hashlib
import json
import re
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote, urlsplit

STALL_SECONDS = 60
FAULTS = {
    "stall": "accepts and says nothing",
    "trickle": "sends a byte every fifth of a second",
    "slow": "sends 64 KB and pauses for hub.pause seconds",
    "reset": "tears the connection down",
    "truncated": "promises the whole length and closes half-way",
    "longer": "states a size that is 5 bytes more than it has",
    "changed": "another entity tag from the second request of the file on",
    "moved": "another commit from the second request of the file on",
    "pointer": "a Git LFS pointer instead of the file",
    "redirect": "leads to `to`",
    "no_ranges": "sends all of it, whatever range is asked for",
    "corrupt": "sends one byte that differs",
    "odd_range": "sends another range than was asked for",
    "chunked": "sends all of it in pieces without stating a length",
    **dict.fromkeys(("RepoNotFound", "RevisionNotFound", "EntryNotFound", "GatedRepo"), "an error by X-Error-Code"),
    **dict.fromkeys(("401", "403", "404", "429", "500", "503"), "a bare status"),
}
STATUS = {"RepoNotFound": 401, "RevisionNotFound": 404, "EntryNotFound": 404, "GatedRepo": 403}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n"


@dataclass
class Fault:
    kind: str
    pattern: str
    times: int | None
    to: str = ""
    whole: bool = False  # strikes downloads only, not the reading of a range that has an end


@dataclass
class Request:
    """One request: `file` is the path within its repository, or the whole path elsewhere.

    Noted when it comes in; status and sent are noted before they go out, so that whoever
    has read an answer finds it noted.
    """

    method: str
    file: str
    path: str
    range: str
    authorization: str
    status: int = 0
    sent: int = 0


def entity_tag(content: "bytes | Path") -> str:
    """The SHA-256, as of the Hub's large files."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    facts = content.stat()
    return _tag_of_file(content, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=256)
def _tag_of_file(file: Path, size: int, changed: int) -> str:
    digest = hashlib.sha256()
    with open(file, "rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


class _Hurt(Exception):
    """The connection ends here, without a further word."""


class Handler(BaseHTTPRequestHandler):
    """One connection; `hub`, the StandInHub, is set on a subclass."""

    protocol_version = "HTTP/1.1"
    RESOLVE = re.compile(r"/(?:(datasets|spaces)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
    API = re.compile(r"/api/(models|datasets|spaces)/([^/]+/[^/]+?)(?:/revision/([^/]+))?")
    STORED = re.compile(r"/stored/(models|datasets|spaces)/([^/]+/[^/]+)/([0-9a-f]{40})/(.+)")

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client that has read enough hangs up
            super().handle()

    def do_GET(self) -> None:
        self.noted = Request(self.command, urlsplit(self.path).path, self.path,
                             self.headers.get("range", ""), self.headers.get("authorization", ""))
        with self.hub.lock:
            self.hub.requests.append(self.noted)
        try:
            self._answer()
        except (_Hurt, ConnectionError):
            self.close_connection = True

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *_) -> None:
        pass

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = unquote(urlsplit(self.path).path)
        for method, pattern, function in self.hub.routes:
            if method == self.command and (match := pattern.fullmatch(path)):
                status, data = function(match, body)
                return self._json(status, data)
        if match := self.RESOLVE.fullmatch(urlsplit(self.path).path):
            kind, repo, revision, file = match.groups()
            return self._resolve(kind or "models", repo, unquote(revision), unquote(file))
        if match := self.STORED.fullmatch(path):
            kind, repo, commit, file = match.groups()
            self.noted.file = file
            content = self.hub.repositories[f"{kind}/{repo}"].commits[commit][file]
            return self._body(content, {"ETag": f'"{entity_tag(content)}"'}, self._fault(stored=True))
        if match := self.API.fullmatch(urlsplit(self.path).path):
            return self._info(match[1], match[2], unquote(match[3] or "main"))
        return self._error(404, "")

    def _fault(self, stored: bool = False) -> Fault | None:
        """The fault of this request; those of the body strike where the body is sent."""
        at_body = ("trickle", "truncated", "longer", "no_ranges", "odd_range", "chunked", "corrupt", "slow")
        whole = not re.fullmatch(r"bytes=\d+-\d+", self.headers.get("range", ""))
        if stored:
            return next((fault for fault in self.hub.faults if fnmatch(self.noted.file, fault.pattern)
                         and fault.kind in at_body and whole >= fault.whole), None)
        return self.hub.fault_for(self.noted.file, whole)

    def _resolve(self, kind: str, repo: str, revision: str, file: str) -> None:
        self.noted.file = file
        fault = self._fault()
        if fault and self._struck(fault):
            return None
        repository = self.hub.repositories.get(f"{kind}/{repo}")
        if repository is None:
            return self._error(401, "RepoNotFound")  # as the Hub answers the anonymous
        if (commit := repository.commit(revision)) is None:
            return self._error(404, "RevisionNotFound")
        content = repository.commits[commit].get(file)
        if content is None:
            return self._error(404, "EntryNotFound", {"X-Repo-Commit": commit})
        if fault and fault.kind == "pointer":
            content = POINTER % (b"0" * 64, _size(content))
        headers = {"X-Repo-Commit": commit, "ETag": f'"{entity_tag(content)}"'}
        if fault and len(self.hub.seen(file)) > 1:
            headers |= {"changed": {"ETag": '"other"'}, "moved": {"X-Repo-Commit": commit[::-1]}}.get(fault.kind, {})
        if _size(content) < self.hub.large:
            return self._body(content, headers, fault)
        linked = {"X-Linked-Size": str(_size(content)), "X-Linked-ETag": headers["ETag"],
                  "Location": f"{self.hub.storage}/stored/{kind}/{repo}/{commit}/{file}"}
        return self._send(302, headers | linked)

    def _struck(self, fault: Fault) -> bool:
        """Faults that need no file; True when they were the answer."""
        if fault.kind == "stall":
            self.hub.closing.wait(STALL_SECONDS)
            raise _Hurt
        if fault.kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise _Hurt
        if fault.kind == "redirect":
            self._send(302, {"Location": fault.to})
        elif fault.kind in STATUS:
            self._error(STATUS[fault.kind], fault.kind)
        elif fault.kind.isdecimal():
            self._error(int(fault.kind), "")
        else:
            return False
        return True

    def _info(self, kind: str, repo: str, revision: str) -> None:
        repository = self.hub.repositories.get(f"{kind}/{repo}")
        commit = repository.commit(revision) if repository else None
        if commit is None:
            return self._error(404, "RevisionNotFound" if repository else "RepoNotFound")
        files = [{"rfilename": name} for name in sorted(repository.commits[commit])]
        return self._json(200, {"id": repo, "sha": commit, "private": False, "gated": False, "siblings": files})

    def _body(self, content: "bytes | Path", headers: dict, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        size = _size(content)
        first, last = self._range(size)
        if first >= size and self.headers.get("range") and kind not in ("no_ranges", "chunked"):
            return self._send(416, headers | {"Content-Range": f"bytes */{size}"})
        told = size + 5 if kind == "longer" else size
        if self.headers.get("range") and kind not in ("no_ranges", "chunked"):
            shift = 1 if kind == "odd_range" else 0
            headers["Content-Range"] = f"bytes {first + shift}-{last + shift}/{told}"
            status = 206
        else:
            status, first, last = 200, 0, size - 1
        length = {} if kind == "chunked" else {"Content-Length": str(last + 1 - first + (told - size))}
        self._head(status, headers | {"Accept-Ranges": "bytes"} | length | (
            {"Connection": "close"} if kind == "chunked" else {}))
        if self.command != "HEAD":
            self._pour(content, first, last + 1, kind)
        if kind in ("chunked", "longer", "truncated"):
            raise _Hurt
        return None

    def _range(self, size: int) -> tuple[int, int]:
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        if not match:
            return 0, size - 1
        return int(match[1]), min(int(match[2] or size), size - 1)

    def _pour(self, content: "bytes | Path", first: int, stop: int, kind: str) -> None:
        if kind == "truncated":
            stop = first + (stop - first) // 2
        step = 1 if kind == "trickle" else 65_536
        while first < stop and not self.hub.closing.is_set():
            piece = _slice(content, first, min(first + step, stop))
            if kind == "corrupt" and first + len(piece) == stop:
                piece = piece[:-1] + bytes([piece[-1] ^ 1])
            self.noted.sent += len(piece)
            self.wfile.write(piece)
            first += len(piece)
            time.sleep({"trickle": 0.2, "slow": self.hub.pause}.get(kind, 0))
        if first < stop:
            self.close_connection = True  # the Hub is being closed

    def _json(self, status: int, data) -> None:
        body = json.dumps(data).encode()
        self._head(status, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.noted.sent += len(body)
            self.wfile.write(body)

    def _error(self, status: int, code: str, headers: dict | None = None) -> None:
        self._send(status, (headers or {}) | ({"X-Error-Code": code} if code else {}))

    def _send(self, status: int, headers: dict) -> None:
        self._head(status, headers | {"Content-Length": "0"})

    def _head(self, status: int, headers: dict) -> None:
        self.noted.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        with suppress(ConnectionError):
            self.end_headers()


def _size(content: "bytes | Path") -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _slice(content: "bytes | Path", start: int, stop: int) -> bytes:
    if isinstance(content, bytes):
        return content[start:stop]
    with open(content, "rb") as stream:
        stream.seek(start)
        return stream.read(stop - start)
