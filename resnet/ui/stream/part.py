"""The residual stream: a net and its plain twin that run in the visitor's browser and can be cut there."""

from pathlib import Path

WEB = Path(__file__).parent / "web"
NETS = ("resnet20_fashion_mnist", "plain20_fashion_mnist")
ITEMS = (0, 123, 9, 82, 8, 30, 13, 19, 2, 1, 6, 7)  # of the test set: every class, two of boots and of sandals
ITEMS_FILE = WEB / "items.safetensors"


def net_file(name: str) -> Path:
    """Where a net's web file lies; `python -m resnet.ui.stream` makes them."""
    return WEB / "nets" / f"{name}.safetensors"
