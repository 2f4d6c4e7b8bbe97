"""The one error whose message is meant for a user."""

from resnet.text import text


class InputError(ValueError):
    """Bad input, told in one sentence that says what is wrong and what to do.

    `key` names a sentence under "errors" in resnet/locales; `values` fill its
    placeholders. `str(error)` is the English sentence, `error.sentence("zh")` the Chinese.
    """

    def __init__(self, key: str, /, **values):
        self.key = key
        self.values = values
        super().__init__(self.sentence())

    def sentence(self, lang: str = "en") -> str:
        return text(f"errors.{self.key}", lang, **self.values)
