"""What a repository's config.json says of its net and the tensors can't: ours, timm's or transformers'."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from resnet.config import MAX_SIZE, ResNetConfig
from resnet.util.errors import InputError
from resnet.util.files import own_record

# timm's ResNets as it names them, with the prefixes and suffixes of releases; all else of its "resnet" names differs.
NAME = re.compile(
    r"((tv|gluon|ssl|swsl|ig)_)?(wide_|(se|eca))?res(net(?P<v2>v2_)?|next)(?P<kind>blur|aa|rs|light)?_?(\d{1,4})?"
    r"(x\d(?P<bit>_bit))?(c|d|s|t)?(_\d+x\d+d|_2)?(?P<group>_gn)?(_v1[bcds])?(_cifar\d*)?")
# What is refused by its name, as tensors would not tell, or would not tell why; the first that is found says it.
REFUSED = tuple((key, re.compile(pattern)) for key, pattern in (
    ("named_split", r"resnest"), ("named_selective", r"^sk"), ("named_scales", r"^res2ne"),
    ("named_regnet", r"^regnet"), ("named_tresnet", r"^tresnet"), ("named_pruned", r"_pruned$"),
    ("named_senet", r"^senet|^legacy_se"), ("named_evonorm", r"_evos$"), ("named_filter_norm", r"_frn$"),
    ("named_mixed", r"^test_resnet$"),
))
ANTI_ALIAS = {"blur": "blur", "aa": "average"}
ACTIVATIONS = {"relu": "relu", "leaky_relu": "leaky_relu", "gelu": "gelu", "silu": "silu", "swish": "silu"}
HARMLESS_ARGS = {"num_classes", "in_chans", "img_size", "drop_rate", "drop_path_rate", "drop_block_rate",
                 "zero_init_last", "pretrained", "features_only"}
PLAIN_ARGS = {"global_pool": "avg"}  # what timm 1.0.31 writes for a net that nothing was changed of


@dataclass(frozen=True)
class Hints:
    """source: "ours" (then `config` is the whole truth), "timm", "transformers", or "" for nothing known.

    settings    the config's fields that the tensors do not show
    """

    source: str = ""
    config: ResNetConfig | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    input_size: tuple[int, int] | None = None


def read_hints(config: object) -> Hints:
    """The parsed config.json, or None where there is none.

    Raises:
        InputError: it describes a net of another kind.
    """
    if not isinstance(config, dict):
        return Hints()
    if ours := own_record(config):
        return Hints("ours", ResNetConfig.from_dict(ours["architecture"]))
    if isinstance(config.get("architecture"), str):
        return _timm(config)
    return _transformers(config) if isinstance(config.get("model_type"), str) else Hints()


def _timm(config: dict) -> Hints:
    name = config["architecture"]
    settings = named(name)
    args = config.get("model_args")
    for key, value in sorted(args.items()) if isinstance(args, dict) else ():
        if key == "act_layer":
            settings["activation"] = _activation(value)
        elif key not in HARMLESS_ARGS and (key not in PLAIN_ARGS or value != PLAIN_ARGS[key]):
            raise InputError("kind_changed", name=name[:80], key=key[:80])
    details = config.get("pretrained_cfg")
    shape = (details if isinstance(details, dict) else config).get("input_size")
    return Hints("timm", settings=settings, input_size=_size(shape))


def named(name: str) -> dict[str, Any]:
    """What a name of timm's says of its net and the tensors do not: fields of a config.

    Raises:
        InputError: none of the nets here is called so.
    """
    for key, pattern in REFUSED:
        if pattern.search(name.lower()):
            raise InputError(key, name=name[:80])
    parts = NAME.fullmatch(name.lower())
    if not parts:
        raise InputError("kind_named", name=name[:80])
    bit = bool(parts["bit"])
    return {"stride_in": "3x3", "anti_alias": ANTI_ALIAS.get(parts["kind"], "none"), "standardised": bit,
            "pool": "zeros" if bit else "padded", "norm": "group" if bit or parts["group"] else "batch",
            "opening": "raw" if parts["v2"] else "active"}


def _activation(name: object) -> str:
    spelt = str(name)
    if spelt not in ACTIVATIONS:
        raise InputError("kind_activation", name=spelt[:80])
    return ACTIVATIONS[spelt]


def _transformers(config: dict) -> Hints:
    kind = config["model_type"]
    if "resnet" not in kind.lower():
        raise InputError("kind_named", name=kind[:80])
    if kind != "resnet":
        return Hints()
    if config.get("downsample_in_first_stage") is True:
        raise InputError("kind_first_stage")
    first = config.get("downsample_in_bottleneck") is True
    return Hints("transformers", settings={"stride_in": "1x1" if first else "3x3",
                                           "activation": _activation(config.get("hidden_act", "relu"))})


def _size(shape: object) -> tuple[int, int] | None:
    """timm's [channels, height, width] -> (height, width); None where it is not one."""
    if not (isinstance(shape, list) and len(shape) == 3 and all(type(side) is int for side in shape)):
        return None
    size = (shape[1], shape[2])
    return size if all(1 <= side <= MAX_SIZE for side in size) and size != (1, 1) else None
