import json

import pytest
from PIL import Image

from resnet.__main__ import main
from resnet.data import load_samples

MODEL = "resnet20_fashion_mnist"


@pytest.fixture
def boot(tmp_path) -> str:
    file = tmp_path / "boot.png"
    Image.fromarray(load_samples("fashion_mnist", "test").images[0, 0].numpy()).save(file)
    return str(file)


def test_json_is_a_list_of_answers(boot, capsys):
    assert main(["classify", boot, boot, "--model", MODEL, "--top-k", "3", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first == second
    assert first["image"] == boot and first["model"] == MODEL
    assert [p["label"] for p in first["predictions"]][0] == "Ankle boot"
    assert len(first["predictions"]) == 3 and first["predictions"][0]["probability"] > 0.5


def test_plain_lines_for_people(boot, capsys):
    assert main(["classify", boot, "--model", MODEL]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == boot and lines[1].endswith("Ankle boot") and len(lines) == 6


@pytest.mark.parametrize("arguments, words", [
    (["--model", "nope"], 'no model "nope"'),
    (["--model", MODEL, "--top-k", "0"], "must be between 1 and"),
    (["--model", MODEL, "--precision", "fp8"], "choose one of"),
])
def test_bad_settings_end_with_status_2(boot, capsys, arguments, words):
    assert main(["classify", boot, *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_a_text_file_renamed_png(tmp_path, capsys):
    (tmp_path / "picture.png").write_text("not a picture")
    assert main(["classify", str(tmp_path / "picture.png"), "--model", MODEL]) == 2
    assert "not a JPEG, PNG or WebP" in capsys.readouterr().err
