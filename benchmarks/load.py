"""Many visitors at once, on loopback: python -m benchmarks.load [--users 64] [--minutes 10] [--attackers] [--json FILE]

Starts app.py and sends it visitors who open the page, trace, compare, classify pictures of their own, click
as the page does, and send nonsense. Reports each kind of request: how many, the median and 95th percentile
of seconds, how often the answer was "busy" (503), refusals and failures; and the server's memory, its decoders'
included. Exit status 1 where an answer was a 5xx other than busy, or memory grew by more than 5 % after the
warm-up (the first fifth of the time). Memory is read from /proc, so only on Linux.

--attackers does it twice, the second time with one of each of benchmarks/attackers.py among the visitors, and prints
both beside one another. Exit status 1 then where an honest visitor's answer failed, the 95th percentile of a kind
more than doubled, or memory went beyond 1,500 MB; a kind of fewer than 20 answers has no percentile to hold it to.
"""

import argparse
import asyncio
import contextlib
import io
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.attackers import Attacker, hub_of_attackers
from tests.hub import StandInHub
from tests.running import Running, running

MODELS = ("resnet20_fashion_mnist", "resnet20_cifar10")
NETS = ("resnet18", "resnet34", "resnet50", "plain34", "resnet20_cifar", "resnet56_cifar", "resnext50_32x4d")
GROWTH = 0.05  # of memory after the warm-up
SLOWER, MOST_MB = 2.0, 1_500  # what attackers may make of the 95th percentiles, and of memory
ENOUGH = 20  # answers for a percentile
PATIENCE = 120.0  # seconds for an answer


@dataclass
class Tally:
    """What became of the requests, by kind."""

    seconds: dict = field(default_factory=lambda: defaultdict(list))
    busy: dict = field(default_factory=lambda: defaultdict(int))
    refused: dict = field(default_factory=lambda: defaultdict(int))
    failed: dict = field(default_factory=lambda: defaultdict(int))
    failures: list = field(default_factory=list)

    def note(self, kind: str, outcome: str, seconds: float) -> None:
        if outcome == "answered":
            self.seconds[kind].append(seconds)
        else:
            getattr(self, outcome)[kind] += 1

    def fail(self, kind: str, what: str) -> None:
        self.failed[kind] += 1
        if len(self.failures) < 10:
            self.failures.append(f"{kind}: {what[:200]}")

    def rows(self) -> list[dict]:
        kinds = sorted({*self.seconds, *self.busy, *self.refused, *self.failed})
        return [{"kind": kind, "n": len(times := self.seconds[kind]),
                 "median": round(statistics.median(times), 3) if times else None,
                 "p95": round(statistics.quantiles(times, n=20)[-1], 3) if len(times) > 1 else None,
                 "busy": self.busy[kind], "refused": self.refused[kind], "failed": self.failed[kind]}
                for kind in kinds]


