"""How torchvision and timm build a net with the same tensors, and what timm's config.json says of it."""

import math
import re
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from resnet.checkpoint import ModelInfo
from resnet.config import ResNetConfig
from resnet.hub.preprocessing import Steps
from resnet.util.files import OURS

# timm's names (1.0.31) of nets whose tensors are called and shaped as ours, each known by what its name says.
TIMM = """
resnet10t resnet14t resnet18 resnet18d resnet26 resnet26d resnet26t resnet34 resnet34d resnet50 resnet50_gn resnet50c
resnet50d resnet50s resnet50t resnet101 resnet101c resnet101d resnet101s resnet152 resnet152c resnet152d resnet152s
resnet200 resnet200d resnetaa34d resnetaa50 resnetaa50d resnetaa101d resnetblur18 resnetblur50 resnetblur50d
resnetblur101d resnext50_32x4d resnext50d_32x4d resnext101_32x4d resnext101_32x8d resnext101_32x16d resnext101_32x32d
resnext101_64x4d wide_resnet50_2 wide_resnet101_2 seresnet18 seresnet34 seresnet50 seresnet50t seresnet101 seresnet152
seresnet152d seresnet200d seresnetaa50d seresnext26d_32x4d seresnext26t_32x4d seresnext50_32x4d seresnext101_32x4d
seresnext101_32x8d seresnext101_64x4d seresnext101d_32x8d seresnextaa101d_32x8d ecaresnet26t ecaresnet50d ecaresnet50t
ecaresnet101d ecaresnet200d ecaresnext26t_32x4d ecaresnext50t_32x4d"""
_NAME = re.compile(r"(?P<attention>se|eca|wide_)?res(?:net|next)(?P<anti_alias>blur|aa)?(?P<depth>\d+)"
                   r"(?P<letter>[cdst])?(?:_(?P<groups>\d+)x(?P<width>\d+)d)?(?:_2)?(?P<group>_gn)?")
_DEPTHS = {10: (1, 1, 1, 1), 14: (1, 1, 1, 1), 18: (2, 2, 2, 2), 26: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3),
           101: (3, 4, 23, 3), 152: (3, 8, 36, 3), 200: (3, 24, 36, 3)}
_BASIC = (10, 18, 34)
_LETTERS: dict[str, dict[str, Any]] = {
    "c": {"stem": "deep"}, "d": {"stem": "deep", "shortcut": "D"}, "s": {"stem": "deep", "stem_width": 128},
    "t": {"stem": "tiered", "shortcut": "D"}}


@dataclass(frozen=True)
class Library:
    """How torchvision builds the same net: a line of code, and lines that change its stem."""

    build: str
    changes: tuple[str, ...] = ()


def torchvision_twin(config: ResNetConfig) -> Library | None:
    """How torchvision builds this net with the same tensors; None where it has no such net.

    It knows projection shortcuts (option B) with norm, the original order and the v1.5 stride, and
    starts with 7x7 on three channels; another stem is put in by hand. Plain nets, the CIFAR family's
    zero-padded shortcuts (option A), pre-activation and biased convolutions are beyond it.
    """
    if len(config.depths) != 4:
        return None
    same = ResNetConfig(block=config.block, depths=config.depths, groups=config.groups, stem=config.stem,
                        width_per_group=config.width_per_group, in_channels=config.in_channels,
                        classes=config.classes, input_size=config.input_size)
    if config != same or config.stem not in ("7x7", "3x3"):
        return None
    block = {"basic": "BasicBlock", "bottleneck": "Bottleneck"}[config.block]
    more = "".join(f", {key}={getattr(config, key)}" for key, usual in (("groups", 1), ("width_per_group", 64))
                   if getattr(config, key) != usual)
    build = f"resnet.ResNet(resnet.{block}, {list(config.depths)}, num_classes={config.classes}{more})"
    kernel = "3, 1, 1" if config.stem == "3x3" else "7, 2, 3"
    changes = []
    if config.stem == "3x3" or config.in_channels != 3:
        changes.append(f"net.conv1 = torch.nn.Conv2d({config.in_channels}, 64, {kernel}, bias=False)")
    if config.stem == "3x3":
        changes.append("net.maxpool = torch.nn.Identity()")
    return Library(build, tuple(changes))


