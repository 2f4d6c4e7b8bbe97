"""What the commands share: JSON on standard output, key=value settings."""

import json

from resnet.errors import InputError


def print_json(data) -> None:
    print(json.dumps(data, ensure_ascii=False))


def settings(pairs: list[str]) -> dict[str, str]:
    """["stride_in=1x1"] -> {"stride_in": "1x1"}.

    Raises:
        InputError: not of the form KEY=VALUE.
    """
    for pair in pairs:
        if not pair.partition("=")[0].isidentifier() or "=" not in pair:
            raise InputError("not_a_setting", pair=pair[:80])
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}
