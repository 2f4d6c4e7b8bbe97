"""What several folders of tests share."""

import socket
from collections import defaultdict
from pathlib import Path

import pytest

BROWSER = Path(__file__).parent / "e2e"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    spread(items)
    for item in items:
        if item.path.is_relative_to(BROWSER):
            item.add_marker("browser")


def spread(items):
    """Of a function's cases that `daily(n)` marks n run every day, evenly among all; the others are exhaustive."""
    cases = defaultdict(list)
    for item in items:
        if marker := item.get_closest_marker("daily"):
            cases[item.path, item.originalname, marker.args[0]].append(item)
    for (*_, daily), same in cases.items():
        for i, item in enumerate(same):
            if i * daily // len(same) == (i - 1) * daily // len(same):
                item.add_marker("exhaustive")


@pytest.fixture(scope="session")
def served():
    """(demo, address): the page as app.py launches it, in this process, once for all tests."""
    from resnet.ui.gradio_compat import set_environment

    set_environment()
    from resnet.ui.gradio_patches import patched
    from resnet.ui.page.build import build, launch_options

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    demo = build()
    _, address, _ = patched(demo).launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1",
                                        server_port=port, **launch_options())
    yield demo, address
    demo.close(verbose=False)


@pytest.fixture(scope="session")
def url(served) -> str:
    return served[1]