class Visitor:
    """One person with a browser: asks, reads the answer, thinks, asks again. All know what `learn` found."""

    page_functions: list[dict]
    initial: dict[int, object]

    def __init__(self, url: str, seed: int, tally: Tally):
        self.chance, self.tally = random.Random(seed), tally
        self.web = httpx.AsyncClient(base_url=url, timeout=PATIENCE)
        self.session = f"load{seed}"

    async def stay(self, until: float) -> None:
        kinds = [self.page, self.trace, self.trace, self.compare, self.classify, self.click, self.click, self.nonsense]
        async with self.web:
            while time.monotonic() < until:
                kind = self.chance.choice(kinds)
                started = time.monotonic()
                try:
                    outcome = await kind()
                except (httpx.HTTPError, ValueError, KeyError) as error:
                    self.tally.fail(kind.__name__, repr(error))
                else:
                    self.tally.note(kind.__name__, outcome, time.monotonic() - started)
                await asyncio.sleep(self.chance.uniform(0.2, 1.5))

    async def page(self) -> str:
        for path in ("", "theme.css", "gradio_api/info"):
            self._sound(await self.web.get(path))
        return "answered"

    async def trace(self) -> str:
        size = self.chance.choice((32, 64, 224, 448))
        return await self._call("trace", [self.chance.choice(NETS), size, size, 1000])

    async def compare(self) -> str:
        return await self._call("compare", [self.chance.choice(("fashion_mnist", "cifar10"))])

    async def classify(self) -> str:
        picture = {"files": ("a.png", self._png())}
        answer = self._sound(await self.web.post("gradio_api/upload", files=picture))
        if answer.status_code == 503:
            return "busy"
        record = {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}
        return await self._call("classify", [record, self.chance.choice(MODELS), 5])

    async def click(self) -> str:
        """As the page does: through the queue, by number, with the values of its controls."""
        functions = [fn for fn in self.page_functions if fn["api_name"].startswith("show_trace")]
        function = self.chance.choice(functions)
        values = [self.initial[i] for i in function["inputs"]]
        answer = await self.web.post("gradio_api/queue/join", json={
            "fn_index": function["id"], "data": values, "event_data": None, "session_hash": self.session})
        if answer.status_code == 503:
            return "busy"
        self._sound(answer)
        async with self.web.stream("GET", "gradio_api/queue/data", params={"session_hash": self.session}) as lines:
            async for line in lines.aiter_lines():
                if '"process_completed"' in line:
                    return "answered" if '"success":true' in line else "refused"
        raise ValueError("no answer")

    async def nonsense(self) -> str:
        record = {"path": "http://127.0.0.1:1/"}
        self._sound(await self.web.post("gradio_api/call/classify", json={"data": [record, "x", 5]}))
        return "refused"

    async def _call(self, name: str, values: list) -> str:
        answer = await self.web.post(f"gradio_api/call/{name}", json={"data": values})
        if answer.status_code == 503:
            return "busy"
        event = self._sound(answer).json()["event_id"]
        told = self._sound(await self.web.get(f"gradio_api/call/{name}/{event}")).text
        return "answered" if "event: complete" in told else "refused"

    def _sound(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code >= 500 and answer.status_code != 503:
            raise ValueError(f"{answer.status_code} {answer.text}")
        return answer

    def _png(self) -> bytes:
        from PIL import Image

        side = self.chance.choice((32, 200, 800))
        buffer = io.BytesIO()
        Image.frombytes("RGB", (side, side), self.chance.randbytes(3 * side * side)).save(buffer, "PNG")
        return buffer.getvalue()


async def learn(url: str) -> None:
    """The page's functions and its controls' first values, from what the page tells a browser."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as web:
        config = (await web.get("config")).json()
    Visitor.page_functions = config["dependencies"]
    Visitor.initial = {block["id"]: block["props"].get("value") for block in config["components"]}


def memory(pid: int) -> float:
    """Megabytes of a process and those that it started; what several share is divided among them."""
    told, children = Path(f"/proc/{pid}/smaps_rollup"), Path(f"/proc/{pid}/task").glob("*/children")
    try:
        own = next(int(line.split()[1]) / 1000 for line in told.read_text().splitlines() if line.startswith("Pss:"))
        return own + sum(memory(int(child)) for task in children for child in task.read_text().split())
    except (OSError, StopIteration):  # it has ended
        return 0.0


async def watch(pid: int, until: float, seen: list) -> None:
    while time.monotonic() < until:
        seen.append(memory(pid))
        await asyncio.sleep(0.5)


async def visit(app: Running, users: int, seconds: float, attacked: bool) -> tuple[Tally, list, dict]:
    """(the honest visitors' answers, memory now and then, how often each attacker attacked)"""
    tally, seen = Tally(), []
    await learn(app.url)
    until = time.monotonic() + seconds
    visitors = [Visitor(app.url, seed, tally).stay(until) for seed in range(users)]
    functions = {function["api_name"]: function["id"] for function in Visitor.page_functions}
    attacks = asyncio.create_task(Attacker(app.url, functions).attack(until)) if attacked else None
    await asyncio.gather(watch(app.process.pid, until, seen), *visitors)
    return tally, seen, await attacks if attacks else {}


@contextlib.contextmanager
def served(hub: StandInHub) -> Iterator[Running]:
    """app.py, which takes `hub` for the Hub; the failures that it logged are printed."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.txt"
        environment = {"GRADIO_TEMP_DIR": folder, **hub.environment(Path(folder) / "cache")}
        with running(environment=environment, log=log) as app:
            yield app
        failures = [line for line in log.read_text().splitlines() if "failure" in line or "Error" in line]
        print(*failures[:10], f"log: {log.stat().st_size:,} bytes", sep="\n", file=sys.stderr)


def measured(users: int, seconds: float, attacked: bool) -> dict:
    """One run against an app of its own."""
    with hub_of_attackers() as hub, served(hub) as app:
        tally, seen, attacks = asyncio.run(visit(app, users, seconds, attacked))
    return report(tally, seen) | {"attacks": attacks}


def report(tally: Tally, seen: list) -> dict:
    warm, last = seen[len(seen) // 5:][: max(1, len(seen) // 5)], seen[-max(1, len(seen) // 5):]
    before, after = statistics.median(warm), statistics.median(last)
    return {"rows": tally.rows(), "memory_mb": {"after_warm_up": round(before), "at_the_end": round(after),
                                                "growth": round(after / before - 1, 4), "peak": round(max(seen))},
            "failures": tally.failures}


def show(found: dict) -> None:
    print(f"{'kind':10}{'n':>7}{'median s':>10}{'p95 s':>10}{'busy':>7}{'refused':>9}{'failed':>8}")
    for row in found["rows"]:
        print(f"{row['kind']:10}{row['n']:7}{row['median'] or 0:10.3f}{row['p95'] or 0:10.3f}{row['busy']:7}"
              f"{row['refused']:9}{row['failed']:8}")
    print("memory, MB:", found["memory_mb"], *found["failures"], sep="\n")


def show_both(calm: dict, attacked: dict) -> None:
    """The two runs beside one another, without and with attackers."""
    before = {row["kind"]: row for row in calm["rows"]}
    print(f"{'kind':10}{'n':>7}{'with':>7}{'p95 s':>10}{'with':>10}{'times':>7}{'busy':>7}{'with':>7}{'failed':>8}")
    for row in attacked["rows"]:
        old = before.get(row["kind"], {"n": 0, "p95": None, "busy": 0})
        print(f"{row['kind']:10}{old['n']:7}{row['n']:7}{old['p95'] or 0:10.3f}{row['p95'] or 0:10.3f}"
              f"{_times(old, row) or 0:7.2f}{old['busy']:7}{row['busy']:7}{row['failed']:8}")
    print(f"memory, MB at most: {calm['memory_mb']['peak']:,} and {attacked['memory_mb']['peak']:,}",
          f"attacks: {attacked['attacks']}", *attacked["failures"], sep="\n")


def _times(calm: dict, attacked: dict) -> float | None:
    """How many times the 95th percentile is what it was; None where too few were answered to tell."""
    if min(calm["n"], attacked["n"]) < ENOUGH:
        return None
    return attacked["p95"] / calm["p95"]


def is_stopped(calm: dict, attacked: dict) -> bool:
    """Whether the attackers took more than is promised, or a kind of request was answered no more."""
    after = {row["kind"]: row for row in attacked["rows"]}
    for row in calm["rows"]:
        now = after.get(row["kind"], {"n": 0, "failed": 0})
        if now["failed"] or (row["n"] and not now["n"]) or (_times(row, now) or 0) > SLOWER:
            return True
    return attacked["memory_mb"]["peak"] > MOST_MB


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--users", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--attackers", action="store_true", help="once more, with one of each attacker among them")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    args = parser.parse_args()
    runs = [measured(args.users, 60 * args.minutes, attacked) for attacked in (False, True)[:1 + args.attackers]]
    (show_both if args.attackers else show)(*runs)
    if args.json:
        facts = {"users": args.users, "minutes": args.minutes, "cpus": os.cpu_count()}
        names = ("calm", "attacked")[:len(runs)]
        told = dict(zip(names, runs, strict=True)) if args.attackers else runs[0]
        args.json.write_text(json.dumps(told | facts, indent=2) + "\n")
    if args.attackers:
        return int(is_stopped(*runs))
    failed = sum(row["failed"] for row in runs[0]["rows"])
    return int(bool(failed) or runs[0]["memory_mb"]["growth"] > GROWTH)


if __name__ == "__main__":
    sys.exit(main())
