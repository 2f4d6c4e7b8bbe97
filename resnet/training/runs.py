"""Recorded training runs: the histories in weights/*/ and weights/runs/*/ as frozen records.

Runs that differ in the seed only make one series: a line in a chart, with the range of its seeds.
"""

import dataclasses
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from statistics import fmean

from resnet.checkpoint import ModelInfo
from resnet.hub.ref import WEIGHTS
from resnet.papers.tables import Published, published
from resnet.training.recipe import Recipe
from resnet.training.resume import HISTORY_FILE, Row
from resnet.util.csv import csv_text, read_rows, record_of
from resnet.util.files import CONFIG_FILE
from resnet.util.text import text

METRICS = ("error", "loss")
AXES = ("epoch", "iteration", "seconds")
FAMILY = (16, 32, 64)  # the widths of the paper's CIFAR nets, whose depths and twins are compared


@dataclass(frozen=True)
class Run:
    """One training: what was trained and how (`info`), and a row per epoch.

    source   where its numbers lie, relative to the project: "weights/resnet20_cifar10/history.csv"
    """

    info: ModelInfo
    rows: tuple[Row, ...]
    source: str

    @property
    def name(self) -> str:
        """Its folder's: a run that was moved or repeated keeps the name inside config.json."""
        return Path(self.source).parent.name

    @property
    def depth(self) -> int:
        return self.info.architecture.depth

    @property
    def plain(self) -> bool:
        return self.info.architecture.plain

    @property
    def title(self) -> str:
        """ "ResNet-20" or "plain-20", as the papers write them."""
        return self.info.title

    @property
    def recipe(self) -> Recipe:
        """With the seed 0: equal for runs that differ in the seed only, also if a field came between them."""
        return replace(Recipe.from_dict(self.info.recipe), seed=0)

    @property
    def seed(self) -> int:
        return self.rows[-1].seed

    @property
    def final(self) -> Row:
        return self.rows[-1]

    @property
    def bundled(self) -> bool:
        """Whether its weights ship too; what lies in weights/runs/ is a history only."""
        return Path(self.source).parent.parent.name != "runs"


@dataclass(frozen=True)
class Series:
    """Runs of one net by one recipe, a seed each; the bundled one first.

    remark   what tells it from another series of the same title and number of epochs, "" where nothing must
    """

    runs: tuple[Run, ...]
    remark: str = ""

    @property
    def lead(self) -> Run:
        return self.runs[0]

    @property
    def name(self) -> str:
        return self.lead.name

    @property
    def info(self) -> ModelInfo:
        return self.lead.info

    @property
    def plain(self) -> bool:
        return self.lead.plain

    @property
    def depth(self) -> int:
        return self.lead.depth

    @property
    def title(self) -> str:
        return self.lead.title

    @property
    def epochs(self) -> int:
        return len(self.lead.rows)

    @property
    def main(self) -> bool:
        """Whether it belongs to the comparison itself, and not to another net's or an attempt's."""
        return self.lead.bundled and self.info.architecture.widths == FAMILY

    @property
    def printed(self) -> Published | None:
        """The papers' final test error of this very net, on CIFAR-10; they print none of the plain nets'."""
        rows = published(self.info.variant, "cifar10") if self.info.data == "cifar10" else ()
        return next((row for row in rows if row.shortcut == self.info.architecture.shortcut), None)

    def label(self, lang: str = "en") -> str:
        """The title; what is not part of the comparison says how long it was trained."""
        epochs = "" if self.main else text("compare.degradation.epochs", lang, epochs=self.epochs)
        remarks = text("compare.comma", lang).join(filter(None, (epochs, self.remark)))
        return text("compare.degradation.remarked", lang, title=self.title, remarks=remarks) if remarks else self.title

    def values(self, key: str) -> list[tuple[float, ...]]:
        """A field of Row, per epoch: one value for each seed."""
        return list(zip(*([getattr(row, key) for row in run.rows] for run in self.runs), strict=True))

    def mean(self, key: str) -> list[float]:
        return [fmean(values) for values in self.values(key)]

    def final(self, key: str) -> float:
        """The mean over the seeds after the last epoch."""
        return self.mean(key)[-1]


@lru_cache(maxsize=1)
def recorded() -> tuple[Run, ...]:
    """Every run that the project ships, plain nets first, shallow before deep."""
    folders = [*WEIGHTS.glob("*/"), *WEIGHTS.glob("runs/*/")]
    runs = [read_run(folder) for folder in folders if (folder / HISTORY_FILE).exists()]
    return tuple(sorted(runs, key=lambda run: (run.info.data, not run.plain, run.depth, run.name)))


def read_run(folder: Path) -> Run:
    """A folder's config.json and history.csv."""
    info = ModelInfo.from_json((folder / CONFIG_FILE).read_text("utf-8"), folder.name)
    with (folder / HISTORY_FILE).open(newline="") as file:
        rows = tuple(record_of(Row, row) for row in read_rows(file))
    inside = folder.relative_to(WEIGHTS.parent) if folder.is_relative_to(WEIGHTS.parent) else folder
    return Run(info, rows, f"{inside.as_posix()}/{HISTORY_FILE}")


def series_of(data: str) -> list[Series]:
    """The recorded series of a data set, in the original order of BN and ReLU: plain first, shallow before deep."""
    groups: dict[tuple, list[Run]] = {}
    for run in recorded():
        if run.info.data == data and run.info.architecture.order == "original":
            groups.setdefault(_what_was_done(run), []).append(run)
    return _told_apart([Series(tuple(sorted(runs, key=lambda run: (not run.bundled, run.seed, run.name))))
                        for runs in groups.values()])


def _what_was_done(run: Run) -> tuple:
    """Net and recipe without the seed, and the number of epochs: equal for runs whose curves may be averaged."""
    return run.info.architecture, run.recipe, len(run.rows)


def _told_apart(found: list[Series]) -> list[Series]:
    """With the name as a remark where labels would be the same."""
    labels = Counter(series.label() for series in found)
    return [series if labels[series.label()] == 1 else replace(series, remark=series.name) for series in found]


def tidy(runs: "tuple[Run, ...] | list[Run]") -> list[dict]:
    """One dictionary per run and epoch, for tables and downloads."""
    return [{"run": run.name, "data": run.info.data, "net": run.title, "depth": run.depth,
             "shortcut": run.info.architecture.shortcut, "order": run.info.architecture.order,
             } | dataclasses.asdict(row)
            for run in runs for row in run.rows]


def to_csv(rows: list[dict]) -> str:
    """Dictionaries of the same keys, as `tidy` makes them."""
    return csv_text(list(rows[0]) if rows else [], (list(row.values()) for row in rows))
