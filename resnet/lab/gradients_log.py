"""What the panel of gradients opens with, recorded (`python -m resnet.lab.gradients_log`, a minute or two): random
nets by resnet.lab.shattering, and the twins by resnet.lab.gradients, fresh and trained."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from resnet.lab import gradients, shattering
from resnet.lab.gradients import DEEPEST, Gradients, TwinNet, fresh_nets, trained_nets
from resnet.lab.shattering import KINDS, PAIRS, DepthResult, LineGradient, Settings, ShatteringResult
from resnet.util.csv import csv_text, read_rows
from resnet.util.files import write_file

FOLDER = Path(__file__).parent / "recorded"
DEPTHS, LOOKS, TWINS = (FOLDER / name for name in ("shattering.csv", "shattering_looks.json", "gradients.csv"))
SETTINGS, SEED = Settings(), 0  # what is recorded
DEPTH_COLUMNS = ("kind", "depth", "size_independent", "size_line", *(f"correlation_{pairs}" for pairs in PAIRS),
                 *(f"error_{pairs}" for pairs in PAIRS))
TWIN_COLUMNS = ("plain", "depth", "name", "correlation", "error", "layer", "norm")


def is_recorded(settings: Settings) -> bool:
    """Whether nothing is left to be measured of random nets with these settings."""
    return settings == SETTINGS


def random_nets(kind: str, settings: Settings) -> ShatteringResult:
    """The record, or a measurement."""
    return recorded_random()[kind] if is_recorded(settings) else shattering.measure(kind, settings)


def are_recorded(nets: Iterable[TwinNet], seed: int) -> bool:
    """The same of twins."""
    return seed == SEED and all(net in recorded_twins() for net in nets)


def twin(net: TwinNet, seed: int) -> Gradients:
    """The record, or a measurement."""
    return recorded_twins()[net] if are_recorded([net], seed) else gradients.measure(net, seed)


@lru_cache(maxsize=1)
def recorded_random() -> dict[str, ShatteringResult]:
    """By kind, with SETTINGS."""
    depths: dict[str, list[DepthResult]] = {kind: [] for kind in KINDS}
    for row in _rows(DEPTHS):
        depths[row["kind"]].append(_depth(row))
    looks = json.loads(LOOKS.read_text("utf-8"))
    return {kind: ShatteringResult(kind, tuple(depths[kind]), tuple(map(_look, looks[kind]))) for kind in KINDS}


def _depth(row: dict[str, str]) -> DepthResult:
    _, depth, *values = row.values()
    cloud, line, *rest = map(float, values)
    return DepthResult(int(depth), (cloud, line), tuple(rest[:len(PAIRS)]), tuple(rest[len(PAIRS):]))


def _look(look: dict) -> LineGradient:
    return LineGradient(look["depth"], tuple(look["gradient"]), tuple(look["autocorrelation"]))


@lru_cache(maxsize=1)
def recorded_twins() -> dict[TwinNet, Gradients]:
    """With the seed SEED; trained ones by their names."""
    found: dict[TwinNet, list[dict[str, str]]] = {}
    for row in _rows(TWINS):
        found.setdefault(TwinNet(row["plain"] == "True", int(row["depth"]), row["name"]), []).append(row)
    return {net: Gradients(net, tuple(row["layer"] for row in rows), tuple(float(row["norm"]) for row in rows),
                           float(rows[0]["correlation"]), float(rows[0]["error"])) for net, rows in found.items()}


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return read_rows(lines)


def record(told: Callable[[str], None] = print) -> None:
    """Measure everything anew and write the three files."""
    random = []
    for kind in KINDS:
        random.append(shattering.measure(kind, SETTINGS))
        told(kind)
    write_file(DEPTHS, csv_text(DEPTH_COLUMNS, ((one.kind, row.depth, *row.size, *row.correlation, *row.error)
                                                for one in random for row in one.rows), digits=6))
    write_file(LOOKS, json.dumps({one.kind: [{name: _rounded(value) for name, value in asdict(look).items()}
                                             for look in one.looks] for one in random}) + "\n")
    twins = []
    for net in [*fresh_nets(DEEPEST[-1]), *trained_nets()]:
        twins.append(gradients.measure(net, SEED))
        told(net.name or net.title)
    write_file(TWINS, csv_text(TWIN_COLUMNS, (
        (one.net.plain, one.net.depth, one.net.name, one.correlation, one.error, layer, norm)
        for one in twins for layer, norm in zip(one.layers, one.norms, strict=True)), digits=6))


def _rounded(value: "int | Sequence[float]") -> "int | list[float]":
    return value if isinstance(value, int) else [float(f"{one:.4g}") for one in value]


if __name__ == "__main__":
    record()
