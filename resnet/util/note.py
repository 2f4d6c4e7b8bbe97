"""A sentence kept as a record, told in any language: what a user should know of a result, or of an error."""

from dataclasses import dataclass, field
from typing import Any

from resnet.util.text import sentences, text

WORDS = {"field": "fields", "axis": "breaks.axis", "how": "breaks.how"}  # values that are told in words, if there are


@dataclass(frozen=True)
class Note:
    """`key` names a sentence below `under` in resnet/locales; `values` fill its placeholders."""

    key: str
    values: dict[str, Any] = field(default_factory=dict)
    under: str = "recognised"

    def sentence(self, lang: str = "en") -> str:
        return text(f"{self.under}.{self.key}", lang, **{name: _told(name, value, lang)
                                                         for name, value in self.values.items()})


def _told(name: str, value: Any, lang: str) -> Any:
    return sentences(lang).get(f"{WORDS[name]}.{value}", value) if name in WORDS else value
