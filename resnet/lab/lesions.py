"""What the blocks of a trained net do: its error after each lesion (Veit et al. 2016, arXiv 1605.06431, section 4).

A lesion changes what reaches the norms behind it, and part of the damage is that their statistics are stale. So
every lesion is measured twice: with the running statistics of training, and with statistics that are estimated
anew on training images. Both sweeps are recorded once, in FILES beside the weights (`python -m resnet lesions
MODEL`); a few lesions on a thousand images can be measured while someone waits.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from resnet.config import ResNetConfig
from resnet.data import Split, normalise
from resnet.hub.ref import WEIGHTS
from resnet.model import ResNet
from resnet.surgery import Lesion, block_sites, check_lesion, lesioned, reestimated, swappable, with_own_norms
from resnet.util.csv import read_records, records_csv
from resnet.util.errors import InputError
from resnet.util.files import write_file

OPERATIONS = ("drop", "halve", "swap")
FILES = {"running": "lesions.csv", "reestimated": "lesions_reestimated.csv"}  # by whose statistics the norms have
CALIBRATION = 1_000  # the first training images, on which norms are re-estimated
BATCH, CHUNK = 250, 1_000  # images of a norm's statistics at once; images whose activations are kept meanwhile
AT_ONCE = 64  # images that are scored: their activations stay in the processor's caches
SEVERAL_N, DRAWS, COUNTS = 2_000, 10, 8  # images, subsets per count, and counts, of several blocks dropped at random


@dataclass(frozen=True)
class Effect:
    """A net's score after a lesion: operation "none", "drop", "halve" or "swap", done to all of `blocks` at once
    (for "swap" each with the block after it); error in per cent of n images, mean cross-entropy in nats.

    calibration   training images on which the norms' statistics were re-estimated; 0: those of training
    """

    operation: str
    blocks: tuple[str, ...]
    n: int
    error: float
    loss: float
    calibration: int = 0


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


def effects(net: ResNet, split: Split, tasks: Sequence[Task], calibration: Split | None = None) -> Iterator[Effect]:
    """An effect per task, in the order of the first block that it touches; both splits as the net sees them.

    The activations of all images wait before each block, so nothing in front of a lesion is computed twice.

    Args:
        calibration: training images on which every net's norms are re-estimated, the whole net's too.

    Raises:
        InputError: a lesion that this net cannot have; before anything is measured.
    """
    for task in tasks:
        check_lesion(net.config, task.lesion)
    yield from _scores(*_operated(net, tasks, calibration), split, len(calibration) if calibration else 0)


def effects_in_chunks(net: ResNet, split: Split, tasks: Sequence[Task],
                      calibration: Split | None = None) -> list[Effect]:
    """The same over any number of images, in bounded memory; in the order of the tasks."""
    sums: dict[Task, tuple[int, float, float]] = dict.fromkeys(tasks, (0, 0.0, 0.0))
    whole, operated = _operated(net, tasks, calibration)
    estimated = len(calibration) if calibration else 0
    for start in range(0, len(split), CHUNK):
        part = Split(split.spec, split.images[start:start + CHUNK], split.labels[start:start + CHUNK])
        for effect in _scores(whole, operated, part, estimated):
            n, wrong, loss = sums[task := Task(effect.operation, effect.blocks)]
            sums[task] = n + effect.n, wrong + effect.n * effect.error, loss + effect.n * effect.loss
    return [Effect(task.operation, task.blocks, n, wrong / n, loss / n, estimated)
            for task, (n, wrong, loss) in sums.items()]


Operated = list[tuple[int, Task, ResNet]]  # where the first block that a task touches stands, the task, the net


def _operated(net: ResNet, tasks: Sequence[Task], calibration: Split | None) -> tuple[ResNet, Operated]:
    """The whole net and the lesioned ones, their norms re-estimated where that is asked for."""
    names = [site.name for site in block_sites(net.config)]
    places = [min((names.index(name) for name in task.blocks), default=0) for task in tasks]
    if calibration is None:
        return net, [(place, task, lesioned(net, task.lesion)) for place, task in zip(places, tasks, strict=True)]
    inputs = [normalise(images, calibration.spec) for images in calibration.images.split(BATCH)]
    whole = reestimated(net, inputs)
    operated = [(place, task, lesioned(with_own_norms(whole), task.lesion))
                for place, task in zip(places, tasks, strict=True)]
    _reestimate(operated, with_own_norms(whole).train(), inputs)
    return whole, operated


@torch.no_grad()
def _reestimate(operated: Operated, learning: ResNet, inputs: list[Tensor]) -> None:
    """The norms behind each lesion; `learning` passes the inputs on as update_bn does, by each batch's statistics."""
    inputs = [learning.stem(x) for x in inputs]
    for i, block in enumerate(learning.blocks):
        for _, _, net in (one for one in operated if one[0] == i):
            update_bn(inputs, nn.Sequential(*net.blocks[i:], net.norm).eval())
        inputs = [block(x) for x in inputs]


