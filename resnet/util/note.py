"""What a user should know of a result: a sentence kept as a record, told in any language."""

from dataclasses import dataclass, field

from resnet.util.text import text


@dataclass(frozen=True)
class Note:
    """`key` names a sentence under "recognised" in resnet/locales; `values` fill its placeholders."""

    key: str
    values: dict = field(default_factory=dict)

    def sentence(self, lang: str = "en") -> str:
        return text(f"recognised.{self.key}", lang, **self.values)
