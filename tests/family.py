"""timm's own lists of residual nets, what becomes of each of them here, and the page that says so.

`python -m tests.family` writes docs/family.md anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from unittest import mock

from torch import nn

from resnet.config import ResNetConfig, config_of
from resnet.hub.hints import named
from resnet.hub.infer import infer_config
from resnet.util.errors import InputError
from resnet.util.fields import spell
from tests.checkpoints import of, timm_model

PAGE = Path(__file__).parent.parent / "docs" / "family.md"
SIZE = 64  # pixels that the small nets see
ELSEWHERE = {"resnest": "resnest50d", "sknet": "skresnet18", "res2net": "res2net50_26w_4s", "regnet": "regnety_004",
             "tresnet": "tresnet_m"}  # timm's modules of nets that are not built here, and a net of each
ENTRIES = {"resnext101_32x48d": ("resnext101_32x32d", {"base_width": 48})}  # a tag of timm's without an entry point
SHOWN = ("block", "widths", "groups", "width_per_group", "stem", "stem_width", "pool", "shortcut", "order", "opening",
         "anti_alias", "attention", "reduction", "norm", "standardised")  # what the page tells of a net, besides depths


@dataclass(frozen=True)
class Member:
    """An architecture of timm's, its released tags, and either its config here or the reason for refusing it."""

    name: str
    tags: tuple[str, ...]
    config: ResNetConfig | None
    reason: str


def config_json(name: str, size: int = 224) -> dict:
    """As timm writes it for a net that nothing was changed of."""
    return {"architecture": name, "pretrained_cfg": {"input_size": [3, size, size]}}


def released() -> dict[str, tuple[str, ...]]:
    """Architectures of timm's resnet.py and resnetv2.py -> their tags with weights; () where none was released."""
    from timm.models import resnet, resnetv2

    return {name: tuple(tag for tag, settings in known.cfgs.items() if settings.has_weights)
            for module in (resnet, resnetv2) for name, known in module.default_cfgs.items()}


@cache
def members() -> tuple[Member, ...]:
    return tuple(_member(name, tags) for name, tags in sorted(released().items()))


def _member(name: str, tags: tuple[str, ...]) -> Member:
    try:
        return Member(name, tags, infer_config(of(whole(name)), config_json(name)).config, "")
    except InputError as error:
        return Member(name, tags, None, error.sentence("en"))


def whole(name: str) -> nn.Module:
    """timm's own, without numbers."""
    entry, more = ENTRIES.get(name, (name, {}))
    return timm_model(entry, **more)


def small(name: str) -> nn.Module:
    """The net with two blocks in its first stage and one in each other, narrower, and all that makes it itself."""
    import timm

    def grab(kind: type[nn.Module], variant: str, pretrained: bool, **settings: object) -> tuple:
        return kind, {key: value for key, value in settings.items() if not key.endswith(("_cfg", "_strict"))}

    with mock.patch("timm.models.resnet.build_model_with_cfg", grab), \
            mock.patch("timm.models.resnetv2.build_model_with_cfg", grab):
        entry, more = ENTRIES.get(name, (name, {}))
        kind, settings = timm.model_entrypoint(entry)(**more)
    bottleneck = kind.__name__ == "ResNetV2" and not settings.get("basic")
    channels = (128, 256, 512, 1024) if bottleneck else (64, 64, 128, 256)
    return kind(**(settings | {"layers": (2, 1, 1, 1), "channels": channels, "num_classes": 20}
                   | ({"width_factor": 1} if "width_factor" in settings else {})))


# The page ----------------------------------------------------------------------------------------


def page() -> str:
    """docs/family.md."""
    kept, refused = ([one for one in members() if bool(one.config) == here] for here in (True, False))
    tags = sum(len(one.tags) for one in kept)
    return "\n".join([
        "# The family", "",
        f"timm's resnet.py and resnetv2.py name {len(members())} architectures. {len(kept)} of them, under "
        f"{tags} released tags, are traced from a header and loaded here: tests/test_family.py finds each by "
        "its tensors and its name, counts its parameters, and compares its logits with timm's for the same random "
        "weights, at a reduced depth and width. The released weights themselves are not fetched for that. "
        "This page is made from timm's list by `python -m tests.family`, and the test keeps it.", "",
        "| architecture | tags | blocks | differs from the plain ResNet of its depth in |", "|---|---|---|---|",
        *(_row(one) for one in kept), "", "## Refused, by name", "", "| architecture | tags | why |", "|---|---|---|",
        *(f"| {one.name} | {_tags(one)} | {one.reason} |" for one in refused), "",
        "So are whole modules of timm's:", "", "| module | for example | why |", "|---|---|---|",
        *(f"| {module}.py | {name} | {refusal(name)} |" for module, name in ELSEWHERE.items()), ""])


def refusal(name: str) -> str:
    """Why a net of this name is not taken; "" if it is."""
    try:
        named(name)
    except InputError as error:
        return error.sentence("en")
    return ""


def _row(one: Member) -> str:
    assert one.config
    plain = config_of("resnet18", block=one.config.block)
    differs = (f"{field} {spell(getattr(one.config, field))}" for field in SHOWN
               if getattr(one.config, field) != getattr(plain, field))
    return f"| {one.name} | {_tags(one)} | {spell(one.config.depths)} | {', '.join(differs)} |"


def _tags(one: Member) -> str:
    return ", ".join(one.tags) or "none"


def wrongly(config: ResNetConfig) -> Iterator[tuple[str, ResNetConfig]]:
    """The config with one thing otherwise that no tensor shows: what a reading of the tensors alone may get wrong."""
    if config.order == "preact" and config.block == "basic":
        yield "opening", replace(config, opening="active")
    if config.anti_alias != "none":
        yield "anti_alias", replace(config, anti_alias="none")
    if config.pooled and (config.pool, config.anti_alias) == ("zeros", "none"):
        yield "pool", replace(config, pool="padded")
    if config.norm == "group":
        yield "standardised", replace(config, standardised=not config.standardised)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
