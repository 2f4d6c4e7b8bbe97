"""Gradio's MCP server, where GRADIO_MCP_SERVER is set: /trace, /compare and /classify as an agent's tools.

Gradio's own would call them by the handlers' names, answer in Python's notation, fetch a picture from any address that
an agent gives, and say so. Here the tools have the end points' names, the answers are JSON, and a picture is one that
was uploaded, or comes along as a data: URL.
"""

import base64
import binascii
import json
import os
import tempfile
from typing import Any
from urllib.parse import unquote, urlsplit

from gradio import mcp, utils

from resnet.ui.gradio_compat import part, replace_part, upload_folder
from resnet.ui.wall.guard import uploaded_file
from resnet.util.errors import InputError

META = {"_type": "gradio.FileData"}
FORMAT = "a data: URL, or the path that POST /gradio_api/upload gave"


def answer_agents_by() -> None:
    """Gradio takes this server from then on, where it starts one."""
    replace_part(mcp, "GradioMCPServer", Tools)


class Tools(part(mcp, "GradioMCPServer")):
    """The page's public end points as tools."""

    @property
    def _file_data_tool_description(self) -> str:
        return f" The picture is {FORMAT}; addresses are not read."

    def get_tool_to_endpoint(self) -> dict[str, str]:
        """A Space's name stands before a tool's, as Gradio has it."""
        return {self.tool_prefix + name.lstrip("/"): name for name in self.api_info["named_endpoints"]}

    def get_fn_description(self, block_fn: Any, tool_name: str) -> tuple[str, dict[str, str]]:
        """A docstring's lines on what is returned, without Gradio's commas between them."""
        description, parameters = super().get_fn_description(block_fn, tool_name)
        *_, returned = part(utils, "get_function_description")(block_fn.fn)
        return description.replace(", ".join(returned), " ".join(returned)), parameters

    def simplify_filedata_schema(self, schema: dict[str, Any]) -> tuple[dict[str, Any], list]:
        simple, places = super().simplify_filedata_schema(schema)
        for name, *_ in places:
            simple["properties"][name]["format"] = FORMAT
        return simple, places

    def convert_strings_to_filedata(self, value: Any, filedata_positions: list) -> Any:
        """The arguments, with a file's record in each picture's place. Raises InputError for any other file."""
        names = {place[0] for place in filedata_positions}
        return {name: _record(given) if name in names else given for name, given in value.items()}

    def postprocess_output_data(self, data: list, root_url: str) -> list:
        return [self.types.TextContent(type="text", text=json.dumps(output, ensure_ascii=False)) for output in data]


def _record(given: object) -> dict:
    if not isinstance(given, str):
        raise InputError("tool_picture")
    if given.startswith("data:"):
        return {"path": _kept(given), "meta": META, "orig_name": "picture"}
    path = unquote(urlsplit(given).path.partition("/gradio_api/file=")[2]) if "://" in given else given
    try:
        return {"path": str(uploaded_file({"path": path})), "meta": META}
    except InputError as error:
        raise InputError("tool_picture") from error


def _kept(given: str) -> str:
    """The path of a data: URL's bytes, which lie where cut-off uploads do and are swept up with them."""
    head, comma, coded = given.partition(",")
    try:
        data = base64.b64decode(coded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("tool_picture") from error
    if not comma or not head.endswith(";base64"):
        raise InputError("tool_picture")
    upload_folder().mkdir(parents=True, exist_ok=True)
    handle, path = tempfile.mkstemp(dir=upload_folder())
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    return path
