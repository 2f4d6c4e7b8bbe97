"""A plain server of a folder that sends the page's own headers, its content security policy among them."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from resnet.ui.wall.firewall import HEADERS


@contextmanager
def serving(folder: Path, pages: Mapping[str, bytes]) -> Iterator[str]:
    """The address, without a slash, of `folder`, and of `pages` by path ("/reference.safetensors")."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def do_GET(self) -> None:
            if self.path not in pages:
                super().do_GET()
                return
            self.send_response(200)
            document = pages[self.path].startswith(b"<!doctype html>")
            self.send_header("content-type", "text/html; charset=utf-8" if document else "application/octet-stream")
            self.send_header("content-length", str(len(pages[self.path])))
            self.end_headers()
            self.wfile.write(pages[self.path])

        def end_headers(self):
            for name, value in HEADERS.items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
