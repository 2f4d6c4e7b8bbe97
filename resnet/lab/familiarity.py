"""What a net has seen, and what is strange to it: recorded beside the weights by `python -m resnet familiarity MODEL`.

How far apart it holds its own test images and others is told by the area under the ROC curve: the chance that one of
the others is stranger than a test image.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from resnet.data import DATA, load_split, normalise
from resnet.explain.familiarity import SELDOM, Calibration, calibrated, figures, save
from resnet.hub.fingerprint import pictures
from resnet.hub.loaded import LoadedModel
from resnet.inference.picture import prepare
from resnet.lab.images import images_for
from resnet.util.csv import read_records, records_csv
from resnet.util.files import write_file

FILE = "familiarity.csv"
HEADING = "## Strange pictures"
TRAIN, TEST, OTHERS, BATCH, SEED = 2_000, 5_000, 1_000, 100, 0


@dataclass(frozen=True)
class Separation:
    """pictures   "cifar10", "fashion_mnist", "noise" (uniform, seed 0) or "photographs" (crops of three)
    n, m       how many, and how many test images they are held against
    auc        the chance that one of them is stranger than a test image
    found      the part of them that is stranger than 99 % of the test images
    """

    pictures: str
    n: int
    m: int
    auc: float
    found: float


def record(folder: Path, loaded: LoadedModel) -> Iterator[Separation]:
    """Measure a net and write both files, and the table of its model card.

    Raises:
        InputError: its data, or the other data set, cannot be had.
    """
    train, test = (_figures(loaded, images_for(loaded.info, part, n).images)
                   for part, n in (("train", TRAIN), ("test", TEST)))
    calibration = calibrated(train, test)
    rows = []
    for name, images in _others(loaded).items():
        rows.append(_separation(name, calibration, calibration.distance(_figures(loaded, images()))))
        yield rows[-1]
    save(folder, calibration)
    write_file(folder / FILE, records_csv(tuple(Separation.__dataclass_fields__), rows, digits=6))
    if (card := folder / "README.md").exists():
        write_file(card, with_section(card.read_text("utf-8"), rows, loaded.info.name))


def read(folder: Path) -> tuple[Separation, ...]:
    """Raises InputError where the file is damaged."""
    return read_records(folder / FILE, Separation, "familiarity")


def with_section(card: str, rows: Sequence[Separation], model: str) -> str:
    """A model card with the table, before its section on use; in place of an older one."""
    names = {name: f"{spec.title}, test images" for name, spec in DATA.items()} | {
        "noise": f"uniform noise, seed {SEED}", "photographs": "crops of the three photographs in resnet/samples"}
    lines = "\n".join(f"| {names[row.pictures]} | {row.n:,} | {row.auc:.3f} | {100 * row.found:.1f} % |"
                      for row in rows)
    section = f"""{HEADING}

How strange a picture is to this net is one number: what its batch norms get of it against what they remember, in two
figures for each block, by Mahalanobis' distance from {TRAIN:,} training images. The area under the ROC curve is the
chance that such a picture is stranger than one of {rows[0].m:,} test images; found are those that are stranger than
{100 * SELDOM:.0f} % of them. A picture that looks familiar need not be of a class that the net knows.

| pictures | n | area under the ROC curve | found |
|---|---|---|---|
{lines}

    python -m resnet familiarity {model}"""
    parts = [part for part in re.split(r"\n\n(?=## )", card.rstrip("\n")) if not part.startswith(HEADING)]
    use = next((i for i, part in enumerate(parts) if part.startswith("## Use")), len(parts))
    return "\n\n".join([*parts[:use], section, *parts[use:]]) + "\n"


def _others(loaded: LoadedModel) -> dict[str, Callable[[], Tensor]]:
    """Pictures that the net was not trained on, as it would be shown them."""
    config = loaded.info.architecture
    shape = (OTHERS, config.in_channels, *config.input_size)

    def as_shown(images: Tensor) -> Tensor:
        return torch.stack([prepare(image.expand(3, -1, -1), config.in_channels, config.input_size).pixels
                            for image in images])

    def noise() -> Tensor:
        return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(SEED), dtype=torch.uint8)

    sets = {name: lambda name=name: as_shown(load_split(name, "test").first(OTHERS).images)
            for name in DATA if name != loaded.info.data}
    return sets | {"noise": noise, "photographs": lambda: as_shown(pictures(3, config.input_size, OTHERS))}


def _figures(loaded: LoadedModel, images: Tensor) -> Tensor:
    return torch.cat([figures(loaded.model, normalise(part, loaded.info)) for part in images.split(BATCH)])


def _separation(name: str, calibration: Calibration, distances: Tensor) -> Separation:
    test = calibration.distances
    below = torch.searchsorted(test, distances)  # test images that are less strange
    return Separation(name, len(distances), len(test), float(below.double().mean()) / len(test),
                      float((below >= SELDOM * len(test)).double().mean()))
