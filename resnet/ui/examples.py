"""Pictures to try: items of Fashion-MNIST's test set, and photographs that come with gradio."""

from dataclasses import dataclass

from torch import Tensor

from resnet.data import load_samples
from resnet.picture import decode


@dataclass(frozen=True)
class Example:
    """A test item (`item`) or a photograph (`photo`), and the data set whose nets suit it."""

    name: str
    data: str
    item: int | None = None
    photo: str = ""

    def pixels(self) -> Tensor:
        """uint8 RGB [3, height, width]."""
        if self.item is not None:
            return load_samples(self.data, "test").images[self.item].expand(3, -1, -1)
        from gradio.media import get_image

        return decode(get_image(self.photo))


EXAMPLES = {
    example.name: example
    for example in (
        Example("boot", "fashion_mnist", item=0),
        Example("dress", "fashion_mnist", item=13),
        Example("heel", "fashion_mnist", item=82),
        Example("shirt", "fashion_mnist", item=7),
        Example("bag", "fashion_mnist", item=30),
        Example("cheetah", "cifar10", photo="cheetah1.jpg"),
        Example("bus", "cifar10", photo="bus.png"),
        Example("tower", "cifar10", photo="tower.jpg"),
    )
}
