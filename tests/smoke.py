"""Whether an installation works, with nothing but requirements.txt: python -m tests.smoke

The command line traces, classifies and evaluates; the page starts and answers its three end points.
"""

import json
import platform
import subprocess
import sys
import time
from importlib.metadata import version

from gradio_client import Client, handle_file

from resnet.data import photo_file
from tests.running import ROOT, running

MODEL = "resnet20_fashion_mnist"


def main() -> None:
    """Raises an AssertionError, or what failed; prints a line where all is well."""
    started = time.perf_counter()
    picture = str(photo_file("cat"))
    net = command("trace", "resnet50", "--json")
    assert net["params"] == 25_557_032, net["params"]
    answers = command("classify", picture, "--model", MODEL, "--precision", "fp32", "--json")[0]["predictions"]
    score = command("evaluate", MODEL, "--data", "fashion_mnist", "--limit", "200", "--json")
    assert score["accuracy"] > 0.9, score
    with running() as page:
        client = Client(page.url, verbose=False)
        assert client.predict(variant="resnet50", api_name="/trace")["macs"] == net["macs"]
        assert client.predict(data="fashion_mnist", api_name="/compare")
        asked = client.predict(image=handle_file(picture), model=MODEL, api_name="/classify")["predictions"]
        assert asked[0]["label"] == answers[0]["label"], (asked, answers)
    told = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision", "gradio"))
    print(f"Python {platform.python_version()}, {told}: works, {time.perf_counter() - started:.0f} s")


def command(*arguments: str):
    """What `python -m resnet` answers with --json."""
    done = subprocess.run([sys.executable, "-m", "resnet", *arguments], cwd=ROOT, capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
