"""What this page needs of Gradio beyond its documentation: here, and for its mended faults in gradio_patches.

Each access is checked: where Gradio is another one, the page says what is missing instead of failing in silence.
Nothing of Gradio is imported before the release was checked.
"""

import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from resnet.util.text import text

if TYPE_CHECKING:
    from gradio import Blocks, EventData
    from gradio.block_function import BlockFunction

TESTED = "6.31"  # and its patch releases
# Gradio reads these when it is imported and when the page is built. Its statistics, percentiles of the last ten
# thousand events taken after each one, are for a page that is switched off.
ENVIRONMENT = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_ANALYTICS_MAX_EVENTS": "1",
               "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(sys.maxsize), "HF_HUB_DISABLE_TELEMETRY": "1"}
PageFunction: TypeAlias = "BlockFunction"


class GradioChanged(RuntimeError):
    """Gradio lacks something that the page stands on."""


def check_release() -> None:
    """Raises SystemExit, with one sentence, for a Gradio that the page was not tested with."""
    found = version("gradio")
    if found.split(".")[:2] != TESTED.split("."):
        raise SystemExit(text("errors.gradio_release", found=found, tested=TESTED))


def set_environment() -> None:
    """What Gradio shall do without, unless whoever starts the page says otherwise; before it is imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def part(owner: Any, name: str) -> Any:
    """owner.name.

    Raises:
        GradioChanged: there is no such thing.
    """
    if not hasattr(owner, name):
        kind = owner if inspect.isclass(owner) or inspect.ismodule(owner) else type(owner)
        raise GradioChanged(f"Gradio {version('gradio')} has no {kind.__name__}.{name}; tested was {TESTED}")
    return getattr(owner, name)


def replace_part(owner: Any, name: str, value: Any) -> None:
    """owner.name = value.

    Raises:
        GradioChanged: there is no such thing, and nobody would look at the new one.
    """
    part(owner, name)
    setattr(owner, name, value)


@contextmanager
def no_stubs() -> Iterator[None]:
    """Gradio writes a .pyi for a component's class beside its source, as it is defined: not into this project."""
    from gradio import component_meta

    write = part(component_meta, "create_or_modify_pyi")
    replace_part(component_meta, "create_or_modify_pyi", lambda *_: None)
    try:
        yield
    finally:
        replace_part(component_meta, "create_or_modify_pyi", write)


def sent(event: "EventData", key: str) -> object:
    """What the page says of an event under `key`; None where it says nothing, whatever was sent instead."""
    data = part(event, "_data")
    return data.get(key) if isinstance(data, dict) else None


def upload_folder() -> Path:
    """Where visitors' files lie, each in a folder of its own, until Gradio deletes them."""
    from gradio import utils

    return Path(part(utils, "get_upload_folder")())


def leave_values_alone(demo: "Blocks") -> None:
    """Values reach the page's handlers as they were sent: Gradio must not decode a stranger's picture by itself,
    and what it would refuse is refused here, in a sentence of ours."""
    for function in part(demo, "fns").values():
        replace_part(function, "preprocess", False)


def functions(demo: "Blocks") -> "dict[int, PageFunction]":
    """All functions of the page that run here, by the numbers under which its own buttons call them."""
    return {number: function for number, function in part(demo, "fns").items() if part(function, "fn")}


def public_functions(demo: "Blocks") -> "dict[str, PageFunction]":
    """Those that programs may call, by name."""
    return {part(function, "api_name"): function for function in functions(demo).values()
            if part(function, "api_visibility") == "public"}


def served_demo(app: Any) -> "Blocks":
    """The page that a running Gradio application serves."""
    return part(app, "get_blocks")()


def answers_agents(demo: "Blocks") -> bool:
    """Whether an MCP server stands beside the page: GRADIO_MCP_SERVER is set, and the extra is installed."""
    return bool(part(demo, "mcp_server"))


def values_needed(function: PageFunction) -> int:
    """How many values a call must bring; Gradio itself fills in those of an event that cancels others."""
    return 0 if part(function, "cancels") else len(part(function, "inputs"))


def records_are_sound(function: PageFunction, values: list) -> bool:
    """Whether every value that should be a record, such as a file's, has that record's form."""
    for block, value in zip(part(function, "inputs"), values, strict=False):
        model = getattr(block, "data_model", None)  # plain values have none
        if value is not None and model is not None:
            try:
                model.model_validate(value, context={"validate_meta": True})
            except ValueError:
                return False
    return True


def signature(function: PageFunction) -> inspect.Signature:
    """The parameters by which a program names the values of its call."""
    return inspect.signature(part(function, "fn"))
