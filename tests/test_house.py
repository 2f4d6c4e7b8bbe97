"""The house's order, as far as a test can keep it: who imports whom, and who touches what Gradio does not document."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gradio
import pytest

ROOT = Path(__file__).parent.parent
ARM = {ROOT / "resnet" / "ui" / name for name in ("gradio_compat.py", "gradio_patches.py", "gradio_tools.py")}
SOURCES = sorted({ROOT / "app.py", *(ROOT / "resnet").rglob("*.py")} - ARM)
DOCUMENTED = {"components", "events", "themes"}  # of Gradio's modules
# What its objects have undocumented; names that begin with an underscore are found by themselves.
UNDOCUMENTED = {"fns", "state_holder", "default_config", "get_blocks", "get_upload_folder", "SessionState", "LRUCache",
                "event_queue_per_concurrency_id", "pending_messages_per_session", "pending_event_ids_session",
                "active_jobs", "start_processing", "event_analytics", "data_model", "api_visibility", "blocks_config",
                "process_api", "preprocess", "ANALYTICS_MAX_EVENTS", "ANAYLTICS_CACHE_FREQUENCY"}


def modules_imported(node: ast.Import | ast.ImportFrom | ast.Attribute) -> Iterator[str]:
    """Of Gradio, by an import or by an attribute of gr."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names if is_module(alias.name))
    if isinstance(node, ast.Attribute) and is_gradio(node.value) and is_module(node.attr):
        yield f"gradio.{node.attr}"


def is_gradio(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("gr", "gradio")


def is_module(name: str) -> bool:
    return inspect.ismodule(getattr(gradio, name, None))


def is_undocumented(node: ast.Attribute) -> bool:
    """A private attribute of something that is not this object's own, or one of the names that Gradio keeps quiet."""
    owner = node.value.func if isinstance(node.value, ast.Call) else node.value
    of_self = isinstance(owner, ast.Name) and owner.id in ("self", "cls", "super")
    private = node.attr.startswith("_") and not node.attr.startswith("__")
    return node.attr in UNDOCUMENTED or (private and not of_self)


def undocumented(source: str) -> list[str]:
    """What a file touches of Gradio that its documentation does not promise: "line: what"."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Import, ast.ImportFrom, ast.Attribute)):
            continue
        found += [f"{node.lineno}: {name}" for name in modules_imported(node)
                  if name.startswith("gradio.") and name.split(".")[1] not in DOCUMENTED]
        if isinstance(node, ast.Attribute) and is_undocumented(node):
            found.append(f"{node.lineno}: .{node.attr}")
    return found


def test_what_gradio_does_not_document_is_touched_at_arms_length_only():
    assert {str(file.relative_to(ROOT)): found for file in SOURCES if imports_gradio(file)
            if (found := undocumented(file.read_text("utf-8")))} == {}


def imports_gradio(file: Path) -> bool:
    """The wall is handed Gradio's application without importing it."""
    return "gradio" in file.read_text("utf-8") or "wall" in file.parts


@pytest.mark.parametrize("line", [
    "import gradio.queueing", "from gradio import state_holder", "from gradio.utils import get_upload_folder",
    "gr.utils.get_upload_folder()", "gr.routes", "event._data", "demo._queue", "demo.fns[3].preprocess",
    "scope['app'].get_blocks()", "queue.active_jobs", "from gradio.state_holder import SessionState"])
def test_it_would_be_found(line):
    assert undocumented(line)


@pytest.mark.parametrize("line", [
    "import gradio as gr", "from gradio.components import Component", "from gradio import FileData", "gr.skip()",
    "gr.themes.Base()", "self._held", "event.target", "gr.Blocks().queue()", "demo.load(f, preprocess=False)"])
def test_what_is_documented_is_allowed(line):
    assert undocumented(line) == []


def test_both_sides_of_the_arm_are_there():
    assert all(file.exists() for file in ARM) and len(SOURCES) > 100
    assert any(undocumented(file.read_text("utf-8")) for file in ARM)


def test_imports_run_one_way():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "0 broken" in done.stdout, done.stdout + done.stderr
