"""What a repository's config.json says of its net and the tensors can't: ours, timm's or transformers'."""

import re
from dataclasses import dataclass

from resnet.config import MAX_SIZE, ResNetConfig
from resnet.util.errors import InputError

# timm's plain ResNets, with the prefixes and suffixes of releases; all else of its "resnet" names differs.
PLAIN_NAME = re.compile(
    r"((tv|gluon|ssl|swsl|ig)_)?(wide_)?(resnet|resnext)_?\d{1,4}(_\d+x\d+d|_2)?(_v1b)?(_cifar\d*)?")
HARMLESS_ARGS = {"num_classes", "in_chans", "img_size", "drop_rate", "drop_path_rate", "drop_block_rate",
                 "zero_init_last", "pretrained", "features_only"}
PLAIN_ARGS = {"global_pool": "avg"}  # what timm 1.0.31 writes for a net that nothing was changed of

@dataclass(frozen=True)
class Hints:
    """source: "ours" (then `config` is the whole truth), "timm", "transformers", or "" for nothing known."""

    source: str = ""
    config: ResNetConfig | None = None
    stride_in: str | None = None
    input_size: tuple[int, int] | None = None


def read_hints(config: object) -> Hints:
    """The parsed config.json, or None where there is none.

    Raises:
        InputError: it describes a net that is not a plain ResNet.
    """
    if not isinstance(config, dict):
        return Hints()
    if isinstance(config.get("architecture"), dict):
        return Hints("ours", ResNetConfig.from_dict(config["architecture"]))
    if isinstance(config.get("architecture"), str):
        return _timm(config)
    return _transformers(config) if isinstance(config.get("model_type"), str) else Hints()


def _timm(config: dict) -> Hints:
    name = config["architecture"]
    if not PLAIN_NAME.fullmatch(name.lower()):
        raise InputError("kind_named", name=name[:80])
    args = config.get("model_args")
    for key, value in sorted(args.items()) if isinstance(args, dict) else ():
        if key not in HARMLESS_ARGS and (key not in PLAIN_ARGS or value != PLAIN_ARGS[key]):
            raise InputError("kind_changed", name=name[:80], key=key[:80])
    details = config.get("pretrained_cfg")
    shape = (details if isinstance(details, dict) else config).get("input_size")
    return Hints("timm", stride_in="3x3", input_size=_size(shape))


def _transformers(config: dict) -> Hints:
    kind = config["model_type"]
    if "resnet" not in kind.lower():
        raise InputError("kind_named", name=kind[:80])
    if kind != "resnet":
        return Hints()
    if config.get("downsample_in_first_stage") is True:
        raise InputError("kind_first_stage")
    if (activation := config.get("hidden_act", "relu")) != "relu":
        raise InputError("kind_activation", name=str(activation)[:80])
    first = config.get("downsample_in_bottleneck") is True
    return Hints("transformers", stride_in="1x1" if first else "3x3")


def _size(shape: object) -> tuple[int, int] | None:
    """timm's [channels, height, width] -> (height, width); None where it is not one."""
    if not (isinstance(shape, list) and len(shape) == 3 and all(type(side) is int for side in shape)):
        return None
    size = (shape[1], shape[2])
    return size if all(1 <= side <= MAX_SIZE for side in size) and size != (1, 1) else None
