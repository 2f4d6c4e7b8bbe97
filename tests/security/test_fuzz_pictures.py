"""Hurt pictures: a few hundred each time, more where PICTURE_MUTANTS says how many."""

import os
import subprocess
import sys

import pytest

from tests.running import ROOT

COUNT = os.environ.get("PICTURE_MUTANTS", "400")
SECONDS = 60 + int(COUNT) / 10  # a hang of one costs five


@pytest.mark.slow
def test_a_hurt_picture_ends_no_decoder():
    told = subprocess.run([sys.executable, "-m", "tests.security.fuzz_pictures", COUNT], cwd=ROOT, text=True,
                          capture_output=True, timeout=SECONDS)
    assert told.returncode == 0 and f"{int(COUNT):,} new: 0 failed" in told.stdout, told.stdout + told.stderr
