"""Pictures to try: items of Fashion-MNIST's test set, and photographs."""

import re
from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor

from resnet.data import DATA, load_samples, photo_file, sample_file
from resnet.inference.picture import decode
from resnet.ui.page.images import png_url
from resnet.ui.page.language import both
from resnet.util.errors import InputError


@dataclass(frozen=True)
class Example:
    """A test item (`item`), or a photograph of its name, and the data set whose nets suit it."""

    name: str
    data: str
    item: int | None = None

    def pixels(self) -> Tensor:
        """uint8 RGB [3, height, width]."""
        if self.item is not None:
            return item_pixels(self.data, self.item).expand(3, -1, -1)
        return decode(photo_file(self.name))


EXAMPLES = {
    example.name: example
    for example in (
        Example("boot", "fashion_mnist", item=0),
        Example("dress", "fashion_mnist", item=13),
        Example("heel", "fashion_mnist", item=82),
        Example("shirt", "fashion_mnist", item=7),
        Example("bag", "fashion_mnist", item=30),
        Example("cat", "cifar10"),
        Example("coffee", "cifar10"),
        Example("rocket", "cifar10"),
    )
}
FORMER = {"cheetah": "cat", "lion": "cat", "tower": "rocket"}  # names in older links, and what they open


def example_of(name: str) -> Example:
    """One of EXAMPLES, or a bundled test item ("fashion_mnist-123").

    Raises:
        InputError: there is no such picture.
    """
    if name in EXAMPLES:
        return EXAMPLES[name]
    if (found := item_of(name)) is None:
        raise InputError("choice", field="example", value=name[:40], allowed=", ".join(EXAMPLES))
    return Example(name, *found)


def item_of(name: str) -> tuple[str, int] | None:
    """ "fashion_mnist-123", or an example that is a test item -> ("fashion_mnist", 123), else None."""
    if name in EXAMPLES:
        example = EXAMPLES[name]
        return None if example.item is None else (example.data, example.item)
    found = re.fullmatch(r"([a-z0-9_]+)-(\d{1,6})", name, re.ASCII)
    if not found or found[1] not in DATA or not sample_file(found[1], "test").exists():
        return None
    data, index = found[1], int(found[2])
    return (data, index) if index < len(test_items(data)) else None


@lru_cache(maxsize=2)
def test_items(data: str):
    """The bundled test items, kept in memory: 8 MB."""
    return load_samples(data, "test")


def item_pixels(data: str, index: int) -> Tensor:
    """uint8 [1, height, width]."""
    return test_items(data).images[index]


def photo_url(name: str) -> str:
    """Where the page finds a photograph that comes along (resnet.ui.wall.rules)."""
    return f"shipped/{photo_file(name).name}"


def thumbnails_html() -> str:
    """A button for each example."""
    label = both("classify.examples")
    buttons = "".join(
        f'<button type="button" data-field="example" data-value="{example.name}" data-example="{example.name}">'
        f"{_thumbnail(example)}</button>" for example in EXAMPLES.values())
    return f'<p class="label">{label}</p><div class="thumbs">{buttons}</div>'


def _thumbnail(example: Example) -> str:
    if example.item is not None:
        return f'<img src="{png_url(example.pixels()[:1])}" alt="{example.name}">'
    return f'<img class="photo" src="{photo_url(example.name)}" alt="{example.name}">'
