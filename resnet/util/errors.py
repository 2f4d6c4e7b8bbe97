"""The one error whose message is meant for a user."""

from functools import partial

from resnet.util.text import sentences, text


class InputError(ValueError):
    """Bad input, told in one sentence that says what is wrong and what to do.

    `key` names a sentence under "errors" in resnet/locales; `values` fill its placeholders, of
    which `field`, a setting's name, is told in words. `str(error)` is the English sentence,
    `error.sentence("zh")` the Chinese.
    """

    def __init__(self, key: str, /, **values):
        self.key = key
        self.values = values
        super().__init__(self.sentence())

    def __reduce__(self):
        """What crosses between processes is the key, so that the other side can tell it in its language."""
        return partial(InputError, self.key, **self.values), ()

    def sentence(self, lang: str = "en") -> str:
        values = {name: sentences(lang).get(f"fields.{value}", value) if name == "field" else value
                  for name, value in self.values.items()}
        return text(f"errors.{self.key}", lang, **{name: _one_line(value) for name, value in values.items()})


def _one_line(value):
    """Quoted text stays on its line and can be sent: no line breaks, no controls of direction, no half characters."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in value)
