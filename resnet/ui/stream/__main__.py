"""python -m resnet.ui.stream: make the nets and the items that the page fetches anew."""

from resnet.data import load_split
from resnet.hub.load import load
from resnet.inference.web import web_file
from resnet.ui.stream.part import SETS, Twins, net_file
from resnet.util.files import write_file


def items(twins: Twins) -> bytes:
    """A safetensors file of the items that a visitor may choose: uint8 images [12, 1, 28, 28] and labels [12]."""
    from safetensors.torch import save

    test, chosen = load_split(twins.data, "test"), list(twins.items)
    return save({"images": test.images[chosen].contiguous(), "labels": test.labels[chosen].byte()})


def main() -> None:
    for twins in SETS:
        for name in twins.nets:
            write_file(net_file(name), web_file(load(name)))
        write_file(twins.file, items(twins))


if __name__ == "__main__":
    main()
