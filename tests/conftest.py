"""What several folders of tests share."""

import socket

import pytest


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