def torchvision_code(twin: Library) -> str:
    """Python that loads the weights of the current folder into torchvision's net, `net`."""
    return "\n".join((
        "from pathlib import Path", "",
        "import torch", "from safetensors.torch import load_file", "from torchvision.models import resnet", "",
        f"net = {twin.build}", *twin.changes,
        'tensors = [load_file(file) for file in Path().glob("model*.safetensors")]',
        "net.load_state_dict({key: value for part in tensors for key, value in part.items()})", "net.eval()"))


def timm_name(config: ResNetConfig) -> str | None:
    """What timm calls this net; None where it has none with these tensors, as of the CIFAR nets' 3x3 stem."""
    usual = ResNetConfig()
    return _timm_nets().get(replace(config, classes=usual.classes, in_channels=usual.in_channels, drop_path=0.0,
                                    input_size=usual.input_size))


@lru_cache(maxsize=1)
def _timm_nets() -> dict[ResNetConfig, str]:
    return {_net_of(name): name for name in TIMM.split()}


def _net_of(name: str) -> ResNetConfig:
    parts = _NAME.fullmatch(name)
    assert parts, name
    depth = int(parts["depth"])
    fields: dict[str, Any] = {"block": "basic" if depth in _BASIC else "bottleneck", "depths": _DEPTHS[depth]}
    fields |= _LETTERS.get(parts["letter"], {})
    if parts["groups"]:
        fields |= {"groups": int(parts["groups"]), "width_per_group": int(parts["width"])}
    if parts["attention"]:
        fields |= {"width_per_group": 128} if parts["attention"] == "wide_" else {"attention": parts["attention"]}
    if parts["anti_alias"]:
        fields["anti_alias"] = "blur" if parts["anti_alias"] == "blur" else "average"
    if parts["group"]:
        fields["norm"] = "group"
    return ResNetConfig(**fields)


def timm_config(info: ModelInfo, steps: Steps | None = None) -> dict[str, Any] | None:
    """The config.json by which `timm.create_model` builds a net, loads it and makes its pictures; None as `timm_name`.

    Args:
        steps: how it wants its pictures; None: the shorter edge to its size, then the centre.
    """
    config, name = info.architecture, timm_name(info.architecture)
    if name is None:
        return None
    steps = steps or Steps(config.input_size, config.input_size, "edge" if len({*config.input_size}) == 1 else "cover")
    pretrained = {
        "input_size": [config.in_channels, *steps.size], "fixed_input_size": False, "interpolation": steps.filter,
        "crop_pct": _share(steps), "crop_mode": "squash" if steps.fit == "squash" else "center",
        "mean": list(info.mean), "std": list(info.std), "num_classes": config.classes, "pool_size": None,
        "first_conv": "conv1" if config.stem == "7x7" else "conv1.0", "classifier": "fc"}
    args = {"model_args": {"in_chans": config.in_channels}} if config.in_channels != 3 else {}
    return {"architecture": name, "num_classes": config.classes, "num_features": config.out_channels(-1),
            "global_pool": "avg", "label_names": list(info.labels), **args, "pretrained_cfg": pretrained}


def with_timm(info: ModelInfo) -> dict[str, Any]:
    """config.json of a net of ours that is published: where timm has the net its own, with our record inside."""
    ours, theirs = asdict(info), timm_config(info)
    return ours if theirs is None else theirs | {OURS: ours}


def _share(steps: Steps) -> float:
    """timm's crop_pct: it scales to floor(size / crop_pct)."""
    size, scale = steps.size[0], steps.scale[0]
    near = round(size / scale, 3)
    return near if math.floor(size / near) == scale else size / (scale + 0.5)
