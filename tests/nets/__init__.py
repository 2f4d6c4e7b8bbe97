"""Small nets that were trained here, each by another reading of its tensors (python -m tests.nets makes them)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.checkpoints import cifar_names

SMALL = {"depths": (2, 2, 1), "widths": (8, 16, 24)}
LARGE = {"stem": "7x7", "depths": (2, 2, 1), "widths": (8, 16, 24), "input_size": (64, 64)}  # as for ImageNet
NARROW = {"block": "bottleneck", "depths": (2, 2, 1), "widths": (4, 8, 12)}


@dataclass(frozen=True)
class TrainedNet:
    """A reading, and how its file names the tensors."""

    name: str
    settings: dict = field(hash=False)
    normalisation: str
    channels: str = "rgb"
    data: str = "cifar10"
    names: Callable = field(default=lambda state: state, repr=False)

    @property
    def file(self) -> Path:
        return Path(__file__).parent / f"{self.name}.safetensors"


GREY = {"in_channels": 1, "input_size": (28, 28)}
NETS = (
    TrainedNet("behind", SMALL, "imagenet"),
    TrainedNet("both", SMALL | {"zero_pad": "both"}, "imagenet", names=lambda state: cifar_names(state, "module.")),
    TrainedNet("front", SMALL | {"zero_pad": "front"}, "cifar"),
    TrainedNet("both_average", SMALL | {"zero_pad": "both", "halving": "average"}, "half"),
    TrainedNet("behind_average", SMALL | {"halving": "average"}, "none"),
    TrainedNet("plain", SMALL | {"shortcut": "none"}, "pytorch_cifar"),
    TrainedNet("bn_after_add", SMALL | {"order": "bn_after_add"}, "cifar"),
    TrainedNet("relu_before_add", SMALL | {"order": "relu_before_add", "zero_pad": "both"}, "half", "bgr"),
    TrainedNet("relu_preact", SMALL | {"order": "relu_preact"}, "none"),
    TrainedNet("leaky", SMALL | {"activation": "leaky_relu", "shortcut": "B"}, "bytes"),
    TrainedNet("gelu", SMALL | {"activation": "gelu", "zero_pad": "both"}, "imagenet", "bgr"),
    TrainedNet("silu", SMALL | {"activation": "silu", "shortcut": "B"}, "caffe", "bgr"),
    TrainedNet("preact", SMALL | {"order": "preact", "zero_pad": "both"}, "imagenet"),
    TrainedNet("v15", SMALL | NARROW | {"shortcut": "B"}, "pytorch_cifar"),
    TrainedNet("v1", SMALL | NARROW | {"shortcut": "B", "stride_in": "1x1"}, "bytes"),
    TrainedNet("pooled", LARGE | {"shortcut": "B"}, "imagenet"),
    TrainedNet("caffe", LARGE | NARROW | {"shortcut": "B", "stride_in": "1x1", "pool": "ceil"}, "caffe", "bgr"),
    TrainedNet("pooled_ceil", LARGE | {"shortcut": "B", "pool": "ceil"}, "half"),
    TrainedNet("grey", SMALL | GREY | {"zero_pad": "both"}, "none", data="fashion_mnist"),
    TrainedNet("grey_half", SMALL | GREY | {"shortcut": "B", "activation": "silu"}, "half", data="fashion_mnist"),
)
