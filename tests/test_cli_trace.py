import json
import subprocess
import sys

import pytest

from resnet.__main__ import main
from resnet.config import config_of
from resnet.tracing.codegen import code
from resnet.tracing.cost import cost
from resnet.tracing.trace import trace
from tests.test_shapes import LISTING


def test_json_is_the_trace(capsys):
    assert main(["trace", "resnet50", "--size", "96", "64", "--classes", "7", "--set", "stride_in=1x1", "--json"]) == 0
    result = trace("resnet50", size=(96, 64), classes=7, stride_in="1x1")
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(result.to_dict()))


def test_the_listing_is_the_tutorials(capsys):
    assert main(["trace", "d2l_resnet18", "--size", "64", "64", "--listing"]) == 0
    assert capsys.readouterr().out == LISTING + "\n"


def test_the_table_is_aligned_and_ends_with_totals(capsys):
    assert main(["trace", "resnet18"]) == 0
    table, totals = capsys.readouterr().out.split("\n\n")
    rows = table.splitlines()
    assert len(rows) == 1 + len(trace("resnet18").layers)
    assert len({len(row) for row in rows}) == 1
    assert "11,689,512" in totals and "1,814,073,344" in totals


def test_the_count_is_chosen(capsys):
    assert main(["trace", "resnet50", "--count", "flops", "--all-operations"]) == 0
    out = capsys.readouterr().out
    assert f"FLOPs            {cost(trace('resnet50'), 'flops', 'all').total:,} (all operations, whole batch)" in out


def test_code_and_breaks(capsys):
    assert main(["trace", "resnet20_cifar", "--set", "order=preact", "--code", "--size", "48", "40"]) == 0
    assert capsys.readouterr().out == code(config_of("resnet20_cifar", order="preact"), (48, 40))
    assert main(["trace", "resnet18", "--breaks", "--size", "1", "1"]) == 0
    assert capsys.readouterr().out.startswith("error    A 1×1 input is a single pixel")


@pytest.mark.parametrize("arguments", [
    ["resnet51"], ["resnet18", "--size", "1", "1"], ["resnet18", "--size", "100000", "100000"],
    ["resnet18", "--size", "-3", "5"], ["resnet18", "--classes", "0"], ["resnet18", "--set", "stem=5x5"],
    ["resnet18", "--set", "depth=3"], ["resnet18", "--set", "depths=three"], ["resnet18", "--set", "stem"],
    ["two\nlines"], ["resnet18", "--batch", "0"], ["resnet18", "--set", "head=flatten", "--size", "80", "80"],
])
def test_bad_input_is_one_line_and_status_2(capsys, arguments):
    assert main(["trace", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.endswith("\n") and err.count("\n") == 1 and "Traceback" not in err


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["trace"], ["trace", "resnet18", "--size", "a", "b"]])
def test_bad_usage_is_status_2(arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


@pytest.mark.slow
def test_as_a_program():
    done = subprocess.run([sys.executable, "-m", "resnet", "trace", "no_such_net"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == 'resnet trace: There is no variant "no_such_net"; did you mean resnet50?\n'
