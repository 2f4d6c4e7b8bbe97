"""A checkpoint of the visitor's own: the browser sends its header, the weights stay where they are."""

import gradio as gr

from resnet.hub.header import MAX_HEADER, Header, read_one
from resnet.ui.gradio_compat import sent
from resnet.ui.page.language import both
from resnet.ui.wall.guard import uploaded_file
from resnet.util.errors import InputError
from resnet.util.fields import whole_number

# The first eight bytes of a .safetensors file give the length of its header. One that is too long is not sent:
# its beginning says so, and is refused like any other.
SEND = """element.addEventListener("change", async (event) => {
  const file = event.target.files[0];
  if (!file) return;
  const start = await file.slice(0, 8).arrayBuffer();
  const length = start.byteLength === 8 ? Number(new DataView(start).getBigUint64(0, true)) + 8 : 8;
  const header = new File([file.slice(0, length > MAX_HEADER + 8 ? 64 : length)], "header.bin");
  const { path } = await upload(header);
  trigger("upload", { path, size: file.size, name: file.name });
  event.target.value = "";
})""".replace("MAX_HEADER", str(MAX_HEADER))


class Beginning:
    """A Source (resnet.hub.header) that holds the first bytes of a file of `size` bytes."""

    revision = ""

    def __init__(self, data: bytes, size: int):
        self.data, self.size, self.bytes_read, self.tags = data, size, len(data), {}

    def read(self, name: str, start: int, stop: int) -> tuple[bytes, int]:
        return self.data[start:stop], self.size


def uploaded_header(event: gr.EventData) -> Header:
    """What the browser sent of a file.

    Raises:
        InputError: it is not the header of a .safetensors file.
    """
    name = str(sent(event, "name") or "")[:80]
    if not name.endswith(".safetensors"):
        raise InputError("not_safetensors", file=name)
    data = uploaded_file({"path": sent(event, "path")}).read_bytes()
    size = whole_number("size", sent(event, "size"))
    return read_one(Beginning(data, size), name, name)


def button_html() -> str:
    return f'<label class="file"><input type="file" accept=".safetensors">{both("trace.upload")}</label>'
