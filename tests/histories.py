"""Made-up histories in the layout of weights/, for charts and sentences that real runs do not yet fill."""

from pathlib import Path

import pytest

from resnet.config import config_of
from resnet.data import data_spec
from resnet.training import runs
from resnet.training.resume import HISTORY_FILE, Row, to_csv
from tests.factories import made_info

FINAL = {"plain20": (5.0, 9.5), "plain56": (9.0, 13.0), "resnet20": (4.0, 8.6), "resnet56": (1.0, 7.0)}  # train, test


def write_run(folder: Path, net: str, data: str = "cifar10", final: tuple = None, seed: int = 0, epochs: int = 6,
              **changes) -> None:
    """A run whose errors fall from 90 % to `final` = (training, test) as 1 / epoch."""
    spec = data_spec(data)
    config = config_of(f"{net}_cifar", in_channels=spec.channels, input_size=spec.size, **changes)
    train, test = final or FINAL.get(net, (5.0, 9.0))
    rows = [Row(seed, epoch, 390 * epoch, 0.1, _at(train, epoch, epochs) / 40, _at(train, epoch, epochs),
                _at(test, epoch, epochs) / 40, _at(test, epoch, epochs), 60.0 * epoch)
            for epoch in range(1, epochs + 1)]
    info = made_info(config, data, variant=f"{net}_cifar", hardware="a made machine",
                     recipe={"data": data, "epochs": epochs, "seed": seed, "precision": "fp32", "train_eval": 1000},
                     results={"test": {"n": 10_000, "accuracy": 1 - test / 100, "loss": test / 40}})
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(info.to_json())  # with another name than the folder's, as after a move
    (folder / HISTORY_FILE).write_text(to_csv(rows))


def _at(final: float, epoch: int, epochs: int) -> float:
    share = (1 / epoch - 1 / epochs) / (1 - 1 / epochs)
    return final + (90 - final) * share


@pytest.fixture
def weights(tmp_path, monkeypatch) -> Path:
    """An empty weights/ that resnet.training.runs reads instead of ours."""
    folder = tmp_path / "weights"
    monkeypatch.setattr(runs, "WEIGHTS", folder)
    monkeypatch.setattr(runs, "recorded", runs.recorded.__wrapped__)
    return folder


def write_four(weights: Path, data: str = "cifar10") -> None:
    for net in FINAL:
        write_run(weights / f"{net}_{data}", net, data)
