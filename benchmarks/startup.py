"""How long from `python app.py` to the first page, beside importing gradio and torch alone?

    python benchmarks/startup.py [runs]

Runs the two in turn, prints the medians and their ratio. Aim: 1.15 or less.
"""

import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent


def page() -> float:
    """Seconds until the page answers 200."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.perf_counter()
    app = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL,
                           env=os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"})
    try:
        while time.perf_counter() - started < 120:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                    if answer.status == 200:
                        return time.perf_counter() - started
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.01)
        raise TimeoutError("no page within 120 s")
    finally:
        app.terminate()
        app.wait()


def imports() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import gradio, torch"], check=True)
    return time.perf_counter() - started


def main(runs: int) -> None:
    page(), imports()  # warm the file cache
    pairs = [(page(), imports()) for _ in range(runs)]
    ours, floor = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"python app.py to first page  {ours:6.2f} s   (median of {runs})")
    print(f"import gradio, torch         {floor:6.2f} s")
    print(f"ratio                        {statistics.median(a / b for a, b in pairs):6.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
