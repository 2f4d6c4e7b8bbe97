"""Byte ranges of files in a Hub repository: read without downloading the files, within a deadline.

huggingface_hub's `get_safetensors_metadata` does nearly this, but reads whatever a server sends (the
whole file, where ranges are ignored), waits ten seconds for every single read, and raises raw HTTP
errors; so the requests are made here, through its session, which brings proxies and offline mode.
"""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from resnet.hub.header import MAX_CONFIG, Header, parse_json, read_header
from resnet.hub.ref import ModelRef
from resnet.util.deadline import Deadline, within
from resnet.util.errors import InputError
from resnet.util.files import WEIGHTS_FILE

if TYPE_CHECKING:
    from httpx2 import Response

HUB_SECONDS = 6.0  # so that the sentence arrives within ten, a slow start of Python included
# Errors that say nothing of the repository: what came from it before may be taken.
AWAY = ("hub_slow", "hub_unreachable", "hub_offline", "hub_status", "hub_busy", "hub_cut", "hub_redirect", "hub_odd")
MAX_REDIRECTS = 5
LISTING = "siblings.json"  # what a repository's list of files is called in a sentence
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


def remote_header(ref: ModelRef, seconds: float = HUB_SECONDS) -> Header:
    """The header of a Hub repository's weights and its config.json; no weights are read.

    Args:
        seconds: for everything together; then the answer is an error, whatever the Hub does.

    Raises:
        InputError: the repository or the Hub is at fault; the sentence says which.
    """
    deadline = Deadline(seconds)
    return within(deadline, lambda: read_header(HubFiles(ref, deadline), str(ref)))


