"""The data sets that are known by name: where they lie on the Hub, their classes, mean and standard deviation."""

from collections.abc import Iterable
from dataclasses import dataclass

from resnet.util.errors import InputError


@dataclass(frozen=True)
class DataSpec:
    """Where a data set lies on the Hub and what its nets need to know about it.

    parts   of the test images those that are counted apart, in their order: names and numbers
    """

    name: str
    title: str
    repository: str
    folder: str
    image_column: str
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: tuple[int, int]
    label_column: str = "label"
    parts: tuple[tuple[str, int], ...] = ()

    @property
    def channels(self) -> int:
        return len(self.mean)


CIFAR100_CLASSES = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
    "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
    "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish",
    "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion",
    "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange",
    "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine",
    "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk",
    "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank",
    "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale",
    "willow_tree", "wolf", "woman", "worm",
)

DATA = {  # those that the page has nets and records of
    spec.name: spec
    for spec in (
        DataSpec(
            "fashion_mnist", "Fashion-MNIST", "zalando-datasets/fashion_mnist", "fashion_mnist", "image",
            ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
             "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
            (0.2860,), (0.3530,), (28, 28)),
        DataSpec(
            "cifar10", "CIFAR-10", "uoft-cs/cifar10", "plain_text", "img",
            ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
            (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616), (32, 32)),
    )
}
PEN = DataSpec("pen_digits", "Pen digits", "", "", "", tuple(map(str, range(10))), (0.1147,), (0.2798,), (28, 28),
               parts=(("drawn", 2_000), ("scanned", 597)))  # drawn by resnet.pen: no pictures lie anywhere
NAMED = DATA | {  # those that can be trained on by name
    spec.name: spec
    for spec in (
        DataSpec(
            "cifar100", "CIFAR-100", "uoft-cs/cifar100", "cifar100", "img", CIFAR100_CLASSES,
            (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762), (32, 32), "fine_label"),
        DataSpec(
            "mnist", "MNIST", "ylecun/mnist", "mnist", "image", tuple(map(str, range(10))),
            (0.1307,), (0.3081,), (28, 28)),
    )
} | {PEN.name: PEN}


def data_spec(name: str) -> DataSpec:
    """Raises InputError for an unknown data set."""
    if name not in NAMED:
        raise unknown_data(name)
    return NAMED[name]


def data_title(name: str) -> str:
    """ "Fashion-MNIST"; of a data set that is not known here, its name."""
    return NAMED[name].title if name in NAMED else name


def unknown_data(name: str, known: Iterable[str] = NAMED) -> InputError:
    """What is said of a name that is no data set's."""
    return InputError("unknown_data", name=name[:80], known=", ".join(known))
