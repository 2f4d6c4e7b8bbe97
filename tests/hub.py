"""A stand-in Hub on loopback that the real huggingface_hub client talks to; it counts, and fails on demand.

    with StandInHub() as hub, pointed_at(hub, tmp_path):
        hub.add("owner/name", {"config.json": b"{}", "model.safetensors": path_or_bytes})
        hub.fail("stall", "*.safetensors")          # see FAULTS in hub_server.py; `times=1` for one request only
        huggingface_hub.hf_hub_download("owner/name", "config.json")
        hub.sent("*.safetensors")                   # bytes of bodies that left the server

It speaks what the Hub speaks: GET and HEAD of /[datasets/|spaces/]{repo}/resolve/{revision}/{file} with
ranges, X-Repo-Commit, ETag, X-Linked-Size and X-Error-Code, the redirect of large files to another
origin (a second port), and /api/{models|datasets|spaces}/{repo}[/revision/{revision}]. More is
plugged in by `hub.route(method, pattern, function)`.

HF_ENDPOINT is read when huggingface_hub is imported. `pointed_at` therefore changes what was read from
it, in the running process: the end point, the address template, the default HfApi, the cache folder
and the pooled connections; and it gives the process an empty store of models. For a process of its own
there is `hub.environment(cache)`.
"""

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from http.server import ThreadingHTTPServer
from pathlib import Path

from tests.hub_server import FAULTS, Fault, Handler, Request, entity_tag


@dataclass
class Repository:
    """Files by commit; `heads` maps branches and tags to commits."""

    commits: dict[str, dict[str, "bytes | Path"]] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)

    def commit(self, revision: str) -> str | None:
        revision = self.heads.get(revision, revision)
        return revision if revision in self.commits else None


class StandInHub:
    """The server; `url` is the end point. Files from `large` bytes on are served from the second origin."""

    def __init__(self, large: int = 10_000):
        self.large, self.pause = large, 0.05
        self.repositories: dict[str, Repository] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.routes: list[tuple[str, re.Pattern, Callable]] = []
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self._servers = [self._serve(), self._serve()]
        self.url, self.storage = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)

    def _serve(self) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": self}))
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server

    def __enter__(self) -> "StandInHub":
        return self

    def __exit__(self, *_) -> None:
        self.closing.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def add(self, repo: str, files: Mapping[str, "bytes | Path"], kind: str = "models", revision: str = "main") -> str:
        """A commit with exactly these files on a branch; returns its hash. Paths are served without loading."""
        repository = self.repositories.setdefault(f"{kind}/{repo}", Repository())
        facts = sorted((name, entity_tag(content)) for name, content in files.items())
        commit = hashlib.sha1(repr((repo, facts)).encode()).hexdigest()
        repository.commits[commit] = dict(files)
        repository.heads[revision] = commit
        return commit

    def fail(self, kind: str, pattern: str = "*", times: int | None = None, to: str = "",
             whole: bool = False) -> None:
        """From now on requests for files that match `pattern` meet a fault: at most `times` of them.

        whole: downloads only, so that the reading of headers goes well.
        """
        if kind not in FAULTS:
            raise ValueError(kind)
        self.faults.append(Fault(kind, pattern, times, to, whole))

    def heal(self) -> None:
        self.faults.clear()

    def route(self, method: str, pattern: str, function: Callable) -> None:
        """function(match, body) -> (status, JSON-friendly) for paths that match; asked before all else."""
        self.routes.append((method, re.compile(pattern), function))

    def fault_for(self, file: str, whole: bool = True) -> Fault | None:
        """The fault of a request that has no range, or one without an end (whole), or another."""
        with self.lock:
            for fault in self.faults:
                if fnmatch(file, fault.pattern) and fault.times != 0 and whole >= fault.whole:
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return None

    def seen(self, pattern: str = "*") -> list[Request]:
        """The requests for files that match."""
        with self.lock:
            return [request for request in self.requests if fnmatch(request.file, pattern)]

    def sent(self, pattern: str = "*") -> int:
        """Bytes of bodies sent for files that match."""
        return sum(request.sent for request in self.seen(pattern))

    def environment(self, cache: Path) -> dict[str, str]:
        """Variables for a process whose huggingface_hub shall talk to this Hub."""
        return {"HF_ENDPOINT": self.url, "HF_HUB_CACHE": str(cache), "HF_HUB_DISABLE_TELEMETRY": "1",
                "HF_HUB_OFFLINE": "0", "HF_TOKEN_PATH": str(cache / "token")}


@contextmanager
def pointed_at(hub: "StandInHub | str", cache: Path) -> Iterator[None]:
    """This process's huggingface_hub talks to `hub` (or an address), with an empty cache and no token; its store
    of models is an empty one meanwhile."""
    from unittest.mock import patch

    import huggingface_hub
    from huggingface_hub import constants, hf_api

    from resnet.hub.store import ModelStore, current, use

    before = current()
    url = hub if isinstance(hub, str) else hub.url
    with (patch.object(constants, "ENDPOINT", url),
          patch.object(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"),
          patch.object(constants, "HF_HUB_CACHE", str(cache)),
          patch.object(constants, "HF_TOKEN_PATH", str(cache / "token")),
          patch.object(constants, "HF_HUB_OFFLINE", False),
          patch.object(constants, "HF_HUB_DISABLE_TELEMETRY", True),
          patch.object(hf_api.api, "endpoint", url),
          patch.dict("os.environ", {"HF_TOKEN": ""})):
        huggingface_hub.close_session()
        use(ModelStore())
        try:
            yield
        finally:
            use(before)
            huggingface_hub.close_session()
