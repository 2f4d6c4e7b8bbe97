"""Records whose annotations are postponed, as they are in this file too, are read and written like any others."""

from __future__ import annotations
import __future__

import argparse
import dataclasses
import importlib
import inspect
import math
import sys
from dataclasses import dataclass
from types import ModuleType

import pytest

from resnet.util.csv import csv_text, read_rows, record_of, records_csv
from resnet.util.errors import InputError
from resnet.util.fields import check, check_types, choices_of, fits, from_mapping, hints, option, parse, spell


@dataclass(frozen=True)
class Row:
    """All types that a field may have."""

    name: str
    n: int = option(1, low=1, high=9_999)
    share: float = option(0.5, low=0, high=1)
    sure: bool = False
    seed: int | None = None
    parts: tuple[str, ...] = option((), choices=("a", "b"))
    size: tuple[int, int] = (2, 3)
    part: str = option("a", choices=lambda row: row.parts or ("a",))


ROW = Row("x", 7, 0.25, True, 3, ("a", "b"), (4, 5), "b")


def test_a_record_survives_its_texts():
    texts = {name: spell(getattr(ROW, name)) for name in hints(Row)}
    assert texts == {"name": "x", "n": "7", "share": "0.25", "sure": "true", "seed": "3", "parts": "a,b", "size": "4,5",
                     "part": "b"}
    assert from_mapping(Row, texts) == from_mapping(Row, texts | {"others": "left alone"}) == ROW
    assert from_mapping(Row, {"name": "x"}) == Row("x")


def test_a_record_survives_csv():
    row = Row("x", share=math.inf, parts=("a", "b"))
    columns = ("name", "n", "share", "sure", "seed", "parts")
    lines = records_csv(columns, [row]).splitlines()
    assert lines == ["name,n,share,sure,seed,parts", "x,1,inf,False,,a+b"]
    assert record_of(Row, read_rows(lines)[0]) == row


def test_numbers_of_a_file_are_cut_or_whole():
    assert csv_text(("a", "b"), [(1 / 3, 2**60)], digits=6) == f"a,b\n0.333333,{2**60}\n"
    assert csv_text(("a",), [(1 / 3,)]) == f"a\n{1 / 3!r}\n"


@pytest.mark.parametrize(("cells", "error"), [
    ({"name": "x", "n": "one"}, InputError), ({"name": "x", "n": None}, InputError), ({"n": "1"}, TypeError),
    ({"name": "x", "n": "1.5"}, InputError), ({"name": "x", "sure": "perhaps"}, InputError),
])
def test_a_damaged_row_is_no_record(cells, error):
    with pytest.raises(error):
        record_of(Row, cells)


@pytest.mark.parametrize(("hint", "value"), [
    (int, "1.5"), (int, True), (int, "9" * 13), (float, "nan"), (float, "inf"), (float, "1" * 25), (bool, "yes"),
    (str, 3), (str, "a\n"), (str, "a" * 201), (tuple[int, int], "3"), (tuple[int, int], "3x4x5"), (tuple[int, ...], 3),
    (tuple[int, ...], "3,,4"), (int | None, "x"),
])
def test_what_cannot_be_parsed_is_told_of_its_field(hint, value):
    for error in (None, "setting_value"):
        with pytest.raises(InputError) as caught:
            parse("batch", hint, value, error)
        assert caught.value.values["field"] == "batch" and caught.value.key == (error or caught.value.key)


def test_numbers_may_stand_between_commas_or_crosses():
    assert parse("size", tuple[int, int], "3x4") == parse("size", tuple[int, ...], "3,4") == (3, 4)
    assert parse("size", tuple[int, ...], [3.0, "4"]) == (3, 4) and parse("size", tuple[int, ...], "") == ()


@pytest.mark.parametrize("changes, key", [
    ({"n": 0}, "between"), ({"n": 10_000}, "between"), ({"share": math.nan}, "between"), ({"parts": ("c",)}, "choice"),
    ({"part": "b"}, "choice"),
])
def test_an_option_is_held(changes, key):
    with pytest.raises(InputError) as caught:
        check(Row(**{"name": "x"} | changes))
    assert caught.value.key == key and caught.value.values["field"] in changes
    check(ROW)


