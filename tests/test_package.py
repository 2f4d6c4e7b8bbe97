"""The package: its requirements are those of the Space, it declares what it imports, and it runs where it is put."""

import ast
import json
import os
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path
from xml.etree import ElementTree

import pytest
import tomlkit
from packaging.requirements import Requirement

import resnet
from resnet.hub import publish
from resnet.util.errors import InputError
from tests.pictures import encode, gradient

ROOT = Path(__file__).parent.parent
PROJECT = tomlkit.parse((ROOT / "pyproject.toml").read_text("utf-8")).unwrap()["project"]
EXTRAS = PROJECT["optional-dependencies"]


def lines(file: str) -> list[str]:
    return (ROOT / file).read_text().split()


def normal(requirement: str) -> str:
    """A distribution's name, as pip compares it."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


@pytest.mark.parametrize("file, declared", [
    ("requirements.txt", PROJECT["dependencies"]), ("tests/requirements.txt", EXTRAS["test"]),
    ("benchmarks/requirements.txt", EXTRAS["bench"]),
])
def test_a_file_of_requirements_is_what_the_package_declares(file, declared):
    assert lines(file) == declared


def test_what_ci_ran_is_written_down_and_allowed():
    ran = [Requirement(line) for line in (ROOT / "tests/constraints.txt").read_text().splitlines() if line[0] != "#"]
    wanted = {one.name: one.specifier for one in map(Requirement, PROJECT["dependencies"] + EXTRAS["test"])}
    assert {one.name for one in ran} == wanted.keys()
    for one in ran:
        (pin,) = one.specifier
        assert pin.operator == "==" and pin.version in wanted[one.name], one


def test_gradio_is_the_one_that_the_space_runs():
    version = re.search(r"sdk_version: (\S+)", (ROOT / "README.md").read_text("utf-8"))[1]
    assert f"gradio=={version}" in PROJECT["dependencies"]


def imported(*sources: Path) -> set[str]:
    """The distributions whose modules some files import, at the top or later."""
    trees = [ast.walk(ast.parse(source.read_text("utf-8"))) for source in sources]
    nodes = [node for tree in trees for node in tree]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level and node.module}
    known = packages_distributions()
    tops = {module.partition(".")[0] for module in modules} - {*sys.stdlib_module_names, "resnet"}
    return {normal(known[top][0]) for top in tops}


@pytest.mark.slow
def test_every_package_that_is_imported_is_declared():
    declared = {normal(one) for one in PROJECT["dependencies"] + EXTRAS["train"] + EXTRAS["export"]}
    used = imported(ROOT / "app.py", *(ROOT / "resnet").rglob("*.py"))
    assert {"torch", "httpx2", "pillow", "pyarrow"} <= used <= declared


def test_the_entry_point_is_the_command_line():
    module, _, function = PROJECT["scripts"]["resnet"].partition(":")
    assert callable(getattr(import_module(module), function))


def test_the_facade_shows_its_functions():
    assert dir(resnet) == sorted(resnet.__all__) and {"create", "trace", "load", "classify"} <= {*dir(resnet)}
    assert all(getattr(resnet, name) is not None for name in dir(resnet))


def test_type_checkers_see_what_the_facade_finds():
    """The stub names each thing in the module that holds it."""
    stub = ast.parse((ROOT / "resnet/__init__.pyi").read_text("utf-8"))
    found = {alias.asname: getattr(import_module(str(node.module)), alias.name) for node in stub.body
             if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert found == {name: getattr(resnet, name) for name in resnet.__all__}


def test_what_a_notebook_prints_fits_on_a_screen():
    model = resnet.load("resnet20_fashion_mnist")
    answer = resnet.classify(encode(gradient(40, 30)), model=model, top_k=10)
    traced = resnet.trace("resnet1202_cifar")
    for printed in map(repr, (model, answer, traced)):
        assert len(printed) < 240 and "\n" not in printed, printed
    assert all(part in repr(model) for part in ("resnet20_fashion_mnist", "269,434", "1×28×28 -> 10 classes"))
    assert answer.predictions[0].label in repr(answer) and answer.predictions[9].label not in repr(answer)
    assert "1×3×32×32 -> 1×10" in repr(traced) and f"{traced.params:,}" in repr(traced)
    assert ElementTree.fromstring(traced._repr_html_()).tag.endswith("svg")


def test_the_space_is_published_from_a_checkout_only(monkeypatch, tmp_path):
    monkeypatch.setattr(publish, "ROOT", tmp_path)
    with pytest.raises(InputError) as caught:
        publish.plan("tester", ())
    assert caught.value.key == "publish_installed"
    assert publish.plan("tester", (), space="") == []


@pytest.mark.slow
def test_an_installed_package_runs_from_any_folder(tmp_path):
    """Built, installed without what it depends on (that is here), and asked from a folder of its own."""
    wheels, target, elsewhere = tmp_path / "wheels", tmp_path / "site", tmp_path / "elsewhere"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", "-q", *offline, "-w", wheels, ROOT], check=True, timeout=300)
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", "--target", target, *wheels.glob("*.whl")],
                   check=True, timeout=300)
    elsewhere.mkdir()
    (elsewhere / "picture.png").write_bytes(encode(gradient(40, 30)))
    environment = {name: value for name, value in os.environ.items() if name != "RESNET_DATA"}

    def answer(*arguments: str):
        done = subprocess.run([target / "bin" / "resnet", *arguments, "--json"], cwd=elsewhere, capture_output=True,
                              text=True, env=environment | {"PYTHONPATH": str(target)}, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert answer("trace", "resnet50")["params"] == 25_557_032
    told, = answer("classify", "picture.png", "--model", "resnet20_fashion_mnist")
    assert told["model"] == "resnet20_fashion_mnist" and len(told["predictions"]) == 5
    assert (target / "resnet" / "py.typed").exists()
