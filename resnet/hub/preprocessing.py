"""How a net wants its pictures, read from its repository's own files; no torch.

timm's config.json and transformers' preprocessor_config.json say it in different words and round
differently; both become `Steps`, which resnet.inference.picture follows. Sources: timm 1.0
(data/config.py, data/transforms_factory.py), transformers 5 (image_processing_backends.py,
models/convnext/image_processing_convnext.py).
"""

import math
from dataclasses import dataclass, replace

from resnet.config import ResNetConfig
from resnet.util.errors import InputError
from resnet.util.note import Note

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
HALF = (0.5, 0.5, 0.5)
Colours = tuple[tuple[float, ...], tuple[float, ...]]  # mean and std per channel, for values from 0 to 1
NORMALISATIONS: dict[int, dict[str, Colours]] = {  # by channels: what nets are commonly trained with
    3: {
        "imagenet": (IMAGENET_MEAN, IMAGENET_STD), "cifar": (CIFAR_MEAN, CIFAR_STD),
        "pytorch_cifar": (CIFAR_MEAN, (0.2023, 0.1994, 0.2010)),  # the mean of the images' own deviations
        "half": (HALF, HALF), "none": ((0.0,) * 3, (1.0,) * 3), "bytes": ((0.0,) * 3, (1 / 255,) * 3),
        "caffe": (IMAGENET_MEAN, (1 / 255,) * 3),  # only the mean is taken off, of values from 0 to 255
    },
    1: {
        "fashion_mnist": ((0.2860,), (0.3530,)), "mnist": ((0.1307,), (0.3081,)), "half": ((0.5,), (0.5,)),
        "none": ((0.0,), (1.0,)), "bytes": ((0.0,), (1 / 255,)),
    },
}
FILTERS = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")  # by Pillow's number
MAX_SIZE, MAX_SCALE = 640, 1280  # pixels: what a stranger's file may ask of this machine
CROP = 0.875  # torchvision's and timm's: 224 of 256


