"""A recipe: everything that decides a training besides the net and the data. No torch in here."""

import dataclasses
import math
from dataclasses import dataclass

from resnet.util.errors import InputError
from resnet.util.precision import check_precision

LIMITS = {
    "epochs": (1, 1_000_000), "batch": (1, 1_000_000), "micro_batches": (1, 1_000_000), "train_eval": (1, 10**9),
    "lr": (0, math.inf), "momentum": (0, 1), "weight_decay": (0, math.inf), "warmup": (0, 1),
    "label_smoothing": (0, 1), "pad": (0, 1024), "seed": (0, 2**31 - 1), "window": (0, 1024),
}
WINDOW_STEP = 4  # pixels


@dataclass(frozen=True)
class Recipe:
    """How a net is trained.

    The learning rate rises linearly from 0 to `lr` over the first `warmup` of all iterations and
    falls linearly to 0. Weight decay acts on matrices and kernels, not on norms and biases.
    `flip` mirrors a random half of the images in one epoch and the other half in the next
    (Jordan 2024, arXiv 2404.00498, section 3.6). `micro_batches` cuts each batch in equal parts with
    batch statistics of their own; torchrun's processes share the parts out and make them at least as
    many as themselves. `precision` "auto" is bf16 where the device is fast at it. `train_eval` is the
    number of training images on which the training error is followed. With `window` the net sees windows
    of that side at first, which cost less, and whole images at last: see `window_side`.

    Raises:
        InputError: a value of the wrong type or out of range.
    """

    data: str
    epochs: int
    batch: int = 128
    lr: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 0.15
    label_smoothing: float = 0.0
    pad: int = 4
    flip: bool = True
    seed: int = 0
    precision: str = "auto"
    micro_batches: int = 1
    train_eval: int = 10_000
    window: int = 0

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            low, high = LIMITS.get(field.name, (None, None))
            if not _is_a(field.type, value) or (low is not None and not low <= value <= min(high, 1e300)):
                raise InputError("recipe", field=field.name, value=str(value)[:80])
        check_precision(self.precision)

    @classmethod
    def from_dict(cls, data: dict) -> "Recipe":
        """The inverse of dataclasses.asdict; what is not named takes its default.

        Raises:
            InputError: an unknown or missing key, or a bad value.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for key in data:
            if key not in known:
                raise InputError("unknown_setting", key=str(key)[:80], known=", ".join(known))
        for key in ("data", "epochs"):
            if key not in data:
                raise InputError("recipe_lacks", field=key)
        return cls(**data)


def _is_a(kind: type, value) -> bool:
    if isinstance(value, bool) or kind is bool:
        return kind is bool and isinstance(value, bool)
    return isinstance(value, (int, float) if kind is float else kind)


def learning_rate(recipe: Recipe, iteration: int, iterations: int) -> float:
    """For the `iteration`-th update (0-based) of all."""
    done = (iteration + 1) / iterations
    if done < recipe.warmup:
        return recipe.lr * done / recipe.warmup
    return recipe.lr * (iterations - iteration) / (iterations * (1 - recipe.warmup) + 1)


def window_side(recipe: Recipe, epoch: int, side: int) -> int:
    """Pixels a side of what the `epoch`-th epoch (0-based) shows of images that are `side` pixels a side.

    At least half of the epochs show windows of `window` pixels, the last fifth all of the image; in
    between the windows grow in steps of 4 pixels. Progressive resizing (Howard and Gugger 2020, Deep Learning for
    Coders, chapter 7) by cropping instead of scaling.
    """
    if not 0 < recipe.window < side:
        return side
    grown = min(1.0, max(0.0, (epoch / recipe.epochs - 0.5) / 0.3))
    return min(side, recipe.window + WINDOW_STEP * round(grown * (side - recipe.window) / WINDOW_STEP))