class HubFiles:
    """The files of one repository at one commit: the given one, else the first answer's, whatever is pushed meanwhile.

    Where the reference is trusted, this machine's own Hub token is sent, which opens its owner's private and
    gated repositories.
    """

    kind = "model"

    def __init__(self, ref: ModelRef, deadline: Deadline, commit: str = ""):
        self.ref, self.deadline, self.revision = ref, deadline, commit
        self.bytes_read = 0
        self.tags: dict[str, str] = {}
        self._tags_by_hop: dict[tuple[str, int], str] = {}
        self._lock = threading.Lock()

    def read(self, name: str, start: int, stop: int) -> tuple[bytes, int] | None:
        """As `header.Source.read`. Raises InputError for everything but a file that is not there."""
        with self._in_sentences(name), self._open(name, f"bytes={start}-{stop - 1}") as (response, linked):
            if self._is_absent(response, name):
                self._check_named(name)
                return None
            size, first = self._extent(response, linked, name, start, stop)
            if size is None:
                return self._read_unsized(response, name, start, stop)
            wanted = min(stop, size) - first
            data = self._take(response, wanted)
            if len(data) != wanted:
                raise InputError("hub_cut", file=name)
            return data[start - first:], size

    def names(self) -> list[str]:
        """Of all the repository's files; none where the Hub does not tell."""
        try:
            with self._in_sentences(LISTING), self._open(LISTING, "", self._listing_url()) as (response, _):
                if response.status_code != 200:
                    return []
                data = self._take(response, MAX_CONFIG)
            found = parse_json(data, LISTING)
        except InputError:
            return []
        siblings = found.get("siblings") if isinstance(found, dict) else None
        entries = [entry for entry in siblings if isinstance(entry, dict)] if isinstance(siblings, list) else []
        return [entry["rfilename"] for entry in entries if isinstance(entry.get("rfilename"), str)]

    def _listing_url(self) -> str:
        from huggingface_hub import constants

        revision = quote(self.revision or self.ref.revision, safe="")
        return f"{constants.ENDPOINT}/api/{self.kind}s/{self.ref.repo}/revision/{revision}"

    def _check_named(self, name: str) -> None:
        """Raises InputError where the file is missing that the reference names."""
        if name == WEIGHTS_FILE and self.ref.inside and not f"/{self.ref.inside}".endswith(f"/{WEIGHTS_FILE}"):
            raise InputError("hub_lacks", file=self.ref.inside, model=self.ref.repo)

    def _read_unsized(self, response: "Response", name: str, start: int, stop: int) -> tuple[bytes, int]:
        """A small file's bytes and size: it may come compressed, or in pieces of no stated number."""
        data = self._take(response, stop)
        if len(data) == stop:
            raise InputError("hub_odd", file=name)
        return data[start:], len(data)

    @contextmanager
    def stream(self, name: str, start: int = 0) -> Iterator[tuple[int, int | None, Iterator[bytes]]]:
        """(where it starts, the file's size if it is told, the bytes to its end); the start is 0 without ranges.

        The deadline is for the first byte; between two reads there may pass what was left of it.

        Raises:
            InputError: as `read`, and for a file that is not there.
        """
        with self._in_sentences(name), self._open(name, f"bytes={start}-" if start else "") as (response, linked):
            if self._is_absent(response, name):
                raise InputError("hub_no_file", file=name, model=self.ref.repo)
            size, first = self._extent(response, linked, name, start)
            yield first, size, response.iter_bytes()

    @contextmanager
    def _in_sentences(self, name: str) -> Iterator[None]:
        """The network's own errors -> InputError."""
        import httpx2
        from huggingface_hub.errors import OfflineModeIsEnabled

        try:
            yield
        except OfflineModeIsEnabled as error:
            raise InputError("hub_offline") from error
        except httpx2.TimeoutException as error:
            raise self.deadline.error() from error
        except (httpx2.ConnectError, httpx2.ProxyError) as error:
            raise InputError("hub_unreachable") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise InputError("hub_cut", file=name) from error

    @contextmanager
    def _open(self, name: str, span: str, url: str = "") -> Iterator[tuple["Response", int | None]]:
        """(the response at the end of the redirects, the size that the Hub states on the way)."""
        url, linked = url or self._url(name), None
        for hop in range(MAX_REDIRECTS + 1):
            with self._request(url, span) as response:
                if self._same_host(url):
                    self._pin(name, hop, response.headers)
                    linked = _number(response.headers.get("x-linked-size")) or linked
                if not response.is_redirect:
                    yield response, linked
                    return
                url = self._redirected(url, response.headers.get("location", ""))
        raise InputError("hub_redirect")

    def _url(self, name: str) -> str:
        from huggingface_hub import hf_hub_url

        return hf_hub_url(self.ref.repo, self.ref.place(name), repo_type=self.kind,
                          revision=self.revision or self.ref.revision)

    def _request(self, url: str, span: str) -> AbstractContextManager["Response"]:
        from huggingface_hub import get_session, get_token

        headers = {"accept-encoding": "identity"} | ({"range": span} if span else {})
        if self.ref.trusted and self._same_host(url) and (token := get_token()):
            headers["authorization"] = f"Bearer {token}"
        return get_session().stream("GET", url, headers=headers, timeout=self.deadline.left(), follow_redirects=False)

    def _same_host(self, url: str) -> bool:
        from huggingface_hub import constants

        return urlsplit(url)[:2] == urlsplit(constants.ENDPOINT)[:2]

    def _redirected(self, url: str, location: str) -> str:
        """Where a redirect leads; never from https to less, nor to files or other schemes."""
        target = urljoin(url, location)
        schemes = ("https",) if url.startswith("https:") else ("https", "http")
        if not location or urlsplit(target).scheme not in schemes or not urlsplit(target).hostname:
            raise InputError("hub_redirect")
        return target

    def _pin(self, name: str, hop: int, headers: Mapping[str, str]) -> None:
        """All answers must be of one commit, and a file's parts of one version of it."""
        commit, tag = headers.get("x-repo-commit", ""), headers.get("x-linked-etag") or headers.get("etag", "")
        with self._lock:
            if commit and self.revision and commit != self.revision:
                raise InputError("hub_changed", file=name)
            if tag and self._tags_by_hop.setdefault((name, hop), tag) != tag:
                raise InputError("hub_changed", file=name)
            if hop == 0 and tag:
                self.tags[name] = tag.removeprefix("W/").strip('"')
            if re.fullmatch(r"[0-9a-f]{40}", commit):
                self.revision = commit

    def _extent(self, response: "Response", linked: int | None, name: str, start: int,
                stop: int | None = None) -> tuple[int | None, int]:
        """(the file's size if it is told, where the body starts); both ways to tell the size must agree."""
        size, first = self._stated(response, name, start, stop)
        if None not in (size, linked) and size != linked:
            raise InputError("hub_size", file=name, told=linked, found=size)
        return linked if size is None else size, first

    def _stated(self, response: "Response", name: str, start: int, stop: int | None) -> tuple[int | None, int]:
        """(size, start) by the answer's own headers; a server without ranges sends all from 0. No stop: to the end."""
        headers = response.headers
        if response.status_code == 200:
            plain = headers.get("content-encoding", "identity") == "identity"
            return _number(headers.get("content-length")) if plain else None, 0
        if match := _RANGE.fullmatch(headers.get("content-range", "")):
            first, last, size = map(int, match.groups())
            if first == start and last == min(stop or size, size) - 1:
                return size, first
        raise InputError("hub_odd", file=name)

    def _take(self, response: "Response", n: int) -> bytes:
        """The body's first n bytes; the connection closes on the rest."""
        data = bytearray()
        for chunk in response.iter_bytes():  # as they come: filling up chunks would wait for a slow Hub
            data += chunk
            with self._lock:
                self.bytes_read += len(chunk)
            self.deadline.left()
            if len(data) >= n:
                break
        return bytes(data[:n])

    def _is_absent(self, response: "Response", name: str) -> bool:
        """Whether the repository has no such file; InputError for any other answer than the file."""
        status, code = response.status_code, response.headers.get("x-error-code", "")
        if status in (200, 206):
            return False
        if status == 404 and code == "EntryNotFound":
            return True
        if status == 404 and code == "RevisionNotFound":
            raise InputError("hub_no_revision", model=self.ref.repo, revision=self.ref.revision[:80])
        if code == "GatedRepo":
            raise InputError("hub_gated", model=self.ref.repo)
        if code == "RepoNotFound" or status == 404:
            raise InputError("hub_no_repository", model=self.ref.repo)
        if status in (401, 403):
            raise InputError("hub_denied", model=self.ref.repo)
        if status == 416:  # an empty file has no range
            raise InputError("not_json" if name.endswith(".json") else "damaged_header", file=name)
        raise InputError("hub_busy" if status == 429 else "hub_status", status=status)


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,18}", text) else None
