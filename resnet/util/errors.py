"""The one error whose message is meant for a user."""

from functools import partial
from typing import Any

from resnet.util.note import Note


class InputError(ValueError):
    """Bad input, told in one sentence that says what is wrong and what to do.

    `key` names a sentence under "errors" in resnet/locales; `values` fill its placeholders, of
    which `field`, a setting's name, is told in words. `str(error)` is the English sentence,
    `error.sentence("zh")` the Chinese.
    """

    def __init__(self, key: str, /, **values: Any):
        self.key = key
        self.values = values
        super().__init__(self.sentence())

    def __reduce__(self):
        """What crosses between processes is the key, so that the other side can tell it in its language."""
        return partial(InputError, self.key, **self.values), ()

    def sentence(self, lang: str = "en") -> str:
        return Note(self.key, {name: _one_line(value) for name, value in self.values.items()}, "errors").sentence(lang)


def _one_line(value: Any) -> Any:
    """Quoted text stays on its line and can be sent: no line breaks, no controls of direction, no half characters."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in value)
