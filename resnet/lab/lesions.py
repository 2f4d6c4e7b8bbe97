"""What the blocks of a trained net do: its error after each lesion (Veit et al. 2016, arXiv 1605.06431, section 4).

Sweeps over the whole test set are recorded once, in lesions.csv beside the weights
(`python -m resnet lesions MODEL`); a few lesions on a thousand images can be measured while someone waits.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from resnet.config import ResNetConfig
from resnet.data import Split, normalise
from resnet.hub.ref import WEIGHTS
from resnet.model import ResNet
from resnet.surgery import Lesion, block_sites, check_lesion, lesioned, swappable
from resnet.util.csv import read_records, records_csv
from resnet.util.errors import InputError
from resnet.util.files import write_file

OPERATIONS = ("drop", "halve", "swap")
FILE = "lesions.csv"
BATCH, CHUNK = 250, 1_000  # images at once; images whose activations are kept while the blocks go by
SEVERAL_N, DRAWS, COUNTS = 2_000, 10, 8  # images, subsets per count, and counts, of several blocks dropped at random


@dataclass(frozen=True)
class Effect:
    """A net's score after a lesion: operation "none", "drop", "halve" or "swap", done to all of `blocks` at once
    (for "swap" each with the block after it); error in per cent of n images, mean cross-entropy in nats."""

    operation: str
    blocks: tuple[str, ...]
    n: int
    error: float
    loss: float


@dataclass(frozen=True)
class Task:
    """A lesion to be measured."""

    operation: str
    blocks: tuple[str, ...] = ()

    @property
    def lesion(self) -> Lesion:
        """Raises InputError for an unknown operation."""
        if self.operation not in ("none", *OPERATIONS):
            raise InputError("choice", field="operation", value=self.operation[:40], allowed=", ".join(OPERATIONS))
        fields = {"drop": "dropped", "halve": "halved", "swap": "swapped"}
        return Lesion(**({fields[self.operation]: self.blocks} if self.blocks else {}))


INTACT = Task("none")


def each_alone(config: ResNetConfig, operation: str) -> list[Task]:
    """The sweep: one task for each block that the operation can be done to."""
    can = {"drop": [site for site in block_sites(config) if site.removable], "halve": block_sites(config),
           "swap": swappable(config)}[operation]
    return [Task(operation, (site.name,)) for site in can]


def several_at_random(config: ResNetConfig, seed: int = 0) -> list[Task]:
    """Subsets of the blocks that keep the shape, the same for a net and its plain twin: for up to COUNTS
    counts DRAWS different subsets, or all where there are fewer.
    """
    free = [site.name for site in block_sites(config) if site.same_shape]
    generator = torch.Generator().manual_seed(seed)
    tasks = []
    for count in _counts(len(free)):
        wanted, drawn = min(DRAWS, math.comb(len(free), count)), set()
        while len(drawn) < wanted:
            drawn.add(tuple(sorted(torch.randperm(len(free), generator=generator)[:count].tolist())))
        tasks += [Task("drop", tuple(free[i] for i in subset)) for subset in sorted(drawn)]
    return tasks


def _counts(blocks: int) -> list[int]:
    """1 to `blocks` in even steps, COUNTS of them at most; none where several cannot be dropped."""
    steps = min(COUNTS, blocks) - 1
    return sorted({round(1 + i * (blocks - 1) / steps) for i in range(steps + 1)}) if steps > 0 else []


def effects(net: ResNet, split: Split, tasks: Sequence[Task]) -> Iterator[Effect]:
    """An effect per task, in the order of the first block that it touches; `split` as the net sees it.

    The activations of all images wait before each block, so nothing in front of a lesion is computed twice.

    Raises:
        InputError: a lesion that this net cannot have; before anything is measured.
    """
    for task in tasks:
        check_lesion(net.config, task.lesion)
    names = [site.name for site in block_sites(net.config)]
    first = {task: min((names.index(name) for name in task.blocks), default=0) for task in tasks}
    batches = [_opening(net, images, split) for images in split.images.split(BATCH)]
    for i, block in enumerate(net.blocks):
        for task in (task for task in tasks if first[task] == i):
            yield _score(lesioned(net, task.lesion), i, batches, split, task)
        with torch.inference_mode():
            batches = [block(x) for x in batches]


def effects_in_chunks(net: ResNet, split: Split, tasks: Sequence[Task]) -> list[Effect]:
    """The same over any number of images, in bounded memory; in the order of the tasks."""
    sums: dict[Task, tuple[int, float, float]] = dict.fromkeys(tasks, (0, 0.0, 0.0))
    for start in range(0, len(split), CHUNK):
        part = Split(split.spec, split.images[start:start + CHUNK], split.labels[start:start + CHUNK])
        for effect in effects(net, part, tasks):
            n, wrong, loss = sums[task := Task(effect.operation, effect.blocks)]
            sums[task] = n + effect.n, wrong + effect.n * effect.error, loss + effect.n * effect.loss
    return [Effect(task.operation, task.blocks, n, wrong / n, loss / n) for task, (n, wrong, loss) in sums.items()]


@torch.inference_mode()
def _opening(net: ResNet, images: torch.Tensor, split: Split) -> torch.Tensor:
    return net.stem(normalise(images, split.spec))


@torch.inference_mode()
def _score(net: ResNet, start: int, batches: list[torch.Tensor], split: Split, task: Task) -> Effect:
    """From the block `start` on; in float64, so that the number of batches hardly shows."""
    wrong, loss = 0, 0.0
    for x, labels in zip(batches, split.labels.split(BATCH), strict=True):
        for block in net.blocks[start:]:
            x = block(x)
        logits = net.head(x)
        wrong += int((logits.argmax(1) != labels).sum())
        loss += F.cross_entropy(logits, labels, reduction="sum").item()
    return Effect(task.operation, task.blocks, len(split), 100 * wrong / len(split), loss / len(split))


# Records -------------------------------------------------------------------------------------------


def record(folder: Path, net: ResNet, split: Split) -> Iterator[Effect]:
    """Measure what lesions.csv is to hold and does not yet, writing after each operation; yields the new rows."""
    rows = {_key(row, row.n): row for row in (read(folder) if (folder / FILE).exists() else ())}
    groups = [(split, [INTACT])] + [(split, each_alone(net.config, operation)) for operation in OPERATIONS]
    groups.append((split.first(SEVERAL_N), [INTACT, *several_at_random(net.config)]))
    plan = dict.fromkeys(_key(task, len(part)) for part, tasks in groups for task in tasks)
    for part, tasks in groups:
        todo = [task for task in tasks if _key(task, len(part)) not in rows]
        new = effects_in_chunks(net, part, todo) if todo else []
        rows |= {_key(row, row.n): row for row in new}
        write_file(folder / FILE, to_csv([rows[key] for key in plan if key in rows]))
        yield from new


def _key(what: "Task | Effect", n: int) -> tuple:
    return what.operation, what.blocks, n


def recorded(name: str) -> tuple[Effect, ...]:
    """What lesions.csv of a bundled net holds; nothing when it has none."""
    folder = WEIGHTS / name
    return read(folder) if (folder / FILE).exists() else ()


def read(folder: Path) -> tuple[Effect, ...]:
    """The rows of a folder's lesions.csv.

    Raises:
        InputError: it is damaged.
    """
    return read_records(folder / FILE, Effect, "lesions")


def to_csv(rows: Sequence[Effect]) -> str:
    """operation, blocks joined by "+", n, error in per cent, loss in nats; six significant digits."""
    return records_csv(("operation", "blocks", "n", "error", "loss"), rows, digits=6)
