"""python -m resnet.ui.stream: make the nets and the items that the page fetches anew."""

from resnet.data import load_samples
from resnet.hub.load import load
from resnet.inference.web import web_file
from resnet.ui.stream.part import ITEMS, ITEMS_FILE, NETS, net_file
from resnet.util.files import write_file


def items() -> bytes:
    """A safetensors file of the items that a visitor may choose: uint8 images [12, 1, 28, 28] and labels [12]."""
    from safetensors.torch import save

    samples = load_samples("fashion_mnist", "test")
    chosen = list(ITEMS)
    return save({"images": samples.images[chosen].contiguous(), "labels": samples.labels[chosen].byte()})


def main() -> None:
    for name in NETS:
        write_file(net_file(name), web_file(load(name)))
    write_file(ITEMS_FILE, items())


if __name__ == "__main__":
    main()
