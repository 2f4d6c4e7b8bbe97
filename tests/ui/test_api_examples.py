"""The examples of docs/api.md, run as they stand there against the running page; the agent's in test_tools.py."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pictures import encode, gradient

PAGE = Path(__file__).parent.parent.parent / "docs" / "api.md"
FOUND = re.findall(r"```(python|sh|js)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
EXAMPLES = [(kind, source) for kind, source in FOUND if "mcp" not in source]
SAYS = {"trace": r"resnet50 25557032 \d+\nconv1 Conv2d", "compare": r"resnet20_fashion_mnist \d+\.\d+ 6\.",
        "classify": r"\w.*: \d+\.\d %\n", "curl": "event: complete", "javascript": r"\w.*: \d+\.\d %\n"}
NODE = shutil.which("node") or ""
PROGRAMS = {"python": [sys.executable, "-c"], "sh": ["bash", "-c"], "js": [NODE, "-e"]}


@pytest.mark.slow
@pytest.mark.parametrize("example, says", zip(EXAMPLES, SAYS.values(), strict=True), ids=SAYS)
def test_an_example_runs_as_printed(example, says, url, tmp_path):
    kind, source = example
    if kind == "js" and not NODE:
        pytest.skip("there is no node here")
    (tmp_path / "picture.png").write_bytes(encode(gradient(40, 30), "PNG"))
    done = subprocess.run([*PROGRAMS[kind], source.replace("http://127.0.0.1:7860", url.rstrip("/"))], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert re.search(says, done.stdout), done.stdout
