"""Links that carry a file along, so that none is left on the server."""

import base64

from resnet.util.html import escape

KINDS = {"csv": "text/csv", "json": "application/json", "svg": "image/svg+xml", "py": "text/x-python"}


def download(name: str, content: str, label: str) -> str:
    """An <a> that saves `content` as the file `name`; the kind follows from the name's end."""
    data = base64.b64encode(content.encode()).decode()
    kind = KINDS[name.rpartition(".")[2]]
    return (f'<a class="download" download="{escape(name)}" href="data:{kind};charset=utf-8;base64,{data}">'
            f"{escape(label)}</a>")
