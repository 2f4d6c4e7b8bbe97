"""Whether models are on the Hub as this app expects them: downloaded, hashed, recognised, asked; or refused."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from resnet.data import photo_file
from resnet.hub.loaded import LoadedModel
from resnet.hub.readings import spelled
from resnet.hub.ref import ModelRef
from resnet.hub.remote import AWAY
from resnet.hub.store import current
from resnet.inference.picture import decode
from resnet.inference.predict import Prediction, classify
from resnet.papers.curated import CURATED, Curated, Kind
from resnet.util.errors import InputError

# Of the photograph of a cat ImageNet's nets must give one of its five cats, the classes 281 to 285.
PICTURE, CATS = "cat", slice(281, 286)
TABBY = "tabby"  # what the first of them is called


@dataclass(frozen=True)
class Checked:
    """problem is "" where all is as expected; label and probability are of the reference picture.

    kind      of the family that it stands for; "" for a curated one
    shift     of the net's batch norms on photographs (resnet.hub.fingerprint); None where there are none to ask
    better    the reading that fits clearly better than the one that the repository states, if one does
    refusal   the sentence, for a kind that must be refused
    """

    reference: str
    problem: str = ""
    variant: str = ""
    bytes: int = 0
    commit: str = ""
    label: str = ""
    probability: float = 0.0
    kind: str = ""
    refusal: str = ""
    shift: float | None = None
    better: str = ""


def reference_picture() -> bytes:
    return photo_file(PICTURE).read_bytes()


def check_hub(entries: tuple[Curated | Kind, ...] = CURATED,
              tell: Callable[[str], None] = lambda reference: None) -> Iterator[Checked]:
    """One after the other; `tell` is called with each reference before it is fetched.

    Raises:
        InputError: the Hub cannot be reached, so that nothing is checked.
    """
    picture = decode(reference_picture())
    for entry in entries:
        tell(entry.reference)
        kind = entry.title if isinstance(entry, Kind) else ""
        try:
            yield _refused(entry) if isinstance(entry, Kind) and entry.refused else _check(entry, picture, kind)
        except InputError as error:
            if error.key in AWAY:
                raise
            yield Checked(entry.reference, str(error), kind=kind)


def _refused(entry: Kind) -> Checked:
    """Its header alone is read."""
    try:
        found = current().recognise(ModelRef.parse(entry.reference, trusted=True))
    except InputError as error:
        if not error.key.startswith("kind_"):
            raise
        return Checked(entry.reference, kind=entry.title, refusal=str(error))
    return Checked(entry.reference, f"is read as {found.variant} and should be refused", kind=entry.title)


def _check(entry: Curated | Kind, picture: Tensor, kind: str) -> Checked:
    ref, store = ModelRef.parse(entry.reference, trusted=True), current()
    loaded = store.load_anew(ref)
    header = store.header(ref)  # remembered from the loading, which compared the hashes
    best = classify(picture, loaded, top_k=1, precision="fp32").predictions[0]
    shift, better = _fingerprint(loaded)
    return Checked(entry.reference, _problem(entry, loaded, best), loaded.info.variant, header.file_size,
                   header.revision, best.label, best.probability, kind, shift=shift, better=better)


def _fingerprint(loaded: LoadedModel) -> tuple[float | None, str]:
    """(the shift of the reading that is taken, the one that fits clearly better)."""
    if (verdict := loaded.verdict) is None:
        return None, ""
    taken, best = verdict.taken, verdict.best
    return taken.shift, spelled(best.reading.beyond(taken.reading)) if best.clearly_better(taken) else ""


def _problem(entry: Curated | Kind, loaded: LoadedModel, best: Prediction) -> str:
    labels, params = loaded.info.labels, sum(weight.numel() for weight in loaded.model.parameters())
    if isinstance(entry, Curated) and loaded.info.variant != entry.variant:
        return f"is {loaded.info.variant}, not {entry.variant}"
    if params != entry.params:
        return f"has {params:,} parameters, not {entry.params:,}"
    if len(labels) != 1000 or not labels[CATS][0].startswith(TABBY):
        return "its class names are not ImageNet's"
    return "" if best.label in labels[CATS] else f"sees {best.label} instead of a cat"
