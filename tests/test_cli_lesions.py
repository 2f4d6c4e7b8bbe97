import csv

import pytest

from resnet.__main__ import main
from resnet.checkpoint import save_model
from resnet.lab import images
from tests.factories import made_info, made_split, tiny
from tests.test_surgery import living


@pytest.fixture
def few_images(monkeypatch):
    monkeypatch.setattr(images, "load_samples", lambda name, part: made_split(12))


def rows(folder, file: str) -> list[dict]:
    with open(folder / file, newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_net_gets_its_three_files(tmp_path, few_images, capsys):
    config = tiny(depths=(1, 2, 1))
    save_model(tmp_path, living(config), made_info(config))
    assert main(["lesions", str(tmp_path), "--limit", "10", "--samples", "3"]) == 0
    trained, afresh = (rows(tmp_path, file) for file in ("lesions.csv", "lesions_reestimated.csv"))
    assert {row["n"] for row in trained + afresh} == {"10"} and len(trained) == len(afresh)
    assert {row["calibration"] for row in trained} == {"0"} and {row["calibration"] for row in afresh} == {"12"}
    assert [row["length"] for row in rows(tmp_path, "paths.csv")] == ["0", "1", "2", "3", "4"]
    assert "drop   layer2.1" in capsys.readouterr().out
    assert main(["lesions", str(tmp_path), "--limit", "10", "--samples", "3"]) == 0
    assert "drop" not in capsys.readouterr().out, "nothing is measured twice"


def test_a_plain_net_has_no_paths(tmp_path, few_images):
    config = tiny(depths=(1, 1, 1), shortcut="none")
    save_model(tmp_path, living(config), made_info(config))
    assert main(["lesions", str(tmp_path)]) == 0
    assert (tmp_path / "lesions.csv").exists() and not (tmp_path / "paths.csv").exists()


def test_a_nets_responses_are_recorded(tmp_path, few_images, capsys):
    config = tiny(depths=(1, 2, 1))
    save_model(tmp_path, living(config), made_info(config))
    assert main(["responses", str(tmp_path), "--limit", "10"]) == 0
    found = rows(tmp_path, "responses.csv")
    assert [row["layer"] for row in found][:2] == ["conv1", "layer1.0.conv1"] and {row["n"] for row in found} == {"10"}
    assert f"{float(found[0]['deviation']):.4f}" in capsys.readouterr().out
    assert main(["responses", str(tmp_path), "--limit", "0"]) == 2


@pytest.mark.parametrize("arguments, part", [
    (["nowhere"], "nowhere"), (["resnet20_fashion_mnist", "--limit", "0"], "limit"),
    (["resnet20_fashion_mnist", "--samples", "-1"], "samples"), (["owner/name"], "owner/name"),
])
def test_bad_input_is_one_line_and_status_2(arguments, part, capsys):
    assert main(["lesions", *arguments]) == 2
    told = capsys.readouterr()
    assert part in told.err and told.err.count("\n") == 1 and not told.out
