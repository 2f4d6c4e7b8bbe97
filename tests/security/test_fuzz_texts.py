"""Hurt headers, configs, links and calls: a few hundred each day, 50,000 where every draw is asked for."""

import subprocess
import sys

import pytest

from tests.running import ROOT
from tests.security.fuzz_texts import kept, problem_of, targets

DAILY, ALL = 300, 50_000
COUNTS = [DAILY, pytest.param(ALL, marks=pytest.mark.exhaustive)]


@pytest.mark.slow
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", ["headers", "configs", "links", "calls"])
def test_what_is_hurt_is_understood_or_refused_in_a_sentence(name, count):
    told = subprocess.run([sys.executable, "-m", "tests.security.fuzz_texts", name, str(count)], cwd=ROOT, text=True,
                          capture_output=True, timeout=120 + count)
    assert told.returncode == 0 and f"{count:,} new: 0 failed" in told.stdout, told.stdout + told.stderr
    refused = int(told.stdout.split()[-2].replace(",", ""))
    assert count / 10 < refused < count, "all were refused, or hardly any: nothing else is tried"


def test_a_failure_would_be_seen():
    def broken(case):
        raise KeyError(case)

    assert problem_of(broken, "a")[0] == "KeyError: 'a'" and problem_of(str, "a") == ("", "a")


def test_what_is_kept_has_a_target():
    from tests.security.fuzz_texts import FOUND

    assert {file.name.partition("-")[0] for file in FOUND.glob("*.json")} <= targets().keys()
    assert sum(len(kept(name)) for name in targets()) == len(list(FOUND.glob("*.json")))
