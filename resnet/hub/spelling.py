"""The names that other libraries give a ResNet's tensors -> torchvision's; by names and shapes only, no torch.

Spellings: torchvision's, which timm and this app share; transformers' (ResNetForImageClassification,
with or without its `resnet.` prefix); that of the CIFAR repositories on GitHub (`linear`, `shortcut`); the numbers that
torchvision's modules get in a Sequential of a net's children, as self-supervised backbones are kept; that of timm's
resnetv2 (`stem`, `stages`).
The net is found by its structure, wherever in the file it stands: below any prefix, beside other tensors.
Networks of other kinds are refused here by the tensors that give them away.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from resnet.util.errors import InputError

SHOWN = 80  # characters of a stranger's name that an error repeats
GROUPS = 6  # of tensors that are left aside, by name
COPIES, LEVELS = 16, 16  # of a net in one file, and of modules around it, that are looked at

# The first that matches names the reason, so what says most stands first.
SIGNS = tuple((key, re.compile(pattern)) for key, pattern in (
    ("kind_attention_pool", r"^attnpool\.|^head\.(proj|pos_embed|qkv|q|k|v)\b|^pool\.attn"),
    ("kind_mlp_head", r"^head\.(pre_logits|mlp)\."),
    ("kind_transformer", r"^(cls_token|pos_embed|patch_embed\b)|\battn\.qkv|\.attention\.|embeddings\.patch"),
    ("kind_branches", r"^layer\d+\.\d+\.((convs|bns)\.\d|conv[123]\.(conv|fc1|paths)\.)"),
    ("kind_attention", r"\.(se_module|eca|attn|cbam|ca|gc|att|non_local)\.|\.se\.(?!fc[12]\.|conv\.)"),
    ("kind_norm_free", r"\.gain$"),
    ("kind_timm_stages", r"^stem\.|^stages\.\d|^s1\.b1\."),
    ("kind_deep_stem", r"^layer0\.|^stem\d?\.\d"),
    ("kind_blur", r"\.filt$|\.aa\."),
    ("kind_deformable", r"\.conv2_offset\.|\.offset_conv\."),
))

_TRANSFORMERS = tuple((re.compile(pattern), new) for pattern, new in (
    (r"^embedder\.embedder\.convolution\.", "conv1."),
    (r"^embedder\.embedder\.normalization\.", "bn1."),
    (r"^encoder\.stages\.(\d{1,4})\.layers\.(\d{1,4})\.", lambda m: f"layer{int(m[1]) + 1}.{m[2]}."),
    (r"(?<=\.)shortcut\.convolution\.", "downsample.0."),
    (r"(?<=\.)shortcut\.normalization\.", "downsample.1."),
    (r"(?<=\.)layer\.(\d)\.convolution\.", lambda m: f"conv{int(m[1]) + 1}."),
    (r"(?<=\.)layer\.(\d)\.normalization\.", lambda m: f"bn{int(m[1]) + 1}."),
))
_CHILDREN = ((re.compile(r"^0\."), "conv1."), (re.compile(r"^1\."), "bn1."),  # 2 and 3: ReLU and pooling
             (re.compile(r"^([4-9])\."), lambda m: f"layer{int(m[1]) - 3}."))
_CIFAR = ((re.compile(r"(?<=\.)shortcut\.(?=[01]\.)"), "downsample."),)
_V2 = tuple((re.compile(pattern), new) for pattern, new in (
    (r"^stem\.conv\.", "conv1."), (r"^stem\.norm\.", "bn1."),
    (r"^stem\.conv(\d)\.", lambda m: f"conv1.{3 * int(m[1]) - 3}."),
    (r"^stem\.norm(\d)\.", lambda m: f"conv1.{3 * int(m[1]) - 2}."),
    (r"^stages\.(\d{1,4})\.blocks\.", lambda m: f"layer{int(m[1]) + 1}."),
    (r"(?<=\.)norm(\d)\.", r"bn\1."),
    (r"(?<=\.)downsample\.conv\.", "downsample.0."),
))
_V2_DEEP = ((re.compile(r"(?<=\.)downsample\.0\."), "downsample.1."),)  # those average before they project


class _Library(NamedTuple):
    """Its name, a tensor of the first block, by which a net is found, the net's own modules, and how they are called
    here."""

    name: str
    anchor: str
    body: re.Pattern
    rules: tuple


_LIBRARIES = (
    _Library("torchvision", "layer1.0.conv1.weight", re.compile(r"(layer\d+|conv1|bn1|norm|maxpool)\."), _CIFAR),
    _Library("transformers", "encoder.stages.0.layers.0.layer.0.convolution.weight",
             re.compile(r"(embedder|encoder)\."), _TRANSFORMERS),
    _Library("children", "4.0.conv1.weight", re.compile(r"[01]\.|[4-9]\.\d+\."), _CHILDREN),
    _Library("resnetv2", "stages.0.blocks.0.conv1.weight", re.compile(r"(stem|stages|norm)\."), _V2),
)
_HEADS = ("fc", "linear", "classifier", "head", "heads", "last_linear", "cls", "logits", "output")
_COPY = re.compile(r"ema|swa|averag|momentum|teacher|target|shadow|encoder_k")  # what keeps a second, smoothed net
_POOL = re.compile(r"\w*pool\w*\.|gem\.")

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Spelling:
    """Whose names these are ("torchvision", "transformers", "cifar", "children", "resnetv2"), and each in torchvision's
    words.

    prefix      what the net's names began with and lost, such as "module."
    mapping     the file's name -> torchvision's, of the net's own tensors
    layered     modules of a classifier that is more than one linear layer, which no net here has
    left        the other tensors, which are no part of the net: by what they begin with, and how many
    """

    name: str
    prefix: str = ""
    mapping: dict[str, str] = field(default_factory=dict, repr=False)
    layered: tuple[str, ...] = ()
    left: tuple[tuple[str, int], ...] = ()


def to_torchvision(shapes: Shapes) -> Spelling:
    """Find the net among a checkpoint's tensors, recognise its spelling and translate its names.

    Raises:
        InputError: these are not the tensors of a plain ResNet (`kind_...`, `not_a_resnet_file`,
            `tensor_extra`), or two names mean the same tensor.
    """
    library, root, others = _found(shapes)
    inside = {name[len(root):]: name for name in shapes if name.startswith(root) and not name.startswith(others)}
    body = {short: name for short, name in inside.items() if library.body.match(short)}
    rules = library.rules + (_V2_DEEP if f"{root}stem.conv1.weight" in shapes else ())
    named = [(name, _translated(short, rules)) for short, name in body.items()]
    refuse_other_kinds(new for _, new in named)
    _refuse_within({short: shapes[name] for short, name in inside.items() if short not in body})
    classifier, layered = _classifier(shapes, root, {*body.values(), *_below(shapes, others)})
    mapping = _one_each(named + classifier)
    _check_resnet(shapes, set(mapping.values()))
    rest = [name for name in shapes if name not in mapping and not name.startswith(layered or "\0")]
    return Spelling(*_told(library, root, mapping), mapping, layered, tuple(_grouped(rest, root)))


def _told(library: _Library, root: str, names: Iterable[str]) -> tuple[str, str]:
    """(whose names these are, what they begin with)."""
    if library.name == "transformers":
        return library.name, root.removesuffix("resnet.")
    cifar = any(".shortcut." in name or name.startswith(f"{root}linear.") for name in names)
    return "cifar" if cifar else library.name, root


def refuse_other_kinds(names: Iterable[str]) -> None:
    """Raises InputError naming the first tensor that no plain ResNet has."""
    names = list(names)
    for key, pattern in SIGNS:
        for name in names:
            if pattern.search(name):
                raise InputError(key, tensor=name[:SHOWN])


def _found(names: Iterable[str]) -> tuple[_Library, str, tuple[str, ...]]:
    """(the library whose names these are, what the net's names begin with, what those of its copies begin with).

    Raises:
        InputError: there is no ResNet among them.
    """
    names = list(names)
    found = {name.removesuffix(library.anchor): library for name in names for library in _LIBRARIES
             if f".{name}".endswith(f".{library.anchor}")}
    if not found:
        refuse_other_kinds(_bare(names))
        raise _no_resnet(names)
    root, *others = sorted(found, key=lambda root: (bool(_COPY.search(root)), len(root), root))
    return found[root], root, tuple(other for other in others if not root.startswith(other))[:COPIES]


def _bare(names: list[str]) -> list[str]:
    """The names without the modules that all of them are in."""
    while names and all("." in name and name.partition(".")[0] == names[0].partition(".")[0] for name in names):
        names = [name.partition(".")[2] for name in names]
    return names


def _below(names: Iterable[str], places: tuple[str, ...]) -> Iterator[str]:
    return (name for name in names if name.startswith(places))


def _refuse_within(rest: Shapes) -> None:
    """Raises InputError for what stands among the net's own modules and may take part in its answer: kernels, norms, a
    pooling that learns, bare parameters. Linear layers are heads, and a loss may have its weights there."""
    parts: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in rest.items():
        parts.setdefault(name.partition(".")[0], {})[name] = shape
    for top, part in sorted(parts.items()):
        dimensions = max(map(len, part.values()))
        linear = dimensions == 2 or top in _HEADS
        loss = dimensions < 2 and top not in part and not any(
            name.endswith((".bias", ".running_mean")) or _POOL.match(name) for name in part)
        if not (linear or loss):
            refuse_other_kinds(rest)
            raise InputError("tensor_extra", tensor=min(part)[:SHOWN])


def _classifier(shapes: Shapes, root: str, taken: set[str]) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """([(the file's name, "fc.weight" or "fc.bias")], the modules of a classifier that is no single linear layer).

    It stands beside the body, or beside a module that the body is in.
    """
    heads = [(place, head) for place in _around(root)[:LEVELS] for head in _heads_at(shapes, place, taken)]
    plain = [(place, head) for place, head in heads if _is_linear(head, shapes)]
    if not plain:
        return [], tuple(_module(head) for _, head in heads)
    (nearest, first), *others = plain
    if twin := next((head for place, head in others if place == nearest), None):
        raise InputError("tensor_twice", first=first[-1][:SHOWN], second=twin[-1][:SHOWN])
    classes = shapes[first[-1]][:1]
    goes_on = [head for _, head in heads if head is not first and _takes(head, shapes, classes)]
    if goes_on:
        return [], tuple(map(_module, (first, *goes_on)))
    return [(name, f"fc.{name.rpartition('.')[2]}") for name in first], ()


def _around(root: str) -> list[str]:
    """ "a.b." -> "a.b.", "a.", "" """
    parts = root.split(".")[:-1]
    return ["".join(f"{part}." for part in parts[:n]) for n in range(len(parts), -1, -1)]


def _heads_at(shapes: Shapes, place: str, taken: set[str]) -> Iterator[list[str]]:
    """The tensors of each module there that is called like a classifier, sorted."""
    for head in _HEADS:
        if found := sorted(name for name in _below(shapes, (f"{place}{head}.",)) if name not in taken):
            taken.update(found)
            yield found


def _is_linear(head: list[str], shapes: Shapes) -> bool:
    """A weight and a bias, whatever holds them, such as a Sequential behind a Dropout."""
    module = head[0].rpartition(".")[0]
    if f"{module}.weight" not in head or not {*head} <= {f"{module}.weight", f"{module}.bias"}:
        return False
    shape = shapes[f"{module}.weight"]
    return len(shape) <= 2 or shape[2:] == (1, 1)  # timm's v2 nets store a 1x1 convolution


def _takes(head: list[str], shapes: Shapes, width: tuple[int, ...]) -> bool:
    return any(len(shapes[name]) == 2 and shapes[name][1:] == width for name in head)


def _module(head: list[str]) -> str:
    """What the names of a head begin with."""
    common = head[0]
    while not all(name.startswith(f"{common}.") for name in head):
        common = common.rpartition(".")[0]
    return f"{common}."


def _translated(name: str, rules: tuple) -> str:
    for pattern, new in rules:
        name = pattern.sub(new, name, count=1)
    return name


def _one_each(renamed: list[tuple[str, str]]) -> dict[str, str]:
    owner: dict[str, str] = {}
    for name, new in renamed:
        if (other := owner.setdefault(new, name)) != name:
            raise InputError("tensor_twice", first=other[:SHOWN], second=name[:SHOWN])
    return dict(renamed)


def _grouped(names: list[str], root: str) -> Iterator[tuple[str, int]]:
    """By the module that they are in, seen from the net; the largest first."""
    counts: dict[str, int] = {}
    places = _around(root)
    for name in names:
        place = next(place for place in places if name.startswith(place))
        top = place + name[len(place):].partition(".")[0]
        counts[top] = counts.get(top, 0) + 1
    yield from sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _no_resnet(names: Iterable[str]) -> InputError:
    return InputError("not_a_resnet_file", examples=", ".join(name[:40] for name in sorted(names)[:3]))


def _check_resnet(names: Iterable[str], translated: set[str]) -> None:
    """A stem and a first block there must be."""
    if "layer1.0.conv1.weight" not in translated or not {"conv1.weight", "conv1.0.weight"} & translated:
        raise _no_resnet(names)
