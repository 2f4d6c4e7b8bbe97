"""Visitors who mean harm, one of each kind, for python -m benchmarks.load --attackers.

Each does again and again, for as long as the honest ones stay, what once stopped the page or one of its functions.
What they are answered is their own business; that they are answered at all is not counted.
"""

import asyncio
import json
import random
import resource
import secrets
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.hub import StandInHub

PATIENCE = 60.0  # seconds for an answer
MODEL = "resnet20_fashion_mnist"
COSTLY, INFLATING, SILENT = "attack/costly", "attack/inflating", "silent"
SIDE = 2048  # pixels that the costly net asks for
SHARDS, SHARD = 16, 3_900_000  # headers that are small as text and large as objects; bytes of each
IDLE = 1_100  # connections


@contextmanager
def hub_of_attackers() -> Iterator[StandInHub]:
    """A Hub with a costly net and one of inflating headers, which never answers for an owner called silent."""
    with StandInHub() as hub:
        hub.add(COSTLY, _costly())
        hub.add(INFLATING, _inflating())
        hub.route("GET", rf"/{SILENT}/.*", lambda match, body: (hub.closing.wait(PATIENCE), (404, {}))[1])
        yield hub


def _costly() -> dict[str, bytes | Path]:
    from safetensors.torch import save

    from resnet.model import create
    from tests.factories import made_info, tiny

    config = tiny(in_channels=3, input_size=(SIDE, SIDE), widths=(64, 64, 64))
    return {"config.json": made_info(config, "cifar10").to_json().encode(),
            "model.safetensors": save(create(config).state_dict())}


def _inflating() -> dict[str, bytes | Path]:
    header = b'{"a":[' + b",".join([b"{}"] * (SHARD // 3)) + b"]}"
    shards = {f"model-{i}.safetensors": struct.pack("<Q", len(header)) + header for i in range(SHARDS)}
    index = {"weight_map": {f"a{i}": name for i, name in enumerate(shards)}}
    return {"model.safetensors.index.json": json.dumps(index).encode(), **shards}


class Attacker:
    """One of each kind; `functions` are the page's, by name."""

    def __init__(self, url: str, functions: dict[str, int]):
        self.url, self.functions, self.chance = url, functions, random.Random(0)
        self.web = httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=httpx.Limits(max_connections=None))
        self.bombs = _bombs()

    async def attack(self, until: float) -> dict[str, int]:
        """How often each did what it does."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        kinds = (self.scan_bomb, self.large_picture, self.costly_net, self.unread_answers, self.many_names,
                 self.races_alone, self.many_files, self.silent_links, self.inflating_headers, self.idle_connections)
        async with self.web:
            counts = await asyncio.gather(*(self._again(kind, until) for kind in kinds))
        return {kind.__name__: count for kind, count in zip(kinds, counts, strict=True)}

    async def _again(self, kind, until: float) -> int:
        count = 0
        while (left := until - time.monotonic()) > 0:
            with suppress(httpx.HTTPError, OSError, KeyError, IndexError, ValueError, asyncio.TimeoutError):
                await asyncio.wait_for(kind(), left)
            count += 1
            await asyncio.sleep(0.2)
        return count

    async def scan_bomb(self) -> None:
        await self._classify(self.bombs["4,000 scans"])

    async def large_picture(self) -> None:
        await self._classify(self.bombs["a WebP of one colour"])

    async def costly_net(self) -> None:
        await self._classify(self.bombs["small"], COSTLY)

    async def unread_answers(self) -> None:
        await self._post("call/trace", data=["resnet152", 224, 224, 1000])

    async def many_names(self) -> None:
        """Spellings of one repository, and names of none."""
        name = "".join(self.chance.choice((letter, letter.upper())) for letter in COSTLY)
        await self._call("trace", [f"{name}@{secrets.token_hex(4)}", 64, 64, 10])

    async def races_alone(self) -> None:
        """Nobody listens, and each is of a session of its own."""
        await self._post("queue/join", fn_index=self.functions["run_race"], session_hash=secrets.token_hex(8),
                         data=[14, 16, "0.1", "on", 0, 90])

    async def many_files(self) -> None:
        await self.web.post("gradio_api/upload", files=[("files", (f"{i}.txt", b"a")) for i in range(1_000)])

    async def silent_links(self) -> None:
        """As a browser opens the link."""
        link = {"variant": f"{SILENT}/{secrets.token_hex(4)}"}
        await self.web.get("", params=link)
        await self._post("queue/join", link, fn_index=self.functions["open_link"], data=[],
                         session_hash=secrets.token_hex(8))

    async def inflating_headers(self) -> None:
        await self._call("trace", [INFLATING, 64, 64, 10])

    async def idle_connections(self) -> None:
        """Half of a request each, and never the rest."""
        place, lines = httpx.URL(self.url), []
        try:
            for _ in range(IDLE):
                lines.append((await asyncio.open_connection(place.host, place.port))[1])
                lines[-1].write(b"GET / HTTP/1.1\r\nHost: x\r\n")
            await asyncio.sleep(PATIENCE)
        finally:
            for line in lines:
                line.close()

    async def _classify(self, picture: bytes, model: str = MODEL) -> None:
        path, = (await self.web.post("gradio_api/upload", files={"files": ("a", picture)})).json()
        await self._call("classify", [{"path": path, "meta": {"_type": "gradio.FileData"}}, model, 5])

    async def _call(self, name: str, values: list) -> None:
        event = (await self._post(f"call/{name}", data=values)).json()["event_id"]
        await self.web.get(f"gradio_api/call/{name}/{event}")

    async def _post(self, path: str, link: dict[str, str] | None = None, **body) -> httpx.Response:
        return await self.web.post(f"gradio_api/{path}", params=link, json=body)


def _bombs() -> dict[str, bytes]:
    from tests.pictures import encode, noise
    from tests.security.bombs import BOMBS

    return {"small": encode(noise())} | {name: BOMBS[name]() for name in ("4,000 scans", "a WebP of one colour")}
