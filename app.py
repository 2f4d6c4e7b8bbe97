"""Builds the page and launches it: python app.py [--share] [--host H] [--port P]."""

import argparse
from contextlib import suppress

from resnet.ui.gradio_compat import check_release, set_environment
from resnet.util.machine import allow_open_files, share_heaps

check_release()
set_environment()
share_heaps()

import spaces  # noqa: E402, F401  before torch: ZeroGPU patches it

from resnet.inference.picture import decode, start  # noqa: E402

start()

from resnet.data import photo_file  # noqa: E402
from resnet.hub.store import ModelStore, use  # noqa: E402
from resnet.ui.classify.photographs import get_ready  # noqa: E402
from resnet.ui.gradio_patches import launch  # noqa: E402
from resnet.ui.page.build import build, launch_options  # noqa: E402
from resnet.ui.page.device import start_inference  # noqa: E402
from resnet.ui.wall.limits import OPEN_FILES  # noqa: E402

allow_open_files(OPEN_FILES)
start_inference()
use(ModelStore())
demo = build()

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Residual networks, measured: the page.")
    parser.add_argument("--share", action="store_true", help="a public link through Gradio's tunnel")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int)
    args = parser.parse_args()
    launch(demo, share=args.share, server_name=args.host, server_port=args.port, prevent_thread_lock=True,
           **launch_options())
    with suppress(Exception):  # the first JPEG imports torchvision: no visitor shall wait for that
        decode(photo_file("cat"))
        get_ready()
    demo.block_thread()
