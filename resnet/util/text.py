"""Every sentence that a user reads, by key and language (resnet/locales/*.json)."""

import json
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "en", "zh": "zh-CN"}  # our code -> what a browser calls it; the first is the default
_FOLDER = Path(__file__).parent.parent / "locales"


@cache
def sentences(lang: str) -> dict[str, str]:
    """All sentences of a language, nested keys joined by dots: {"errors.unknown_variant": "..."}."""
    return dict(_flatten(json.loads((_FOLDER / f"{lang}.json").read_text("utf-8"))))


def text(key: str, /, lang: str = "en", **values: object) -> str:
    """The sentence `key` in `lang`, its {placeholders} filled from `values`."""
    return sentences(lang)[key].format(**values)


def preferred(wanted: str) -> str:
    """The language that `wanted` begins with ("zh-TW,en;q=0.8" -> "zh"), else the first; page.js decides alike."""
    return next((lang for lang in LANGUAGES if wanted.lower().startswith(lang)), next(iter(LANGUAGES)))


def _flatten(tree: dict, prefix: str = ""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
