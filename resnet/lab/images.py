"""The images that an experiment shows to a trained net, as that net is used to see them."""

import torch

from resnet.checkpoint import ModelInfo
from resnet.data import Split, load_samples, load_split, sample_file
from resnet.training.evaluate import as_seen, check_fit


def images_for(info: ModelInfo, part: str, n: int | None = None, shipped: bool = False) -> Split:
    """The first n images of "test" or "train" of the data that a net was trained on, whole where n is None.

    What ships with the app is preferred: all test items of Fashion-MNIST and a part of its training items.

    Args:
        shipped: take nothing else, so that no request waits for a download.

    Raises:
        InputError: the net's data are not known here, do not ship, or cannot be had.
    """
    check_fit(info, info.data)
    ships = shipped or sample_file(info.data, part).exists()
    return as_seen((load_samples if ships else load_split)(info.data, part).first(n), info)


def random_images(split: Split, n: int, seed: int) -> Split:
    """n images drawn without replacement."""
    chosen = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))[:n]
    return Split(split.spec, split.images[chosen], split.labels[chosen])
