"""Whether the curated models are on the Hub as this app expects them: downloaded, hashed, recognised, asked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from resnet.hub.downloads import AWAY
from resnet.hub.load import load_anew
from resnet.hub.ref import read_reference
from resnet.inference.picture import decode
from resnet.inference.predict import classify
from resnet.papers.curated import CURATED, Curated
from resnet.util.errors import InputError

# A photograph that gradio brings along, and what ImageNet's nets must see in it.
PICTURE, LABEL = ("gradio", "media_assets/images/cheetah1.jpg"), "cheetah"


@dataclass(frozen=True)
class Checked:
    """problem is "" where all is as expected; label and probability are of the reference picture."""

    reference: str
    problem: str = ""
    variant: str = ""
    bytes: int = 0
    commit: str = ""
    label: str = ""
    probability: float = 0.0


def reference_picture() -> bytes:
    """Raises InputError where the package that has it is not installed."""
    package, name = PICTURE
    found = find_spec(package)
    file = Path(found.origin).parent / name if found and found.origin else Path(name)
    if not file.is_file():
        raise InputError("picture_missing", file=file.name)
    return file.read_bytes()


def check_hub(entries: tuple[Curated, ...] = CURATED,
              tell: Callable[[str], None] = lambda reference: None) -> Iterator[Checked]:
    """One after the other; `tell` is called with each reference before it is fetched.

    Raises:
        InputError: the Hub cannot be reached, so that nothing is checked.
    """
    picture = decode(reference_picture())
    for entry in entries:
        tell(entry.reference)
        try:
            yield _check(entry, picture)
        except InputError as error:
            if error.key in AWAY:
                raise
            yield Checked(entry.reference, str(error))


def _check(entry: Curated, picture) -> Checked:
    loaded = load_anew(entry.reference)
    header = read_reference(entry.reference, trusted=True)  # remembered from the loading, which compared the hashes
    best = classify(picture, loaded, top_k=1, precision="fp32").predictions[0]
    problem = ""
    if loaded.info.variant != entry.variant:
        problem = f"is {loaded.info.variant}, not {entry.variant}"
    elif len(loaded.info.labels) != 1000 or not loaded.info.labels[293].startswith("cheetah"):
        problem = "its class names are not ImageNet's"
    elif not best.label.startswith(LABEL):
        problem = f"sees {best.label} instead of {LABEL}"
    return Checked(entry.reference, problem, loaded.info.variant, header.file_size, header.revision, best.label,
                   best.probability)
