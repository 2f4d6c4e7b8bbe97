"""What a table of measurements has at its head: the processor, what it can do, and the versions of all peers."""

from importlib import metadata

import torch

from resnet.training.experiment import hardware, versions
from resnet.util.machine import features

PEERS = ("torchvision", "timm", "transformers", "onnxruntime", "openvino", "nncf", "gradio", "torchinfo")


def heading() -> str:
    """In one line."""
    found = versions()
    for name in PEERS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    told = ", ".join(f"{name} {version}" for name, version in found.items())
    return f"{hardware(torch.device('cpu'))} ({', '.join(features()) or 'no known features'}); {told}"
