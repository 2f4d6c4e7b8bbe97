"""Pictures to try: items of Fashion-MNIST's test set, and photographs that come with gradio."""

from dataclasses import dataclass
from html import escape

from torch import Tensor

from resnet.data import load_samples
from resnet.picture import decode
from resnet.text import LANGUAGES, text
from resnet.ui.answer import png_url


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
        return decode(photo_file(self.photo))


EXAMPLES = {
    example.name: example
    for example in (
        Example("boot", "fashion_mnist", item=0),
        Example("dress", "fashion_mnist", item=13),
        Example("heel", "fashion_mnist", item=82),
        Example("shirt", "fashion_mnist", item=7),
        Example("bag", "fashion_mnist", item=30),
        Example("cheetah", "cifar10", photo="cheetah1.jpg"),
        Example("lion", "cifar10", photo="lion.jpg"),
        Example("tower", "cifar10", photo="tower.jpg"),
    )
}


def photo_file(name: str) -> str:
    """The path of a photograph inside the gradio package."""
    from gradio.media import get_image

    return get_image(name)


def thumbnails_html() -> str:
    """A button for each example; photographs are served from where gradio keeps them."""
    label = "".join(f'<span data-in="{lang}">{escape(text("classify.examples", lang))}</span>' for lang in LANGUAGES)
    buttons = "".join(
        f'<button type="button" data-example="{example.name}">{_thumbnail(example)}</button>'
        for example in EXAMPLES.values())
    return f'<p class="label">{label}</p><div class="thumbs">{buttons}</div>'


def _thumbnail(example: Example) -> str:
    if example.item is not None:
        return f'<img src="{png_url(example.pixels()[:1])}" alt="{example.name}">'
    return f'<img class="photo" src="gradio_api/file={photo_file(example.photo)}" alt="{example.name}">'
