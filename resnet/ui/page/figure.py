"""A plotly figure on the page, drawn by figure.js with the smallest of plotly's bundles that can."""

from pathlib import Path
from typing import Any

import gradio as gr

from resnet.ui.gradio_compat import no_stubs

WEB = Path(__file__).parent / "web"  # served as it is, under shipped/page/ (resnet.ui.wall.rules)

with no_stubs():

    class Figure(gr.HTML):
        """In place of gr.Plot, which brings all of plotly: 4.6 MB, 1.23 compressed, where 1.1 MB, 0.38, do."""

        def __init__(self, value: Any = None, **look: Any):
            super().__init__(value, **{"html_template": '<div class="plot"></div>', "apply_default_css": False,
                                       "js_on_load": "window.mountFigure(element, props, watch);"} | look)

        def postprocess(self, value: Any) -> str | None:
            """A plotly figure -> its JSON, or None for no figure."""
            return value if value is None or isinstance(value, str) else value.to_json()