def test_the_ends_of_a_range_are_told():
    with pytest.raises(InputError, match="must be between 1 and 9,999, not 10,000"):
        check(Row("x", n=10_000))


def test_choices_may_follow_from_the_record():
    assert choices_of(ROW, "part") == ("a", "b") and choices_of(Row("x"), "part") == ("a",)
    assert choices_of(ROW, "name") is None


@pytest.mark.parametrize(("hint", "value", "does"), [
    (int, 1, True), (int, True, False), (int, 1.0, False), (float, 1, True), (float, True, False), (bool, True, True),
    (bool, 1, False), (int | None, None, True), (int | None, "1", False), (tuple[int, int], (1, 2), True),
    (tuple[int, int], (1,), False), (tuple[int, ...], [1], False), (tuple[str, ...], (1,), False),
])
def test_a_value_is_of_a_type_or_not(hint, value, does):
    assert fits(value, hint) is does


def test_a_wrong_type_is_told_of_its_field():
    check_types(ROW, "recipe")
    with pytest.raises(InputError) as caught:
        check_types(dataclasses.replace(ROW, **{"seed": "3"}), "recipe")
    assert (caught.value.key, caught.value.values) == ("recipe", {"field": "seed", "value": "3"})


# the records of this project ---------------------------------------------------------------------


def postponed(name: str) -> ModuleType:
    """A module of ours as it would be if its annotations were postponed."""
    known = importlib.import_module(name)
    module = ModuleType(f"{name}_postponed")
    module.__file__ = known.__file__
    sys.modules[module.__name__] = module
    flag = __future__.annotations.compiler_flag
    exec(compile(inspect.getsource(known), name, "exec", flags=flag, dont_inherit=True), vars(module))
    return module


def test_a_config_may_have_postponed_annotations():
    config = postponed("resnet.config")
    assert config.ResNetConfig.__dataclass_fields__["depths"].type == "tuple[int, ...]"
    assert config.config_of("resnet50", depths="1x1x1x1", conv_bias="true", classes="7").classes == 7
    with pytest.raises(InputError):
        config.config_of("resnet50", classes="many")


def test_a_recipe_may_have_postponed_annotations(monkeypatch):
    recipe = postponed("resnet.training.recipe").Recipe
    assert recipe.from_dict({"data": "cifar10", "epochs": 3, "flip": False}).flip is False
    with pytest.raises(InputError):
        recipe("cifar10", "3")
    from resnet.commands import train

    monkeypatch.setattr("resnet.training.recipe.Recipe", recipe)
    parser = argparse.ArgumentParser()
    train.add(parser.add_subparsers())
    args = parser.parse_args(["train", "resnet20_cifar", "--epochs", "3", "--lr", "0.5", "--no-flip"])
    assert (args.epochs, args.lr, args.flip) == (3, 0.5, False)


@pytest.mark.parametrize(("module", "kind", "cells", "field"), [
    ("resnet.training.resume", "Row", "0,1,390,0.02,1.5,56.1,1.5,56.2,69.1", ("seconds", 69.1)),
    ("resnet.lab.surface", "Height", "21,1.0,1000,0,fixed,ab12,fp32,-1.0,0.5,nan,90.5", ("error", 90.5)),
    ("resnet.lab.lesions", "Effect", "drop,layer1.0+layer1.1,100,9.5,0.25,0", ("blocks", ("layer1.0", "layer1.1"))),
    ("resnet.lab.paths", "PathLength", f"300,{10**60},100,0.25,0.2,0.3,0.5", ("count", 10**60)),
    ("resnet.lab.race", "Lap", "1,0.5,nan,2.5,,9.5", ("plain_test", None)),
])
def test_recorded_rows_may_have_postponed_annotations(module, kind, cells, field):
    record = getattr(postponed(module), kind)
    columns = [name for name in hints(record) if name != "layers"]  # of a race, in a file of its own
    row = record_of(record, dict(zip(columns, cells.split(","), strict=True)))
    assert getattr(row, field[0]) == field[1]
