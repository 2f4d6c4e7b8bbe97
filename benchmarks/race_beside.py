"""What a race costs the others: latency of /trace and /classify at a running page, without a race and beside one.

The page is started as a user starts it; calls go one after another through gradio_client, in turns of `--calls`
without and with a race that another visitor has started. Printed are medians and the slowest call in milliseconds.

    python -m benchmarks.race_beside [--calls 20] [--rounds 3]
"""

import argparse
import json
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from gradio_client import Client, handle_file

from resnet.training.experiment import versions
from tests.running import ROOT, running

KNOBS = [38, 8, "0.1", "on", 0, 90]  # the default race, for as long as it may take
PATIENCE = 180


@contextmanager
def running_race(url: str) -> Iterator[None]:
    """A race that is under way inside, and ends because its visitor leaves."""
    functions = httpx.get(f"{url}config", timeout=PATIENCE).json()["dependencies"]
    number = next(one["id"] for one in functions if one["api_name"] == "run_race")
    session, moving, over = f"racer{time.monotonic_ns()}", threading.Event(), threading.Event()
    httpx.post(f"{url}gradio_api/queue/join", timeout=PATIENCE,
               json={"data": KNOBS, "fn_index": number, "session_hash": session})

    def listen() -> None:
        seen = 0
        with httpx.stream("GET", f"{url}gradio_api/queue/data", params={"session_hash": session},
                          timeout=PATIENCE) as answer:
            for line in answer.iter_lines():
                seen += bool(line) and json.loads(line.removeprefix("data: "))["msg"] == "process_generating"
                if seen > 2:
                    moving.set()
                if over.is_set():
                    return

    listener = threading.Thread(target=listen)
    listener.start()
    moving.wait(PATIENCE)
    yield
    over.set()
    listener.join()
    time.sleep(1)


def milliseconds(call: Callable, calls: int) -> list[float]:
    times = []
    for _ in range(calls):
        started = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - started))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with running() as app:
        url = app.url
        client = Client(url, verbose=False)
        picture = handle_file(ROOT / "docs" / "classify.png")
        calls = {"/trace resnet50": lambda: client.predict(variant="resnet50", api_name="/trace"),
                 "/classify": lambda: client.predict(picture, api_name="/classify")}
        times: dict[tuple[str, bool], list[float]] = {}
        for call in calls.values():
            milliseconds(call, 3)
        for _ in range(args.rounds):
            for name, call in calls.items():
                times.setdefault((name, False), []).extend(milliseconds(call, args.calls))
            with running_race(url):
                for name, call in calls.items():
                    times.setdefault((name, True), []).extend(milliseconds(call, args.calls))
    print(f"{versions()}; {os.cpu_count()} cores; {args.rounds} rounds of {args.calls} calls, one after another")
    for name in calls:
        for racing in (False, True):
            found = times[name, racing]
            print(f"{name:18} {'beside a race' if racing else 'alone':14} median {statistics.median(found):7.1f} ms  "
                  f"slowest {max(found):7.1f} ms  n {len(found)}")


if __name__ == "__main__":
    main()
