"""Builds the page and launches it: python app.py [--share] [--host H] [--port P]."""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import argparse  # noqa: E402

import spaces  # noqa: E402, F401  before torch: ZeroGPU patches it

from resnet.ui.build import build, launch_options  # noqa: E402
from resnet.ui.device import start_inference  # noqa: E402
from resnet.ui.waiting import queued  # noqa: E402

start_inference()
demo = build()

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Residual networks, measured: the page.")
    parser.add_argument("--share", action="store_true", help="a public link through Gradio's tunnel")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int)
    args = parser.parse_args()
    queued(demo).launch(share=args.share, server_name=args.host, server_port=args.port, **launch_options())
