"""The names that other libraries give a ResNet's tensors -> torchvision's; names only, no torch.

Spellings: torchvision's, which timm and this app share; transformers' (ResNetForImageClassification,
with or without its `resnet.` prefix); that of the CIFAR repositories on GitHub (`linear`, `shortcut`).
Networks that are not plain ResNets are refused here by the tensors that give them away.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from resnet.util.errors import InputError

PREFIXES = ("module.", "_orig_mod.", "model.")  # DataParallel, torch.compile, wrappers by hand
SHOWN = 80  # characters of a stranger's name that an error repeats

# The first that matches names the reason, so what says most stands first.
SIGNS = tuple((key, re.compile(pattern)) for key, pattern in (
    ("kind_attention_pool", r"^attnpool\.|^head\.(proj|pos_embed|qkv|q|k|v)\b|^pool\.attn"),
    ("kind_mlp_head", r"^head\.(pre_logits|mlp)\."),
    ("kind_transformer", r"^(cls_token|pos_embed|patch_embed\b)|\battn\.qkv|\.attention\.|embeddings\.patch"),
    ("kind_branches", r"^layer\d+\.\d+\.((convs|bns)\.\d|conv[123]\.(conv|fc1|paths)\.)"),
    ("kind_attention", r"\.(se|se_module|eca|attn|cbam|ca|gc|att|non_local)\."),
    ("kind_v2", r"^stages\.\d+\.blocks\.\d+\.norm1\."),
    ("kind_norm_free", r"\.gain$"),
    ("kind_timm_stages", r"^stem\.|^stages\.\d|^s1\.b1\."),
    ("kind_deep_stem", r"^conv1\.\d|^layer0\.|^stem\d?\.\d|^maxpool\.\d+\.weight$"),
    ("kind_average_shortcut", r"\.(downsample|shortcut)\.2\."),
    ("kind_blur", r"\.filt$|\.aa\."),
    ("kind_deformable", r"\.conv2_offset\.|\.offset_conv\."),
))

_TRANSFORMERS = tuple((re.compile(pattern), new) for pattern, new in (
    (r"^resnet\.", ""),
    (r"^embedder\.embedder\.convolution\.", "conv1."),
    (r"^embedder\.embedder\.normalization\.", "bn1."),
    (r"^encoder\.stages\.(\d{1,4})\.layers\.(\d{1,4})\.", lambda m: f"layer{int(m[1]) + 1}.{m[2]}."),
    (r"(?<=\.)shortcut\.convolution\.", "downsample.0."),
    (r"(?<=\.)shortcut\.normalization\.", "downsample.1."),
    (r"(?<=\.)layer\.(\d)\.convolution\.", lambda m: f"conv{int(m[1]) + 1}."),
    (r"(?<=\.)layer\.(\d)\.normalization\.", lambda m: f"bn{int(m[1]) + 1}."),
    (r"^classifier\.1\.", "fc."),
))
_CIFAR = ((re.compile(r"^linear\."), "fc."), (re.compile(r"(?<=\.)shortcut\.(?=[01]\.)"), "downsample."))


@dataclass(frozen=True)
class Spelling:
    """Whose names these are ("torchvision", "transformers", "cifar"), and each in torchvision's words.

    prefix      what every name began with and lost, such as "module."
    mapping     the file's name -> torchvision's
    """

    name: str
    prefix: str = ""
    mapping: dict[str, str] = field(default_factory=dict, repr=False)


def to_torchvision(names: Iterable[str]) -> Spelling:
    """Recognise the spelling of a checkpoint's tensor names and translate them.

    Raises:
        InputError: these are not the tensors of a plain ResNet (`kind_...`, `not_a_resnet_file`), or two
            names mean the same tensor.
    """
    names = list(names)
    prefix = _common_prefix(names)
    bare = [name[len(prefix):] for name in names]
    refuse_other_kinds(bare)
    spelling, rules = _rules(bare)
    mapping: dict[str, str] = {}
    owner: dict[str, str] = {}
    for name, short in zip(names, bare, strict=True):
        mapping[name] = _translated(short, rules)
        if (other := owner.setdefault(mapping[name], name)) != name:
            raise InputError("tensor_twice", first=other[:SHOWN], second=name[:SHOWN])
    _check_resnet(names, owner)
    return Spelling(spelling, prefix, mapping)


def refuse_other_kinds(names: list[str]) -> None:
    """Raises InputError naming the first tensor that no plain ResNet has."""
    for key, pattern in SIGNS:
        for name in names:
            if pattern.search(name):
                raise InputError(key, tensor=name[:SHOWN])


def _common_prefix(names: list[str]) -> str:
    prefix = ""
    while names and (more := next((p for p in PREFIXES if all(n.startswith(prefix + p) for n in names)), "")):
        prefix += more
    return prefix


def _rules(names: list[str]) -> tuple[str, tuple]:
    if any(name.startswith(("embedder.embedder.", "resnet.embedder.", "encoder.stages.", "resnet.encoder."))
           for name in names):
        return "transformers", _TRANSFORMERS
    if any(name.startswith("linear.") or ".shortcut." in name for name in names):
        return "cifar", _CIFAR
    return "torchvision", ()


def _translated(name: str, rules: tuple) -> str:
    for pattern, new in rules:
        name = pattern.sub(new, name, count=1)
    return name


def _check_resnet(names: list[str], translated: dict[str, str]) -> None:
    """A stem and a first block there must be; and their norms must be batch norms, which keep statistics."""
    if not {"conv1.weight", "layer1.0.conv1.weight"} <= translated.keys():
        raise InputError("not_a_resnet_file", examples=", ".join(name[:40] for name in sorted(names)[:3]))
    if "layer1.0.bn1.weight" in translated and not any(name.endswith(".running_mean") for name in translated):
        raise InputError("kind_group_norm", tensor="layer1.0.bn1.weight")
