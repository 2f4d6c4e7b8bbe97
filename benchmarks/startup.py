"""How long from `python app.py` to the first page, beside importing gradio and torch alone?

    python -m benchmarks.startup [runs]

Runs the two in turn, prints the medians and their ratio. Aim: 1.15 or less.
"""

import statistics
import subprocess
import sys
import time

from tests.running import running


def page() -> float:
    """Seconds until the page answers."""
    with running(environment={"GRADIO_ANALYTICS_ENABLED": "False"}) as app:
        return app.seconds


def imports() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import gradio, torch"], check=True)
    return time.perf_counter() - started


def main(runs: int) -> None:
    page()  # warm the file cache
    imports()
    pairs = [(page(), imports()) for _ in range(runs)]
    ours, floor = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"python app.py to first page  {ours:6.2f} s   (median of {runs})")
    print(f"import gradio, torch         {floor:6.2f} s")
    print(f"ratio                        {statistics.median(a / b for a, b in pairs):6.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