@dataclass(frozen=True)
class Steps:
    """A picture is scaled, then its centre is cut out.

    size      (height, width) in pixels that the net sees
    scale     (height, width) that the picture is scaled to: "edge" takes its shortest edge to scale[0],
              "cover" keeps its shape and just covers both, "squash" stretches it
    filter    one of FILTERS, antialiased
    backend   "pillow" as in timm, or "torch" as in transformers: who scales, and how an odd rest is cut
              (timm: round half to even; transformers: the pixel more below and right)
    """

    size: tuple[int, int]
    scale: tuple[int, int]
    fit: str = "edge"
    filter: str = "bilinear"
    backend: str = "pillow"

    def __post_init__(self):
        if self.filter not in FILTERS or self.fit not in ("edge", "cover", "squash"):
            raise InputError("steps_unknown", what=f"{self.filter}, {self.fit}")
        if not all(1 <= side <= MAX_SIZE for side in self.size):
            raise InputError("steps_size", size=_text(self.size), limit=MAX_SIZE)
        if not all(side <= scaled <= MAX_SCALE for side, scaled in zip(self.size, self.scale, strict=True)):
            raise InputError("steps_scale", scale=_text(self.scale), size=_text(self.size), limit=MAX_SCALE)

    def scaled(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) of a whole picture after scaling."""
        if self.fit == "squash":
            return self.scale
        if self.fit == "cover":
            ratio = min(height / self.scale[0], width / self.scale[1])
            return round(height / ratio), round(width / ratio)
        edge, longer = self.scale[0], int(self.scale[0] * max(height, width) / min(height, width))
        return (longer, edge) if height >= width else (edge, longer)

    def corner(self, height: int, width: int) -> tuple[int, int]:
        """(top, left) of the crop in a scaled picture."""
        rests = (height - self.size[0], width - self.size[1])
        top, left = (rest // 2 if self.backend == "torch" else round(rest / 2) for rest in rests)
        return top, left


@dataclass(frozen=True)
class Preprocessing:
    """What a repository says of its pictures; `mean` and `std` for values from 0 to 1, a number per channel.

    test     steps at the larger size that timm names for testing; None where it names none
    told     the repository gives mean and std; else they are the usual ones
    """

    steps: Steps
    mean: tuple[float, ...]
    std: tuple[float, ...]
    test: Steps | None = None
    notes: tuple[Note, ...] = ()
    told: bool = True


def read_preprocessing(config: object, processor: object, net: ResNetConfig) -> Preprocessing:
    """From config.json and preprocessor_config.json, parsed, or None where there is none.

    Raises:
        InputError: they ask for something that is not done here; the sentence names it.
    """
    config = config if isinstance(config, dict) else {}
    if isinstance(config.get("architecture"), str):
        details = config.get("pretrained_cfg")
        found = _timm(details if isinstance(details, dict) else config, net)
    elif isinstance(processor, dict):
        found = _transformers(processor, net)
    else:
        found = _assumed(config, net)
    if net.head == "flatten" and found.steps.size != net.input_size:
        return replace(found, steps=_plain(net.input_size), test=None)
    return found


def _timm(details: dict, net: ResNetConfig) -> Preprocessing:
    """As timm.data.resolve_data_config does, whose default is the size of training, not that of testing."""
    steps = _timm_steps(details, details.get("input_size"), details.get("crop_pct"))
    test = _timm_steps(details, details.get("test_input_size") or details.get("input_size"),
                       details.get("test_crop_pct") or details.get("crop_pct"))
    notes = [_scaled(steps), Note("steps_timm")]
    if test != steps:
        notes.append(Note("steps_test", {"size": _text(test.size)}))
    return Preprocessing(steps, _colours(details.get("mean"), IMAGENET_MEAN, net),
                         _spread(details.get("std"), IMAGENET_STD, net), test if test != steps else None, tuple(notes))


def _timm_steps(details: dict, size: object, share: object) -> Steps:
    height, width = _pair(size[1:] if isinstance(size, list) and len(size) == 3 else size or (224, 224))
    scale = (math.floor(height / _share(share)), math.floor(width / _share(share)))
    mode = details.get("crop_mode") or "center"
    if mode not in ("center", "squash"):
        raise InputError("steps_unknown", what=f"crop_mode {str(mode)[:40]}")
    fit = "squash" if mode == "squash" else "edge" if scale[0] == scale[1] else "cover"
    return Steps((height, width), scale, fit, str(details.get("interpolation") or "bicubic")[:40])


def _transformers(processor: dict, net: ResNetConfig) -> Preprocessing:
    kind = str(processor.get("image_processor_type") or processor.get("feature_extractor_type") or "")
    family = next((name for name in _FAMILIES if kind.startswith(name)), None)
    if family is None or processor.get("do_resize", True) is not True or processor.get("do_rescale", True) is not True:
        raise InputError("steps_unknown", what=kind[:40] or "preprocessor_config.json")
    if abs(_real(processor.get("rescale_factor", 1 / 255)) - 1 / 255) > 1e-6:
        raise InputError("steps_unknown", what="rescale_factor")
    defaults = _FAMILIES[family]
    number = processor.get("resample", defaults["resample"])
    if type(number) is not int or not 0 <= number < len(FILTERS):
        raise InputError("steps_unknown", what=f"resample {str(number)[:40]}")
    steps = _processor_steps(processor, defaults, family == "ConvNext", FILTERS[number])
    plain = processor.get("do_normalize", True) is not True
    mean = (0.0,) * net.in_channels if plain else _colours(processor.get("image_mean"), defaults["mean"], net)
    std = (1.0,) * net.in_channels if plain else _spread(processor.get("image_std"), defaults["std"], net)
    return Preprocessing(steps, mean, std, notes=(_scaled(steps), Note("steps_transformers")))


# What a processor does where its file is silent; the longer names first.
_FAMILIES = {
    "ConvNext": {"size": 384, "resample": 3, "mean": HALF, "std": HALF, "crop": False},
    "ViT": {"size": {"height": 224, "width": 224}, "resample": 2, "mean": HALF, "std": HALF, "crop": False},
    "Bit": {"size": 224, "resample": 3, "mean": CLIP_MEAN, "std": CLIP_STD, "crop": True},
    "CLIP": {"size": 224, "resample": 3, "mean": CLIP_MEAN, "std": CLIP_STD, "crop": True},
}


def _processor_steps(processor: dict, defaults: dict, convnext: bool, name: str) -> Steps:
    size = processor.get("size", defaults["size"])
    size = {"shortest_edge": size} if type(size) is int and defaults["size"] != {"height": 224, "width": 224} else size
    if isinstance(size, dict) and "shortest_edge" in size:
        edge = _whole(size["shortest_edge"])
        if convnext:  # below 384 the picture is scaled to edge / crop_pct and cropped, from there on squashed
            scaled = int(edge / _share(processor.get("crop_pct", CROP))) if edge < 384 else edge
            return Steps((edge, edge), (scaled, scaled), "edge" if edge < 384 else "squash", name, backend="torch")
        if not processor.get("do_center_crop", defaults["crop"]):
            raise InputError("steps_unknown", what="do_center_crop")
        return Steps(_pair(processor.get("crop_size", 224)), (edge, edge), "edge", name, backend="torch")
    scale = _pair(size)
    crop = processor.get("do_center_crop", defaults["crop"])
    return Steps(_pair(processor.get("crop_size", 224)) if crop else scale, scale, "squash", name, backend="torch")


def _assumed(config: dict, net: ResNetConfig) -> Preprocessing:
    """No steps are told. With a 7x7 stem those of torchvision's first weights; else the net's size, covered."""
    imagenet = net.pooled and net.head == "avgpool"
    steps = Steps((224, 224), (256, 256)) if imagenet else _plain(net.input_size)
    if "mean" in config and "std" in config:
        mean, std = _colours(config["mean"], (), net), _spread(config["std"], (), net)
        return Preprocessing(steps, mean, std, notes=(_scaled(steps), Note("steps_colours")))
    if net.in_channels != 3:
        mean, std = (0.0,) * net.in_channels, (1.0,) * net.in_channels
    else:
        mean, std = (IMAGENET_MEAN, IMAGENET_STD) if imagenet else (CIFAR_MEAN, CIFAR_STD)
    key = "steps_imagenet" if imagenet else "steps_small" if net.in_channels == 3 else "steps_raw"
    return Preprocessing(steps, mean, std, notes=(_scaled(steps), Note(key)), told=False)


def _plain(size: tuple[int, int]) -> Steps:
    return Steps(size, size, "edge" if size[0] == size[1] else "cover")


def _colours(values: object, default: tuple[float, ...], net: ResNetConfig) -> tuple[float, ...]:
    """A number per channel; a single one counts for all."""
    values = default if values is None else values
    values = values if isinstance(values, (list, tuple)) else [values]
    numbers = tuple(map(_real, values))
    numbers = numbers * net.in_channels if len(numbers) == 1 else numbers
    if len(numbers) != net.in_channels or not all(abs(number) < 1e3 for number in numbers):
        raise InputError("steps_unknown", what=f"mean, std {str(list(values))[:60]}")
    return numbers


def _spread(values: object, default: tuple[float, ...], net: ResNetConfig) -> tuple[float, ...]:
    """Standard deviations, which are divided by."""
    numbers = _colours(values, default, net)
    if not all(number > 1e-6 for number in numbers):
        raise InputError("steps_unknown", what=f"std {str(list(numbers))[:60]}")
    return numbers


def _pair(value: object) -> tuple[int, int]:
    """224, [224, 160] or {"height": 224, "width": 160} -> (height, width)."""
    if isinstance(value, dict):
        edge = value.get("shortest_edge")
        value = [value.get("height", edge), value.get("width", edge)]
    pair = value if isinstance(value, (list, tuple)) else [value, value]
    if len(pair) != 2:
        raise InputError("steps_unknown", what=f"size {str(value)[:40]}")
    return _whole(pair[0]), _whole(pair[1])


def _whole(value: object) -> int:
    if type(value) is not int or not 0 < value < 1_000_000:
        raise InputError("steps_unknown", what=f"size {str(value)[:40]}")
    return value


def _real(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise InputError("steps_unknown", what=str(value)[:40])
    return float(value)


def _share(value: object) -> float:
    """crop_pct: the part of the scaled picture that the crop keeps."""
    share = CROP if value is None else _real(value)
    if not 0 < share <= 1:
        raise InputError("steps_unknown", what=f"crop_pct {share:g}")
    return share


def _scaled(steps: Steps) -> Note:
    """What happens to a picture, in a sentence."""
    scale = steps.scale[0] if steps.fit == "edge" else _text(steps.scale)
    return Note(f"scaled_{steps.fit}", {"size": _text(steps.size), "scale": scale, "filter": steps.filter})


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
