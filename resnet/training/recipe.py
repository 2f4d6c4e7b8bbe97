"""A recipe: everything that decides a training besides the net and the data. No torch in here."""

from dataclasses import dataclass

from resnet.util.errors import InputError
from resnet.util.fields import check, check_types, known_only, option
from resnet.util.precision import check_precision

LARGEST = 1e300  # rates and decays: any finite number, short of where sums overflow
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
    of that side at first, which cost less, and whole images at last: see `window_side`. `items` are the first
    training images that are used; 0 uses all.

    `init` names the model whose weights a net starts from, with a new head. The body then stays as it is for the first
    `freeze` epochs, batch norm's statistics included, and learns by `layer_decay` times the rate of the part behind it
    (Howard and Ruder 2018, arXiv 1801.06146, section 3.2): the head by the whole rate, the last stage by `layer_decay`
    of it, the stem by the least. `mixup` is the parameter of the Beta distribution that two images are mixed by (Zhang
    et al. 2018, arXiv 1710.09412); 0 mixes none. `held_out` is the share of pictures of one's own that is tested on,
    where no part is for that; 0 says that there is one.

    Raises:
        InputError: a value of the wrong type or out of range.
    """

    data: str
    epochs: int = option(low=1, high=1_000_000)
    batch: int = option(128, low=1, high=1_000_000)
    lr: float = option(0.2, low=0, high=LARGEST)
    momentum: float = option(0.9, low=0, high=1)
    weight_decay: float = option(5e-4, low=0, high=LARGEST)
    warmup: float = option(0.15, low=0, high=1)
    label_smoothing: float = option(0.0, low=0, high=1)
    pad: int = option(4, low=0, high=1024)
    flip: bool = True
    seed: int = option(0, low=0, high=2**31 - 1)
    precision: str = "auto"
    micro_batches: int = option(1, low=1, high=1_000_000)
    train_eval: int = option(10_000, low=1, high=10**9)
    window: int = option(0, low=0, high=1024)
    items: int = option(0, low=0, high=10**9)
    init: str = ""
    freeze: int = option(0, low=0, high=1_000_000)
    layer_decay: float = option(1.0, low=0, high=1)
    mixup: float = option(0.0, low=0, high=1000)
    held_out: float = option(0.2, low=0, high=0.9)

    def __post_init__(self):
        check_types(self, "recipe")
        check(self, "recipe")
        check_precision(self.precision)

    @classmethod
    def from_dict(cls, data: dict) -> "Recipe":
        """The inverse of dataclasses.asdict; what is not named takes its default.

        Raises:
            InputError: an unknown or missing key, or a bad value.
        """
        known_only(cls, data)
        for key in ("data", "epochs"):
            if key not in data:
                raise InputError("recipe_lacks", field=key)
        return cls(**data)


def learning_rate(recipe: Recipe, iteration: int, iterations: int) -> float:
    """For the `iteration`-th update (0-based) of all."""
    done = (iteration + 1) / iterations
    if done < recipe.warmup:
        return recipe.lr * done / recipe.warmup
    return recipe.lr * (iterations - iteration) / (iterations * (1 - recipe.warmup) + 1)


def rate_scale(recipe: Recipe, parameter: str, stages: int) -> float:
    """What the learning rate is multiplied by for a parameter, by its name, in a net of so many stages."""
    part = parameter.partition(".")[0]
    behind = {"fc": 0, "norm": 1}.get(part, stages + 1)
    if part.startswith("layer"):
        behind = stages + 1 - int(part.removeprefix("layer"))
    return recipe.layer_decay ** behind


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
