"""The weights' cards, which Classify quotes: test accuracies from config.json, and evaluated again."""

import re
from collections.abc import Iterator

from resnet.audit.checks import Audit, Figure, config, exactly, fresh_error, share
from resnet.hub.load import bundled
from resnet.hub.ref import WEIGHTS


def audits() -> Iterator[Audit]:
    for name in bundled():
        yield Audit(f"card of {name}", (), tuple(_figures(name)))


def _figures(name: str) -> Iterator[Figure]:
    card = (WEIGHTS / name / "README.md").read_text("utf-8")
    for split, row in (("test", "test"), ("train", "training, without augmentation")):
        result = config(name)["results"][split]
        [(n, shown)] = re.findall(rf"\| {row} \| ([\d,]+) \| ([\d.]+) % \|", card)
        again = fresh_error(name) if split == "test" else None
        yield exactly(f"{split}, images", n, f"{result['n']:,}")
        yield share(f"{split} accuracy, %", shown, 100 * result["accuracy"], None if again is None else 100 - again,
                    ".2f")
