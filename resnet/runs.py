"""Recorded training runs: the histories in weights/*/ and weights/runs/*/ as frozen records."""

import csv
import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from resnet.checkpoint import CONFIG_FILE, ModelInfo
from resnet.hub import WEIGHTS
from resnet.train import Row

HISTORY_FILE = "history.csv"
METRICS = ("error", "loss")
AXES = ("epoch", "iteration", "seconds")


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
        return self.info.name

    @property
    def depth(self) -> int:
        return self.info.architecture.depth

    @property
    def plain(self) -> bool:
        return self.info.architecture.shortcut == "none"

    @property
    def title(self) -> str:
        """ "ResNet-20" or "plain-20", as the papers write them."""
        return f"{'plain' if self.plain else 'ResNet'}-{self.depth}"

    @property
    def seed(self) -> int:
        return self.rows[-1].seed

    @property
    def final(self) -> Row:
        return self.rows[-1]


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
        rows = tuple(_row(line) for line in csv.DictReader(file))
    inside = folder.relative_to(WEIGHTS.parent) if folder.is_relative_to(WEIGHTS.parent) else folder
    return Run(info, rows, f"{inside.as_posix()}/{HISTORY_FILE}")


def tidy(runs: "tuple[Run, ...] | list[Run]") -> list[dict]:
    """One dictionary per run and epoch, for tables and downloads."""
    return [{"run": run.name, "data": run.info.data, "net": run.title, "depth": run.depth,
             "shortcut": run.info.architecture.shortcut} | dataclasses.asdict(row)
            for run in runs for row in run.rows]


def to_csv(rows: list[dict]) -> str:
    import io

    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(line: dict[str, str]) -> Row:
    return Row(**{field.name: field.type(line[field.name]) for field in dataclasses.fields(Row)})