@torch.inference_mode()
def _scores(whole: ResNet, operated: Operated, split: Split, estimated: int) -> Iterator[Effect]:
    batches = [whole.stem(normalise(images, split.spec)) for images in split.images.split(AT_ONCE)]
    for i, block in enumerate(whole.blocks):
        for _, task, net in (one for one in operated if one[0] == i):
            yield _score(net, i, batches, split, task, estimated)
        batches = [block(x) for x in batches]


@torch.inference_mode()
def _score(net: ResNet, start: int, batches: list[Tensor], split: Split, task: Task, estimated: int) -> Effect:
    """From the block `start` on; in float64, so that the number of batches hardly shows."""
    wrong, loss = 0, 0.0
    for x, labels in zip(batches, split.labels.split(AT_ONCE), strict=True):
        for block in net.blocks[start:]:
            x = block(x)
        logits = net.head(x)
        wrong += int((logits.argmax(1) != labels).sum())
        loss += F.cross_entropy(logits, labels, reduction="sum").item()
    return Effect(task.operation, task.blocks, len(split), 100 * wrong / len(split), loss / len(split), estimated)


# Records -------------------------------------------------------------------------------------------


def record(folder: Path, net: ResNet, split: Split, calibration: Split | None = None) -> Iterator[Effect]:
    """Measure what one of FILES is to hold and does not yet, writing after each operation; yields the new rows.

    Args:
        calibration: as in `effects`; with it the file of re-estimated norms.
    """
    norms = "reestimated" if calibration else "running"
    file = folder / FILES[norms]
    rows = {_key(row, row.n): row for row in (read(folder, norms) if file.exists() else ())}
    groups = [(split, [INTACT])] + [(split, each_alone(net.config, operation)) for operation in OPERATIONS]
    groups.append((split.first(SEVERAL_N), [INTACT, *several_at_random(net.config)]))
    plan = dict.fromkeys(_key(task, len(part)) for part, tasks in groups for task in tasks)
    for part, tasks in groups:
        todo = [task for task in tasks if _key(task, len(part)) not in rows]
        new = effects_in_chunks(net, part, todo, calibration) if todo else []
        rows |= {_key(row, row.n): row for row in new}
        write_file(file, to_csv([rows[key] for key in plan if key in rows]))
        yield from new


def _key(what: "Task | Effect", n: int) -> tuple:
    return what.operation, what.blocks, n


def recorded(name: str, norms: str = "running") -> tuple[Effect, ...]:
    """What one of FILES of a bundled net holds; nothing when it has none."""
    folder = WEIGHTS / name
    return read(folder, norms) if (folder / FILES[norms]).exists() else ()


def read(folder: Path, norms: str = "running") -> tuple[Effect, ...]:
    """The rows of one of a folder's FILES.

    Raises:
        InputError: it is damaged.
    """
    return read_records(folder / FILES[norms], Effect, "lesions")


def to_csv(rows: Sequence[Effect]) -> str:
    """operation, blocks joined by "+", n, error in per cent, loss in nats, calibration; six significant digits."""
    return records_csv(("operation", "blocks", "n", "error", "loss", "calibration"), rows, digits=6)
