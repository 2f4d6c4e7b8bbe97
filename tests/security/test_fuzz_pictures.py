"""Hurt pictures: a few hundred each day, 50,000 where every draw is asked for."""

import subprocess
import sys

import pytest

from tests.running import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("count", [400, pytest.param(50_000, marks=pytest.mark.exhaustive)])
def test_a_hurt_picture_ends_no_decoder(count):
    told = subprocess.run([sys.executable, "-m", "tests.security.fuzz_pictures", str(count)], cwd=ROOT, text=True,
                          capture_output=True, timeout=60 + count / 10)  # a hang of one costs five
    assert told.returncode == 0 and f"{count:,} new: 0 failed" in told.stdout, told.stdout + told.stderr
