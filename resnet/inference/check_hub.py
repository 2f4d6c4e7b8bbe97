"""Whether the curated models are on the Hub as this app expects them: downloaded, hashed, recognised, asked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from resnet.data import photo_file
from resnet.hub.ref import ModelRef
from resnet.hub.remote import AWAY
from resnet.hub.store import current
from resnet.inference.picture import decode
from resnet.inference.predict import classify
from resnet.papers.curated import CURATED, Curated
from resnet.util.errors import InputError

# Of the photograph of a cat ImageNet's nets must give one of its five cats, the classes 281 to 285.
PICTURE, CATS = "cat", slice(281, 286)
TABBY = "tabby"  # what the first of them is called


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
    return photo_file(PICTURE).read_bytes()


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


def _check(entry: Curated, picture: Tensor) -> Checked:
    ref, store = ModelRef.parse(entry.reference, trusted=True), current()
    loaded = store.load_anew(ref)
    header = store.header(ref)  # remembered from the loading, which compared the hashes
    best = classify(picture, loaded, top_k=1, precision="fp32").predictions[0]
    problem = ""
    if loaded.info.variant != entry.variant:
        problem = f"is {loaded.info.variant}, not {entry.variant}"
    elif len(labels := loaded.info.labels) != 1000 or not labels[CATS][0].startswith(TABBY):
        problem = "its class names are not ImageNet's"
    elif best.label not in labels[CATS]:
        problem = f"sees {best.label} instead of a cat"
    return Checked(entry.reference, problem, loaded.info.variant, header.file_size, header.revision, best.label,
                   best.probability)
